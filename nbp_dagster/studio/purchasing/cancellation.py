"""Stopping: one signal that ends every wait of a run and forbids every further purchase."""

import threading

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError


class Cancelled(NbpError):
    """The run was told to stop while it waited."""


class HaltableClock:
    """A clock whose sleepers wake, with an error, when the run is told to stop.

    Everything that waits in a run waits on it: retries, pauses after a 429, looks into the queue.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._halt = threading.Event()
        self._closed = threading.Event()
        self._cut = threading.Event()

    @property
    def may_buy(self) -> bool:
        """Whether a further purchase may begin."""
        return not (self._halt.is_set() or self._closed.is_set())

    def stop_buying(self) -> None:
        """Begin no further purchase; waiting for what is paid goes on."""
        self._closed.set()

    def halt(self) -> None:
        """Stop everything: from now on nobody sleeps, and nobody buys."""
        self._halt.set()

    def cut_short(self) -> None:
        """Stop everything, what is free to begin again included: a cancelled run ends soon."""
        self._cut.set()
        self._halt.set()

    def require_going_on(self) -> None:
        """Return, unless what is under way is to be dropped.

        Raises:
            Cancelled: It is.
        """
        if self._cut.is_set():
            raise Cancelled("the run was cancelled")

    def resume(self) -> None:
        """Forget an earlier stop, for the next run."""
        self._cut.clear()
        self._halt.clear()
        self._closed.clear()

    def now(self) -> float:
        """Return seconds since the epoch (UTC)."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            Cancelled: The run was told to stop, before or meanwhile.
        """
        if self._halt.wait(max(0.0, seconds)):
            raise Cancelled("the run was told to stop")
