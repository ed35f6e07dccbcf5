"""The store that machines share: what one keeps the others have, through outages and kills."""

import hashlib
import os
import stat
import time
from pathlib import Path
from uuid import uuid4

import pytest

from nbp_dagster.studio.storage.cache_limit import CacheLimit
from nbp_dagster.studio.storage.files import StoreError
from nbp_dagster.studio.storage.image_store import FolderStore
from nbp_dagster.studio.storage.open_store import open_places
from nbp_dagster.studio.storage.shared_store import SharedStore
from nbp_dagster.studio.storage.url_folder import UrlFolder
from tests.fakes.url_folder import CountedFolder

PLENTY = 10**9


def open_store(home: Path, remote: UrlFolder, *, most_bytes: int = PLENTY) -> SharedStore:
    return SharedStore(home / "store", remote, most_bytes=most_bytes)


def keep(store: SharedStore, data: bytes) -> str:
    with store.receive() as incoming:
        incoming.write(data)
        return store.keep(incoming)


def name_of(digest: str) -> str:
    return f"images/{digest[:2]}/{digest}"


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"memory://{uuid4().hex}" if request.param == "memory" else f"file://{tmp_path}/shared"


def test_what_one_machine_keeps_another_has(tmp_path: Path, url: str) -> None:
    north = open_store(tmp_path / "north", UrlFolder(url))
    south = open_store(tmp_path / "south", UrlFolder(url))

    original, rendition = keep(north, b"an original"), north.put(b"a rendition")

    assert south.has(original, size=11)
    assert not south.has(original, size=12)
    assert south.get(original) == b"an original"
    assert south.path(rendition).read_bytes() == b"a rendition"
    assert south.bring(rendition, size=11)


def test_what_nobody_keeps_is_neither_had_nor_brought(tmp_path: Path, url: str) -> None:
    store = open_store(tmp_path, UrlFolder(url))
    absent = hashlib.sha256(b"absent").hexdigest()

    assert not store.has(absent)
    assert not store.bring(absent, size=6)
    assert not store.path(absent).exists()
    with pytest.raises(StoreError, match=f"image {absent} is not in the store"):
        store.get(absent)


def test_a_picture_is_sent_once_and_nothing_else_is_asked(tmp_path: Path) -> None:
    remote = CountedFolder()
    store = open_store(tmp_path, remote)

    digest = keep(store, b"an original")
    keep(store, b"an original")
    store.put(b"an original")
    store.get(digest)
    store.path(digest)
    assert store.has(digest)

    assert remote.asked == {"write": 1}


def test_what_another_machine_made_is_known_by_a_listing_of_a_pair_of_digits(
    tmp_path: Path,
) -> None:
    remote = CountedFolder()
    north = open_store(tmp_path / "north", remote)
    digests = [north.put(b"%d" % number) for number in range(600)]
    south, _ = open_store(tmp_path / "south", remote), remote.asked.clear()

    assert all(map(south.has, digests))

    assert set(remote.asked) == {"list"}
    assert remote.asked["list"] == len({digest[:2] for digest in digests})


def test_a_thumbnail_stays_where_it_was_drawn(tmp_path: Path) -> None:
    remote = CountedFolder()
    north, south = open_store(tmp_path / "north", remote), open_store(tmp_path / "south", remote)

    digest = north.put(b"a thumbnail", sync=False)

    assert north.peek(digest) == b"a thumbnail"
    assert south.peek(digest) is None
    assert remote.asked == {}


def test_bytes_that_were_a_thumbnail_first_are_sent_once_they_must_survive(tmp_path: Path) -> None:
    remote = CountedFolder()
    store = open_store(tmp_path, remote)
    store.put(b"both", sync=False)

    digest = store.put(b"both")

    assert remote.read(name_of(digest)) == b"both"


def test_an_outage_loses_nothing_and_the_next_run_sends_what_was_owed(tmp_path: Path) -> None:
    remote = CountedFolder(attempts=3)
    store = open_store(tmp_path / "north", remote)
    store.settle()
    remote.is_down = True

    with pytest.raises(StoreError, match=r"cannot write images/.* of memory://.*refused"):
        keep(store, b"an original")
    assert remote.asked["write"] == 3
    remote.is_down = False
    later = open_store(tmp_path / "north", remote)
    later.settle()

    digest = hashlib.sha256(b"an original").hexdigest()
    assert remote.read(name_of(digest)) == b"an original"
    assert list((tmp_path / "north" / "store" / "pending").iterdir()) == []


def test_a_fault_that_passes_is_not_noticed(tmp_path: Path) -> None:
    remote = CountedFolder(attempts=2)
    remote.failing = 1

    digest = open_store(tmp_path, remote).put(b"a rendition")

    assert remote.read(name_of(digest)) == b"a rendition"


def test_a_machine_killed_before_it_sent_a_picture_sends_it_at_its_next_run(tmp_path: Path) -> None:
    remote = CountedFolder()
    store = open_store(tmp_path, remote)
    digest = store.put(b"sent")
    # As a kill after the mark and before the upload leaves it.
    remote.remove(name_of(digest))
    (tmp_path / "store" / "pending" / digest).touch()

    open_store(tmp_path, remote).settle()

    assert remote.read(name_of(digest)) == b"sent"


def test_a_mark_whose_file_is_yet_to_come_is_left_to_who_made_it(tmp_path: Path) -> None:
    store = open_store(tmp_path, CountedFolder())
    store.put(b"sent")
    mark = tmp_path / "store" / "pending" / ("ab" * 32)
    mark.touch()

    store.settle()
    assert mark.exists()
    os.utime(mark, (0, 0))
    store.settle()

    assert not mark.exists()


def test_a_home_that_has_pictures_sends_those_that_the_store_lacks(tmp_path: Path) -> None:
    remote = CountedFolder()
    before = FolderStore(tmp_path / "store")
    had, shared = before.put(b"bought before"), before.put(b"known there")
    open_store(tmp_path / "other", remote).put(b"known there")
    remote.asked.clear()

    open_store(tmp_path, remote).settle()

    assert remote.read(name_of(had)) == b"bought before"
    assert remote.read(name_of(shared)) == b"known there"
    assert remote.asked["write"] == 1


def test_a_home_moved_to_another_store_sends_everything_there(tmp_path: Path) -> None:
    digest = open_store(tmp_path, CountedFolder()).put(b"a rendition")
    other = CountedFolder()

    open_store(tmp_path, other).settle()

    assert other.read(name_of(digest)) == b"a rendition"


def test_a_cached_file_that_was_altered_is_fetched_again(tmp_path: Path) -> None:
    store = open_store(tmp_path, CountedFolder())
    digest = store.put(b"a rendition")
    store.path(digest).write_bytes(b"a rendiTion")

    assert store.get(digest) == b"a rendition"
    assert store.path(digest).read_bytes() == b"a rendition"


def test_a_cached_file_that_a_power_cut_shortened_is_had_whole_from_the_store(
    tmp_path: Path,
) -> None:
    remote = CountedFolder()
    north, south = open_store(tmp_path / "north", remote), open_store(tmp_path / "south", remote)
    digest = north.put(b"a rendition")
    for store in (north, south):
        store.path(digest).write_bytes(b"a rend")

    assert north.has(digest, size=11)
    assert north.path(digest).read_bytes() == b"a rendition"
    assert south.bring(digest, size=11)
    assert south.path(digest).read_bytes() == b"a rendition"


def test_other_bytes_in_the_store_are_an_error_and_are_not_kept(tmp_path: Path) -> None:
    remote = CountedFolder()
    digest = hashlib.sha256(b"right").hexdigest()
    remote.replace(name_of(digest), b"wrong")
    store = open_store(tmp_path, remote)

    with pytest.raises(StoreError, match=f"{digest} has other bytes than its name says"):
        store.get(digest)

    assert not (tmp_path / "store" / digest[:2] / digest).exists()


def test_bytes_put_again_after_a_while_are_sent_again_so_that_their_age_is_of_the_last_need(
    tmp_path: Path,
) -> None:
    remote = CountedFolder()
    store = open_store(tmp_path, remote)
    digest = store.put(b"a rendition")
    os.utime(store.path(digest), (0, 0))

    store.put(b"a rendition")

    assert remote.asked["write"] == 2


def use_long_ago(store: SharedStore, digest: str, seconds: float) -> None:
    path = store.path(digest)
    os.utime(path, (seconds, path.stat().st_mtime))


def test_a_full_cache_gives_up_what_was_used_longest_ago_and_has_it_again(tmp_path: Path) -> None:
    remote = CountedFolder()
    store = open_store(tmp_path, remote, most_bytes=1000)
    digests = [store.put(bytes([number]) * 200) for number in range(4)]
    for age, digest in enumerate(digests):
        use_long_ago(store, digest, 1000.0 + age)

    newest = store.put(b"x" * 400)

    held = [digest for digest in [*digests, newest] if store.peek(digest) is not None]
    assert held == [*digests[2:], newest]
    assert store.get(digests[0]) == b"\0" * 200


def test_what_is_in_use_or_still_to_be_sent_stays_in_a_full_cache(tmp_path: Path) -> None:
    remote = CountedFolder()
    store = open_store(tmp_path, remote, most_bytes=100)
    used = store.put(b"in use" * 50)
    remote.is_down = True
    with pytest.raises(StoreError):
        store.put(b"owed" * 50)
    owed = hashlib.sha256(b"owed" * 50).hexdigest()
    use_long_ago(store, owed, 1000.0)
    remote.is_down = False

    store.put(b"another" * 50)

    assert store.peek(used) is not None
    assert store.peek(owed) is not None


def test_a_password_in_the_url_is_in_no_error_and_no_file(tmp_path: Path) -> None:
    remote = UrlFolder("sftp://anna:geheim@127.0.0.1:1/store?token=streng")
    store = open_store(tmp_path, remote)

    with pytest.raises(StoreError) as caught:
        store.put(b"a rendition")

    assert "geheim" not in str(caught.value)
    assert "streng" not in str(caught.value)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"geheim" not in path.read_bytes()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("abfss://box@acct.example/nbp?sas=streng", "abfss://box@acct.example/nbp"),
        ("abfs://box:geheim@acct.example/nbp", "abfs://box@acct.example/nbp"),
        ("s3://box:geheim@acct/nbp", "s3://acct/nbp"),
    ],
)
def test_a_container_of_azure_is_part_of_a_stores_name(url: str, name: str) -> None:
    assert UrlFolder(url).name == name


def test_an_original_that_was_removed_elsewhere_is_sent_again_once_it_is_needed(
    tmp_path: Path,
) -> None:
    remote = CountedFolder()
    north, south = open_store(tmp_path / "north", remote), open_store(tmp_path / "south", remote)
    digest = keep(north, b"an original")
    assert south.get(digest) == b"an original"
    # Sent long ago, so that a clean-up may remove it; a file that was fetched has no such time.
    os.utime(north.path(digest), (0, 0))
    north.remove(digest, unused_since=time.time() + 60)
    remote.asked.clear()

    assert south.bring(digest, size=11)

    assert open_store(tmp_path / "east", remote).get(digest) == b"an original"
    assert remote.asked["write"] == 1


def test_an_original_that_is_there_is_not_sent_again(tmp_path: Path) -> None:
    remote = CountedFolder()
    store = open_store(tmp_path, remote)
    digest = keep(store, b"an original")
    os.utime(store.path(digest), (0, 0))
    remote.asked.clear()

    assert store.bring(digest, size=11)
    assert store.bring(digest, size=11)

    assert remote.asked == {"read": 1}


def test_a_cached_original_with_other_bytes_is_not_sent_in_the_place_of_a_removed_one(
    tmp_path: Path,
) -> None:
    remote = CountedFolder()
    store = open_store(tmp_path, remote)
    digest = keep(store, b"an original")
    store.path(digest).write_bytes(b"AN ORIGINAL")
    os.utime(store.path(digest), (0, 0))
    remote.remove(name_of(digest))

    assert not store.bring(digest, size=11)

    assert remote.read(name_of(digest)) is None


def test_what_is_used_while_a_full_cache_is_looked_through_stays(tmp_path: Path) -> None:
    folder = tmp_path / "ab"
    folder.mkdir()
    first, second = folder / "first", folder / "second"
    for age, path in enumerate((first, second)):
        path.write_bytes(b"x" * 100)
        os.utime(path, (1000 + age, 1000))

    def must_stay(name: str) -> bool:
        # Somebody reads the second while the first is judged.
        if name == "first":
            os.utime(second)
        return False

    CacheLimit(tmp_path, 10, must_stay=must_stay).make_room(1)

    assert not first.exists()
    assert second.exists()


def test_what_is_removed_is_gone_for_all_and_sent_again_when_it_is_put_again(
    tmp_path: Path, url: str
) -> None:
    north = open_store(tmp_path / "north", UrlFolder(url))
    south = open_store(tmp_path / "south", UrlFolder(url))
    digest, other = north.put(b"not needed"), north.put(b"needed")

    assert {file.digest: file.size for file in north.list_files()} == {digest: 10, other: 6}
    assert not north.remove(digest, unused_since=time.time() - 60)
    assert north.remove(digest, unused_since=time.time() + 60)

    assert not north.has(digest)
    assert not south.has(digest)
    assert north.put(b"not needed") == digest
    assert south.get(digest) == b"not needed"


@pytest.mark.parametrize("mask", [0, 0o022])
def test_only_the_owner_may_use_the_cache_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    remote = CountedFolder()
    before = os.umask(mask)
    try:
        store = open_store(tmp_path / "home", remote)
        store.put(b"a rendition")
        keep(store, b"an original")
        open_store(tmp_path / "other", remote).get(store.put(b"a rendition"))
    finally:
        os.umask(before)

    for path in [*(tmp_path / "home").rglob("*"), *(tmp_path / "other").rglob("*")]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


@pytest.mark.parametrize(
    "url",
    [
        "memory://x",
        "pictures-of-all",
        "relative/pics",
        "s3:/bucket/x",
        r"C:\pics",
        "file://pics",
        "sftp:anna:geheim@files/pics",
    ],
)
def test_what_machines_can_not_share_is_no_store_and_is_not_shown(tmp_path: Path, url: str) -> None:
    # As of a component's `store_url_env` and of a StudioResource, which know no setting.
    with pytest.raises(
        StoreError, match=r"^the URL of the store .*; accepted: |: accepted: "
    ) as no:
        open_places(tmp_path / "store", url, cache_gb=1.0)

    assert "geheim" not in str(no.value)
    assert not list(tmp_path.iterdir())
