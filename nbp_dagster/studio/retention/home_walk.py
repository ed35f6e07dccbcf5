"""Walks a home's files while runs write and remove them; knows none of them."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from nbp_dagster.studio.storage.files import StoreError


def walk_home(home: Path, *, but: Collection[str]) -> Iterator[Path]:
    """Yield the files of a home; one that goes meanwhile may be among them, or not.

    Args:
        home: The home.
        but: Names of folders right below it that are left out.

    Raises:
        StoreError: A folder can't be read: what is in it is not known.
    """

    def require_gone(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise StoreError(
                f"cannot read {error.filename}: {error.strerror}; run it as the home's own user"
            ) from error

    for folder, folders, names in os.walk(home, onerror=require_gone):
        if Path(folder) == home:
            folders[:] = [name for name in folders if name not in but]
        yield from (Path(folder, name) for name in names)
