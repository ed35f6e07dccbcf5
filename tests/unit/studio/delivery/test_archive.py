"""Zips hold what they list, under readable names, and the same set gives the same bytes."""

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import jsonschema
import pytest

from nbp_dagster.briefs.vocabulary import DEFAULT_FILE_NAMES
from nbp_dagster.studio.delivery.archive import Archive, write_archives
from nbp_dagster.studio.delivery.file_names import name_pictures
from nbp_dagster.studio.delivery.publish_target import DeliveryError
from nbp_dagster.studio.manifest.manifest import SetManifest, from_json
from tests.rigs.parcels import write_sample
from tests.rigs.sets import build_set


@dataclass(frozen=True)
class Written:
    folder: Path
    manifest: SetManifest

    def export(self, to: Path, *, per_channel: bool = False) -> tuple[Archive, ...]:
        names = name_pictures(self.manifest, DEFAULT_FILE_NAMES, where="a brief")
        return write_archives(self.folder, self.manifest, names, to, per_channel=per_channel)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("set")
    sample = build_set(scale=0.05, shots=("kitchen", "market"), measured=True)
    return Written(folder, write_sample(folder, sample))


def read(archive: Archive) -> dict[str, bytes]:
    with ZipFile(archive.path) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


def require_sound(archive: Archive) -> SetManifest:
    """Check list, manifest, schema and pictures of a zip against each other."""
    files = read(archive)
    manifest = from_json(files["manifest.json"].decode())
    jsonschema.validate(
        json.loads(files["manifest.json"]), json.loads(files["manifest.schema.json"])
    )
    rows = list(csv.DictReader(io.StringIO(files["delivery.csv"].decode())))
    pictures = {name: data for name, data in files.items() if name.startswith("images/")}
    assert [row["file"] for row in rows] == [picture.file for picture in manifest.pictures]
    assert {row["file"] for row in rows} == pictures.keys()
    for row in rows:
        assert hashlib.sha256(pictures[row["file"]]).hexdigest() == row["sha256"]
    assert len({row["variant_id"] for row in rows}) == len(rows)
    assert archive.pictures == len(rows)
    assert archive.size == archive.path.stat().st_size
    return manifest


def test_one_zip_holds_every_picture(written: Written, tmp_path: Path) -> None:
    [archive] = written.export(tmp_path)

    assert archive.path == tmp_path / "solstice_spring_launch.zip"
    assert len(require_sound(archive).pictures) == len(written.manifest.pictures)


def test_each_channel_has_a_zip_of_its_own(written: Written, tmp_path: Path) -> None:
    archives = written.export(tmp_path, per_channel=True)

    manifests = [require_sound(archive) for archive in archives]
    assert [manifest.channels[0].id for manifest in manifests] == [
        channel.id for channel in written.manifest.channels
    ]
    assert archives[0].path.name == "solstice_spring_launch_instagram_feed.zip"
    assert sum(len(each.pictures) for each in manifests) == len(written.manifest.pictures)
    for manifest in manifests:
        assert {row.channel for row in manifest.pictures} == {manifest.channels[0].id}
        assert manifest.totals.pictures == len(manifest.pictures)
    assert sum(each.totals.missing for each in manifests) == len(written.manifest.missing)


@pytest.mark.parametrize("per_channel", [False, True])
def test_the_same_set_gives_the_same_bytes(
    written: Written, tmp_path: Path, per_channel: bool
) -> None:
    first = written.export(tmp_path / "a", per_channel=per_channel)
    again = written.export(tmp_path / "b", per_channel=per_channel)

    assert [each.path.read_bytes() for each in first] == [each.path.read_bytes() for each in again]


def test_a_row_has_copy_and_alternative_text_of_its_locale(
    written: Written, tmp_path: Path
) -> None:
    [archive] = written.export(tmp_path)
    rows = list(csv.DictReader(io.StringIO(read(archive)["delivery.csv"].decode())))
    by_id = {row["variant_id"]: row for row in rows}

    german = by_id["spring_launch/kitchen/instagram_feed/de/v1"]
    assert german["headline"] == "Langsame Morgen gewinnen"
    assert german["sub"] == "Die Frühlingsröstung ist da."
    assert german["alt_text"] == "The kitchen, in words for de"
    assert by_id["spring_launch/market/instagram_feed/all/v1"]["headline"] == ""


def test_a_zip_that_can_not_be_written_leaves_the_one_that_was_there(
    written: Written, tmp_path: Path
) -> None:
    [archive] = written.export(tmp_path)
    before = archive.path.read_bytes()
    gone = Written(tmp_path / "nowhere", written.manifest)

    with pytest.raises(DeliveryError, match="can't be read"):
        gone.export(tmp_path)

    assert archive.path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [archive.path.name]


def test_a_folder_that_is_a_file_is_told_in_one_line(written: Written, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(DeliveryError) as caught:
        written.export(tmp_path / "taken")

    assert "name another folder with --to" in str(caught.value)
    assert "\n" not in str(caught.value)
