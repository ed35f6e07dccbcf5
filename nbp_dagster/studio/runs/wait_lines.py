"""Lines about what a run waits for, where nothing is drawn anew: a file, a run's log."""

import re
import time
from collections.abc import Callable

# Seconds between two lines of the same reason.
_AGAIN_SECONDS = 60.0

# How long, how many and for how much longer: the reason is the same all the while.
_FIGURES = re.compile(r"\d+")


class WaitLines:
    """Tells what is waited for, as it begins and as its reason changes, and when it is over.

    It tells the same reason once a minute at most, also where waits come and go.

    Args:
        tell: Writes a line.
        monotonic: Tells the time in seconds.

    Example:
        >>> lines = WaitLines(print)
        >>> lines.wait("waiting for the service: connection refused for 12 s")
    """

    def __init__(
        self, tell: Callable[[str], None], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._monotonic = monotonic
        self._told_at: dict[str, float] = {}
        self._is_told = False

    def wait(self, why: str) -> None:
        """Take what is waited for now, in words; empty where nothing is."""
        if not why:
            if self._is_told:
                self._is_told = False
                self._tell("the wait is over")
            return
        now, reason = self._monotonic(), _FIGURES.sub("#", why)
        told_at = self._told_at.get(reason)
        if told_at is None or now - told_at >= _AGAIN_SECONDS:
            self._told_at[reason] = now
            self._is_told = True
            self._tell(why)
