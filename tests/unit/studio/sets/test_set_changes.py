"""What changed since the set before is told by digest, whatever version wrote that set."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nbp_dagster.studio.manifest.manifest import SetManifest, to_json
from nbp_dagster.studio.sets.set_changes import SetChanges, compare_sets, read_earlier
from tests.rigs.sets import CREATED, build_set

MANIFEST = build_set(scale=0.05).manifest


def compare(tmp_path: Path, earlier: SetManifest, manifest: SetManifest = MANIFEST) -> SetChanges:
    path = tmp_path / "manifest.json"
    path.write_text(to_json(earlier))
    found = read_earlier(path)
    assert found
    return compare_sets(found, manifest)


def test_pictures_are_new_changed_or_unchanged(tmp_path: Path) -> None:
    first, second, *rest = MANIFEST.pictures
    earlier = replace(MANIFEST, pictures=(replace(second, sha256="0" * 64), *rest))
    found = compare(tmp_path, earlier)
    assert found.pictures == {
        first.file: "new",
        second.file: "changed",
        **dict.fromkeys([row.file for row in rest], "unchanged"),
    }
    assert [found.count(each) for each in ("new", "changed", "unchanged")] == [1, 1, len(rest)]
    assert (found.since, found.gone) == (CREATED, 0)


def test_what_the_earlier_set_had_more_is_gone(tmp_path: Path) -> None:
    fewer = replace(MANIFEST, pictures=MANIFEST.pictures[2:])
    assert compare(tmp_path, MANIFEST, fewer).gone == 2


def test_the_same_set_has_no_changes(tmp_path: Path) -> None:
    found = compare(tmp_path, MANIFEST)
    assert set(found.pictures.values()) == {"unchanged"}
    assert found.gone == 0


def test_another_file_type_is_a_change_and_no_other_picture(tmp_path: Path) -> None:
    first = MANIFEST.pictures[0]
    png = replace(first, file=first.file.replace(".jpg", ".png"), sha256="1" * 64)
    found = compare(tmp_path, MANIFEST, replace(MANIFEST, pictures=(png, *MANIFEST.pictures[1:])))
    assert found.pictures[png.file] == "changed"
    assert found.gone == 0


def test_the_manifest_of_another_version_serves_as_well(tmp_path: Path) -> None:
    facts = json.loads(to_json(MANIFEST)) | {"schema_version": 99, "unheard_of": 1}
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(facts))
    found = read_earlier(path)
    assert found
    assert len(found.digests) == len(MANIFEST.pictures)
    assert found.created == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def test_without_an_earlier_set_there_is_nothing_to_say(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_earlier(tmp_path / "manifest.json") is None
    assert caplog.text == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "not json",
        "{}",
        '{"created": 7, "pictures": []}',
        '{"created": "2026-11-22T09:30:00", "pictures": []}',
        '{"created": "2026-11-22T09:30:00Z", "pictures": 7}',
        '{"created": "2026-11-22T09:30:00Z", "pictures": [7]}',
        '{"created": "2026-11-22T09:30:00Z", "pictures": [{"file": 7, "sha256": "a"}]}',
    ],
)
def test_a_manifest_that_cannot_be_read_marks_nothing_and_is_named(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    assert read_earlier(path) is None
    assert f"{path} cannot be read" in caplog.text


def test_a_manifest_of_bytes_that_are_no_text_marks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(b"\xff\xfe\x00{")
    assert read_earlier(path) is None
