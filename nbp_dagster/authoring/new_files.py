"""Writes files that must not be there yet: each whole or not at all, none over another."""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.storage.files import translate_errors


class FileExists(NbpError):
    """A file would be written over one that is there."""


def require_absent(path: Path) -> None:
    """Refuse a path at which something is.

    Raises:
        FileExists: There is; the message says what to do.
    """
    if path.exists() or path.is_symlink():
        raise FileExists(
            f"{path} is there already, and nothing is written over it; choose another name, or "
            "move it away"
        )


def write_new_files(files: Mapping[Path, bytes]) -> None:
    """Write files in their order; where one can't be written, those before it are removed again.

    Args:
        files: Content by path. What names another file comes after it.

    Raises:
        FileExists: One is there already; nothing is written then.
        StoreError: The disk is full, or the folder may not be written.
    """
    for path in files:
        require_absent(path)
    written: list[Path] = []
    try:
        for path, data in files.items():
            _write_new(path, data)
            written.append(path)
    except BaseException:
        for path in written:
            with suppress(OSError):
                path.unlink()
        raise


def _write_new(path: Path, data: bytes) -> None:
    with translate_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            # Unlike a rename, a link fails where somebody else has just made the file.
            path.hardlink_to(temporary)
        except FileExistsError:
            require_absent(path)
            raise
        finally:
            temporary.unlink(missing_ok=True)
