"""Taking turns at buying: one process at a time for one home folder, whatever dies."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbp_dagster.clock import Clock
from nbp_dagster.studio.files import StoreError

logger = logging.getLogger(__name__)

# Seconds between two tries, so that a cancelled run does not wait on.
_PAUSE = 0.2


@contextmanager
def buying_turn(path: Path, clock: Clock) -> Iterator[None]:
    """Hold the turn; wait for it while another process of this machine buys.

    An intent whose answer is still on its way looks just like one whose process died. With turns,
    an open purchase that somebody else wrote is always one nobody works on any more. The
    operating system gives the turn back when its holder dies.

    Args:
        path: The lock file, beside the ledger.
        clock: Waits between two tries.

    Raises:
        StoreError: The lock file can't be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise StoreError(
            f"cannot open {path}: {error.strerror}; set NBP_HOME to a folder that can be written"
        ) from error
    with file:
        waited = False
        while not _try_lock(file.fileno()):
            if not waited:
                logger.info("another run is buying; this one waits for its turn (%s)", path)
                waited = True
            clock.sleep(_PAUSE)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
