"""Which prompts a command's words name."""

from pathlib import Path

import click
import pytest

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.load import BriefError, load_briefs
from nbp_dagster.cli.choice import choose_prompts, load_chosen, load_of_brand
from tests.rigs.briefs import campaign, shot, write_briefs


@pytest.fixture(scope="module")
def briefs(tmp_path_factory: pytest.TempPathFactory) -> Briefs:
    folder: Path = tmp_path_factory.mktemp("briefs")
    drawn = {**shot("sign"), "text": "drawn", "copy": {"headline": {"en": "Tea", "de": "Tee"}}}
    write_briefs(
        folder,
        campaign(shot("hill"), id="win"),
        campaign(shot("hill"), drawn, locales=["en", "de"], variants=2),
    )
    return load_briefs(folder)


def keys(briefs: Briefs, *words: str) -> list[str]:
    return [item.key for prompts in choose_prompts(briefs, words).values() for item in prompts]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["win"], ["win/hill/all/1x1/v1"]),
        (["win/"], ["win/hill/all/1x1/v1"]),
        (["winter/hill"], ["winter/hill/all/1x1/v1", "winter/hill/all/1x1/v2"]),
        (["winter/sign/de/1x1/v2"], ["winter/sign/de/1x1/v2"]),
        (["winter/sign/*/v1"], ["winter/sign/en/1x1/v1", "winter/sign/de/1x1/v1"]),
        (["*/sign/de"], ["winter/sign/de/1x1/v1", "winter/sign/de/1x1/v2"]),
        # In brief order and once each, whatever the order of the words.
        (["*/v1", "win"], ["win/hill/all/1x1/v1", "winter/hill/all/1x1/v1"]),
    ],
)
def test_a_word_names_prompts(briefs: Briefs, words: list[str], named: list[str]) -> None:
    found = keys(briefs, *words)

    assert [key for key in found if key in named] == named
    if words[0] != "*/v1":
        assert found == named


def test_a_folder_without_any_brief_is_warned_of_as_it_may_be_another_than_was_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_briefs(tmp_path / "briefs", campaign(shot("hill"), id="win"))

    load_chosen(tmp_path / "briefs", ())
    of_the_right_folder = capsys.readouterr().err
    load_chosen(tmp_path, ())
    of_the_folder_above = capsys.readouterr().err

    assert of_the_right_folder == ""
    assert of_the_folder_above.startswith(f"nbp: warning: no briefs in {tmp_path}: ")
    assert "set NBP_CONFIG" in of_the_folder_above


def test_no_word_names_all(briefs: Briefs) -> None:
    assert len(keys(briefs)) == 1 + 2 + 4


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("wintr", "no campaign wintr"),
        ("wintr/hill", "did you mean winter?"),
        ("winter/hil", "accepted: hill, sign; did you mean hill?"),
        ("winter/hill/de", "winter/hill/all/1x1/v1"),
        ("*/cellar/*", "no prompt matches */cellar/*"),
        ("", "no campaign"),
    ],
)
def test_a_word_that_names_nothing_is_answered_with_what_there_is(
    briefs: Briefs, word: str, said: str
) -> None:
    with pytest.raises(click.UsageError) as caught:
        choose_prompts(briefs, ["winter", word])

    assert said in caught.value.message


def test_words_without_a_pattern_leave_broken_briefs_of_others_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_briefs(tmp_path, campaign(shot("hill"), id="win"))
    (tmp_path / "campaigns/other.yaml").write_text("id: other\n", encoding="utf-8")

    assert list(load_chosen(tmp_path, ["win/hill", "win"]).campaigns) == ["win"]
    assert "left out: campaigns/other.yaml" in capsys.readouterr().err
    for words in ((), ("*",), ("win", "*/hill"), ("other",)):
        with pytest.raises(BriefError, match=r"campaigns/other\.yaml"):
            load_chosen(tmp_path, words)


def test_a_command_about_a_brand_is_stopped_by_that_brands_brief_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_briefs(tmp_path, campaign(shot("hill"), id="win"))
    (tmp_path / "campaigns/other.yaml").write_text("id: other\n", encoding="utf-8")
    (tmp_path / "brands/acme.yaml").write_text("id: acme\n", encoding="utf-8")

    for brand in ("", "hilltop"):
        assert list(load_of_brand(tmp_path, brand).brands) == ["hilltop"]
        assert "left out: campaigns/other.yaml" in capsys.readouterr().err
    with pytest.raises(BriefError, match=r"brands/acme\.yaml"):
        load_of_brand(tmp_path, "acme")
