"""Keeps a folder of fetched files below a size: those that were used longest ago go first."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Seconds for which a file that was used is left alone: whoever was given its path is reading it.
_IN_USE_SECONDS: Final = 600.0
# Of the limit: what may be added before the folder is looked through again, and what is freed then.
_ADDED_SHARE: Final = 0.05
_KEPT_SHARE: Final = 0.9
# A file's time of use is written no more often: each time is a write to the disk.
_USE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class _Entry:
    used_at: float
    size: int
    path: Path


class CacheLimit:
    """Removes files of a folder once they are more than a limit; safe from several processes.

    The time of use is the file's access time, which is set here: file systems that keep none
    serve as well. The time of modification is left to others.

    Args:
        folder: Has the files, as `<two hex digits>/<name>`.
        most_bytes: The limit; passed where all that is left is in use or must stay.
        must_stay: Whether a file of that name may not go.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self,
        folder: Path,
        most_bytes: int,
        *,
        must_stay: Callable[[str], bool],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._must_stay = must_stay
        self._now = now
        self._lock = threading.Lock()
        # As if the limit was reached: a run that was killed may have left more.
        self._added = most_bytes

    def note_use(self, path: Path) -> None:
        """Mark a file as used now; one that is gone meanwhile is left so."""
        with suppress(OSError):
            found = path.stat()
            if self._now() - found.st_atime > _USE_SECONDS:
                os.utime(path, ns=(int(self._now() * 1e9), found.st_mtime_ns))

    def make_room(self, size: int) -> None:
        """Count bytes that were added, and remove files where they are too many."""
        with self._lock:
            self._added += size
            if self._added < self._most_bytes * _ADDED_SHARE:
                return
            self._added = 0
        self._remove_oldest()

    def _remove_oldest(self) -> None:
        entries = sorted(self._list(), key=lambda entry: entry.used_at)
        left = sum(entry.size for entry in entries)
        if left <= self._most_bytes:
            return
        until = self._now() - _IN_USE_SECONDS
        for entry in entries:
            if left <= self._most_bytes * _KEPT_SHARE or entry.used_at > until:
                return
            with suppress(OSError):
                # Looked at again: it may have been used, or put to be sent, since it was listed.
                if entry.path.stat().st_atime > until or self._must_stay(entry.path.name):
                    continue
                entry.path.unlink()
                left -= entry.size

    def _list(self) -> Iterator[_Entry]:
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            # Another process may remove it meanwhile.
            with suppress(OSError):
                found = path.stat()
                yield _Entry(found.st_atime, found.st_size, path)
