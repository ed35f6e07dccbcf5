"""The image store: what is kept, what counts as kept, and files on their way into it."""

import os
import time
from pathlib import Path

import pytest

from nbp_dagster.studio.storage.files import StoreError
from nbp_dagster.studio.storage.image_store import FolderStore


def test_a_received_file_is_kept_under_its_digest(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)

    with store.receive() as incoming:
        incoming.write(b"half")
        incoming.begin()
        incoming.write(b"who")
        incoming.write(b"le")
        digest = store.keep(incoming)

    assert store.get(digest) == b"whole"
    assert digest == store.put(b"whole")
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_received_file_that_is_not_kept_is_gone(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)

    with store.receive() as incoming:
        incoming.write(b"half")
        assert len(list((tmp_path / "incoming").iterdir())) == 1

    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_file_that_was_cut_short_does_not_count_and_is_replaced(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    digest = store.put(b"whole")
    store.path(digest).write_bytes(b"who")

    assert store.has(digest)
    assert not store.has(digest, size=5)
    store.put(b"whole")

    assert store.get(digest) == b"whole"


def test_altered_bytes_are_refused(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    digest = store.put(b"whole")
    store.path(digest).write_bytes(b"other")

    with pytest.raises(StoreError, match="no longer has the bytes"):
        store.get(digest)


def test_what_a_killed_run_left_half_received_is_removed_a_day_later(tmp_path: Path) -> None:
    folder = tmp_path / "incoming"
    folder.mkdir()
    (folder / "old").write_bytes(b"half")
    (folder / "young").write_bytes(b"half")
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(folder / "old", (long_ago, long_ago))

    FolderStore(tmp_path)

    assert [path.name for path in folder.iterdir()] == ["young"]
