"""The image store: content-addressed image bytes behind `ImageStore`, kept by `FolderStore`.

Another backend, such as an S3 store, implements `ImageStore`. Must not know: prompts, money.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from nbp_dagster.studio.storage.files import (
    IncomingFile,
    StoreError,
    receive_file,
    remove_abandoned,
    stamp_of,
    write_atomically,
)


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


class FolderStore(ImageStore):
    """A store in a folder of this machine: `<root>/<first two hex digits>/<digest>`.

    Only its owner may use the folders and files that it makes, and less where the umask says so.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        # On the same disk as the store, so that keeping a file is a rename.
        self._incoming = root / "incoming"
        remove_abandoned(self._incoming)

    def put(self, data: bytes, *, sync: bool = True) -> str:
        digest = hashlib.sha256(data).hexdigest()
        if not self.has(digest, size=len(data)):
            write_atomically(self.path(digest), data, sync=sync, private_in=self._root)
        return digest

    @contextmanager
    def receive(self) -> Iterator[IncomingFile]:
        with receive_file(self._incoming, private_in=self._root) as incoming:
            yield incoming

    def keep(self, incoming: IncomingFile) -> str:
        digest = incoming.digest()
        path = self.path(digest)
        if not _holds(path, incoming.size):
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

    def path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest

    def settle(self) -> None:
        """Nothing to do: no other machine reads this folder."""


def _holds(path: Path, size: int | None) -> bool:
    """Whether a file is there, of that many bytes where they are known."""
    stamp = stamp_of(path)
    return stamp is not None and size in (None, stamp[1])
