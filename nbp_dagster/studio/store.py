"""Where image bytes live, named by their digest; knows nothing of prompts or money."""

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path

from nbp_dagster.studio.files import StoreError, write_atomically


class ImageStore(ABC):
    """Content-addressed bytes: the same bytes are kept once, and never change."""

    @abstractmethod
    def put(self, data: bytes) -> str:
        """Keep the bytes and return their sha256 (hex); a second put of the same bytes is free."""

    @abstractmethod
    def get(self, digest: str) -> bytes:
        """Return the bytes named by a digest.

        Raises:
            StoreError: Nothing is kept under that digest, or what is kept was altered.
        """

    @abstractmethod
    def has(self, digest: str) -> bool:
        """Say whether bytes of that digest are kept."""

    @abstractmethod
    def path(self, digest: str) -> Path:
        """Return the local path under which the bytes can be read."""


class FolderStore(ImageStore):
    """A store in a folder of this machine: `<root>/<first two hex digits>/<digest>`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        if not self.has(digest):
            write_atomically(self.path(digest), data)
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

    def has(self, digest: str) -> bool:
        return self.path(digest).is_file()

    def path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest
