"""How far apart orders are sent: no closer than what comes back can be dealt with; never waits."""

from collections.abc import Callable

# Orders that may go at once after a moment in which none could.
_MOST_AT_ONCE = 2


class DispatchPacer:
    """Gives leave to send, so many orders a second as pictures can be made of.

    Jobs that are sent together end together, and all but the first then wait for their renditions.
    Sent apart they end apart, and the service is none the slower for it.

    Args:
        seconds_apart: Gives the seconds that should lie between two orders now.
        monotonic: A clock.
    """

    def __init__(self, seconds_apart: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._seconds_apart = seconds_apart
        self._monotonic = monotonic
        self._next = 0.0

    def ready(self) -> int | None:
        """Return how many orders may be sent now; None where they need not be apart."""
        apart = self._seconds_apart()
        if apart <= 0:
            return None
        late = self._monotonic() - self._next
        return 0 if late < 0 else min(_MOST_AT_ONCE, 1 + int(late / apart))

    def sent(self, orders: int) -> None:
        """Be told that some orders were sent."""
        apart = self._seconds_apart()
        earliest = self._monotonic() - (_MOST_AT_ONCE - 1) * apart
        self._next = max(self._next, earliest) + orders * apart

    def seconds_left(self) -> float:
        """Return the seconds until another order may be sent."""
        return max(0.0, self._next - self._monotonic())
