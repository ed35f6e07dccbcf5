"""Dispatch interval: orders are sent no faster than pictures are postprocessed; never waits."""

from typing import Protocol

from nbp_dagster.clock import Clock

# Orders that may be sent at once after a pause in which none was.
_MOST_AT_ONCE = 2


class PictureRate(Protocol):
    """How fast pictures are postprocessed; `DecodeLimiter` measures it."""

    def seconds_apart(self, guess: float) -> float:
        """Return the seconds between two pictures.

        Args:
            guess: Seconds for one picture, used until the first has been measured.
        """
        ...


class DispatchPacer:
    """Limits orders sent per second to the pictures that can be postprocessed per second.

    Jobs that are sent together end together, and all but the first then wait to be postprocessed.
    Sent apart they end apart, and the service takes no longer over them.

    Args:
        rate: The rate of postprocessing.
        clock: Tells the time; never slept on.
        guess: Seconds that one picture takes, until the first has been measured; 0 where pictures
            are not postprocessed.
    """

    def __init__(self, rate: PictureRate, clock: Clock, *, guess: float) -> None:
        self._rate = rate
        self._clock = clock
        self._guess = guess
        self._next = 0.0

    def count_ready(self) -> int | None:
        """Return how many orders may be sent now; None where no interval is kept."""
        interval = self._rate.seconds_apart(self._guess)
        if interval <= 0:
            return None
        late = self._clock.monotonic() - self._next
        return 0 if late < 0 else min(_MOST_AT_ONCE, 1 + int(late / interval))

    def record_sent(self, orders: int) -> None:
        """Count orders as sent now."""
        interval = self._rate.seconds_apart(self._guess)
        earliest = self._clock.monotonic() - (_MOST_AT_ONCE - 1) * interval
        self._next = max(self._next, earliest) + orders * interval

    def seconds_left(self) -> float:
        """Return the seconds until another order may be sent."""
        return max(0.0, self._next - self._clock.monotonic())
