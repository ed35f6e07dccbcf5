"""What a set's folder holds of ours, kept in the folder; writes none of it."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from stat import S_ISREG

from nbp_dagster.studio.files import write_atomically
from nbp_dagster.studio.manifest import ManifestError, require_plain_path

INVENTORY = ".set.json"
"""Names the files that are ours to remove; see `Inventory`."""

_OWN_NAME = re.compile(
    r"index\.html|manifest\.json|\.card\.json|contact_sheet(_\d+)?\.jpg|thumbs/[0-9a-f]{64}\.jpg"
)

_LOG = logging.getLogger(__name__)

# Inode, size and time of change (ns): files are replaced by new ones, never written into.
_Stamp = tuple[int, int, int]


class Inventory:
    """The files a set has put into its folder, each with what it was made of.

    A manifest alone would not do: a write that was interrupted leaves files that no manifest
    names. So the names are written before the first file, and again without the stale ones after
    the last is gone.

    A file that has the inode, size and time it was seen with when it was written still is what it
    was, and need not be read to know it. Any other is looked at, or written again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._earlier = self._read()
        self._files: dict[str, object] = {}

    def begin(self, files: Sequence[str]) -> tuple[str, ...]:
        """Claim the files about to be written and return those of earlier versions.

        Raises:
            StoreError: The folder can't be written.
        """
        self._files = dict.fromkeys(files)
        self._write({**self._files, **self._earlier})
        return tuple(name for name in self._earlier if name not in self._files)

    def holds(self, name: str, source: str) -> bool:
        """Whether a file is there, untouched since it was made of this source.

        Args:
            name: Path within the folder.
            source: What it is made of: a digest, or any word that changes with it.
        """
        stamp = _stamp(self._folder / name)
        found = None if stamp is None else [source, *stamp]
        if found is None or self._earlier.get(name) != found:
            return False
        self._files[name] = found
        return True

    def note(self, name: str, source: str) -> None:
        """Remember how a file looks that has just been written, or read and found right."""
        stamp = _stamp(self._folder / name)
        self._files[name] = None if stamp is None else [source, *stamp]

    def finish(self) -> None:
        """Keep the names of the files that are there now.

        Raises:
            StoreError: The folder can't be written.
        """
        self._write(self._files)

    def _write(self, files: Mapping[str, object]) -> None:
        write_atomically(self._folder / INVENTORY, (json.dumps({"files": files}) + "\n").encode())

    def _read(self) -> dict[str, object]:
        """The files of earlier versions; nothing where a name is not one we would give."""
        path = self._folder / INVENTORY
        if not path.is_file():
            return {}
        try:
            found = json.loads(path.read_bytes())["files"]
            # A list of names is what earlier versions wrote.
            files = dict(found) if isinstance(found, dict) else dict.fromkeys(found)
            for name in files:
                if not _OWN_NAME.fullmatch(name):
                    require_plain_path(name, what=str(path))
        except (ValueError, KeyError, TypeError, ManifestError) as error:
            _LOG.warning("%s cannot be read (%s): no earlier file is removed", path, error)
            return {}
        return files


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if S_ISREG(found.st_mode) else None
