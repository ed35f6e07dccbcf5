"""The image store: what is kept, what counts as kept, and files on their way into it."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nbp_dagster.studio.storage.files import (
    StoreError,
    keep_secret,
    make_private_file,
    make_private_folder,
    write_atomically,
)
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


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes_below(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("mask", [0, 0o022, 0o077])
def test_only_the_owner_may_use_what_is_kept_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    home = tmp_path / "home"

    with umask(mask):
        store = FolderStore(home / "store")
        with store.receive() as incoming:
            incoming.write(b"a picture")
            store.keep(incoming)
        store.put(b"another")
        write_atomically(home / "records" / "a" / "b.json", b"{}", private_in=home / "records")
        make_private_file(home / "ledger.sqlite")
        keep_secret(home / "review.key")
        make_private_folder(home / "dagster")

    # It is made by a library, and holds nothing.
    (home / ".review.key.lock").unlink()
    modes = modes_below(home)
    assert {mode for path, mode in modes.items() if (home / path).is_file()} == {0o600}
    assert {mode for path, mode in modes.items() if (home / path).is_dir()} == {0o700}
    assert {"store", "store/incoming", "records", "records/a"} <= modes.keys()
    # Finished sets lie in the same home, for others to see.
    assert stat.S_IMODE(home.stat().st_mode) == 0o777 & ~mask


@pytest.mark.parametrize(("mask", "file", "folder"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700)])
def test_what_is_for_others_to_see_has_the_permissions_of_the_umask(
    tmp_path: Path, mask: int, file: int, folder: int
) -> None:
    with umask(mask):
        write_atomically(tmp_path / "sets" / "winter" / "index.html", b"<p>")

    assert modes_below(tmp_path) == {
        "sets": folder,
        "sets/winter": folder,
        "sets/winter/index.html": file,
    }


def test_a_ledger_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    ledger.write_bytes(b"rows")
    ledger.chmod(0o640)

    make_private_file(ledger)

    assert (ledger.read_bytes(), stat.S_IMODE(ledger.stat().st_mode)) == (b"rows", 0o640)


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


_RECEIVE = """
import os, sys
from pathlib import Path
from nbp_dagster.studio.storage.image_store import FolderStore

with FolderStore(Path(sys.argv[1])).receive() as incoming:
    incoming.write(b"half")
    print("received", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_left_half_received_goes_with_the_next_and_no_living_one_loses_its(
    tmp_path: Path,
) -> None:
    words = [sys.executable, "-c", _RECEIVE, str(tmp_path)]
    folder = tmp_path / "incoming"
    with (
        FolderStore(tmp_path).receive() as incoming,
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        process.stdout.readline()
        mine = set(folder.iterdir())
        FolderStore(tmp_path)
        assert set(folder.iterdir()) == mine
        assert len(mine) == 2

        process.kill()
        process.wait()
        store = FolderStore(tmp_path)
        assert len(list(folder.iterdir())) == 1
        incoming.write(b"whole")
        digest = store.keep(incoming)

    assert store.get(digest) == b"whole"
    assert list(folder.iterdir()) == []


def test_what_no_lock_tells_of_is_removed_a_day_later(tmp_path: Path) -> None:
    """Of another machine on a network disk, or of an older version."""
    folder = tmp_path / "incoming"
    folder.mkdir()
    for name in ("tmp0123abcd", "tmp6f1c-0123abcd"):
        (folder / f"{name}old").write_bytes(b"half")
        (folder / f"{name}young").write_bytes(b"half")
        long_ago = time.time() - 2 * 24 * 3600
        os.utime(folder / f"{name}old", (long_ago, long_ago))

    FolderStore(tmp_path)

    assert sorted(path.name for path in folder.iterdir()) == [
        "tmp0123abcdyoung",
        "tmp6f1c-0123abcdyoung",
    ]
