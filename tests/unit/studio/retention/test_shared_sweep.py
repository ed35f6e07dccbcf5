"""A clean-up of the store that machines share: each machine's files are needed, and one may put."""

import os
import time
from pathlib import Path

import pytest

from nbp_dagster.clock import SystemClock
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.retention.sweep import Keeping, RetentionError
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.shared_store import SharedStore
from nbp_dagster.studio.storage.url_folder import UrlFolder
from tests.unit.studio.retention.test_sweep import DAY, Home

GB = 10**9


class SharedPlace:
    """A shared folder, and homes with one ledger that use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shared"
        self.first = Home(folder / "first")
        self.remote = UrlFolder(f"file://{self.folder}")
        self.stores = [
            SharedStore(folder / name / "cache", self.remote, most_bytes=GB)
            for name in ("north", "south")
        ]
        self.keeping = Keeping(
            self.stores[0],
            self.first.paths,
            self.first.database,
            None,
            SystemClock(),
            self.remote,
            lambda: self.pages,
        )
        self.pages: tuple[str, ...] = ()

    def age(self, digest: str, days: float = 100) -> None:
        stamp = time.time() - days * DAY
        path = self.folder / "images" / digest[:2] / digest
        for each in (path, *(store.path(digest) for store in self.stores)):
            if each.exists():
                os.utime(each, (stamp, stamp))

    def sweep(self) -> int:
        removed = self.keeping.sweep(age=90 * DAY, originals=True)
        return sum(amount.files for amount in removed.values())

    def is_there(self, digest: str) -> bool:
        return (self.folder / "images" / digest[:2] / digest).exists()


@pytest.fixture
def place(tmp_path: Path) -> SharedPlace:
    return SharedPlace(tmp_path)


def test_what_nothing_needs_goes_at_the_url_and_here_and_the_rest_stays(place: SharedPlace) -> None:
    north, south = place.stores
    lost, named, page = north.put(b"lost"), south.put(b"named"), south.put(b"a page")
    own = north.put(b"a thumbnail", sync=False)
    for digest in (lost, named, page, own):
        place.age(digest)
    place.first.note("records/winter/park/all/1x1/v1.json", {"sha256": named})
    place.pages = (page,)

    assert place.sweep() == 2

    assert [place.is_there(each) for each in (lost, named, page)] == [False, True, True]
    assert north.peek(own) is None
    assert not north.has(lost)
    assert north.get(named) == b"named"


def test_what_another_machine_puts_again_stays(place: SharedPlace) -> None:
    north, south = place.stores
    digest = north.put(b"twice")
    place.age(digest)
    found = place.keeping.plan(age=90 * DAY, originals=True)
    assert found.amounts

    south.put(b"twice")

    assert not north.remove(digest, unused_since=found.before)
    assert place.is_there(digest)


def test_what_is_gone_at_the_url_is_sent_again_with_its_next_use(place: SharedPlace) -> None:
    north, south = place.stores
    digest = south.put(b"once")
    place.age(digest)
    assert place.sweep() == 1

    assert south.put(b"once") == digest

    assert north.get(digest) == b"once"


def test_a_ledger_that_is_not_the_stores_removes_nothing(
    place: SharedPlace, tmp_path: Path
) -> None:
    digest = place.stores[0].put(b"lost")
    place.age(digest)
    assert place.keeping.plan(age=90 * DAY, originals=True).amounts
    paths = StudioPaths(tmp_path / "other")
    other = Keeping(
        place.stores[0], paths, open_ledger(paths.ledger), None, SystemClock(), place.remote
    )

    with pytest.raises(RetentionError, match="nothing is removed"):
        other.sweep(age=90 * DAY, originals=True)

    assert place.is_there(digest)
