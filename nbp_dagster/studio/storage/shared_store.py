"""The image store that machines share: bytes behind a URL, with a cache in a folder of each."""

import hashlib
import math
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from nbp_dagster.studio.storage.cache_limit import CacheLimit
from nbp_dagster.studio.storage.files import (
    IncomingFile,
    StoreError,
    stamp_of,
    translate_errors,
)
from nbp_dagster.studio.storage.image_store import (
    FolderStore,
    ImageStore,
    PrunableStore,
    StoredFile,
)
from nbp_dagster.studio.storage.store_note import read_note, write_note
from nbp_dagster.studio.storage.url_folder import IMAGES, UrlFolder

# Seconds for which a listing is believed when it lacks a digest.
_LISTING_SECONDS: Final = 5.0
# Seconds after which bytes that are put again are sent again: so their age there says when they
# were last needed, which is what a later clean-up goes by.
_SENT_SECONDS: Final = 3600.0
# A clean-up leaves alone what was sent within a day; this is well within it.
_KEPT_SECONDS: Final = 12 * 3600.0
# A mark without its file is of a process that was killed, or of one that is about to write it.
_ABANDONED_SECONDS: Final = 24 * 3600.0
_DIGEST: Final = re.compile("[0-9a-f]{64}")


class SharedStore(ImageStore, PrunableStore):
    """Keeps bytes as `<url>/images/<first two hex digits>/<digest>`, whole or not at all.

    What is put is there for every machine before `put` or `keep` returns; only what need not
    survive (`sync=False`) stays in the cache. The cache is a folder as `FolderStore` has it. A file
    in it is at the URL as well, unless a mark in `pending` says that it still has to be sent: so
    nothing is asked for twice, and nothing that could not be sent is lost.

    Args:
        folder: The cache; what it has when it first serves this URL is sent there too.
        remote: The place that machines share.
        most_bytes: Size of the cache; see `CacheLimit`.
    """

    def __init__(self, folder: Path, remote: UrlFolder, *, most_bytes: int) -> None:
        self._cache = FolderStore(folder)
        self._remote = remote
        self._pending = folder / "pending"
        self._folder = folder
        self._limit = CacheLimit(folder, most_bytes, must_stay=self._is_pending)
        self._listings = _Listings(remote)
        # Digests that are at the URL, of those that this process was asked to bring.
        self._seen: set[str] = set()
        self._joining = threading.Lock()
        self._has_joined = False

    def put(self, data: bytes, *, sync: bool = True) -> str:
        digest = hashlib.sha256(data).hexdigest()
        if not sync:
            if not self._cache.has(digest, size=len(data)):
                self._cache_only(digest, data)
            return digest
        self._join()
        if not self._is_sent(digest, len(data)):
            self._mark(digest)
            # Not flushed to this disk: it is at the URL before anybody relies on it.
            self._cache.put(data, sync=False)
            self._send(digest, len(data))
        return digest

    @contextmanager
    def receive(self) -> Iterator[IncomingFile]:
        with self._cache.receive() as incoming:
            yield incoming

    def keep(self, incoming: IncomingFile) -> str:
        self._join()
        digest = incoming.digest()
        if not self._is_sent(digest, incoming.size):
            self._mark(digest)
            self._cache.keep(incoming)
            self._send(digest, incoming.size)
        return digest

    def get(self, digest: str) -> bytes:
        cached = self._read_cached(digest)
        if cached is not None:
            return cached
        data = self._fetch(digest)
        if data is None:
            raise StoreError(
                f"image {digest} is not in the store {self._remote.name}; restore it from its "
                "backup, or make the image again"
            )
        return data

    def has(self, digest: str, *, size: int | None = None) -> bool:
        if self._is_cached(digest, size):
            return True
        found = self._listings.size_of(digest)
        return found is not None and size in (None, found)

    def path(self, digest: str) -> Path:
        path = self._cache.path(digest)
        if path.is_file():
            self._limit.note_use(path)
        else:
            self._fetch(digest)
        return path

    def locate(self, digest: str) -> str:
        return f"{self._remote.name}/{_name(digest)}"

    def bring(self, digest: str, *, size: int) -> bool:
        if self._is_cached(digest, size) and self._is_there_too(digest, size):
            return True
        data = self._fetch(digest)
        return data is not None and len(data) == size

    def peek(self, digest: str) -> bytes | None:
        return self._read_cached(digest)

    def settle(self) -> None:
        """Send what an earlier run could not send, or had before this URL was set."""
        self._join()
        for mark in self._list_marks():
            digest = mark.name
            if self._read_cached(digest) is not None:
                self._send(digest, 0)
                continue
            with suppress(OSError):
                if time.time() - mark.stat().st_mtime > _ABANDONED_SECONDS:
                    mark.unlink()

    def list_files(self) -> Iterator[StoredFile]:
        now = time.time()
        for path, file in self._remote.list_files(IMAGES).items():
            digest = path.rpartition("/")[2]
            # A half file of some drivers has a digest before its ending.
            if _DIGEST.fullmatch(digest) and f"{IMAGES}/{path}" == _name(digest):
                # Where the service tells no time, everything counts as used now, and stays.
                used_at = now if file.written_at is None else file.written_at
                yield StoredFile(digest, file.size, used_at)

    def remove(self, digest: str, *, unused_since: float) -> bool:
        # Looked at again: what is put anew since the listing has a new time. Between this look and
        # the removal nothing can be held; whoever puts it then has not needed it for a day.
        found = self._remote.look_at(_name(digest))
        if found is None or found.written_at is None or found.written_at >= unused_since:
            return False
        path = self._cache.path(digest)
        with translate_errors(path):
            # First, so that this machine sends it again should it be needed.
            path.unlink(missing_ok=True)
        self._remote.remove(_name(digest))
        self._listings.forget(digest)
        return True

    def _is_cached(self, digest: str, size: int | None) -> bool:
        """Whether the cache has it; a file of another size is removed, as the URL has it whole."""
        path = self._cache.path(digest)
        found = stamp_of(path)
        if found is not None and size in (None, found[1]):
            return True
        # Nothing that is put meanwhile: it has its own size, and a mark before it is there.
        if found is not None and not self._is_pending(digest):
            with suppress(OSError):
                path.unlink()
        return False

    def _read_cached(self, digest: str) -> bytes | None:
        """Return verified bytes of the cache; a file with other bytes is removed."""
        path = self._cache.path(digest)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data).hexdigest() != digest:
            # Half written when the power failed, or changed by hand: the URL has the right bytes.
            path.unlink(missing_ok=True)
            return None
        self._limit.note_use(path)
        return data

    def _fetch(self, digest: str) -> bytes | None:
        """Bring bytes into the cache; None where nothing is kept under that digest."""
        data = self._remote.read(_name(digest))
        if data is None:
            return None
        if hashlib.sha256(data).hexdigest() != digest:
            raise StoreError(
                f"{self._remote.name}/{_name(digest)} has other bytes than its name says; remove "
                "it, and restore it from its backup or make the image again"
            )
        if not self._cache.has(digest, size=len(data)):
            self._cache_only(digest, data)
        return data

    def _cache_only(self, digest: str, data: bytes) -> None:
        """Write bytes into the cache that this machine has not sent: see `_is_sent`."""
        self._cache.put(data, sync=False)
        with suppress(OSError):
            os.utime(self._cache.path(digest), (time.time(), 0))
        self._limit.make_room(len(data))

    def _is_sent(self, digest: str, size: int) -> bool:
        """Whether this machine has sent the bytes so recently that they need not be sent again."""
        path = self._cache.path(digest)
        found = stamp_of(path)
        if found is None or found[1] != size or self._is_pending(digest):
            return False
        return time.time() - found[2] / 1e9 < _SENT_SECONDS

    def _is_there_too(self, digest: str, size: int) -> bool:
        """Whether a cached file is at the URL; sent again where a clean-up elsewhere removed it.

        It removes what no machine has sent for a day, and a brief that is taken back needs it anew.
        """
        found = stamp_of(self._cache.path(digest))
        if found is None or self._is_pending(digest) or digest in self._seen:
            return found is not None
        is_young = time.time() - found[2] / 1e9 < _KEPT_SECONDS
        if not is_young and self._remote.look_at(_name(digest)) is None:
            if self._read_cached(digest) is None:
                # Other bytes than its name says: not what anybody should get.
                return False
            self._mark(digest)
            self._send(digest, size)
        self._seen.add(digest)
        return True

    def _send(self, digest: str, size: int) -> None:
        """Send a file of the cache, and take its mark away."""
        path = self._cache.path(digest)
        self._remote.write(_name(digest), path)
        with translate_errors(self._pending):
            (self._pending / digest).unlink(missing_ok=True)
        with suppress(OSError):
            os.utime(path)
        self._limit.make_room(size)

    def _mark(self, digest: str) -> None:
        """Write down that a file will have to be sent, before the file is there."""
        with translate_errors(self._pending):
            for folder in (self._folder, self._pending):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._pending / digest).touch(mode=0o600)

    def _is_pending(self, digest: str) -> bool:
        return (self._pending / digest).exists()

    def _list_marks(self) -> list[Path]:
        with translate_errors(self._pending):
            return sorted(self._pending.iterdir()) if self._pending.is_dir() else []

    def _join(self) -> None:
        """Mark what the folder has and the URL lacks, where it first serves this URL."""
        with self._joining:
            if self._has_joined:
                return
            if read_note(self._folder).store != self._remote.name:
                here = [path.name for path in self._folder.glob("[0-9a-f][0-9a-f]/*")]
                there = self._remote.sizes(IMAGES) if here else {}
                for digest in here:
                    if _name(digest).removeprefix(f"{IMAGES}/") not in there:
                        self._mark(digest)
                write_note(self._folder, store=self._remote.name)
            self._has_joined = True


class _Listings:
    """What is kept behind the URL, by listings of one pair of hex digits each.

    A digest costs a listing instead of a request of its own: a set of thousands that another
    machine made is known after 256 at most.
    """

    def __init__(self, remote: UrlFolder) -> None:
        self._remote = remote
        self._lock = threading.Lock()
        self._listed: dict[str, tuple[float, Mapping[str, int]]] = {}

    def size_of(self, digest: str) -> int | None:
        """Return the bytes of what is kept under a digest; None where nothing is."""
        pair = digest[:2]
        with self._lock:
            listed_at, sizes = self._listed.get(pair, (-math.inf, {}))
            # What was kept once is kept; what was not may have been put meanwhile.
            if digest not in sizes and time.monotonic() - listed_at > _LISTING_SECONDS:
                sizes = self._remote.sizes(f"{IMAGES}/{pair}")
                self._listed[pair] = (time.monotonic(), sizes)
            return sizes.get(digest)

    def forget(self, digest: str) -> None:
        """List a pair of digits anew when it is asked for: a file of it was removed."""
        with self._lock:
            self._listed.pop(digest[:2], None)


def _name(digest: str) -> str:
    return f"{IMAGES}/{digest[:2]}/{digest}"
