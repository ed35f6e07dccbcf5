"""What a set's folder holds of ours, kept in the folder; writes none of it."""

import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from nbp_dagster.studio.manifest.manifest import ManifestError, require_plain_path
from nbp_dagster.studio.storage.files import stamp_of, translate_errors, write_atomically

INVENTORY = ".set.json"
"""Names the files that are ours to remove; see `Inventory`."""

STAGED = ".set.staged"
"""Names files that were put there ahead of the set they belong to; see `Advance`."""

_OWN_NAME = re.compile(
    r"index\.html|manifest\.json|\.card\.json|contact_sheet(_\d+)?\.jpg|thumbs/[0-9a-f]{64}\.jpg"
)

_LOG = logging.getLogger(__name__)


class Inventory:
    """The files a set has put into its folder, each with what it was made of.

    A manifest alone would not do: a write that was interrupted leaves files that no manifest
    names. So the names are written before the first file, and again without the stale ones after
    the last is gone.

    A file that has the inode, size and time it was seen with when it was written still is what it
    was, and need not be read to know it: files are replaced by new ones, never written into. Any
    other is looked at, or written again.
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
        # What it names is in the inventory now.
        with translate_errors(self._folder):
            (self._folder / STAGED).unlink(missing_ok=True)
        return tuple(name for name in self._earlier if name not in self._files)

    def holds(self, name: str, source: str) -> bool:
        """Whether a file is there, untouched since it was made of this source.

        Args:
            name: Path within the folder.
            source: What it is made of: a digest, or any word that changes with it.
        """
        found = _describe(self._folder / name, source)
        if found is None or self._earlier.get(name) != found:
            return False
        self._files[name] = found
        return True

    def claim(self, name: str) -> None:
        """Nothing to do: `begin` has claimed every file."""

    def note(self, name: str, source: str) -> None:
        """Remember how a file looks that has just been written, or read and found right."""
        self._files[name] = _describe(self._folder / name, source)

    def finish(self) -> None:
        """Keep the names of the files that are there now.

        Raises:
            StoreError: The folder can't be written.
        """
        self._write(self._files)

    def _write(self, files: Mapping[str, object]) -> None:
        write_atomically(self._folder / INVENTORY, (json.dumps({"files": files}) + "\n").encode())

    def _read(self) -> dict[str, object]:
        """The files of earlier versions, and those that were put there ahead of this one.

        Nothing where a name is not one we would give.
        """
        path = self._folder / INVENTORY
        try:
            found = json.loads(path.read_bytes())["files"] if path.is_file() else {}
            # A list of names is what earlier versions wrote.
            files = dict(found) if isinstance(found, dict) else dict.fromkeys(found)
            files.update(_read_staged(self._folder / STAGED))
            for name in files:
                if not _OWN_NAME.fullmatch(name):
                    require_plain_path(name, what=str(path))
        except (ValueError, KeyError, TypeError, ManifestError) as error:
            _LOG.warning("%s cannot be read (%s): no earlier file is removed", path, error)
            return {}
        return files


class Advance:
    """The files that are put into a set's folder before the set is written.

    Each is named on disk before it is written, so that the next `Inventory` knows it for ours
    whatever becomes of this process, and once more with what it was made of.

    Args:
        folder: The set's; made where it does not exist.

    Raises:
        StoreError: The folder can't be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with translate_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def holds(self, name: str, source: str) -> bool:
        """Whether anything is there: whoever writes the set will look at it."""
        return os.path.lexists(self._folder / name)

    def claim(self, name: str) -> None:
        """Write down that a file is about to be written.

        Raises:
            StoreError: The folder can't be written.
        """
        self._append(name, None)

    def note(self, name: str, source: str) -> None:
        """Write down what a file was made of, and how it looks.

        Raises:
            StoreError: The folder can't be written.
        """
        self._append(name, _describe(self._folder / name, source))

    def _append(self, name: str, found: object) -> None:
        # Opened each time: the set may be written by another run meanwhile, which ends this file.
        with (
            translate_errors(self._folder),
            (self._folder / STAGED).open("a", encoding="utf-8") as file,
        ):
            file.write(json.dumps([name, found]) + "\n")


def _read_staged(path: Path) -> dict[str, object]:
    """Read what `Advance` wrote; a line that was cut short ends it."""
    if not path.is_file():
        return {}
    files: dict[str, object] = {}
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            name, found = json.loads(line)
        except ValueError:
            break
        files[str(name)] = found
    return files


def _describe(path: Path, source: str) -> list[object] | None:
    """What a file was made of and how it looks; None where it is none."""
    stamp = stamp_of(path)
    return None if stamp is None else [source, *stamp]
