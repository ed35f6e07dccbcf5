"""The packaged table is sound, and a table with a mistake says where."""

from datetime import date
from pathlib import Path

import pytest

from nbp_dagster.briefs.languages import LANGUAGES
from nbp_dagster.disclosure.table import DisclosureTable, load_packaged_table, read_table
from nbp_dagster.yaml_source.document import parse_document

RULE = (
    "  a_rule: {rule: A law, markets: [JP], since: 2026-01-02, when: any, least_px: 12, "
    "least_share: 0.02, least_contrast: 4.5, source: here, checked_on: 2026-11-28, mark: V%s}\n"
)
DECLARATION = (
    "  a_site: {platform: Site, field: made_by, value: AI, otherwise: people, when: any, "
    "source: here, checked_on: 2026-11-28, mark: S%s}\n"
)


def read(
    *, rule: str = RULE % "", declaration: str = DECLARATION % "", words: str = "{en: AI-made}"
) -> tuple[DisclosureTable | None, list[str]]:
    text = f"rules:\n{rule}declarations:\n{declaration}words: {words}\n"
    document, problems = parse_document(text.encode(), file="disclosure.yaml", path=Path("x"))
    assert document is not None
    assert not problems
    table, found = read_table(document)
    return table, [str(problem) for problem in found]


def test_every_packaged_row_has_a_source_a_day_and_a_mark() -> None:
    table = load_packaged_table()

    assert [rule.id for rule in table.rules] == ["eu_ai_act_50", "us_ny_gbl_396b"]
    for row in (*table.rules, *table.declarations):
        assert row.source
        assert date(2026, 1, 1) < row.checked_on <= date(2026, 11, 28)
        assert row.mark in ("V", "S", "B")


def test_the_platforms_fields_have_their_names() -> None:
    fields = {row.id: row.field for row in load_packaged_table().declarations}

    assert fields["google_ads"] == "SyntheticContentInfo.advertiser_attestation"
    assert fields["dv360"] == fields["cm360"] == "syntheticContentAttestationStatus"
    assert fields["taboola"] == "ai_disclosure.status"
    assert {"meta", "tiktok", "linkedin"} < fields.keys()


def test_words_are_those_of_languages_and_fit_a_small_banner() -> None:
    words = load_packaged_table().words

    assert words.keys() <= LANGUAGES.keys()
    for language in ("en", "de", "fr", "es", "it", "nl", "pt", "ja"):
        assert language in words
    assert max(map(len, words.values())) <= 40


def test_a_language_without_words_has_the_english_ones() -> None:
    table = load_packaged_table()

    assert table.words_in("zu") == table.words_in("en") == "AI-generated"
    assert table.words_in("de_AT") == "KI-generiert"


def test_a_sound_table_is_read() -> None:
    table, problems = read()

    assert not problems
    assert table is not None
    assert table.rules[0].least_px == 12


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rule": RULE % ", colour: red"}, "rules.a_rule.colour: unknown key"),
        ({"rule": (RULE % "").replace("[JP]", "[UK]")}, "did you mean GB?"),
        ({"rule": (RULE % "").replace("12", "6")}, "a whole number of pixels from 10 to 100"),
        ({"rule": (RULE % "").replace("4.5", "3")}, "a ratio from 4.5 to 21"),
        ({"rule": (RULE % ", has_words: false")}, "asks for neither icon nor words"),
        ({"rule": (RULE % "").replace("when: any", "when: often")}, "accepted: synthetic_perf"),
        ({"declaration": (DECLARATION % "").replace("mark: S", "mark: X")}, "accepted: V, S, B"),
        ({"words": "{de: KI-generiert}"}, "required: words of en"),
        ({"words": "{en: Drawn by hand}"}, "does not name AI"),
    ],
)
def test_a_mistake_is_told_with_its_line(changes: dict[str, str], words: str) -> None:
    table, [problem] = read(**changes)

    assert table is None
    assert problem.startswith("disclosure.yaml:")
    assert words in problem
