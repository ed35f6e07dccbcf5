"""For which texts a brand's rules hold: other names, likely scripts and wider regions bind."""

import pytest

from nbp_dagster.briefs.languages import find_nearest_key
from nbp_dagster.briefs.locales.binding import find_binding


@pytest.mark.parametrize(
    ("rule", "locale"),
    [
        *(("de", "de_AT"), ("de_AT", "de_AT"), ("zh", "zh_Hant_TW"), ("zh_Hant", "zh_Hant_TW")),
        *(("zh_Hant", "zh_TW"), ("zh_Hant", "zh_HK"), ("zh_Hant", "zh_MO")),
        *(("zh_Hant_HK", "zh_HK"), ("zh_TW", "zh_Hant_TW"), ("zh_Hans", "zh_CN")),
        *(("zh_Hans", "zh_SG"), ("zh_Hans", "zh"), ("zh_Hant", "zh_US"), ("zh_Hans", "zh_US")),
        *(("no", "nb_NO"), ("no", "nn_NO"), ("nb", "no_NO"), ("nb_NO", "no_NO")),
        *(("tl", "fil"), ("fil", "tl_PH"), ("tl_PH", "fil_PH"), ("ak", "tw"), ("fa", "prs")),
        *(("sr_Latn", "sr"), ("sr_Cyrl", "sr_RS"), ("sr_RS", "sr_Latn_RS"), ("ja_Jpan", "ja")),
        *(("es_419", "es_MX"), ("es_419", "es_419"), ("en_001", "en_AU"), ("en_001", "en")),
        ("en_150", "en_DE"),
    ],
)
def test_a_rule_holds_for_a_text_of_its_locale_however_either_is_written(
    rule: str, locale: str
) -> None:
    assert find_binding([rule], locale) == (rule,)


@pytest.mark.parametrize(
    ("rule", "locale"),
    [
        *(("de_AT", "de"), ("en_GB", "en_US"), ("en_GB", "en"), ("es_MX", "es_419")),
        *(("zh_Hans", "zh_TW"), ("zh_Hant", "zh_CN"), ("zh_Hant", "zh"), ("zh_TW", "zh_HK")),
        *(("nn", "nb"), ("nb", "nn"), ("nn", "no"), ("prs", "fa"), ("id", "ms"), ("zh", "yue")),
        *(("sr_Latn", "sr_Cyrl"), ("es_419", "es_ES"), ("es_419", "es"), ("all", "en")),
    ],
)
def test_a_rule_of_another_region_script_or_language_does_not_hold(rule: str, locale: str) -> None:
    assert find_binding([rule], locale) == ()


def test_what_a_text_belongs_to_comes_first_and_what_only_binds_it_last() -> None:
    given = ["zh_Hant", "en", "zh_TW", "zh"]

    assert find_binding(given, "zh_TW") == ("zh", "zh_TW", "zh_Hant")


def test_a_text_falls_back_on_no_locale_that_only_binds_it() -> None:
    assert find_nearest_key({"zh_Hant", "no", "es_419"}, "zh_TW") is None
    assert find_nearest_key({"zh_Hant", "no", "es_419"}, "nb_NO") is None
    assert find_nearest_key({"zh_Hant", "no", "es_419"}, "es_MX") is None
