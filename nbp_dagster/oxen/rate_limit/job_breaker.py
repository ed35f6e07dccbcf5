"""A circuit breaker for jobs that fail: nothing more is ordered, and one at a time probes.

The service may answer every request and still make nothing. Must not know: what a job is for.
"""

import math
from collections import deque
from dataclasses import dataclass

from nbp_dagster.clock import Clock

MIN_FAULTS = 5
"""Fewer failed jobs open nothing."""
FAULT_SHARE = 0.5
"""Share of the recent jobs whose failures open the breaker."""
RECENT_JOBS = 10

FIRST_PROBE = 15.0
LAST_PROBE = 120.0
"""Seconds to the first order that probes, and where doubling ends; each may cost a picture."""


@dataclass(frozen=True)
class JobFailures:
    """Why nothing more is ordered.

    Attributes:
        reason: The latest failure in the service's words.
        failed: Failed jobs among the recent ones.
        recent: How many those are.
        seconds_left: How long it is waited for from now on; 0 once that is over.
    """

    reason: str
    failed: int
    recent: int
    seconds_left: float

    def in_words(self) -> str:
        """Return it as one line, for people who wait."""
        left = f"{math.ceil(self.seconds_left / 60)} min"
        return f"nothing more is bought: {self.counted()}; one at a time is tried, for {left} more"

    def counted(self) -> str:
        """Return how many failed, and the latest reason."""
        return f"{self.failed} of the last {self.recent} jobs failed ({self.reason})"


class JobBreaker:
    """Says how many orders may be sent, by what became of the recent jobs.

    It opens when failures are half of the last ten jobs, and at least five. While it is open, one
    order at a time is let pass as a probe, 15 s to 2 min apart. The probe's job closes it where it
    succeeds; jobs that were ordered before do not. Used by one thread.

    Args:
        clock: Tells the time.
        limit: Seconds for which a failing service is tried; 0 gives up at once.

    Example:
        >>> for order in waiting[: breaker.admit(len(waiting))]:
        ...     breaker.begin(order.name)
        >>> breaker.record("a", fault="the model broke")
    """

    def __init__(self, clock: Clock, *, limit: float) -> None:
        self._clock = clock
        self._limit = limit
        # The failure of each recent job; empty for one that succeeded.
        self._recent: deque[str] = deque(maxlen=RECENT_JOBS)
        self._since: float | None = None
        self._probe: str | None = None
        self._delay = FIRST_PROBE
        self._next_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether nothing more is ordered but probes."""
        return self._since is not None

    def admit(self, wanted: int) -> int:
        """Return how many of the orders that are wanted may be sent now."""
        if self._since is None:
            return wanted
        is_due = self._probe is None and self._clock.monotonic() >= self._next_at
        return min(wanted, 1) if is_due and not self._is_over() else 0

    def begin(self, job: str) -> None:
        """Note that an admitted order is sent."""
        if self._since is not None:
            self._probe = job

    def drop(self, job: str) -> None:
        """Note that no job came of an order: nothing was learned of the service."""
        if self._probe == job:
            self._probe = None
            self._next_at = self._clock.monotonic() + self._delay

    def record(self, job: str, *, fault: str | None) -> None:
        """Take what became of a job.

        Args:
            job: The name its order was sent by.
            fault: Why it failed; empty where it did not, None where nothing was learned of it.
        """
        if fault is None:
            self.drop(job)
            return
        is_probe = self._probe == job
        self._recent.append(fault)
        now = self._clock.monotonic()
        if is_probe and not fault:
            self._close()
        elif is_probe:
            self._probe = None
            self._delay = min(2 * self._delay, LAST_PROBE)
            self._next_at = now + self._delay
        elif self._since is None and self._is_bad():
            self._since, self._delay = now, FIRST_PROBE
            self._next_at = now + FIRST_PROBE

    def failures(self) -> JobFailures | None:
        """Return why nothing more is ordered; None while orders are sent."""
        if self._since is None:
            return None
        faults = [fault for fault in self._recent if fault]
        left = max(0.0, self._since + self._limit - self._clock.monotonic())
        if self._probe is not None:
            # Whoever waits for it is told something at least once more.
            left = max(left, 1.0)
        reason = faults[-1] if faults else "unknown"
        return JobFailures(reason, len(faults), len(self._recent), left)

    def renew(self) -> None:
        """Try again, with a probe at once, where an earlier batch has given up."""
        if self._since is not None:
            self._since = self._next_at = self._clock.monotonic()
            self._probe = None

    def _is_over(self) -> bool:
        since = self._since
        return since is not None and self._clock.monotonic() - since >= self._limit

    def _is_bad(self) -> bool:
        faults = sum(map(bool, self._recent))
        return faults >= max(MIN_FAULTS, FAULT_SHARE * len(self._recent))

    def _close(self) -> None:
        self._since = self._probe = None
        self._recent.clear()
