"""The time that machines with a common rate state go by: wall time, led by the fastest clock.

Must not know: what is timed. A monotonic clock starts anew on each machine, and with each boot.
"""

from nbp_dagster.clock import Clock

MAX_SKEW = 600.0
"""Seconds by which another machine's clock may be ahead; a moment beyond that is taken for none."""


class SharedTime:
    """Wall time, moved forward to the latest moment that another machine has stored.

    So no stored moment lies ahead, and a wait that ends at one is as long on every machine that has
    read a moment of the fastest. One that reads its first is early or late by the clocks'
    difference at most, which NTP keeps to milliseconds. The wall clock is read once: one that is
    set anew while a run goes on ends no wait.

    Args:
        clock: Gives this machine's wall time, and what passes of it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = clock.now() - clock.monotonic()

    def now(self) -> float:
        """Return seconds since the epoch, by the fastest clock seen."""
        return self._clock.monotonic() + self._ahead

    def follow(self, stamp: float) -> float:
        """Return the present moment, once no earlier than a stored one.

        Args:
            stamp: When the state was stored, by the clock of whoever did.
        """
        now = self.now()
        if 0.0 < stamp - now <= MAX_SKEW:
            self._ahead += stamp - now
            # Not computed anew: rounding could leave it behind the stamp.
            return stamp
        return now
