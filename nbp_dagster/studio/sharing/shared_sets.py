"""Sends finished sets to the store that machines share, and brings those of other machines.

A set is written in a folder of this machine as ever. Then its pages go to the store as one archive,
and one small file is replaced last that names the archive: what a reader finds is one whole set.
"""

import json
import logging
import math
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.ledger_mark import find_lost_mark
from nbp_dagster.studio.manifest.manifest import ManifestError, Picture, SetManifest, set_digest
from nbp_dagster.studio.manifest.manifest_file import MANIFEST, read_manifest
from nbp_dagster.studio.sets.set_files import SetFiles
from nbp_dagster.studio.sets.set_writer import list_files, remove_files
from nbp_dagster.studio.sets.staged_index import FileIndex
from nbp_dagster.studio.sharing.set_pages import SetPages, pack_pages
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.files import StoreError, hold_lock, sync_disk, write_atomically
from nbp_dagster.studio.storage.image_store import ImageStore
from nbp_dagster.studio.storage.open_store import StorePlaces
from nbp_dagster.studio.storage.store_note import read_note
from nbp_dagster.studio.storage.url_folder import UrlFolder

SETS: Final = "sets"
"""Folder below the store's URL: one small file a campaign, which names its pages."""

# Pictures that are fetched at one time: they wait for the network most of theirs.
_FETCHES: Final = 8
# Seconds between two looks for sets of other machines, where somebody turns pages.
_LOOK_SECONDS: Final = 5.0
# The same where the store did not answer: each look may take half a minute then.
_AWAY_SECONDS: Final = 60.0
_CAMPAIGN: Final = re.compile(r"([a-z0-9_]+)\.json")


@dataclass(frozen=True, kw_only=True)
class SharedSet:
    """What the store says of a campaign's set.

    Attributes:
        campaign: The campaign's id.
        version: Data version of the set; see `manifest.set_digest`.
        pages: Digest of the archive of its pages, in the store.
        pictures: How many pictures it has, which are in the store too.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid")

    schema_version: Literal[1] = 1
    campaign: str
    version: str
    pages: str
    pictures: int


_LOG: Final = logging.getLogger(__name__)
_ADAPTER: Final = TypeAdapter(SharedSet)


class SharedSets:
    """The finished sets of a home, kept equal to those of the store; safe from several threads.

    Without a store that machines share every method does nothing.

    Args:
        paths: Folders of the home.
        places: Its store.
        clock: Paces the looks for sets of other machines.
    """

    def __init__(self, paths: StudioPaths, places: StorePlaces, *, clock: Clock) -> None:
        self._sets = paths.sets
        self._notes = paths.sharing
        self._store = paths.store
        self._images: ImageStore = places.images
        self._shared = places.shared
        self._shared_name = "" if places.shared is None else places.shared.name
        self._clock = clock
        self._looking = threading.Lock()
        self._next_look = -math.inf
        # What the service said of each campaign's file when it was last read.
        self._seen: dict[str, tuple[str, bool]] = {}

    @contextmanager
    def writing(self, campaign: str) -> Iterator[Callable[[SetManifest], None]]:
        """Have a set written by nobody else of this home meanwhile; yield what sends it after.

        The folder first gets the set of the store, of which a page tells what has changed.

        Raises:
            StoreError: The store can't be asked.
        """
        if self._shared is None:
            yield lambda manifest: None
            return
        self.bring(campaign, whole=False)
        with self._locked(campaign):
            yield lambda manifest: self._send(campaign, manifest)

    def bring(self, campaign: str, *, whole: bool = True) -> None:
        """Make the home's folder of a set hold what the store has, where that differs.

        A set that was written before the store was shared is sent there.

        Args:
            campaign: The campaign's id; a text that is none brings nothing.
            whole: With its pictures; without them it can be read and reviewed, but not sent on.

        Raises:
            StoreError: The store can't be asked, or the folder can't be written.
        """
        if self._shared is None or not _CAMPAIGN.fullmatch(f"{campaign}.json"):
            return
        shared = self._read_shared(self._shared, campaign)
        if shared is None:
            if whole and (self._sets / campaign / MANIFEST).is_file():
                if lost := find_lost_mark(self._store, self._shared):
                    raise StoreError(lost)
                with self._locked(campaign):
                    manifest = read_manifest(self._sets / campaign / MANIFEST)
                    for picture in manifest.pictures:
                        # Not what the cache says: a clean-up may have removed what no set needed.
                        self._images.put(_read_own(self._sets / campaign / picture.file))
                    self._send(campaign, manifest)
            return
        if self._is_here(shared, whole=whole):
            return
        with self._locked(campaign):
            if not self._is_here(shared, whole=whole):
                self._unpack(shared, whole=whole)

    def bring_all(self, *, whole: bool = True) -> None:
        """Bring every set of the store; see `bring`. One request where nothing has changed.

        Raises:
            StoreError: The store can't be asked, or a folder can't be written.
        """
        if self._shared is None:
            return
        files = self._shared.list_files(SETS)
        stamps = {
            found[1]: files[found[0]].stamp for found in map(_CAMPAIGN.fullmatch, files) if found
        }
        # One that was there, and is not any more, was removed for all.
        own = (campaign for campaign in self._list_own() if not self._was_there(campaign))
        for campaign in sorted({*stamps, *(own if whole else ())}):
            seen = (stamps[campaign], whole) if campaign in stamps else None
            if seen is None or self._seen.get(campaign) not in (seen, (seen[0], True)):
                self.bring(campaign, whole=whole)
                if seen is not None:
                    self._seen[campaign] = seen

    def look(self, *, whole: bool = False) -> None:
        """Bring every set, or its pages alone, unless that was done a moment ago.

        For servers of pages: where the store can't be asked, what is here is shown, and where
        somebody looks already, nobody waits for them.
        """
        if self._shared is None or not self._looking.acquire(blocking=False):
            return
        try:
            if self._clock.monotonic() >= self._next_look:
                self._next_look = self._clock.monotonic() + self._look_at_all(whole=whole)
        finally:
            self._looking.release()

    def _look_at_all(self, *, whole: bool) -> float:
        """Bring every set; return for how many seconds that is enough."""
        try:
            self.bring_all(whole=whole)
        except NbpError as error:
            _LOG.warning("sets of other machines are not brought: %s", error)
            return _AWAY_SECONDS
        return _LOOK_SECONDS

    def list_pages(self) -> frozenset[str]:
        """Return the digests of the archives that the store's sets are made of.

        Raises:
            StoreError: The store can't be asked.
        """
        if self._shared is None:
            return frozenset()
        names = filter(None, map(_CAMPAIGN.fullmatch, self._shared.sizes(SETS)))
        found = (self._read_shared(self._shared, name[1]) for name in names)
        return frozenset(each.pages for each in found if each is not None)

    def _send(self, campaign: str, manifest: SetManifest) -> None:
        if self._shared is None:
            return
        folder = self._sets / campaign
        for picture in manifest.pictures:
            if not self._images.has(picture.sha256, size=picture.bytes):
                self._images.put(_read_own(folder / picture.file))
        with self._images.receive() as incoming:
            pack_pages(folder, manifest, incoming)
            pages = self._images.keep(incoming)
        shared = SharedSet(
            campaign=campaign,
            version=set_digest(manifest),
            pages=pages,
            pictures=len(manifest.pictures),
        )
        self._shared.replace(_file_of(campaign), _ADAPTER.dump_json(shared, indent=2) + b"\n")
        self._note(shared, whole=True)

    def _unpack(self, shared: SharedSet, *, whole: bool) -> None:
        folder = self._sets / shared.campaign
        archive = self._images.path(shared.pages)
        if not archive.is_file():
            raise StoreError(
                f"the store lacks the pages of the set {shared.campaign} (image {shared.pages}); "
                f"make the set again: materialize campaign_sets for {shared.campaign}"
            )
        pages = SetPages(archive)
        try:
            manifest = pages.manifest
            earlier = _list_earlier(folder)
            index = FileIndex(folder)
            index.begin_adding([*list_files(manifest)])
            if whole:
                self._write_pictures(folder, manifest, index)
            pages.unpack(folder)
            index.finish_adding()
        finally:
            pages.close()
        sync_disk(folder)
        kept = set(list_files(manifest))
        remove_files(folder, [name for name in earlier if name not in kept])
        self._note(shared, whole=whole)

    def _write_pictures(self, folder: Path, manifest: SetManifest, index: FileIndex) -> None:
        def rendition(picture: Picture) -> Path:
            return self._images.path(picture.sha256)

        files = SetFiles(folder, index, rendition, lambda picture: None)
        with ThreadPoolExecutor(_FETCHES, thread_name_prefix="nbp-bring") as pool:
            list(pool.map(files.write, manifest.pictures))

    def _is_here(self, shared: SharedSet, *, whole: bool) -> bool:
        note = self._read_note(shared.campaign)
        return (
            note.get("set") == asdict(shared)
            and (note.get("whole") is True or not whole)
            and (self._sets / shared.campaign / MANIFEST).is_file()
        )

    def _was_there(self, campaign: str) -> bool:
        """Whether this store has had a set, by what this home noted when it sent or brought it."""
        note = self._read_note(campaign)
        # A note of before names no store: it is of the one that was used then.
        return bool(note) and self._shared_name == note.get("store", read_note(self._store).store)

    def _note(self, shared: SharedSet, *, whole: bool) -> None:
        note = {"set": asdict(shared), "whole": whole, "store": self._shared_name}
        write_atomically(self._notes / f"{shared.campaign}.json", json.dumps(note).encode())

    def _read_note(self, campaign: str) -> dict[str, Any]:
        """Return what was noted of a set; empty without a note, or one that can't be read."""
        try:
            note = json.loads((self._notes / f"{campaign}.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def _read_shared(self, folder: UrlFolder, campaign: str) -> SharedSet | None:
        data = folder.read(_file_of(campaign))
        if data is None:
            return None
        try:
            shared = _ADAPTER.validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the document"
            raise StoreError(
                f"{folder.name}/{_file_of(campaign)}: {where}: {first['msg']}, saw "
                f"{str(first['input'])[:80]!r}; remove it, and run `nbp run {campaign}`"
            ) from error
        if shared.campaign != campaign:
            raise StoreError(
                f"{folder.name}/{_file_of(campaign)} is of {shared.campaign[:80]!r}; remove it, "
                f"and run `nbp run {campaign}`"
            )
        return shared

    def _list_own(self) -> Iterator[str]:
        return (path.parent.name for path in self._sets.glob(f"*/{MANIFEST}"))

    @contextmanager
    def _locked(self, campaign: str) -> Iterator[None]:
        """Have nobody else of this home write the set's folder."""
        with hold_lock(self._notes / f".{campaign}.lock"):
            yield


def _file_of(campaign: str) -> str:
    return f"{SETS}/{campaign}.json"


def _list_earlier(folder: Path) -> tuple[str, ...]:
    """Return the files of the set that a folder holds; none where it can't be read."""
    try:
        return list_files(read_manifest(folder / MANIFEST))
    except ManifestError:
        return ()


def _read_own(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"{path} can't be read ({error.strerror}), and the store has no such picture: make the "
            "set again"
        ) from error
