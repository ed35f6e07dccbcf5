"""`make audit` finds what it is for, and the repository passes it."""

import json
from pathlib import Path

import pytest

from tests.audit.advisories import find_vulnerable
from tests.audit.locks import (
    LOCKS,
    Pin,
    compare_with_installed,
    compare_with_project,
    read_lock,
    read_project,
)

SHA = "--hash=sha256:" + "0" * 64
SOUND = (
    f"pillow==12.1.0 \\\n    {SHA} \\\n    {SHA}\ncolorama==0.4.6 ; sys_platform == 'win32' {SHA}\n"
)


def pins_of(text: str) -> list[Pin]:
    pins, problems = read_lock(text, name="a.lock")
    assert problems == []
    return pins


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_line_of_our_locks_has_one_version_and_hashes(path: Path) -> None:
    pins, problems = read_lock(path.read_text("utf-8"), name=path.name)

    assert problems == []
    assert len(pins) > 5


def test_our_locks_have_everything_that_the_project_asks_for() -> None:
    pins = [pin for path in LOCKS for pin in read_lock(path.read_text("utf-8"), name="")[0]]

    assert list(compare_with_project(pins, read_project())) == []


@pytest.mark.parametrize(
    "line",
    [
        f"pillow>=12 {SHA}",
        f"pillow==12.* {SHA}",
        "pillow==12.1.0",
        "pillow==12.1.0 --hash=md5:00",
        f"pillow @ https://example.com/pillow.whl {SHA}",
        "--index-url https://example.com/simple",
        f"./pillow.whl {SHA}",
    ],
)
def test_a_line_without_one_version_and_a_hash_is_named(line: str) -> None:
    pins, problems = read_lock(line, name="a.lock")

    assert pins == []
    assert len(problems) == 1


def test_what_is_installed_beside_the_lock_is_named() -> None:
    installed = {"pillow": "11.0", "left-pad": "1.0", "pip": "23", "nbp-dagster": "1"}

    assert list(compare_with_installed(pins_of(SOUND), installed)) == [
        "left-pad 1.0 is installed, and in no lock",
        "pillow 11.0 is installed, the lock has 12.1.0",
    ]


def test_what_the_project_asks_for_and_the_lock_lacks_is_named() -> None:
    project = {"dependencies": ["Pillow>=13", "numpy"], "optional-dependencies": {"gcs": ["gcsfs"]}}

    assert list(compare_with_project(pins_of(SOUND), project)) == [
        "pyproject.toml asks for Pillow>=13, the lock has 12.1.0",
        "pyproject.toml asks for numpy, which no lock has",
    ]


def advise(folder: Path, **affected: object) -> None:
    advisory = {
        "id": "PYSEC-2026-1",
        "details": "It reads too much.\nMore.",
        "affected": [{"package": {"name": "Pillow", "ecosystem": "PyPI"}, **affected}],
    }
    (folder / "a.json").write_text(json.dumps(advisory), "utf-8")


def events(*pairs: tuple[str, str]) -> list[object]:
    return [{"type": "ECOSYSTEM", "events": [{kind: version} for kind, version in pairs]}]


@pytest.mark.parametrize(
    ("ranges", "is_found"),
    [
        (events(("introduced", "0"), ("fixed", "12.1.1")), True),
        (events(("introduced", "0"), ("fixed", "12.1.0")), False),
        (events(("introduced", "12.1.0")), True),
        (events(("introduced", "12.1.1")), False),
        (events(("introduced", "0"), ("fixed", "11"), ("introduced", "12"), ("fixed", "13")), True),
        (events(("introduced", "0"), ("last_affected", "12.1")), True),
    ],
)
def test_a_locked_version_within_an_advisory_is_named(
    tmp_path: Path, ranges: list[object], is_found: bool
) -> None:
    advise(tmp_path, ranges=ranges)

    found = list(find_vulnerable(pins_of(SOUND), tmp_path))

    assert found == (["pillow 12.1.0: PYSEC-2026-1 It reads too much."] if is_found else [])


def test_a_version_that_an_advisory_lists_is_named(tmp_path: Path) -> None:
    advise(tmp_path, versions=["12.1.1", "unreadable"])
    assert len(list(find_vulnerable(pins_of(SOUND), tmp_path))) == 0

    advise(tmp_path, versions=["12.1"])
    assert len(list(find_vulnerable(pins_of(SOUND), tmp_path))) == 1


def test_a_folder_without_advisories_is_no_clean_bill(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no advisories"):
        list(find_vulnerable(pins_of(SOUND), tmp_path))
