"""Finished sets in two homes with one store: whole wherever they are read, never a mixture."""

import hashlib
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.studio.manifest.manifest import SetManifest
from nbp_dagster.studio.manifest.manifest_file import MANIFEST, read_manifest
from nbp_dagster.studio.review.decision_log import DecisionLog
from nbp_dagster.studio.review.reviews import Reviews
from nbp_dagster.studio.sets.index_page import find_sets, write_index
from nbp_dagster.studio.sets.set_writer import list_files, write_set
from nbp_dagster.studio.sharing.shared_sets import SharedSets
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.files import StoreError
from nbp_dagster.studio.storage.open_store import StorePlaces
from nbp_dagster.studio.storage.shared_store import SharedStore
from nbp_dagster.studio.storage.store_note import write_note
from tests.fakes.clock import FakeClock
from tests.fakes.url_folder import CountedFolder
from tests.rigs.sets import SampleSet, build_set
from tests.unit.studio.ledger.databases import opened

CAMPAIGN = "spring_launch"


@dataclass(frozen=True)
class Home:
    """A machine's folders, and its view of the store."""

    paths: StudioPaths
    places: StorePlaces
    sets: SharedSets
    clock: FakeClock

    @property
    def folder(self) -> Path:
        return self.paths.sets / CAMPAIGN

    def write(self, sample: SampleSet) -> None:
        """Write a set as a run does: the store has its pictures already."""
        for data in sample.data.values():
            self.places.images.put(data)
        with self.sets.writing(CAMPAIGN) as send:
            write_set(self.folder, sample.manifest, rendition=sample.rendition)
            send(sample.manifest)

    def require_whole(self) -> SetManifest:
        """Return the manifest, once every file that it names is found, with its bytes."""
        manifest = read_manifest(self.folder / MANIFEST)
        for picture in manifest.pictures:
            data = (self.folder / picture.file).read_bytes()
            assert hashlib.sha256(data).hexdigest() == picture.sha256
        assert all((self.folder / name).is_file() for name in list_files(manifest))
        return manifest


@pytest.fixture
def remote() -> CountedFolder:
    return CountedFolder()


def open_home(folder: Path, remote: CountedFolder) -> Home:
    paths, clock = StudioPaths(folder), FakeClock()
    store = SharedStore(paths.store, remote, most_bytes=10**9)
    places = StorePlaces(store, remote)
    return Home(paths, places, SharedSets(paths, places, clock=clock), clock)


@pytest.fixture
def north(tmp_path: Path, remote: CountedFolder) -> Home:
    return open_home(tmp_path / "north", remote)


@pytest.fixture
def south(tmp_path: Path, remote: CountedFolder) -> Home:
    return open_home(tmp_path / "south", remote)


def sample(**changes: Any) -> SampleSet:
    return build_set(scale=0.05, shots=("kitchen",), **changes)


def test_a_set_that_one_home_wrote_is_whole_in_the_other(north: Home, south: Home) -> None:
    written = sample()
    north.write(written)

    south.sets.bring(CAMPAIGN)

    assert south.require_whole() == written.manifest
    for name in list_files(written.manifest):
        assert (south.folder / name).read_bytes() == (north.folder / name).read_bytes()


def test_a_set_takes_two_uploads_and_an_unchanged_one_a_single_read(
    north: Home, south: Home, remote: CountedFolder
) -> None:
    written = sample()
    for data in written.data.values():
        north.places.images.put(data)
    remote.asked.clear()

    north.write(written)
    assert remote.asked["write"] == 2
    south.sets.bring(CAMPAIGN)
    remote.asked.clear()
    south.sets.bring(CAMPAIGN)

    assert remote.asked == {"read": 1}


def test_the_next_version_replaces_files_that_it_does_not_have(north: Home, south: Home) -> None:
    north.write(sample())
    south.sets.bring(CAMPAIGN)
    own = south.folder / "notes.txt"
    own.write_text("of a person", encoding="utf-8")
    smaller = sample(locales=("en",))

    north.write(smaller)
    south.sets.bring(CAMPAIGN)

    assert south.require_whole() == smaller.manifest
    files = {path.relative_to(south.folder).as_posix() for path in south.folder.rglob("*.*")}
    kept = {name for name in files if not name.startswith(".")}
    assert kept == {*list_files(smaller.manifest), "notes.txt"}


def test_a_brought_set_is_written_over_by_the_next_one_of_this_home(
    north: Home, south: Home
) -> None:
    north.write(sample())
    south.sets.bring(CAMPAIGN)
    smaller = sample(locales=("en",))

    south.write(smaller)
    north.sets.bring(CAMPAIGN)

    assert south.require_whole() == north.require_whole() == smaller.manifest
    gone = {picture.file for picture in sample().manifest.pictures} - set(
        list_files(smaller.manifest)
    )
    assert gone
    assert not any((south.folder / name).exists() for name in gone)


def test_two_homes_that_write_at_once_leave_one_whole_set(north: Home, south: Home) -> None:
    samples = {north: sample(), south: sample(locales=("de",))}
    threads = [
        threading.Thread(target=home.write, args=(samples[home],)) for home in (north, south)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for home in (north, south):
        home.sets.bring(CAMPAIGN)

    assert north.require_whole() == south.require_whole()
    assert north.require_whole() in [each.manifest for each in samples.values()]


def test_an_outage_while_a_set_is_sent_leaves_the_old_set_to_the_others(
    north: Home, south: Home, remote: CountedFolder
) -> None:
    old, new = sample(), sample(locales=("en",))
    north.write(old)
    with north.sets.writing(CAMPAIGN) as send:
        write_set(north.folder, new.manifest, rendition=new.rendition)
        remote.is_down = True
        with pytest.raises(StoreError, match="refused"):
            send(new.manifest)
    remote.is_down = False

    south.sets.bring(CAMPAIGN)
    assert south.require_whole() == old.manifest
    north.write(new)
    south.sets.bring(CAMPAIGN)

    assert south.require_whole() == new.manifest


def test_a_set_from_before_the_store_was_shared_is_sent(
    north: Home, south: Home, remote: CountedFolder
) -> None:
    written = sample()
    write_set(north.folder, written.manifest, rendition=written.rendition)

    north.sets.bring_all()
    south.sets.bring_all()

    assert south.require_whole() == written.manifest


def test_a_set_that_was_removed_from_the_store_is_not_sent_again_by_any_machine(
    north: Home, south: Home, remote: CountedFolder, tmp_path: Path
) -> None:
    reviewing = open_home(tmp_path / "east", remote)
    north.write(sample())
    south.sets.bring_all()
    reviewing.sets.bring_all(whole=False)

    remote.remove(f"sets/{CAMPAIGN}.json")

    for home in (north, south, reviewing):
        home.sets.bring_all()
    assert remote.read(f"sets/{CAMPAIGN}.json") is None


def test_a_store_that_was_emptied_has_everything_again_once_its_note_is_removed(
    north: Home, south: Home, remote: CountedFolder
) -> None:
    north.write(sample())
    for prefix in ("images", "sets"):
        for name in remote.sizes(prefix):
            remote.remove(f"{prefix}/{name}")
    (north.paths.store / "shared.json").unlink()
    shutil.rmtree(north.paths.sharing)

    again = open_home(north.paths.home, remote)
    again.places.images.settle()
    again.sets.bring_all()

    south.sets.bring(CAMPAIGN)
    assert south.require_whole() == north.require_whole()


def test_a_store_that_is_not_mounted_gets_no_set(north: Home, remote: CountedFolder) -> None:
    north.write(sample())
    write_note(north.paths.store, marked=remote.name)
    for prefix in ("images", "sets"):
        for name in remote.sizes(prefix):
            remote.remove(f"{prefix}/{name}")
    shutil.rmtree(north.paths.sharing)

    with pytest.raises(StoreError, match="not mounted"):
        north.sets.bring(CAMPAIGN)

    assert not remote.sizes("images")


def test_the_list_of_sets_has_those_of_all_machines(north: Home, south: Home) -> None:
    north.write(sample())

    south.sets.bring_all()
    page = write_index(south.paths.sets, find_sets(south.paths.sets))

    assert f"{CAMPAIGN}/index.html" in page.read_text(encoding="utf-8")


def test_a_review_reads_sets_of_other_machines_and_fetches_no_picture(
    tmp_path: Path, north: Home, south: Home, remote: CountedFolder
) -> None:
    with opened(tmp_path / "ledger.sqlite") as engine:
        log = DecisionLog(engine, clock=south.clock)
        reviews = Reviews(south.paths.sets, log, look=south.sets.look)
        assert reviews.campaigns() == ()
        north.write(sample())
        remote.asked.clear()
        assert reviews.campaigns() == ()
        south.clock.sleep(60)

        assert reviews.campaigns() == (CAMPAIGN,)
        assert len(reviews.open(CAMPAIGN).rows) == len(sample().manifest.pictures)
        # The file that names the pages, and the pages.
        assert remote.asked == {"list": 1, "read": 2}

        south.clock.sleep(60)
        reviews.campaigns()
        assert remote.asked == {"list": 2, "read": 2}
    south.sets.bring(CAMPAIGN)
    south.require_whole()


def test_a_file_of_the_store_that_is_none_of_ours_is_told_and_leaves_the_folder(
    south: Home, remote: CountedFolder
) -> None:
    remote.replace(f"sets/{CAMPAIGN}.json", b'{"schema_version": 2}')
    remote.replace("sets/../../evil.json", b"{}")

    with pytest.raises(StoreError, match=rf"sets/{CAMPAIGN}.json: schema_version: .* remove it"):
        south.sets.bring_all()

    assert not south.folder.exists()


def test_pages_that_are_gone_from_the_store_leave_the_folder_as_it_is(
    north: Home, south: Home, remote: CountedFolder
) -> None:
    north.write(sample())
    south.sets.bring(CAMPAIGN)
    north.write(sample(locales=("en",)))
    [pages] = north.sets.list_pages()
    remote.remove(f"images/{pages[:2]}/{pages}")

    with pytest.raises(StoreError, match=f"lacks the pages of the set {CAMPAIGN}"):
        south.sets.bring(CAMPAIGN)

    assert south.require_whole() == sample().manifest


def test_a_review_shows_what_is_here_while_the_store_is_away_and_looks_again_later(
    north: Home, south: Home, remote: CountedFolder
) -> None:
    north.write(sample())
    remote.is_down = True
    remote.asked.clear()

    for _ in range(3):
        south.sets.look()
    assert not south.folder.exists()
    assert sum(remote.asked.values()) == 1
    remote.is_down = False
    south.clock.sleep(120)
    south.sets.look()

    assert (south.folder / MANIFEST).is_file()
