"""A circuit breaker for outages: requests wait while the service is away, and one at a time probes.

Must not know: endpoints, or what a request is for.
"""

import math
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import dropwhile

from nbp_dagster.clock import Clock
from nbp_dagster.oxen.errors import (
    CertificateRefused,
    ConnectionFailed,
    OxenError,
    ServiceAway,
    TimedOut,
    is_outage,
)

MIN_FAULTS = 5
"""Fewer faults open nothing: as many as one call has attempts."""
FAULT_SHARE = 0.5
"""Share of the recent requests, or of the recent POSTs alone, whose faults open the breaker. Faults
of one URL alone do not while others are answered, unless it is where POSTs go."""
RECENT_REQUESTS = 10
"""As few as that: a lone call must not have used up its attempts before the breaker opens."""
RECENT_SECONDS = 60.0

FIRST_PROBE = 1.0
LAST_PROBE = 15.0
"""Seconds to the first probe of an outage, and where doubling ends."""

_LOOK_SECONDS = 0.25
"""Between two looks of a request that waits."""
_FAULT_STATUS = 500

# A Python class before the words of a network fault.
_CLASS_NAME = re.compile(r"^\w+: (\[Errno -?\d+\] )?")


@dataclass(frozen=True)
class Outage:
    """An outage of the service that requests wait for.

    Attributes:
        reason: The latest fault in a few words.
        seconds: How long it has lasted.
        seconds_left: How long it is waited for from now on; 0 once that is over.
    """

    reason: str
    seconds: float
    seconds_left: float

    def in_words(self) -> str:
        """Return a line such as "waiting for the service: connection refused for 42 s, ..."."""
        lasted, left = _in_words(self.seconds), _in_words(self.seconds_left)
        return f"waiting for the service: {self.reason} for {lasted}, gives up in {left}"


@dataclass(frozen=True)
class _Outcome:
    at: float
    is_post: bool
    is_fault: bool
    place: str


class Attempt:
    """One request that the breaker has let pass; tells it what became of it."""

    def __init__(self, breaker: "OutageBreaker", *, is_post: bool, place: str = "") -> None:
        self._breaker = breaker
        self.is_post = is_post
        self.place = place

    def record_status(self, status: int) -> None:
        """Report an answer by its status."""
        reason = f"it answers {status}" if status >= _FAULT_STATUS or status == 408 else None
        self._breaker._record(self, reason)

    def record_fault(self, error: ConnectionFailed) -> None:
        """Report that no complete answer came."""
        if not isinstance(error, CertificateRefused):
            self._breaker._record(self, _describe(error))


class OutageBreaker:
    """Has requests wait while the service is away, up to a limit; thread-safe.

    It opens when faults (no connection, a timeout, 408, 5xx) are too large a share of the recent
    requests, or of the recent POSTs. While it is open, POSTs wait. So do other requests unless the
    last of them was answered; one at a time is let pass as a probe. Once one is answered, one POST
    at a time is let pass, and closes the breaker if it is answered too. A request that waits has
    not been sent.

    It is at work only inside `active`: a command that asks one thing fails at once.

    Args:
        clock: Its `sleep` does the waiting; an exception of it ends the wait.
        limit: Seconds that an outage is waited for; 0 waits for none.

    Example:
        >>> with breaker.active(probe=lambda: client.get_model("google-nano-banana-pro")):
        ...     with breaker.attempt(is_post=True, place="queue") as attempt:
        ...         attempt.record_status(send().status)
    """

    def __init__(self, clock: Clock, *, limit: float) -> None:
        self._clock = clock
        self.limit = limit
        self._lock = threading.Lock()
        self._probe: Callable[[], object] | None = None
        # Other requests must not push the POSTs out.
        self._outcomes: deque[_Outcome] = deque(maxlen=RECENT_REQUESTS)
        self._posts: deque[_Outcome] = deque(maxlen=RECENT_REQUESTS)
        self._since: float | None = None
        self._reason = ""
        # Whether the last request that was no POST was answered.
        self._has_answers = True
        # The request that is let pass as a probe, and the thread that makes one for its POST.
        self._turn: Attempt | None = None
        self._prober: int | None = None
        self._posts_waiting = 0
        self._delay = FIRST_PROBE
        self._next_at = 0.0
        # When the last outage ended.
        self._ended_at = float("-inf")

    @contextmanager
    def active(self, *, probe: Callable[[], object]) -> Iterator[None]:
        """Be at work for the length of a block.

        Args:
            probe: Sends one cheap request through this breaker; used where only POSTs wait.
        """
        with self._lock:
            self._close()
            self._probe = probe if self.limit > 0 else None
        try:
            yield
        finally:
            with self._lock:
                self._probe = None
                self._close()

    @contextmanager
    def attempt(self, *, is_post: bool, place: str) -> Iterator[Attempt]:
        """Wait until a request may be sent, and learn what becomes of it.

        Args:
            is_post: Whether it is a POST.
            place: What tells its URL from others, without a query.

        Raises:
            ServiceAway: The outage has lasted for longer than the limit; nothing was sent.
        """
        attempt = Attempt(self, is_post=is_post, place=place)
        self._wait(attempt)
        try:
            yield attempt
        except ConnectionFailed as error:
            attempt.record_fault(error)
            raise
        finally:
            with self._lock:
                self._end_turn(attempt)

    def wait_for_posts(self) -> None:
        """Return once no POST has to wait: for a caller that writes something before it posts.

        Raises:
            ServiceAway: The outage has lasted for longer than the limit.
        """
        attempt = Attempt(self, is_post=True)
        self._wait(attempt)
        with self._lock:
            self._end_turn(attempt)

    @property
    def is_open(self) -> bool:
        """Whether an outage is being waited for."""
        with self._lock:
            return self._since is not None and not self._is_over()

    def keeps_trying(self, error: OxenError, began: float) -> bool:
        """Whether an attempt that failed so fell into an outage, which is waited for.

        The outage may have ended by now: another request was answered since.

        Args:
            error: What it failed with.
            began: The clock's `monotonic` at its beginning.
        """
        return is_outage(error) and (self.is_open or began <= self._ended_at)

    def outage(self) -> Outage | None:
        """Return the outage that something waits for, if there is one."""
        with self._lock:
            if self._since is None or (self._has_answers and not self._posts_waiting):
                return None
            seconds = self._clock.monotonic() - self._since
            return Outage(self._reason, seconds, max(0.0, self.limit - seconds))

    def _wait(self, attempt: Attempt) -> None:
        """Return once a request may be sent, with the turn to probe where that is why."""
        if self._may_pass(attempt):
            return
        if attempt.is_post:
            with self._lock:
                self._posts_waiting += 1
        try:
            while True:
                self._clock.sleep(_LOOK_SECONDS)
                if attempt.is_post:
                    self._probe_for_posts()
                if self._may_pass(attempt):
                    return
        finally:
            if attempt.is_post:
                with self._lock:
                    self._posts_waiting -= 1

    def _may_pass(self, attempt: Attempt) -> bool:
        with self._lock:
            if self._since is None or (self._has_answers and not attempt.is_post):
                return True
            if self._is_over():
                raise self._away()
            if attempt.is_post and not self._has_answers:
                return False
            if self._turn is not None or self._clock.monotonic() < self._next_at:
                return False
            self._turn = attempt
            return True

    def _probe_for_posts(self) -> None:
        """Send the cheap request where POSTs wait and nothing else asks; one thread does."""
        with self._lock:
            is_due = self._since is not None and not self._has_answers and self._prober is None
            probe = self._probe if is_due else None
            if probe is not None:
                self._prober = threading.get_ident()
        if probe is None:
            return
        try:
            # Any answer is recorded where it arrives; what it says does not matter here.
            with suppress(OxenError):
                probe()
        finally:
            with self._lock:
                self._prober = None

    def _record(self, attempt: Attempt, reason: str | None) -> None:
        with self._lock:
            if self._probe is None:
                return
            now = self._clock.monotonic()
            is_turn = self._turn is attempt
            self._end_turn(attempt)
            is_fault = reason is not None
            outcome = _Outcome(now, attempt.is_post, is_fault, attempt.place)
            self._outcomes.append(outcome)
            if attempt.is_post:
                self._posts.append(outcome)
            if not attempt.is_post:
                self._has_answers = reason is None
            if reason is None:
                self._take_answer(attempt, now)
                return
            self._reason = reason
            if self._since is None:
                self._open_if_bad(now)
            elif is_turn:
                self._delay = min(2 * self._delay, LAST_PROBE)
                self._next_at = now + self._delay

    def _take_answer(self, attempt: Attempt, now: float) -> None:
        """Close after an answered POST, or any answer where no recent POST met a fault."""
        if self._since is None:
            return
        has_post_faults = any(
            item.is_fault and now - item.at <= RECENT_SECONDS for item in self._posts
        )
        if attempt.is_post or not has_post_faults:
            self._close()
        elif self._next_at > now and not self._is_post_outage(now):
            # The service is back: the first POST need not wait for the probe's next turn.
            self._next_at = now

    def _open_if_bad(self, now: float) -> None:
        recent = [item for item in self._outcomes if now - item.at <= RECENT_SECONDS]
        posts = [item for item in self._posts if now - item.at <= RECENT_SECONDS]
        since = _bad_since(posts)
        if since is None and not _is_one_place(recent):
            since = _bad_since(recent)
        if since is None:
            return
        self._since = since
        # Not known counts as no: a cheap request is sent before a POST is.
        self._has_answers = any(
            not item.is_post and not item.is_fault and item.at >= since for item in recent
        )
        self._delay = FIRST_PROBE
        self._next_at = now + FIRST_PROBE

    def _is_post_outage(self, now: float) -> bool:
        """Whether other requests were answered all along, so that an answer is no news."""
        return not any(
            item.is_fault and not item.is_post and now - item.at <= RECENT_SECONDS
            for item in self._outcomes
        )

    def _close(self) -> None:
        if self._since is not None:
            self._ended_at = self._clock.monotonic()
        self._since = None
        self._has_answers = True
        self._outcomes.clear()
        self._posts.clear()

    def _end_turn(self, attempt: Attempt) -> None:
        if self._turn is attempt:
            self._turn = None

    def _is_over(self) -> bool:
        since = self._since
        return since is not None and self._clock.monotonic() - since >= self.limit

    def _away(self) -> ServiceAway:
        limit = _in_words(self.limit)
        return ServiceAway(f"{self._reason} for more than {limit}", endpoint="service")


def _bad_since(requests: Sequence[_Outcome]) -> float | None:
    """Return when the first fault was, where faults are too many of some requests."""
    faults = [item.at for item in requests if item.is_fault]
    is_bad = len(faults) >= max(MIN_FAULTS, FAULT_SHARE * len(requests))
    return faults[0] if is_bad else None


def _is_one_place(requests: Sequence[_Outcome]) -> bool:
    """Whether one URL alone fails while others are answered."""
    since = list(dropwhile(lambda item: not item.is_fault, requests))
    places = {item.place for item in since if item.is_fault}
    return len(places) == 1 and any(not item.is_fault for item in since)


def _describe(error: ConnectionFailed) -> str:
    """Return a fault in a few words, without the name of a class."""
    if isinstance(error, TimedOut):
        return error.detail
    words = _CLASS_NAME.sub("", error.detail)
    return words[:1].lower() + words[1:80]


def _in_words(seconds: float) -> str:
    """Return seconds, or minutes from two on."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{math.floor(seconds / 60)} min"
