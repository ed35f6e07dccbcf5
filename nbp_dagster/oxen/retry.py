"""Retry policy: which failures (429, 5xx, broken connections) are sent again, how often, how soon.

`RetryPolicy` holds the numbers, `decide` the rules; tenacity repeats. Must not know: URLs,
payloads, or how a request is sent.
"""

import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

from nbp_dagster.clock import Clock
from nbp_dagster.oxen.errors import (
    AmbiguousPost,
    BadResponse,
    CertificateRefused,
    ConnectionFailed,
    OxenError,
    RateLimited,
    ServerFault,
    StatusError,
)

logger = logging.getLogger(__name__)

Decision = Literal["retry", "raise", "ambiguous"]
T = TypeVar("T")

REPEATABLE_METHODS = frozenset({"GET", "PUT", "DELETE"})
"""Methods that may be sent twice without a second effect. A file PUT is one: the same bytes again
are answered with `no_changes`. Every POST is taken for one that bills."""


MAX_HEADER_CHARS = 100
"""How much of a `Retry-After` is read; an HTTP date has 29 characters."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often a call is repeated, and after which delays.

    Attributes:
        attempts: Times a call is sent at most, the first included.
        base_delay: Seconds before the second attempt; doubles from there.
        throttle_delay: The same after a 429 without `Retry-After`.
        max_delay: Longest wait in seconds we choose ourselves.
        retry_after_ceiling: Longest wait in seconds the service may ask of us.
        total_seconds: No further attempt begins later than this after the first.
    """

    attempts: int = 5
    base_delay: float = 0.5
    throttle_delay: float = 5.0
    max_delay: float = 30.0
    retry_after_ceiling: float = 120.0
    total_seconds: float = 300.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"RetryPolicy.attempts is {self.attempts}; at least 1 is needed")

    def delay_after(self, error: BaseException | None, attempt: int, *, jitter: float) -> float:
        """Return the seconds to wait before the next attempt.

        Args:
            error: What the attempt failed with; its `retry_after` comes first.
            attempt: The attempt that failed, counted from 1.
            jitter: 0 to 1; spreads workers over the upper half of a delay of ours, and over
                `base_delay` after one the service asked for.
        """
        asked = error.retry_after if isinstance(error, StatusError) else None
        if asked is not None:
            return min(asked + self.base_delay * jitter, self.retry_after_ceiling)
        first = self.throttle_delay if isinstance(error, RateLimited) else self.base_delay
        doubled = first * 2.0 ** min(attempt - 1, 30)
        return min(self.max_delay, doubled) * (0.5 + 0.5 * jitter)


def decide(error: BaseException, method: str) -> Decision:
    """Say what to do about an error of a call.

    A request that cannot have been read, or was turned away by a 429, is repeated whatever the
    method. A fault after that is repeated only where a second call has no second effect.
    """
    if isinstance(error, CertificateRefused):
        return "raise"
    if isinstance(error, RateLimited):
        return "retry"
    if isinstance(error, ConnectionFailed) and not error.maybe_sent:
        return "retry"
    if isinstance(error, (ConnectionFailed, ServerFault, BadResponse)):
        return "retry" if method.upper() in REPEATABLE_METHODS else "ambiguous"
    return "raise"


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """Read a `Retry-After` header: seconds, or an HTTP date.

    urllib3's own parser refuses fractions of a second and reads the system's clock.

    Args:
        value: The header as received.
        now: Seconds since the epoch, against which a date is measured.

    Returns:
        Seconds to wait, never negative; None when the header is absent or unreadable.
    """
    text = (value or "")[:MAX_HEADER_CHARS].strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return _until(text, now=now)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(text: str, *, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)


# Of an error, and the moment at which the attempt began that it ended.
KeepsTrying = Callable[[OxenError, float], bool]


def stop_trying(error: OxenError, began: float) -> bool:
    """Count every attempt: no outage is waited for."""
    return False


class Retrier:
    """Repeats a call as the policy and `decide` allow.

    Args:
        policy: How often, and after which delays.
        clock: Its `sleep` does the waiting.
        jitter: Returns 0 to 1.
        on_throttle: Called with the delay in seconds of every 429, the last attempt's too, so that
            one answer can slow every worker; on the thread that met the 429.
        keeps_trying: Whether an attempt that failed so, and began at that moment of the clock's
            `monotonic`, fell into an outage that is waited for: it counts as none.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        clock: Clock,
        *,
        jitter: Callable[[], float] = random.random,
        on_throttle: Callable[[float], None] | None = None,
        keeps_trying: KeepsTrying = stop_trying,
    ) -> None:
        self._keeps_trying = keeps_trying
        self._policy = policy
        self._clock = clock
        self._jitter = jitter
        self._on_throttle = on_throttle

    def call(self, attempt: Callable[[], T], *, method: str, is_patient: bool = True) -> T:
        """Run an attempt until it succeeds or may not be repeated.

        Args:
            attempt: Sends the request once.
            method: Its HTTP method.
            is_patient: Whether `keeps_trying` is asked.

        Raises:
            AmbiguousPost: A POST failed in a way that leaves open whether it was taken.
            OxenError: The last attempt's error, unchanged, in every other case.
        """
        started = began = self._clock.monotonic()
        counted = 0

        def attempt_once() -> T:
            nonlocal began
            began = self._clock.monotonic()
            return attempt()

        def is_over(state: RetryCallState) -> bool:
            nonlocal started, counted
            error = _error_of(state)
            if is_patient and isinstance(error, OxenError) and self._keeps_trying(error, began):
                started, counted = self._clock.monotonic(), 0
                return False
            counted += 1
            elapsed = self._clock.monotonic() - started
            late = elapsed + state.upcoming_sleep > self._policy.total_seconds
            return late or counted >= self._policy.attempts

        retrying = Retrying(
            sleep=self._clock.sleep,
            retry=retry_if_exception(lambda error: decide(error, method) == "retry"),
            wait=self._next_delay,
            stop=is_over,
            before_sleep=_log_retry,
            reraise=True,
        )
        try:
            return retrying(attempt_once)
        except OxenError as error:
            if decide(error, method) != "ambiguous":
                raise
            raise _ambiguous(error) from error

    def _next_delay(self, state: RetryCallState) -> float:
        error = _error_of(state)
        delay = self._policy.delay_after(error, state.attempt_number, jitter=self._jitter())
        if isinstance(error, RateLimited) and self._on_throttle is not None:
            self._on_throttle(delay)
        return delay


def _ambiguous(error: OxenError) -> AmbiguousPost:
    return AmbiguousPost(
        error.detail,
        endpoint=error.endpoint,
        status=error.status,
        request_id=error.request_id,
        error_type=error.error_type,
    )


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None


def _log_retry(state: RetryCallState) -> None:
    error = _error_of(state)
    endpoint = error.endpoint if isinstance(error, OxenError) else "call"
    logger.info(
        "%s: attempt %d failed (%s), next in %.1f s",
        endpoint,
        state.attempt_number,
        type(error).__name__,
        state.upcoming_sleep,
    )
