"""Atomic file writes, file locks and downloads in progress; a reader never sees half a file."""

import ctypes
import errno
import fcntl
import hashlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, TypeVar

from nbp_dagster.errors import NbpError
from nbp_dagster.lock_waits import is_wait_over

logger = logging.getLogger(__name__)

T = TypeVar("T")

Stamp = tuple[int, int, int]
"""Inode, size (bytes) and mtime (ns): files of this package are replaced, never written into."""

TOLD_AFTER_SECONDS = 3.0
"""Seconds after which a wait for a lock is told: others hold theirs for milliseconds, mostly."""

# Locks whose wait is told.
_waited_for: set[Path] = set()

# Age in seconds from which an unfinished file is abandoned where no lock tells: a download may take
# ten minutes.
_ABANDONED_SECONDS = 24 * 3600.0

# Permissions before the umask, which may take more away.
_SHARED_FILE, _PRIVATE_FILE, _PRIVATE_FOLDER = 0o666, 0o600, 0o700
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
# Of four billion names, more than a few taken in a row are no accident.
_TEMPORARY_NAMES = 100


class StoreError(NbpError):
    """A file could not be written, read or locked."""


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold a lock that excludes all other threads and processes of this machine.

    It waits as long as another holds the lock, or until the command is interrupted, and says so
    after TOLD_AFTER_SECONDS, once however many threads wait. A process that ends in any way frees
    its locks.

    Args:
        path: The lock file; its folder is made. The file stays: a process may wait on it.

    Raises:
        StoreError: The file can't be made or locked, or the wait was interrupted; in the main
            thread that is KeyboardInterrupt.
    """
    # Imported here: few commands need a lock, and the import takes 20 ms.
    from filelock import FileLock, Timeout

    # Without `flock` there would be a lock that outlives its process, so that is an error here.
    lock = FileLock(path, fallback_to_soft=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=TOLD_AFTER_SECONDS, cancel_check=is_wait_over)
        except Timeout:
            if is_wait_over():
                raise
            with _told(path):
                lock.acquire(cancel_check=is_wait_over)
    except Timeout as error:
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt from error
        raise StoreError(f"interrupted while another process held {path}") from error
    except OSError as error:
        raise StoreError(
            f"cannot lock {path}: {error.strerror or error}; "
            "set NBP_HOME to a folder on a local disk that can be written"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    is_first = path not in _waited_for
    if is_first:
        _waited_for.add(path)
        logger.warning("another process holds %s: waiting for it, or until it is ended", path)
    try:
        yield
    finally:
        if is_first:
            _waited_for.discard(path)


def write_atomically(
    path: Path, data: bytes, *, sync: bool = True, private_in: Path | None = None
) -> None:
    """Write `data` to `path` by temporary file, fsync and rename.

    Args:
        path: The file; its folder is made.
        data: All of it.
        private_in: A folder above it that only its owner may use, with everything made in it; None
            leaves permissions to the umask.
        sync: Whether it must survive a power cut from here on. For many files one `sync_disk`
            after the last is faster.

    Raises:
        StoreError: The disk is full, read-only, or the folder may not be written.
    """
    try:
        handle, temporary = _open_temporary(
            path.parent, prefix=f".{path.name}.", private_in=private_in
        )
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
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


def make_private_file(path: Path) -> None:
    """Make an empty file that only its owner may use, unless there is one.

    For a library that would make it with other permissions; one that can't be made is left to that
    library's own error.
    """
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE))


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner may use, unless there is one; as `make_private_file`."""
    with suppress(OSError):
        path.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)


def keep_secret(path: Path) -> str:
    """Return the random secret in a file that only its owner may read; made when missing.

    Args:
        path: The file. Of processes that make it at once, all get the same secret.

    Raises:
        StoreError: It can't be made or read.
    """
    with hold_lock(path.with_name(f".{path.name}.lock")):
        try:
            text = path.read_text(encoding="ascii").strip() if path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"cannot read {path}: {error}; remove it to have a new one") from error
        if not text:
            text = secrets.token_hex(32)
            write_atomically(path, f"{text}\n".encode(), private_in=path.parent)
        return text


def _make_folder(folder: Path, private_in: Path | None) -> None:
    """Make a folder and those above it; from `private_in` on, they are their owner's alone."""
    if private_in is None:
        folder.mkdir(parents=True, exist_ok=True)
        return
    private_in.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    between = [above for above in folder.parents if private_in in above.parents]
    for each in (*reversed(between), folder):
        each.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)


def _open_temporary(
    folder: Path, prefix: str = "tmp", *, private_in: Path | None
) -> tuple[int, str]:
    """Open a temporary file in a folder, which is made when missing."""
    mode = _SHARED_FILE if private_in is None else _PRIVATE_FILE
    for _ in range(_TEMPORARY_NAMES):
        # Not by `tempfile`, which knows private files only: the process's umask can't be asked for
        # without changing it under the other threads.
        path = folder / f"{prefix}{secrets.token_hex(4)}"
        try:
            return os.open(path, _NEW_FILE, mode), str(path)
        except FileNotFoundError:
            _make_folder(folder, private_in)
        except FileExistsError:
            continue
    raise FileExistsError(errno.EEXIST, "no free temporary name", str(folder))


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

    def __init__(self, path: Path, file: BinaryIO, *, private_in: Path | None = None) -> None:
        self._path = path
        self._file = file
        self._private_in = private_in
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
            os.fsync(self._file.fileno())
            try:
                self._path.replace(path)
            except FileNotFoundError:
                _make_folder(path.parent, self._private_in)
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
def receive_file(folder: Path, *, private_in: Path | None = None) -> Iterator[IncomingFile]:
    """Open a temporary file in a folder, which is made; it is removed at the end unless moved.

    Args:
        folder: The folder.
        private_in: As of `write_atomically`, for this file and where it is moved to.

    Raises:
        StoreError: The folder can't be written.
    """
    with translate_errors(folder):
        handle, name = _open_incoming(folder, private_in)
    incoming = IncomingFile(Path(name), os.fdopen(handle, "w+b"), private_in=private_in)
    try:
        yield incoming
    finally:
        incoming.drop()


def _open_incoming(folder: Path, private_in: Path | None) -> tuple[int, str]:
    """Open a temporary file whose lock tells that its process lives."""
    for _ in range(_TEMPORARY_NAMES):
        handle, name = _open_temporary(folder, _own_prefix() or "tmp", private_in=private_in)
        try:
            is_locked = try_lock(handle, fcntl.LOCK_EX)
        except OSError:
            # A disk that knows no locks.
            is_locked = True
        # Another process may have looked at it between the two, and have taken it for abandoned.
        if is_locked and is_at(Path(name), handle):
            return handle, name
        os.close(handle)
        Path(name).unlink(missing_ok=True)
    raise FileExistsError(errno.EEXIST, "no file stays where it was made", str(folder))


@cache
def _own_prefix() -> str | None:
    """Return how the names of this machine's unfinished files begin; None where it has no mark.

    A network disk may keep locks to each machine, or rather to each running kernel: who looks from
    another one can't tell by a lock.
    """
    boot = Path("/proc/sys/kernel/random/boot_id")
    with suppress(OSError):
        return f"tmp{boot.read_text(encoding='utf-8').strip()}-"
    return None


def remove_abandoned(folder: Path) -> None:
    """Remove files of `receive_file` whose process was killed; safe to run concurrently.

    Those of other machines, and of a disk that knows no locks, go when they are a day old.
    """
    if not folder.is_dir():
        return
    own = _own_prefix()
    for path in folder.iterdir():
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()
            elif own is not None and path.name.startswith(own):
                _remove_unlocked(path)


def _remove_unlocked(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Shared, so that two who look do not take each other for the one who writes; and held
        # until it is gone, lest its process locks it meanwhile.
        if try_lock(handle, fcntl.LOCK_SH):
            path.unlink()
    finally:
        os.close(handle)


def try_lock(handle: int, kind: int) -> bool:
    """Return whether a lock of an open file was free, and is held now.

    Args:
        handle: The file's descriptor.
        kind: `fcntl.LOCK_EX` or `fcntl.LOCK_SH`.

    Raises:
        OSError: The disk knows no locks.
    """
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_at(path: Path, handle: int) -> bool:
    """Return whether a path still names an open file: another process may have removed it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


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
