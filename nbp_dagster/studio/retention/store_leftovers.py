"""Files that killed processes left half written in a store that machines share.

Only what has a name that this package gives: others may keep files below the same URL.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from nbp_dagster.studio.retention.home_leftovers import LeftoverKind
from nbp_dagster.studio.sharing.shared_sets import SETS
from nbp_dagster.studio.storage.url_folder import IMAGES, UrlFolder

_KIND: Final[LeftoverKind] = "unfinished files"
_PROBES: Final = "probes"
# Eight hex digits behind the name that the file was to have: an image's, a set's, the mark's, or
# that of a probe of `nbp doctor`.
_UNFINISHED: Final = re.compile(
    rf"({IMAGES}/[0-9a-f]{{2}}/\.?[0-9a-f]{{64}}|{SETS}/\.?[a-z0-9_]+\.json|"
    rf"{_PROBES}/\.?[0-9a-f]{{16}}|\.?ledger\.json)\.[0-9a-f]{{8}}"
)


@dataclass(frozen=True)
class StoreLeftover:
    """A file of the store that nothing reads, and nobody goes on writing.

    Attributes:
        path: Below the store's URL.
        size: Bytes.
        shared: The store.
    """

    path: str
    size: int
    shared: UrlFolder
    kind: LeftoverKind = _KIND

    def remove(self, *, before: float) -> bool:
        """Remove it unless it was written meanwhile; return whether it was.

        Raises:
            StoreError: The store can't be reached or written.
        """
        found = self.shared.look_at(self.path)
        if found is None or found.written_at is None or found.written_at >= before:
            return False
        self.shared.remove(self.path)
        return True


def find_store_leftovers(shared: UrlFolder | None, *, before: float) -> Iterator[StoreLeftover]:
    """Yield the leftovers of a store; none where a file appears at once when it is whole.

    Args:
        shared: The store; None for the home's own.
        before: Only what was written before, seconds since the epoch.

    Raises:
        StoreError: The store can't be listed.
    """
    if shared is None or not shared.writes_beside:
        return
    for folder in (IMAGES, SETS, _PROBES, ""):
        depth = None if folder else 1
        for name, file in shared.list_files(folder, depth=depth).items():
            path = f"{folder}/{name}" if folder else name
            is_old = file.written_at is not None and file.written_at < before
            if is_old and _UNFINISHED.fullmatch(path):
                yield StoreLeftover(path, file.size, shared)
