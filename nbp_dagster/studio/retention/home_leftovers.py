"""Files of the home that interrupted processes left, and Dagster's old logs; reads no picture."""

import json
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from nbp_dagster.studio.manifest.manifest import ManifestError, require_plain_path
from nbp_dagster.studio.retention.home_walk import walk_home
from nbp_dagster.studio.sets.staged_index import STAGED_INDEX
from nbp_dagster.studio.storage.data_paths import StudioPaths

LeftoverKind = Literal["unfinished files", "staged pictures", "logs"]

# What `write_atomically` names a file before it is whole.
_TEMPORARY: Final = re.compile(r"\..+\.[0-9a-f]{8}")
_THUMB: Final = re.compile(r"thumbs/[0-9a-f]{64}\.jpg")
# The simulator's own state is none of ours, Dagster's is looked at apart.
_OTHERS: Final = ("dagster", "simulator")


@dataclass(frozen=True)
class Leftover:
    """A file that nothing reads any more.

    Attributes:
        size: Bytes.
        stamp: Its mtime, or that of the index that lists it; seconds since the epoch.
        index: The index that lists it, where it has one: with a newer one it is no leftover.
    """

    kind: LeftoverKind
    path: Path
    size: int
    stamp: float
    index: Path | None = None

    def remove(self, *, before: float) -> bool:
        """Remove it unless it, or its index, was written meanwhile; return whether it was."""
        watched = self.index or self.path
        try:
            if watched.stat().st_mtime >= before:
                return False
            self.path.unlink()
        except OSError:
            return False
        return True


def find_leftovers(
    paths: StudioPaths, *, before: float, dagster_folder: Path | None
) -> Iterator[Leftover]:
    """Yield the leftovers of a home.

    Args:
        paths: The home's.
        before: Only what was written before, seconds since the epoch.
        dagster_folder: Dagster's home where it is of this home alone; None leaves its logs.
    """
    found = (*_unfinished(paths.home), *_staged(paths.sets), *_logs(dagster_folder))
    return (each for each in found if each.stamp < before)


def _unfinished(home: Path) -> Iterator[Leftover]:
    for path in walk_home(home, but=_OTHERS):
        if _TEMPORARY.fullmatch(path.name):
            yield from _measure("unfinished files", [path])


def _staged(sets: Path) -> Iterator[Leftover]:
    """Yield the files that were staged for a set that was never written, then their index."""
    for index in sets.glob(f"*/{STAGED_INDEX}"):
        folder = index.parent
        with suppress(OSError):
            written = set(_list_written(folder))
            names = set(_list_staged(index)) - written
            files = [folder / name for name in sorted(names)]
            yield from _measure("staged pictures", [*files, index], index)


def _list_staged(index: Path) -> Iterator[str]:
    for line in index.read_text("utf-8", errors="replace").splitlines():
        try:
            name = str(json.loads(line)[0])
            if not _THUMB.fullmatch(name):
                require_plain_path(name, what=str(index))
        except (ValueError, IndexError, TypeError, ManifestError):
            continue
        yield name


def _list_written(folder: Path) -> Iterator[str]:
    """Yield the files that the folder's set consists of, as its own index says."""
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        yield from json.loads((folder / ".set.json").read_bytes())["files"]


def _logs(dagster_folder: Path | None) -> Iterator[Leftover]:
    """Yield what steps wrote to their output; Dagster never removes it."""
    if dagster_folder is not None:
        yield from _measure("logs", dagster_folder.glob("storage/*/compute_logs/*"))


def _measure(
    kind: LeftoverKind, files: Iterable[Path], index: Path | None = None
) -> Iterator[Leftover]:
    for path in files:
        with suppress(OSError):
            found = path.lstat()
            if stat.S_ISREG(found.st_mode):
                stamp = found.st_mtime if index is None else index.stat().st_mtime
                yield Leftover(kind, path, found.st_size, stamp, index)
