"""Bytes on disk under the hash of their content; knows neither pictures nor jobs."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path


class BlobStore:
    """A folder of files named by the SHA-256 of what they hold.

    Keeping large inputs here and not in memory lets thousands of jobs share one reference.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes) -> str:
        """Store bytes and return their digest; the same bytes are stored once."""
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if path.exists():
            return digest
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(partial).replace(path)
        return digest

    def path(self, digest: str) -> Path:
        """Return the file of a digest; it exists only if the bytes were put."""
        return self._folder / digest

    def remove(self) -> None:
        """Remove the folder with every file; the next `put` makes it again."""
        shutil.rmtree(self._folder, ignore_errors=True)
