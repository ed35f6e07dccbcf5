"""Atomic file writes, file locks and downloads in progress; a reader never sees half a file."""

import ctypes
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, TypeVar

from nbp_dagster.errors import NbpError

T = TypeVar("T")

Stamp = tuple[int, int, int]
"""Inode, size (bytes) and mtime (ns): files of this package are replaced, never written into."""

# Age in seconds from which an unfinished file is abandoned: a download may take ten minutes.
_ABANDONED_SECONDS = 24 * 3600.0


class StoreError(NbpError):
    """A file could not be written, read or locked."""


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold a lock that excludes all other threads and processes of this machine.

    It waits as long as another holds the lock. A process that ends in any way frees its locks.

    Args:
        path: The lock file; its folder is made. The file stays: a process may wait on it.

    Raises:
        StoreError: The file can't be made or locked.
    """
    # Imported here: few commands need a lock, and the import takes 20 ms.
    from filelock import FileLock

    # Without `flock` there would be a lock that outlives its process, so that is an error here.
    lock = FileLock(path, fallback_to_soft=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise StoreError(
            f"cannot lock {path}: {error.strerror or error}; "
            "set NBP_HOME to a folder on a local disk that can be written"
        ) from error
    try:
        yield
    finally:
        lock.release()


def write_atomically(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write `data` to `path` by temporary file, fsync and rename.

    Args:
        path: The file; its folder is made.
        data: All of it.
        sync: Whether it must survive a power cut from here on. For many files one `sync_disk`
            after the last is faster.

    Raises:
        StoreError: The disk is full, read-only, or the folder may not be written.
    """
    try:
        handle, temporary = _open_temporary(path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                # mkstemp makes it private; these files have the usual permissions.
                os.fchmod(handle, 0o644)
                if sync:
                    os.fsync(handle)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(
            f"cannot write {path} ({len(data)} bytes): {error.strerror or error}; "
            "free the disk or set NBP_HOME to a folder that can be written"
        ) from error


def _open_temporary(folder: Path, prefix: str = "tmp") -> tuple[int, str]:
    """Open a temporary file in a folder, which is made when missing."""
    try:
        return tempfile.mkstemp(prefix=prefix, dir=folder)
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.mkstemp(prefix=prefix, dir=folder)


def sync_disk(folder: Path) -> None:
    """Flush the disk of a folder, so that everything written survives a power cut.

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
    """A temporary file that is written in chunks, then moved to its name or dropped.

    A sink for downloads; every error of the disk is a StoreError, so that it is never taken for an
    error of the network.

    Attributes:
        size: Bytes written so far.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._hash = hashlib.sha256()
        self._is_moved = False
        self.size = 0

    def begin(self) -> None:
        """Discard what was written, for another attempt."""
        if not self.size:
            return
        self._hash = hashlib.sha256()
        self.size = 0
        with translate_errors(self._path):
            self._file.seek(0)
            self._file.truncate()

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            StoreError: The disk is full, or fails.
        """
        self._hash.update(data)
        self.size += len(data)
        with translate_errors(self._path):
            self._file.write(data)

    def read(self) -> bytes:
        """Return everything written so far."""
        return self.peek(lambda file: file.read())

    def peek(self, look: Callable[[BinaryIO], T]) -> T:
        """Return the result of reading the open file from its beginning."""
        # In the open file: opening it again takes longer than reading it.
        with translate_errors(self._path):
            self._file.seek(0)
            try:
                return look(self._file)
            finally:
                self._file.seek(0, os.SEEK_END)

    def digest(self) -> str:
        """Return the sha256 of everything written so far, hex."""
        return self._hash.hexdigest()

    def move_to(self, path: Path) -> None:
        """Flush the file and move it, whole, to a path on the same disk.

        Raises:
            StoreError: The disk is full, or the folder may not be written.
        """
        with translate_errors(self._path):
            self._file.flush()
            os.fchmod(self._file.fileno(), 0o644)
            os.fsync(self._file.fileno())
            try:
                self._path.replace(path)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._path.replace(path)
            self._is_moved = True

    def drop(self) -> None:
        """Close the file, and remove it unless it was moved."""
        # `move_to` flushed a file that is kept; errors of any other do not matter.
        with suppress(OSError):
            self._file.close()
        if not self._is_moved:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)


@contextmanager
def receive_file(folder: Path) -> Iterator[IncomingFile]:
    """Open a temporary file in a folder, which is made; it is removed at the end unless moved.

    Raises:
        StoreError: The folder can't be written.
    """
    with translate_errors(folder):
        handle, name = _open_temporary(folder)
    incoming = IncomingFile(Path(name), os.fdopen(handle, "w+b"))
    try:
        yield incoming
    finally:
        incoming.drop()


def remove_abandoned(folder: Path) -> None:
    """Remove abandoned files of `receive_file`, left by killed runs; safe to run concurrently."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()


def stamp_of(path: Path) -> Stamp | None:
    """Return the stamp of a file without reading it; None without a regular file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if S_ISREG(found.st_mode) else None


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Translate every OSError of a file or folder into a StoreError that names it."""
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write {path}: {error.strerror or error}; "
        "free the disk or set NBP_HOME to a folder that can be written"
    )
