"""Writing files so that a reader sees the old one or the new one, never half of either."""

import ctypes
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from nbp_dagster.errors import NbpError

T = TypeVar("T")

# Seconds after which a file that was still arriving belongs to nobody any more: a download may
# take ten minutes.
_ABANDONED_SECONDS = 24 * 3600.0


class StoreError(NbpError):
    """A file of ours could not be written or read."""


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Keep other processes of this machine out until the context or the process ends.

    Args:
        path: The lock file; its folder is made.

    Raises:
        StoreError: The file can't be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise StoreError(
            f"cannot open {path}: {error.strerror}; set NBP_HOME to a folder that can be written"
        ) from error
    with file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield


def write_atomically(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write `data` to `path` by temporary file, fsync and rename.

    Args:
        path: The file; its folder is made.
        data: All of it.
        sync: Whether it must outlive a power cut from here on. Many files together are on disk
            sooner by one `sync_disk` after the last.

    Raises:
        StoreError: The disk is full, read-only, or the folder may not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            # mkstemp makes the file private; what we write is meant to be read like any other file.
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(
            f"cannot write {path} ({len(data)} bytes): {error.strerror or error}; "
            "free the disk or set NBP_HOME to a folder that can be written"
        ) from error


def sync_disk(folder: Path) -> None:
    """Have all that was written to the disk of a folder outlive a power cut.

    Raises:
        StoreError: The disk fails.
    """
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            if syncfs(descriptor) != 0:
                error = ctypes.get_errno()
                raise OSError(error, os.strerror(error))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unwritable(folder, error) from error


class IncomingFile:
    """A temporary file that is written piece by piece, then kept under its name or dropped.

    A sink for downloads; every trouble with the disk is a StoreError, never taken for one with
    the network.

    Attributes:
        size: Bytes written so far.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    def begin(self) -> None:
        """Drop what was written."""
        self._hash = hashlib.sha256()
        self.size = 0
        with self._explained():
            self._file.seek(0)
            self._file.truncate()

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            StoreError: The disk is full, or fails.
        """
        self._hash.update(data)
        self.size += len(data)
        with self._explained():
            self._file.write(data)

    def read(self) -> bytes:
        """Return everything written so far."""
        with self._explained():
            self._file.flush()
            return self._path.read_bytes()

    def peek(self, look: Callable[[BinaryIO], T]) -> T:
        """Return what is made of the beginning of the file."""
        with self._explained():
            self._file.flush()
            with self._path.open("rb") as file:
                return look(file)

    def digest(self) -> str:
        """Return the sha256 of everything written so far, hex."""
        return self._hash.hexdigest()

    def move_to(self, path: Path) -> None:
        """Have the file on disk for good, whole, under another name of the same disk.

        Raises:
            StoreError: The disk is full, or the folder may not be written.
        """
        with self._explained():
            self._file.flush()
            os.fsync(self._file.fileno())
            path.parent.mkdir(parents=True, exist_ok=True)
            self._path.chmod(0o644)
            self._path.replace(path)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _unwritable(self._path, error) from error


@contextmanager
def receive_file(folder: Path) -> Iterator[IncomingFile]:
    """Open a temporary file in a folder, which is made; it is removed at the end unless moved.

    Raises:
        StoreError: The folder can't be written.
    """
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    path, file = Path(name), os.fdopen(handle, "wb")
    try:
        yield IncomingFile(path, file)
    finally:
        # What matters was flushed by `move_to`; the rest may be lost with the file.
        with suppress(OSError):
            file.close()
        with suppress(OSError):
            path.unlink(missing_ok=True)


def remove_abandoned(folder: Path) -> None:
    """Remove what killed runs left behind of `receive_file`; others may do so at the same time."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write {path}: {error.strerror or error}; "
        "free the disk or set NBP_HOME to a folder that can be written"
    )
