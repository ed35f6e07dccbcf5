"""A parcel has every file of a set, and a digest that tells sets apart by what is in them."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from nbp_dagster.studio.delivery.parcel import NotPublishable, pack_set, read_set
from nbp_dagster.studio.manifest.manifest import ManifestError, set_digest
from tests.rigs.parcels import CAMPAIGN, pack_sample


def test_every_file_is_packed_with_its_size_and_digest(tmp_path: Path) -> None:
    parcel = pack_sample(tmp_path)

    assert parcel.version == set_digest(parcel.manifest)
    paths = {file.path for file in parcel.files}
    assert {"index.html", "manifest.json", "delivery.csv", "contact_sheet.jpg"} <= paths
    assert {row.file for row in parcel.manifest.pictures} <= paths
    for file in parcel.files:
        data = (tmp_path / file.path).read_bytes()
        assert (file.size, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert file.is_page == (file.path not in {row.file for row in parcel.manifest.pictures})


def test_the_digest_is_of_what_is_in_the_set_and_not_of_its_time(tmp_path: Path) -> None:
    parcel = pack_sample(tmp_path)
    manifest = parcel.manifest
    row = manifest.pictures[0]

    def digest(**changes: object) -> str:
        return pack_set(tmp_path, CAMPAIGN, replace(manifest, **changes)).digest

    said = replace(row, alt_texts={"x-default": "something else"})
    assert digest() == digest(created=manifest.created.replace(year=2030)) == parcel.digest
    assert digest(name="Another title") != parcel.digest
    # The data version does not know alternative texts; what is delivered has them.
    assert digest(pictures=(said, *manifest.pictures[1:])) != parcel.digest


def test_a_set_of_an_earlier_version_without_a_list_is_packed_without_it(tmp_path: Path) -> None:
    parcel = pack_sample(tmp_path)
    (tmp_path / "delivery.csv").unlink()

    again = pack_set(tmp_path, CAMPAIGN, parcel.manifest)

    assert {file.path for file in parcel.files} - {file.path for file in again.files} == {
        "delivery.csv"
    }


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    parcel = pack_sample(tmp_path)
    (tmp_path / "contact_sheet.jpg").unlink()

    with pytest.raises(NotPublishable, match=r"contact_sheet\.jpg can't be read"):
        pack_set(tmp_path, CAMPAIGN, parcel.manifest)


def test_a_folder_without_a_set_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotPublishable, match="`nbp run spring_launch`"):
        read_set(tmp_path, CAMPAIGN)


def test_a_manifest_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")

    with pytest.raises(ManifestError, match=r"manifest\.json"):
        read_set(tmp_path, CAMPAIGN)
