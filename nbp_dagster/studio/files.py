"""Writing files so that a reader sees the old one or the new one, never half of either."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbp_dagster.errors import NbpError


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


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` by temporary file, fsync and rename.

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
