"""Every fault a brief can have yields exactly one line, and that line is the whole message."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from nbp_dagster.briefs.load import BriefError, load_briefs
from tests.rigs.prompt_goldens import ROOT

BROKEN = ROOT / "tests" / "data" / "briefs" / "broken"
EDITS: list[dict[str, Any]] = yaml.safe_load((BROKEN / "edits.yaml").read_text(encoding="utf-8"))
FILES: Mapping[str, str] = yaml.safe_load((BROKEN / "files.yaml").read_text(encoding="utf-8"))


def read_problems(config_dir: Path) -> list[str]:
    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: str(edit["name"]))
def test_a_fault_in_a_good_brief_is_told_in_one_whole_line(
    config_dir: Path, edit: dict[str, Any]
) -> None:
    path = config_dir / edit["file"]
    text = path.read_text(encoding="utf-8")
    assert edit["old"] in text
    path.write_text(text.replace(edit["old"], edit["new"], 1), encoding="utf-8")

    assert read_problems(config_dir) == [edit["says"]]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_brief_is_told_in_one_whole_line(config_dir: Path, name: str) -> None:
    shutil.copy(BROKEN / "files" / f"{name}.yaml", config_dir / "campaigns" / "spring_launch.yaml")

    assert read_problems(config_dir) == [FILES[name]]


def test_every_broken_file_has_its_message() -> None:
    assert {path.stem for path in (BROKEN / "files").iterdir()} == set(FILES)


def test_all_faults_of_all_files_are_reported_at_once_sorted_by_file_and_line(
    config_dir: Path,
) -> None:
    """A fault in one file hides none in another: neither a bad colour nor an unreadable file."""
    for edit in EDITS:
        if edit["name"] in ("bad_colour", "dangling_character", "five_variants"):
            path = config_dir / edit["file"]
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(edit["old"], edit["new"], 1), encoding="utf-8")
    (config_dir / "brands" / "tidal.yaml").write_bytes(b"")

    assert read_problems(config_dir) == [
        "brands/solstice.yaml:5: palette.accent: '#F2B70' - accepted: a colour as \"#RRGGBB\", "
        "in quotes",
        "brands/tidal.yaml: the file is empty; write a brief or remove the file",
        "campaigns/spring_launch.yaml:7: variants: 5 - accepted: a whole number from 1 to 4",
        "campaigns/spring_launch.yaml:14: shots[0].characters[0]: 'mirra' - not a character of "
        "brand solstice; accepted: mira, otto; did you mean mira?",
    ]


def test_the_error_text_counts_the_problems_and_lists_each_on_a_line(config_dir: Path) -> None:
    (config_dir / "brands" / "tidal.yaml").write_text("- a\n", encoding="utf-8")
    (config_dir / "campaigns" / "other.yml").write_text("id: other\n", encoding="utf-8")

    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)

    assert str(caught.value).splitlines() == [
        f"2 problems in the briefs of {config_dir}:",
        "brands/tidal.yaml:1: a list - accepted: a mapping of keys to values",
        "campaigns/other.yml: is not read under this name; rename it to other.yaml",
    ]


def test_a_link_to_an_image_outside_the_config_folder_is_refused(
    config_dir: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "logo.png"
    logo = config_dir / "brands" / "images" / "logo.png"
    shutil.move(logo, outside)
    logo.symlink_to(outside)

    assert read_problems(config_dir) == [
        "brands/solstice.yaml:7: logo: 'images/logo.png' - a link that leaves the config folder; "
        "copy the file into it"
    ]


def test_a_link_to_a_brief_outside_the_config_folder_is_refused(
    config_dir: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "tidal.yaml"
    shutil.move(config_dir / "brands" / "tidal.yaml", outside)
    (config_dir / "brands" / "tidal.yaml").symlink_to(outside)

    assert read_problems(config_dir) == [
        "brands/tidal.yaml: a link that leaves the config folder; copy the file into it"
    ]


def test_a_link_that_leads_to_itself_is_refused(config_dir: Path) -> None:
    brief = config_dir / "brands" / "tidal.yaml"
    brief.unlink()
    brief.symlink_to(brief)

    assert read_problems(config_dir) == [
        "brands/tidal.yaml: cannot be read; check the file, its links and its permissions"
    ]


def test_a_folder_named_like_a_brief_is_refused(config_dir: Path) -> None:
    (config_dir / "brands" / "extra.yaml").mkdir()

    assert read_problems(config_dir) == ["brands/extra.yaml: not a file; accepted: a YAML file"]


def test_a_missing_config_folder_says_what_to_do(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"

    assert read_problems(missing) == [
        f"{missing}: no such folder; create it or set NBP_CONFIG to the folder of the briefs"
    ]


def test_a_signed_address_never_shows_its_signature_or_password(config_dir: Path) -> None:
    path = config_dir / "brands" / "solstice.yaml"
    text = path.read_text(encoding="utf-8")
    address = "http://me:hunter2@example.com/a.png?X-Signature=abc123#tail"
    path.write_text(text.replace("images/logo.png", address), encoding="utf-8")

    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)

    assert "http://...@example.com/a.png?..." in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "abc123" not in str(caught.value)
