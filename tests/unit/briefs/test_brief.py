"""Which words a picture bears, and which words it must not bear."""

from pathlib import Path

import pytest

from nbp_dagster.briefs.brand_terms import find_term
from nbp_dagster.briefs.brief import wording_of
from nbp_dagster.briefs.languages import (
    LANGUAGES,
    find_locale_fault,
    find_nearest,
    is_right_to_left,
    is_shaped,
    lineage_of,
    name_language,
)
from nbp_dagster.briefs.load import BriefError, Briefs, load_briefs
from nbp_dagster.briefs.models import Brand, Shot


@pytest.fixture
def brand(briefs: Briefs) -> Brand:
    return briefs.brands["solstice"]


def make_shot(**fields: object) -> Shot:
    return Shot.model_validate({"id": "s", "scene": "a scene", **fields})


def test_words_come_in_the_order_headline_to_disclaimer(brand: Brand) -> None:
    copy = {"disclaimer": {"de": "D"}, "sub": {"de": "S"}, "headline": {"de": "H"}}
    assert list(wording_of(brand, make_shot(copy=copy), "de").items()) == [
        ("headline", "H"),
        ("sub", "S"),
        ("disclaimer", "D"),
    ]


def test_the_brands_disclaimer_joins_the_copy_of_its_locale_or_language(brand: Brand) -> None:
    shot = make_shot(copy={"headline": {"en": "H", "en_GB": "H", "de": "H"}})
    assert wording_of(brand, shot, "en")["disclaimer"] == "Contains caffeine."
    assert wording_of(brand, shot, "en_GB")["disclaimer"] == "Contains caffeine."
    assert "disclaimer" not in wording_of(brand, shot, "de")


def test_a_shots_own_disclaimer_stands_instead_of_the_brands(brand: Brand) -> None:
    shot = make_shot(copy={"headline": {"en": "H"}, "disclaimer": {"en": "Decaffeinated."}})
    assert wording_of(brand, shot, "en")["disclaimer"] == "Decaffeinated."


def test_a_shot_without_copy_bears_no_words_at_all(brand: Brand) -> None:
    assert wording_of(brand, make_shot(), "en") == {}


@pytest.mark.parametrize(
    ("text", "locale", "found"),
    [
        ("This will CURE you", "en", "cure"),
        ("the cure.", "en", "cure"),
        ("a secure procured cured thing", "en", None),
        ("money back", "en", "money back"),
        ("money\u00a0 back!", "en", "money back"),
        ("moneyback", "en", None),
        ("GROẞE Größe, STRASSE", "de", "straße"),
        ("cafe\u0301 creme", "fr", "café"),
        ("これは治療です", "ja", "治療"),
        ("100% pure", "en", "100%"),
        ("(c++)", "en", "c++"),
    ],
)
def test_a_prohibited_term_is_found_as_whole_words_in_any_case(
    text: str, locale: str, found: str | None
) -> None:
    terms = ("cure", "money back", "straße", "café", "治療", "100%", "c++", " ")
    assert find_term(text, terms, locale) == found


def test_a_term_of_a_language_binds_its_regions_too(config_dir: Path) -> None:
    path = config_dir / "campaigns" / "spring_launch.yaml"
    text = path.read_text(encoding="utf-8")
    text = text.replace(" de:", " de_AT:").replace("[en, de]", "[en, de_AT]")
    path.write_text(text.replace("Regen ist gut", "Regen ist Heilung"), encoding="utf-8")

    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)

    assert [str(problem) for problem in caught.value.problems] == [
        "campaigns/spring_launch.yaml:30: shots[1].copy.headline.de_AT: 'Regen ist Heilung' - has "
        "the prohibited term 'Heilung' of brand solstice; reword it"
    ]


@pytest.mark.parametrize(
    "locale",
    [
        *("en", "de_AT", "pt_BR", "zu", "zh_Hans", "zh_Hant_TW", "es_419", "fil", "yue", "sr_Latn"),
        *("en_GB", "en_001", "sq_XK", "en_EU", "no_NO", "tl_PH", "es_LA", "en_150", "ar_015"),
    ],
)
def test_locales_are_a_language_and_maybe_a_script_and_a_region(locale: str) -> None:
    assert find_locale_fault(locale) is None


@pytest.mark.parametrize(
    "locale",
    [
        *("EN", "en-US", "en_us", "eng", "e", "", "xx", "all", "en_US_x", "en\n", "zh_Abcd"),
        *("deu", "xyz", "es_41", "zh_hans", "zh_TW_Hant", "zh-Hans"),
        *("en_UK", "en_XX", "zh_Hant_XX", "sr_YU", "english", "en_999", "es_491", "en_840"),
    ],
)
def test_other_spellings_of_a_locale_are_refused(locale: str) -> None:
    assert find_locale_fault(locale)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("deu", "de"),
        ("eng_us", "en_US"),
        ("iw", "he"),
        ("zh-hant-tw", "zh_Hant_TW"),
        ("ES 419", "es_419"),
        ("pt–br", "pt_BR"),
        ("en_UK", "en_GB"),
        ("en-uk", "en_GB"),
        ("sr_YU", "sr_RS"),
        ("de-DE@euro", "de_DE"),
        ("sr@latin", "sr_Latn"),
        ("sr_RS@latin", "sr_Latn_RS"),
        ("pt_BR.UTF-8", "pt_BR"),
        ("en_UK.utf8@euro", "en_GB"),
        ("en/US", "en_US"),
        ("zh-CHT", "zh_Hant"),
        ("yor", "yo"),
        ("english", "en"),
        ("Norwegian Bokmål", "nb"),
        ("Chinese (Traditional)", "zh_Hant"),
    ],
)
def test_a_locale_written_otherwise_is_told_with_what_was_meant(written: str, meant: str) -> None:
    fault = find_locale_fault(written)

    assert fault is not None
    assert fault.endswith(f"did you mean {meant}?")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("en_XX", "XX is no region of ISO 3166-1; accepted: "),
        ("zh_Abcd_XX", "Abcd is no script that is known here; accepted: "),
        ("xx_UK", "xx is not an ISO 639-1 language; accepted: "),
        ("C.UTF-8", "accepted: "),
    ],
)
def test_a_locale_that_stands_for_none_is_told_with_what_is_wrong(written: str, says: str) -> None:
    fault = find_locale_fault(written)

    assert fault is not None
    assert fault.startswith(says)
    assert "did you mean" not in fault


def test_a_script_decides_the_direction_and_whether_letters_join() -> None:
    assert is_right_to_left("ur")
    assert is_right_to_left("az_Arab")
    assert not is_right_to_left("ur_Latn")
    assert is_shaped("pa_Arab")
    assert not is_shaped("hi_Latn")


def test_a_locale_has_what_its_language_and_its_script_have() -> None:
    texts = {"zh": "a", "zh_Hant": "b"}

    assert lineage_of("zh_Hant_TW") == ("zh", "zh_Hant", "zh_Hant_TW")
    assert find_nearest(texts, "zh_Hant_TW") == "b"
    assert find_nearest(texts, "zh_Hans_CN") == "a"
    assert find_nearest(texts, "yue") is None


def test_languages_are_named_in_english() -> None:
    assert name_language("de") == "German"
    assert name_language("de_AT") == "German (de_AT)"
    assert name_language("fil") == "Filipino"
    assert name_language("zh_Hant_TW") == "Chinese (zh_Hant_TW)"
    assert len([code for code in LANGUAGES if len(code) == 2]) == 183
    assert all(len(code) in (2, 3) and name[0].isupper() for code, name in LANGUAGES.items())
