"""One pause for all: a 429 met by one thread slows every thread that buys."""

import threading

from nbp_dagster.clock import Clock


class Throttle:
    """Holds purchases back until the moment the service asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until = 0.0

    def slow_down(self, seconds: float) -> None:
        """Hold everybody back for so many seconds from now; the longest request wins."""
        with self._lock:
            self._until = max(self._until, self._clock.monotonic() + seconds)

    def wait(self) -> None:
        """Return when purchases may go on; at once when nobody asked for a pause."""
        while (left := self._left()) > 0:
            self._clock.sleep(left)

    def _left(self) -> float:
        with self._lock:
            return self._until - self._clock.monotonic()
