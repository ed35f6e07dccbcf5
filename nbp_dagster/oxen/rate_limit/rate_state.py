"""The rate limiter's AIMD arithmetic and back-off (additive increase, multiplicative decrease).

Two limits adapt: requests per second, and jobs in flight (the window). Must not know: clocks,
files, threads or HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import Field

FIRST_RATE = 50.0
"""Requests per second before the first answer."""
MIN_RATE = 0.25
MAX_RATE = 1000.0

CLIMB_SECONDS = 2.0
"""From half the ceiling back to it."""
PROBE_SECONDS = 20.0
"""From the ceiling to twice the ceiling; gentle first, then faster and faster."""
PROBE_REQUESTS = 100.0
"""The same at a low ceiling, in requests: otherwise every few of them would meet a 429."""
PROBE_HOLDS = 10.0
"""The same after a long hold, as a multiple of it: the longer a hold, the slower the probing."""

DEFAULT_HOLD = 1.0
"""Seconds during which no run sends after a 429 without `Retry-After`."""
MAX_HOLD = 120.0

FIRST_WINDOW = 8.0

AHEAD_SECONDS = 0.5
"""How far ahead slots are reserved: a change of rate takes effect that much later."""
RETRY_SECONDS = AHEAD_SECONDS / 2

MEMBER_SECONDS = 30.0
"""A run that has been silent for longer loses its share of the window."""
TOUCH_SECONDS = 1.0
"""Shortest interval between two signs of life of a run."""
FORGET_SECONDS = 600.0
"""A state older than this is discarded."""

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Moment = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Slot:
    """Permission to send one request.

    Attributes:
        at: When, by the `SharedTime`.
        cuts: How often the rate had been cut when the slot was reserved.
    """

    at: float
    cuts: int


@dataclass(frozen=True)
class Member:
    """One run's share of the window.

    Attributes:
        flying: Its jobs in flight.
        limit: Most jobs it would have in flight.
        touched: Its last sign of life.
    """

    flying: _Count
    limit: _Count
    touched: _Moment


@dataclass(frozen=True, kw_only=True)
class RateState:
    """The adaptive limits of one service. Moments are seconds since the epoch, by `SharedTime`.

    The rate doubles each second until the first 429. From then on each 429 is a multiplicative
    decrease: the rate drops to half of the ceiling, which is the rate the service was measured to
    accept. It returns to the ceiling within `CLIMB_SECONDS`, stays near it, and then probes above
    it along a cubic curve (as TCP CUBIC does). The window of jobs is AIMD in its plain form: one
    job more for each full window, half after a 429. Both grow with use only: a limit that is not
    used up stays.

    Attributes:
        stamp: Last change.
        since: Start of the count of `taken`.
        rate: Requests per second.
        ceiling: Requests per second accepted before the last cut; None before the first cut.
        age: Seconds at full use since the last cut.
        next_at: First free slot.
        held_until: No run sends before.
        hold: Seconds of the last hold.
        cuts: How often the rate was cut.
        taken: Requests the service accepted since `since`.
        window: Jobs in flight, of all runs together.
        window_cut: Whether the window was ever cut.
        members: Runs that share the window, by name.
    """

    stamp: _Moment
    since: _Moment
    rate: Annotated[float, Field(ge=MIN_RATE, le=MAX_RATE)] = FIRST_RATE
    ceiling: _Positive | None = None
    age: _Moment = 0.0
    next_at: _Moment = 0.0
    held_until: _Moment = 0.0
    hold: _Moment = 0.0
    cuts: _Count = 0
    taken: _Count = 0
    window: Annotated[float, Field(ge=1, allow_inf_nan=False)] = FIRST_WINDOW
    window_cut: bool = False
    members: Mapping[str, Member] = field(default_factory=dict)

    @classmethod
    def at(cls, now: float) -> "RateState":
        """Return the initial state."""
        return cls(stamp=now, since=now)

    def is_current(self, now: float) -> bool:
        """Whether the state was written by now, and not too long ago.

        Versions before this wrote moments of a monotonic clock: long ago.
        """
        return self.stamp <= now < self.stamp + FORGET_SECONDS

    def reserve(self, now: float) -> tuple["RateState", Slot | float]:
        """Reserve the next slot, or return the seconds after which to try again."""
        at = max(now, self.next_at, self.held_until)
        if at > now + AHEAD_SECONDS:
            return self, max(RETRY_SECONDS, at - now - AHEAD_SECONDS)
        # Below the ceiling the rate grows with each slot: answers there carry no information.
        grown = self._increase_rate() if self._is_climbing else self
        booked = replace(grown, stamp=now, next_at=at + 1.0 / grown.rate)
        return booked, Slot(at, self.cuts)

    def is_valid(self, slot: Slot) -> bool:
        """Whether a slot may still be used: no cut and no longer hold followed it."""
        return slot.cuts == self.cuts and self.held_until <= slot.at

    def record_success(self, slot: Slot, now: float, *, is_post: bool) -> "RateState":
        """Count a request that the service accepted, and increase the limits."""
        counted = replace(self, stamp=now, taken=self.taken + 1)
        if slot.cuts != self.cuts:
            # Sent at an earlier rate: no evidence about this one.
            return counted
        grown = counted if self._is_climbing else counted._increase_rate()
        return grown._increase_window() if is_post else grown

    def record_throttle(
        self, slot: Slot, now: float, *, retry_after: float | None, is_post: bool
    ) -> "RateState":
        """Hold every run and cut the limits; a request sent before the last cut only holds.

        Args:
            slot: The request's slot.
            now: The present moment.
            retry_after: Seconds of the `Retry-After` header; None without one.
            is_post: Whether the request would have made a job.
        """
        hold = DEFAULT_HOLD if retry_after is None else min(retry_after, MAX_HOLD)
        until = max(self.held_until, now + hold)
        if slot.cuts != self.cuts:
            return replace(self, stamp=now, held_until=until)
        # Above the ceiling the rate is the cause, not the jobs in flight.
        is_probing = self.ceiling is not None and self.rate > self.ceiling
        narrowed = self._decrease_window() if is_post and not is_probing else self
        ceiling = max(self._accepted_rate(now), 2 * MIN_RATE)
        return replace(
            narrowed,
            stamp=now,
            # A token bucket refills by about a second's worth during a hold.
            since=max(now, until - 1.0),
            rate=ceiling / 2,
            ceiling=ceiling,
            age=0.0,
            next_at=until,
            held_until=until,
            hold=until - now,
            cuts=self.cuts + 1,
            taken=0,
        )

    def share(
        self, name: str, flying: int, *, limit: int, now: float, wanted: int = 0
    ) -> tuple["RateState", int]:
        """Record a run's jobs in flight; return how many more it may enqueue.

        A run has an equal share of the window and what the others leave of theirs, and at least
        one job.

        Args:
            name: The run.
            flying: Its jobs in flight.
            limit: Most jobs it would have in flight.
            now: The present moment.
            wanted: How many it enqueues at once where there is room; they are recorded too.
        """
        living = {
            other: member
            for other, member in self.members.items()
            if other != name and now - member.touched <= MEMBER_SECONDS
        }
        taken = sum(member.flying for member in living.values())
        part = max(self.window / (len(living) + 1), self.window - taken, 1.0)
        room = max(0, min(limit, int(part)) - flying)
        entered = Member(flying + min(room, wanted), limit, now)
        own = self.members.get(name)
        if (
            own is not None
            and replace(own, touched=now) == entered
            and 0 <= now - own.touched < TOUCH_SECONDS
            and len(living) + 1 == len(self.members)
        ):
            # Nothing that others would have to be told.
            return self, room
        return replace(self, stamp=now, members={**living, name: entered}), room

    def leave(self, name: str, now: float) -> "RateState":
        """Return a run's share of the window to the others."""
        others = {other: member for other, member in self.members.items() if other != name}
        return replace(self, stamp=now, members=others)

    def touch(self, name: str, now: float) -> "RateState":
        """Record a run's sign of life."""
        member = self.members.get(name)
        if member is None or 0 <= now - member.touched < TOUCH_SECONDS:
            return self
        return replace(self, members={**self.members, name: replace(member, touched=now)})

    @property
    def _is_climbing(self) -> bool:
        return self.ceiling is not None and self.age < CLIMB_SECONDS

    def _accepted_rate(self, now: float) -> float:
        """Return the requests per second that the service accepted.

        Measured from one 429 to the next, so that a burst which the service allows does not count
        as its rate. At least half the present rate, for a time with little demand; at most all.
        """
        # The request that met the 429 was close to being accepted.
        accepted = (self.taken + 1) / max(now - self.since, 1.0)
        return min(self.rate, max(accepted, self.rate / 2))

    def _increase_rate(self) -> "RateState":
        if self.ceiling is None:
            return replace(self, rate=min(self.rate + 1.0, MAX_RATE))
        age = self.age + 1.0 / self.rate
        if age < CLIMB_SECONDS:
            factor = 1.0 - 0.5 * (1.0 - age / CLIMB_SECONDS) ** 3
        else:
            span = max(PROBE_SECONDS, PROBE_REQUESTS / self.ceiling, PROBE_HOLDS * self.hold)
            factor = 1.0 + ((age - CLIMB_SECONDS) / span) ** 3
        return replace(self, age=age, rate=min(self.ceiling * factor, MAX_RATE))

    def _increase_window(self) -> "RateState":
        most = max((member.limit for member in self.members.values()), default=0)
        gain = 1.0 / self.window if self.window_cut else 1.0
        return replace(self, window=max(self.window, min(self.window + gain, float(most))))

    def _decrease_window(self) -> "RateState":
        return replace(self, window=max(1.0, self.window / 2), window_cut=True)
