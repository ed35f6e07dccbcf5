"""An edition is there whole before the pointer names it, whatever stops the publisher."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.studio.delivery.edition_target import POINTER, EditionStore, EditionTarget
from nbp_dagster.studio.delivery.folder_store import FolderStore
from nbp_dagster.studio.delivery.parcel import Parcel
from nbp_dagster.studio.delivery.publish_target import DeliveryError
from tests.rigs.dying_delivery import publish_and_die
from tests.rigs.parcels import CAMPAIGN, pack_sample


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    return pack_sample(tmp_path / "set")


@pytest.fixture
def newer(tmp_path: Path) -> Parcel:
    return pack_sample(tmp_path / "newer", locales=("en",))


def pointer_of(target: Path) -> dict[str, Any]:
    return dict(json.loads((target / CAMPAIGN / POINTER).read_text(encoding="utf-8")))


def require_whole(target: Path) -> str:
    """Check every file of the published edition against the pointer, and return its digest."""
    pointer = pointer_of(target)
    edition = target / CAMPAIGN / pointer["path"]
    for file in pointer["files"]:
        data = (edition / file["path"]).read_bytes()
        assert len(data) == file["bytes"]
        assert hashlib.sha256(data).hexdigest() == file["sha256"], file["path"]
    return str(pointer["digest"])


def everything(target: Path) -> dict[Path, tuple[int, int]]:
    """Return inode and time of every file: a file that is written again has others."""
    stats = {path: path.stat() for path in target.rglob("*") if path.is_file()}
    return {path: (each.st_ino, each.st_mtime_ns) for path, each in stats.items()}


def test_the_pointer_names_an_edition_with_every_file(tmp_path: Path, parcel: Parcel) -> None:
    target = tmp_path / "target"

    done = EditionTarget(FolderStore(target)).deliver(parcel)

    assert done.is_new
    assert require_whole(target) == parcel.digest
    pointer = pointer_of(target)
    assert {file["path"] for file in pointer["files"]} == {file.path for file in parcel.files}
    assert parcel.digest.startswith(pointer["path"])
    assert datetime.fromisoformat(pointer["published"]).tzinfo is not None
    assert done.place == f"{target}/{CAMPAIGN}/{pointer['path']}"


def test_the_same_set_again_writes_nothing(tmp_path: Path, parcel: Parcel) -> None:
    target = EditionTarget(FolderStore(tmp_path / "target"))
    target.deliver(parcel)
    before = everything(tmp_path / "target")

    assert not target.deliver(parcel).is_new

    assert everything(tmp_path / "target") == before


def test_a_set_that_was_only_written_again_is_the_same_set(tmp_path: Path, parcel: Parcel) -> None:
    target = EditionTarget(FolderStore(tmp_path / "target"))
    target.deliver(parcel)
    later = parcel.manifest.created.replace(year=2027)

    again = pack_sample(tmp_path / "again", created=later)

    assert again.digest == parcel.digest
    assert not target.deliver(again).is_new
    assert require_whole(tmp_path / "target") == parcel.digest


def test_another_set_gets_an_edition_of_its_own_and_the_old_one_stays(
    tmp_path: Path, parcel: Parcel, newer: Parcel
) -> None:
    target = EditionTarget(FolderStore(tmp_path / "target"))
    target.deliver(parcel)
    old = everything(tmp_path / "target")
    old.pop(tmp_path / "target" / CAMPAIGN / POINTER)

    assert target.deliver(newer).is_new

    assert require_whole(tmp_path / "target") == newer.digest
    assert old.items() <= everything(tmp_path / "target").items()


def test_a_file_that_somebody_removed_is_there_again(tmp_path: Path, parcel: Parcel) -> None:
    target = EditionTarget(FolderStore(tmp_path / "target"))
    target.deliver(parcel)
    edition = tmp_path / "target" / CAMPAIGN / pointer_of(tmp_path / "target")["path"]
    (edition / parcel.manifest.pictures[0].file).unlink()

    assert target.deliver(parcel).is_new

    require_whole(tmp_path / "target")


def test_what_is_published_can_be_read_and_what_is_not_is_none(
    tmp_path: Path, parcel: Parcel
) -> None:
    target = EditionTarget(FolderStore(tmp_path / "target"))
    assert target.read(CAMPAIGN, "manifest.json") is None

    target.deliver(parcel)

    assert (
        target.read(CAMPAIGN, "manifest.json") == (tmp_path / "set" / "manifest.json").read_bytes()
    )
    assert target.read(CAMPAIGN, "nothing.json") is None


@pytest.mark.parametrize("text", ["", "[]", '{"digest": 1}', "\0", '{"schema_version": 2}'])
def test_a_pointer_that_another_program_wrote_is_named_and_kept(
    tmp_path: Path, parcel: Parcel, text: str
) -> None:
    path = tmp_path / "target" / CAMPAIGN / POINTER
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")

    with pytest.raises(DeliveryError) as caught:
        EditionTarget(FolderStore(tmp_path / "target")).deliver(parcel)

    assert f"{CAMPAIGN}/{POINTER}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_text(encoding="utf-8") == text


class _ShortStore:
    """A store that loses the end of every picture, as a full disk of a bad service does."""

    def __init__(self, store: EditionStore) -> None:
        self._store = store

    @property
    def name(self) -> str:
        return self._store.name

    def read(self, path: str) -> bytes | None:
        return self._store.read(path)

    def sizes(self, prefix: str) -> Mapping[str, int]:
        found = self._store.sizes(prefix)
        return {path: size - path.endswith(".jpg") for path, size in found.items()}

    def write(self, path: str, source: Path) -> None:
        self._store.write(path, source)

    def flush(self) -> None:
        self._store.flush()

    def replace(self, path: str, data: bytes) -> None:
        self._store.replace(path, data)


def test_the_pointer_stays_when_a_file_did_not_arrive_whole(
    tmp_path: Path, parcel: Parcel, newer: Parcel
) -> None:
    store = FolderStore(tmp_path / "target")
    EditionTarget(store).deliver(parcel)

    with pytest.raises(DeliveryError, match="not there with their size"):
        EditionTarget(_ShortStore(store)).deliver(newer)

    assert require_whole(tmp_path / "target") == parcel.digest


def test_killed_before_any_step_a_publisher_leaves_the_old_set_or_the_new(
    tmp_path: Path, parcel: Parcel, newer: Parcel
) -> None:
    killed, seen = 0, []
    for step in range(1, 100):
        target = tmp_path / f"target_{step}"
        EditionTarget(FolderStore(target)).deliver(parcel)

        code = publish_and_die(tmp_path / "newer", str(target), step)

        seen.append(require_whole(target))
        again = EditionTarget(FolderStore(target)).deliver(newer)
        assert require_whole(target) == newer.digest
        assert again.is_new == (seen[-1] == parcel.digest)
        if code == 0:
            break
        killed += 1

    # Pointer, sizes, each file, flush, sizes, before and behind the new pointer.
    assert killed == 6 + len(newer.files)
    assert seen == [parcel.digest] * (killed - 1) + [newer.digest] * 2
