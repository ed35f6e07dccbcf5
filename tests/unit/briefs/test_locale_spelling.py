"""A locale is written with a hyphen or an underscore, and is one locale inside."""

from pathlib import Path

import pytest

from nbp_dagster.assets.partitions import build_partition_sets
from nbp_dagster.briefs.load import BriefError, load_briefs
from nbp_dagster.briefs.locale_spelling import spell_locale, spell_locales
from nbp_dagster.prompts.expansion import expand
from nbp_dagster.yaml_source.document import parse_document


@pytest.mark.parametrize(
    ("written", "inside"),
    [
        *(("en-US", "en_US"), ("en_US", "en_US"), ("de", "de"), ("en-us", "en-us"), ("a-b", "a-b")),
        *(("zh-Hant-TW", "zh_Hant_TW"), ("es-419", "es_419"), ("pt\u2011BR", "pt_BR")),
    ],
)
def test_a_locale_has_one_form_inside(written: str, inside: str) -> None:
    assert spell_locale(written) == inside


def hyphenate(config_dir: Path) -> None:
    """Write every `de` of the briefs as a region of its own."""
    for path in config_dir.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        text = text.replace("  de:", "  de-AT:").replace(", de: none", ", de-AT: none")
        path.write_text(text.replace("[en, de]", "[en, de-AT]"), encoding="utf-8")


def underscore(config_dir: Path) -> None:
    for path in config_dir.rglob("*.yaml"):
        path.write_text(
            path.read_text(encoding="utf-8").replace("de-AT", "de_AT"), encoding="utf-8"
        )


def test_both_forms_make_the_same_prompts_and_the_same_brand(config_dir: Path) -> None:
    hyphenate(config_dir)
    hyphened = load_briefs(config_dir)
    underscore(config_dir)
    underscored = load_briefs(config_dir)

    assert hyphened.campaigns == underscored.campaigns
    assert hyphened.brands == underscored.brands
    assert expand(hyphened) == expand(underscored)
    assert any("/de_AT/" in prompt.key for prompt in expand(hyphened))


@pytest.mark.parametrize("locale", ["zh-Hans", "zh-Hant-TW", "es-419", "fil", "sr-Latn"])
def test_locales_as_advertisers_write_them_make_prompts_and_partitions(
    config_dir: Path, locale: str
) -> None:
    for path in config_dir.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        text = text.replace("  de:", f"  {locale}:").replace(", de: none", f", {locale}: none")
        path.write_text(text.replace("[en, de]", f"[en, {locale}]"), encoding="utf-8")

    briefs = load_briefs(config_dir)

    inside = locale.replace("-", "_")
    keys = [prompt.key for prompt in expand(briefs) if f"/{inside}/" in prompt.key]
    assert keys
    assert set(keys) <= set(build_partition_sets(briefs).prompts.get_partition_keys())


def test_a_problem_has_its_line_all_the_same(config_dir: Path) -> None:
    hyphenate(config_dir)
    path = config_dir / "campaigns" / "spring_launch.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("Regen ist gut", "Regen ist Heilung"), encoding="utf-8")
    brand = config_dir / "brands" / "solstice.yaml"
    assert "de-AT: [Heilung]" in brand.read_text(encoding="utf-8")

    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)

    lines = [str(problem) for problem in caught.value.problems]
    assert any(
        line.startswith("campaigns/spring_launch.yaml:30: shots[1].copy.headline.de_AT:")
        and "prohibited term 'Heilung'" in line
        for line in lines
    ), lines


def test_a_list_with_both_forms_has_the_locale_twice(config_dir: Path) -> None:
    path = config_dir / "campaigns" / "tidal_always.yaml"
    text = path.read_text(encoding="utf-8")
    assert "locales: [" in text
    path.write_text(text.replace("locales: [", "locales: [sv-SE, sv_SE, "), encoding="utf-8")

    with pytest.raises(BriefError, match="'sv_SE' - given twice; keep one"):
        load_briefs(config_dir)


def test_a_brief_without_hyphens_is_not_touched() -> None:
    content = b"locales: [en_US]\nscene: en-US\nshots:\n  - id: en-US\n"
    document, _ = parse_document(content, file="x", path=Path("x"))
    assert document is not None

    assert spell_locales(document) == (document, [])
