"""How fast a service may be asked and how much it may be given: plain arithmetic, no waiting.

Must not know: clocks, files, threads or HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import Field

FIRST_RATE = 50.0
"""Requests per second to begin with, before the first answer tells anything."""
MIN_RATE = 0.25
MAX_RATE = 1000.0

CLIMB_SECONDS = 2.0
"""From half the ceiling back to it."""
PROBE_SECONDS = 20.0
"""From the ceiling to twice the ceiling; gentle first, then faster and faster."""
PROBE_REQUESTS = 100.0
"""The same at a low ceiling: in requests, lest a 429 come after every few of them."""
PROBE_HOLDS = 10.0
"""The same after a long hold, as a multiple of it: the dearer a 429, the gentler the search."""

DEFAULT_HOLD = 1.0
"""Seconds to hold everybody after a 429 that does not say how long."""
MAX_HOLD = 120.0

FIRST_WINDOW = 8.0

AHEAD_SECONDS = 0.5
"""How far ahead slots are given away: a change of rate is felt that much later."""
RETRY_SECONDS = AHEAD_SECONDS / 2

MEMBER_SECONDS = 30.0
"""A run that has not been heard of for longer has no part in the window."""
TOUCH_SECONDS = 1.0
"""How often a run says that it is alive, at most."""
FORGET_SECONDS = 600.0
"""What was learned so long ago is not trusted any more."""

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Moment = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Slot:
    """Leave to send one request.

    Attributes:
        at: When, on the monotonic clock.
        cuts: How often the rate had been cut when it was given.
    """

    at: float
    cuts: int


@dataclass(frozen=True)
class Member:
    """One run's part in the window.

    Attributes:
        flying: Its jobs at the service.
        limit: Most it would have there.
        touched: When it was last heard of.
    """

    flying: _Count
    limit: _Count
    touched: _Moment


@dataclass(frozen=True, kw_only=True)
class RateState:
    """What is known of a service's limits. Moments are seconds of the monotonic clock.

    The rate doubles each second until the first 429. From then on a 429 cuts it to half of what
    the service was seen to take, the ceiling; it climbs back within `CLIMB_SECONDS`, stays about
    there, and probes above it ever faster. It grows with the requests that were answered, so that
    what is not used does not grow.

    Attributes:
        stamp: Last change.
        since: Beginning of the count of `taken`.
        rate: Requests per second.
        ceiling: Requests per second the service took before the last cut; None before the first.
        age: Seconds at full use since the last cut.
        next_at: First slot that is free.
        held_until: Nobody sends before.
        hold: Seconds the last cut held everybody.
        cuts: How often the rate was cut.
        taken: Requests the service kept up with since `since`.
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
        """Return the beginning: nothing is known."""
        return cls(stamp=now, since=now)

    def is_current(self, now: float) -> bool:
        """Whether it was written since the machine started, and not too long ago."""
        return self.stamp <= now < self.stamp + FORGET_SECONDS

    def book(self, now: float) -> tuple["RateState", Slot | float]:
        """Give the next slot away, or return the seconds after which to ask again."""
        at = max(now, self.next_at, self.held_until)
        if at > now + AHEAD_SECONDS:
            return self, max(RETRY_SECONDS, at - now - AHEAD_SECONDS)
        # Up to what the service took before, there is nothing to learn from its answers.
        grown = self._faster() if self._is_climbing else self
        booked = replace(grown, stamp=now, next_at=at + 1.0 / grown.rate)
        return booked, Slot(at, self.cuts)

    def honours(self, slot: Slot) -> bool:
        """Whether a slot may still be used: no cut and no longer hold came since."""
        return slot.cuts == self.cuts and self.held_until <= slot.at

    def keep_up(self, slot: Slot, now: float, *, is_post: bool) -> "RateState":
        """Count a request that the service took, and grow."""
        counted = replace(self, stamp=now, taken=self.taken + 1)
        if slot.cuts != self.cuts:
            # Sent at another rate: it says nothing about this one.
            return counted
        grown = counted if self._is_climbing else counted._faster()
        return grown._wider() if is_post else grown

    def slow_down(
        self, slot: Slot, now: float, *, retry_after: float | None, is_post: bool
    ) -> "RateState":
        """Hold everybody and cut; requests sent before the last cut hold, but do not cut again.

        Args:
            slot: What the request was sent with.
            now: The present moment.
            retry_after: Seconds the service asks for, if it does.
            is_post: Whether it would have made a job.
        """
        hold = DEFAULT_HOLD if retry_after is None else min(retry_after, MAX_HOLD)
        until = max(self.held_until, now + hold)
        if slot.cuts != self.cuts:
            return replace(self, stamp=now, held_until=until)
        # Above the ceiling it is the rate that went too far, not the jobs in flight.
        is_probing = self.ceiling is not None and self.rate > self.ceiling
        narrowed = self._narrower() if is_post and not is_probing else self
        ceiling = max(self._seen(now), 2 * MIN_RATE)
        return replace(
            narrowed,
            stamp=now,
            # A service saves up about a second's worth while it is not asked.
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
        """Enter a run's jobs; return how many more it may have at the service.

        It has an equal part of the window, and beyond that what the others leave; at least one.

        Args:
            name: The run.
            flying: Its jobs at the service now.
            limit: Most it would have there.
            now: The present moment.
            wanted: How many it gives at once where there is room; they are entered with the rest.
        """
        living = {
            other: member
            for other, member in self.members.items()
            if other != name and now - member.touched <= MEMBER_SECONDS
        }
        taken = sum(member.flying for member in living.values())
        part = max(self.window / (len(living) + 1), self.window - taken, 1.0)
        room = max(0, min(limit, int(part)) - flying)
        entered = {**living, name: Member(flying + min(room, wanted), limit, now)}
        return replace(self, stamp=now, members=entered), room

    def leave(self, name: str, now: float) -> "RateState":
        """Give a run's part of the window back to the others."""
        others = {other: member for other, member in self.members.items() if other != name}
        return replace(self, stamp=now, members=others)

    def touch(self, name: str, now: float) -> "RateState":
        """Note that a run is alive."""
        member = self.members.get(name)
        if member is None or 0 <= now - member.touched < TOUCH_SECONDS:
            return self
        return replace(self, members={**self.members, name: replace(member, touched=now)})

    @property
    def _is_climbing(self) -> bool:
        return self.ceiling is not None and self.age < CLIMB_SECONDS

    def _seen(self, now: float) -> float:
        """What the service took, per second.

        From one 429 to the next, so that what it saves up and hands out in bursts does not count
        as its rate. Between half the present rate, where there was little to ask for, and all.
        """
        # One more was on its way to being let in.
        seen = (self.taken + 1) / max(now - self.since, 1.0)
        return min(self.rate, max(seen, self.rate / 2))

    def _faster(self) -> "RateState":
        if self.ceiling is None:
            return replace(self, rate=min(self.rate + 1.0, MAX_RATE))
        age = self.age + 1.0 / self.rate
        if age < CLIMB_SECONDS:
            factor = 1.0 - 0.5 * (1.0 - age / CLIMB_SECONDS) ** 3
        else:
            span = max(PROBE_SECONDS, PROBE_REQUESTS / self.ceiling, PROBE_HOLDS * self.hold)
            factor = 1.0 + ((age - CLIMB_SECONDS) / span) ** 3
        return replace(self, age=age, rate=min(self.ceiling * factor, MAX_RATE))

    def _wider(self) -> "RateState":
        most = max((member.limit for member in self.members.values()), default=0)
        gain = 1.0 / self.window if self.window_cut else 1.0
        return replace(self, window=max(self.window, min(self.window + gain, float(most))))

    def _narrower(self) -> "RateState":
        return replace(self, window=max(1.0, self.window / 2), window_cut=True)
