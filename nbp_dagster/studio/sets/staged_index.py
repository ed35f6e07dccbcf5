"""Indexes of the files that sets wrote or staged in a folder; writes none of those files."""

import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from nbp_dagster.studio.manifest.manifest import LOGO_PATH, ManifestError, require_plain_path
from nbp_dagster.studio.storage.files import stamp_of, translate_errors, write_atomically

FILE_INDEX = ".set.json"
"""Lists the files that a later set may remove; see `FileIndex`."""

STAGED_INDEX = ".set.staged"
"""Lists files that were written ahead of the set they belong to; see `StagedIndex`."""

_OWN_NAME = re.compile(
    r"index\.html|manifest\.json|delivery\.csv|\.card\.json|"
    r"contact_sheet(_\d+)?\.jpg|thumbs/[0-9a-f]{64}\.jpg|" + LOGO_PATH.pattern
)

_LOG = logging.getLogger(__name__)


class FileIndex:
    """The files a set has written into its folder, each with what it was made of.

    A manifest is not enough: a write that was interrupted leaves files that no manifest names. So
    the names are written before the first file, and again without the stale ones after the last
    of those is removed.

    A file with the inode, size and time it had when it was written is unchanged, and is not read
    again: files are replaced by new ones, never modified. Any other file is read, or written again.
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
        # The files it lists are in the index now.
        with translate_errors(self._folder):
            (self._folder / STAGED_INDEX).unlink(missing_ok=True)
        return tuple(name for name in self._earlier if name not in self._files)

    def begin_adding(self, files: Sequence[str]) -> None:
        """Claim files of a set that another machine wrote, and leave what is staged as it is.

        Raises:
            StoreError: The folder can't be written.
        """
        self._files = dict.fromkeys(files)
        self._write({**self._files, **self._earlier})

    def finish_adding(self) -> None:
        """Write the index of all files, those of earlier versions too: some may be gone by now.

        Raises:
            StoreError: The folder can't be written.
        """
        self._write({**self._earlier, **self._files})

    def holds(self, name: str, source: str) -> bool:
        """Whether a file is there, untouched since it was made of this source.

        Args:
            name: Path within the folder.
            source: What it is made of: a digest, or any string that changes with it.
        """
        found = _describe(self._folder / name, source)
        if found is None or self._earlier.get(name) != found:
            return False
        self._files[name] = found
        return True

    def claim(self, name: str) -> None:
        """Nothing to do: `begin` has claimed every file."""

    def note(self, name: str, source: str) -> None:
        """Record a file that has just been written, or read and found right."""
        self._files[name] = _describe(self._folder / name, source)

    def finish(self) -> None:
        """Write the index of the files that are there now.

        Raises:
            StoreError: The folder can't be written.
        """
        self._write(self._files)

    def _write(self, files: Mapping[str, object]) -> None:
        write_atomically(self._folder / FILE_INDEX, (json.dumps({"files": files}) + "\n").encode())

    def _read(self) -> dict[str, object]:
        """Return the files of earlier versions, and those that were staged for this one.

        Empty where the index names a file that no set writes.
        """
        path = self._folder / FILE_INDEX
        try:
            found = json.loads(path.read_bytes())["files"] if path.is_file() else {}
            # A list of names is what earlier versions wrote.
            files = dict(found) if isinstance(found, dict) else dict.fromkeys(found)
            files.update(_read_staged(self._folder / STAGED_INDEX))
            for name in files:
                if not _OWN_NAME.fullmatch(name):
                    require_plain_path(name, what=str(path))
        except (ValueError, KeyError, TypeError, ManifestError) as error:
            _LOG.warning("%s cannot be read (%s): no earlier file is removed", path, error)
            return {}
        return files


class StagedIndex:
    """The files that are staged in a set's folder before the set is written.

    Each is listed on disk before it is written, so that the next `FileIndex` knows it even if
    this process is killed, and again with what it was made of.

    Args:
        folder: The set's folder; created where it does not exist.

    Raises:
        StoreError: The folder can't be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with translate_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def holds(self, name: str, source: str) -> bool:
        """Whether anything is there: `write_set` will compare it."""
        return os.path.lexists(self._folder / name)

    def claim(self, name: str) -> None:
        """Record on disk that a file is about to be written.

        Raises:
            StoreError: The folder can't be written.
        """
        self._append(name, None)

    def note(self, name: str, source: str) -> None:
        """Record on disk what a file was made of, with its stamp.

        Raises:
            StoreError: The folder can't be written.
        """
        self._append(name, _describe(self._folder / name, source))

    def _append(self, name: str, found: object) -> None:
        # Opened each time: another run may write the set meanwhile, which removes this file.
        with (
            translate_errors(self._folder),
            (self._folder / STAGED_INDEX).open("a", encoding="utf-8") as file,
        ):
            file.write(json.dumps([name, found]) + "\n")


def _read_staged(path: Path) -> dict[str, object]:
    """Read what `StagedIndex` wrote, up to a line that was cut short."""
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
    """Return what a file was made of, with its stamp; None where there is no file."""
    stamp = stamp_of(path)
    return None if stamp is None else [source, *stamp]
