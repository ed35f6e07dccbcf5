"""A process that publishes a set to a folder or URL and kills itself before a step of it.

python -m tests.rigs.dying_delivery SET_FOLDER TARGET STEP
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from nbp_dagster.studio.delivery.edition_target import EditionStore, EditionTarget
from nbp_dagster.studio.delivery.folder_store import FolderStore
from nbp_dagster.studio.delivery.parcel import pack_set, read_set
from nbp_dagster.studio.delivery.url_store import UrlStore
from tests.rigs.parcels import CAMPAIGN


class DyingStore:
    """A store whose process is killed before the step of this number; steps count from 1."""

    def __init__(self, store: EditionStore, step: int) -> None:
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


def main(folder: Path, target: str, step: int) -> None:
    """Publish, and be killed on the way."""
    parcel = pack_set(folder, CAMPAIGN, read_set(folder, CAMPAIGN))
    store = UrlStore(target) if "://" in target else FolderStore(Path(target))
    EditionTarget(DyingStore(store, step)).deliver(parcel)


def publish_and_die(folder: Path, target: str, step: int) -> int:
    """Publish in a process that is killed before a step; return its exit code, 0 without one."""
    words = [sys.executable, "-m", "tests.rigs.dying_delivery", str(folder), target, str(step)]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        words, cwd=root, env=environment, timeout=120, capture_output=True, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
