"""A config folder's own rows add to the packaged table or replace its rows, and say where wrong."""

from pathlib import Path

import pytest

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.disclosure.own_table import load_briefs, table_of
from nbp_dagster.disclosure.table import load_packaged_table
from nbp_dagster.yaml_source.problems import BriefError
from tests.rigs.briefs import OWN_DECLARATION, campaign, shot, write_briefs

RULE = """rules:
  jp_label:
    rule: House rule for Japan
    markets: [JP]
    since: 2026-01-02
    when: any
    least_px: 12
    least_share: 0.03
    least_contrast: 7
    source: our counsel
    checked_on: 2026-11-28
    mark: S
"""


def load(folder: Path, text: str | None) -> Briefs:
    write_briefs(folder, campaign(shot("kitchen")))
    if text is not None:
        (folder / "disclosure.yaml").write_text(text, "utf-8")
    return load_briefs(folder)


def told(folder: Path, text: str) -> list[str]:
    with pytest.raises(BriefError) as caught:
        load(folder, text)
    return [str(problem) for problem in caught.value.problems]


def test_without_a_file_the_packaged_table_holds(tmp_path: Path) -> None:
    assert table_of(load(tmp_path, None)) is load_packaged_table()


def test_rows_are_added_replaced_and_worded(tmp_path: Path) -> None:
    table = table_of(load(tmp_path, RULE + OWN_DECLARATION + "words: {de: Mit KI gemacht}\n"))

    packaged = load_packaged_table()
    assert [rule.id for rule in table.rules] == [*(r.id for r in packaged.rules), "jp_label"]
    assert [row.id for row in table.declarations] == [row.id for row in packaged.declarations]
    [meta] = [row for row in table.declarations if row.id == "meta"]
    assert (meta.field, meta.value) == ("ai_flag", "1")
    assert (table.words_in("de_AT"), table.words_in("fr")) == ("Mit KI gemacht", "Généré par IA")


@pytest.mark.parametrize("text", ["rules: {}\n", "words: {}\n"])
def test_every_section_may_be_left_out(tmp_path: Path, text: str) -> None:
    assert table_of(load(tmp_path, text)) == load_packaged_table()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (RULE.replace("least_px: 12", "least_px: 5"), "disclosure.yaml:7: rules.jp_label.least_px"),
        (RULE.replace("jp_label", "eu_ai_act_50"), "add override: true"),
        (RULE + "    override: true\n", "overrides nothing packaged; "),
        (RULE + "    has_words: false\n", "asks for neither icon nor words"),
        (RULE.replace("rules:", "rule:"), "disclosure.yaml:1: rule: "),
        (OWN_DECLARATION.replace("meta", "meat"), "did you mean meta?"),
        ("words: {de: Ohne Wort}\n", "disclosure.yaml:1: words.de"),
        ("rules: [\n", "disclosure.yaml:"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    [line] = told(tmp_path, text)

    assert line.startswith("disclosure.yaml:")
    assert words in line


def test_a_wrong_table_stops_a_named_campaign_too(tmp_path: Path) -> None:
    write_briefs(tmp_path, campaign(shot("kitchen")))
    (tmp_path / "disclosure.yaml").write_text("rules: [\n", "utf-8")

    with pytest.raises(BriefError, match=r"disclosure\.yaml"):
        load_briefs(tmp_path, wanted=["winter"])
