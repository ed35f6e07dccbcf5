"""A process that publishes a set to a folder and kills itself before a step of it.

python -m tests.rigs.dying_delivery SET_FOLDER TARGET STEP
"""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from nbp_dagster.studio.delivery.edition_target import EditionTarget
from nbp_dagster.studio.delivery.folder_store import FolderStore
from nbp_dagster.studio.delivery.parcel import pack_set, read_set
from tests.rigs.parcels import CAMPAIGN


class DyingStore:
    """A folder whose process is killed before the step of this number; steps count from 1."""

    def __init__(self, store: FolderStore, step: int) -> None:
        self._store = store
        self._left = step

    @property
    def name(self) -> str:
        return self._store.name

    def read(self, path: str) -> bytes | None:
        self._step()
        return self._store.read(path)

    def sizes(self, prefix: str) -> Mapping[str, int]:
        self._step()
        return self._store.sizes(prefix)

    def write(self, path: str, source: Path) -> None:
        self._step()
        self._store.write(path, source)

    def flush(self) -> None:
        self._step()
        self._store.flush()

    def replace(self, path: str, data: bytes) -> None:
        self._step()
        self._store.replace(path, data)
        self._step()

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, target: Path, step: int) -> None:
    """Publish, and be killed on the way."""
    parcel = pack_set(folder, CAMPAIGN, read_set(folder, CAMPAIGN))
    EditionTarget(DyingStore(FolderStore(target), step)).deliver(parcel)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
