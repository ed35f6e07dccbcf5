"""The image store: content-addressed image bytes behind `ImageStore`, kept by `FolderStore`.

Another backend, such as an S3 store, implements `ImageStore`. Must not know: prompts, money.
"""

import fcntl
import hashlib
import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from nbp_dagster.studio.storage.files import (
    IncomingFile,
    StoreError,
    receive_file,
    remove_abandoned,
    stamp_of,
    translate_errors,
    write_atomically,
)

_DIGEST = re.compile("[0-9a-f]{64}")
# A file that is put again counts as used from then on; less old than this, it is not touched.
_TOUCH_SECONDS = 3600.0


@dataclass(frozen=True)
class StoredFile:
    """One file of a store.

    Attributes:
        digest: sha256 of its bytes, hex.
        size: Bytes.
        used_at: When it was last put, within an hour; seconds since the epoch.
    """

    digest: str
    size: int
    used_at: float


class PrunableStore(ABC):
    """A store whose files can be listed and removed, beside runs that put files into it."""

    @abstractmethod
    def list_files(self) -> Iterator[StoredFile]:
        """Yield every file that is kept.

        Raises:
            StoreError: The store can't be read.
        """

    @abstractmethod
    def remove(self, digest: str, *, unused_since: float) -> bool:
        """Remove a file that nobody has put since, and return whether it was removed.

        Args:
            digest: Its sha256, hex.
            unused_since: Seconds since the epoch, at least a day ago.

        Raises:
            StoreError: The store can't be written.
        """


class ImageStore(ABC):
    """Content-addressed bytes: the same bytes are kept once, and never change."""

    @abstractmethod
    def put(self, data: bytes, *, sync: bool = True) -> str:
        """Keep the bytes and return their sha256 (hex); a second put of the same bytes is free.

        Args:
            data: The bytes.
            sync: Whether they must survive a power cut; not needed for bytes that a later run can
                make again.
        """

    @abstractmethod
    def receive(self) -> AbstractContextManager[IncomingFile]:
        """Open a file for bytes that arrive in chunks; it is removed at the end unless kept.

        Raises:
            StoreError: It can't be made.
        """

    @abstractmethod
    def keep(self, incoming: IncomingFile) -> str:
        """Keep a received file and return its sha256 (hex), without reading it into memory.

        Raises:
            StoreError: It can't be kept.
        """

    @abstractmethod
    def get(self, digest: str) -> bytes:
        """Return the bytes named by a digest.

        Raises:
            StoreError: Nothing is kept under that digest, or what is kept was altered.
        """

    @abstractmethod
    def has(self, digest: str, *, size: int | None = None) -> bool:
        """Return whether bytes of that digest are kept.

        Args:
            digest: Their sha256, hex.
            size: The expected number of bytes; a truncated file then does not count.
        """

    @abstractmethod
    def path(self, digest: str) -> Path:
        """Return the local path of the bytes, which are brought there where they are elsewhere.

        A path without a file is one of bytes that are not kept.

        Raises:
            StoreError: They are elsewhere and can't be had.
        """

    def locate(self, digest: str) -> str:
        """Return where bytes are kept, for people to read; brings nothing."""
        return str(self.path(digest).absolute())

    def bring(self, digest: str, *, size: int) -> bool:
        """Return whether bytes of that digest and size are kept, having asked for just these.

        Raises:
            StoreError: They are elsewhere and can't be had.
        """
        return self.has(digest, size=size)

    def peek(self, digest: str) -> bytes | None:
        """Return bytes that are at hand on this machine; None where they would have to be fetched.

        For what is made again more quickly than it is asked for, such as a thumbnail.
        """
        try:
            return self.get(digest)
        except StoreError:
            return None

    @abstractmethod
    def settle(self) -> None:
        """Make sure that other machines have all that they should have of what is kept here.

        Raises:
            StoreError: They can't have it now.
        """


class FolderStore(ImageStore, PrunableStore):
    """A store in a folder of this machine: `<root>/<first two hex digits>/<digest>`.

    Only its owner may use the folders and files that it makes, and less where the umask says so.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        # On the same disk as the store, so that keeping a file is a rename.
        self._incoming = root / "incoming"
        # Shared by what uses kept files, exclusive for what removes one; filelock can share none.
        self._lock = root / ".uses.lock"
        remove_abandoned(self._incoming)

    def put(self, data: bytes, *, sync: bool = True) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if not self._use(path, len(data)):
            write_atomically(path, data, sync=sync, private_in=self._root)
        return digest

    @contextmanager
    def receive(self) -> Iterator[IncomingFile]:
        with receive_file(self._incoming, private_in=self._root) as incoming:
            yield incoming

    def keep(self, incoming: IncomingFile) -> str:
        digest = incoming.digest()
        path = self.path(digest)
        if not self._use(path, incoming.size):
            incoming.move_to(path)
        return digest

    def get(self, digest: str) -> bytes:
        path = self.path(digest)
        if not path.is_file():
            raise StoreError(
                f"image {digest} is not in the store {self._root}; "
                "restore the folder from its backup, or make the image again"
            )
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise StoreError(
                f"{path} no longer has the bytes it is named after; delete it and run again "
                "(an image the service still has is fetched, not bought)"
            )
        return data

    def has(self, digest: str, *, size: int | None = None) -> bool:
        return _holds(self.path(digest), size)

    def bring(self, digest: str, *, size: int) -> bool:
        # Whoever brings bytes needs them: a clean-up that is under way is to see them as used.
        return self._use(self.path(digest), size)

    def path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest

    def settle(self) -> None:
        """Nothing to do: no other machine reads this folder."""

    def list_files(self) -> Iterator[StoredFile]:
        with translate_errors(self._root):
            for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
                found = stamp_of(path) if _DIGEST.fullmatch(path.name) else None
                if found is not None:
                    yield StoredFile(path.name, found[1], found[2] / 1e9)

    def remove(self, digest: str, *, unused_since: float) -> bool:
        path = self.path(digest)
        with translate_errors(path), self._hold(fcntl.LOCK_EX):
            found = stamp_of(path)
            if found is None or found[2] / 1e9 >= unused_since:
                return False
            path.unlink()
            return True

    def _use(self, path: Path, size: int) -> bool:
        """Mark a kept file as used from now on; return whether it is there, of that size."""
        if not _holds(path, size):
            return False
        with translate_errors(path), self._hold(fcntl.LOCK_SH):
            found = stamp_of(path)
            if found is None:
                return False
            if time.time() - found[2] / 1e9 > _TOUCH_SECONDS:
                # Another account's file keeps its age.
                with suppress(PermissionError):
                    os.utime(path)
            return True

    @contextmanager
    def _hold(self, kind: int) -> Iterator[None]:
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind)
            yield
        finally:
            os.close(descriptor)


def _holds(path: Path, size: int | None) -> bool:
    """Whether a file is there, of that many bytes where they are known."""
    stamp = stamp_of(path)
    return stamp is not None and size in (None, stamp[1])
