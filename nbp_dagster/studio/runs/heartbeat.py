"""Gives a run's signs of life while it works, from a thread of its own; knows no money."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.runs.run_log import RunLog

_LOG = logging.getLogger(__name__)

# Seconds between two signs, at most; and how many of them fit into the silence that is allowed.
_SECONDS = 10.0
_BEATS = 6

GIVEN_UP = (
    "this run gave no sign of life for so long that it was failed, and another may have taken its "
    "place; it buys nothing more"
)
TERMINATED = "somebody terminated this run; it buys nothing more"


@dataclass(frozen=True)
class Heartbeat:
    """What a run that gives signs of life is known by.

    Attributes:
        log: The table of runs.
        row: The number of this process's row in it.
    """

    log: RunLog
    row: int


@contextmanager
def beating(
    log: RunLog,
    run_id: str,
    *,
    silence_seconds: float,
    on_given_up: Callable[[str], object],
    is_terminated: Callable[[], bool],
) -> Iterator[Heartbeat]:
    """Give signs of life for as long as the context lasts.

    A database that is out of reach is tried again at the next beat: the run goes on.

    Args:
        log: The table of runs.
        run_id: The run that this process works on.
        silence_seconds: After how much silence it would count as dead.
        on_given_up: Told why, at each beat, once the run is not waited for any more, or was
            terminated.
        is_terminated: Asked at the start and at each beat: the signal that is to end the process
            may not come. An error of it is tried again at the next beat.

    Raises:
        LedgerDatabaseError: The first sign can't be given.
    """
    row = log.begin(run_id, host=socket.gethostname(), pid=os.getpid())
    ended = threading.Event()
    pause = min(_SECONDS, silence_seconds / _BEATS)

    def look() -> None:
        try:
            if is_terminated():
                on_given_up(TERMINATED)
        # Dagster's database, and whatever its driver raises.
        except Exception as error:  # noqa: BLE001
            _LOG.warning("cannot tell whether the run %s was terminated: %s", run_id, error)

    def beat() -> None:
        while not ended.wait(pause):
            look()
            try:
                is_waited_for = log.beat(row)
            # Whatever it is: a thread that ends would have the living run taken for dead.
            except Exception as error:  # noqa: BLE001
                _LOG.warning("no sign of life of the run %s: %s", run_id, error)
                continue
            if not is_waited_for:
                on_given_up(GIVEN_UP)

    # A step may begin in a process of its own, after the run was terminated.
    look()
    thread = threading.Thread(target=beat, name="nbp-heartbeat", daemon=True)
    thread.start()
    try:
        yield Heartbeat(log, row)
    finally:
        ended.set()
        thread.join()
        # The run's own end says as much; a row without an end only looks silent.
        with suppress(NbpError):
            log.end(row)
