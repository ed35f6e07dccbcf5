"""A transport whose requests to the service wait for the rate limiter, and out an outage.

Must not know: endpoints, or when a call is repeated.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from nbp_dagster.clock import Clock
from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
from nbp_dagster.oxen.rate_limit.rate_state import Slot
from nbp_dagster.oxen.retry import parse_retry_after
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, Transport
from nbp_dagster.oxen.urls import is_own


class LimitedTransport(Transport):
    """Limits the rate of requests to the service's own origin; other requests pass unchanged.

    Args:
        transport: Sends them.
        base_url: Root of the service.
        rate_limiter: Gives the slots; every answer is reported to it.
        clock: Reads a `Retry-After` that is a date.
        breaker: Has requests wait during an outage, and learns of every answer; None has none wait.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        base_url: str,
        rate_limiter: RateLimiter,
        clock: Clock,
        breaker: OutageBreaker | None = None,
    ) -> None:
        self._breaker = breaker or OutageBreaker(clock, limit=0.0)
        self._transport = transport
        self._base_url = base_url
        self._rate_limiter = rate_limiter
        self._clock = clock

    def __repr__(self) -> str:
        return f"LimitedTransport({self._transport!r})"

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        """Wait for a slot, then send; a stream counts as one request, however long it lasts."""
        if not is_own(request.url, self._base_url):
            with self._transport.stream(request) as answer:
                yield answer
            return
        if request.is_endless:
            # Its reconnections are its own affair: they do not show that other requests fail.
            with self._send(request) as answer:
                yield answer
            return
        waiting = self._breaker.attempt(is_post=request.method == "POST", place=request.endpoint)
        with waiting as attempt, self._send(request) as answer:
            attempt.record_status(answer.status)
            yield answer

    @contextmanager
    def _send(self, request: HttpRequest) -> Iterator[HttpStream]:
        slot = self._rate_limiter.acquire()
        with self._transport.stream(request) as answer:
            self._report(request, answer, slot)
            yield answer

    def _report(self, request: HttpRequest, answer: HttpStream, slot: Slot) -> None:
        is_post = request.method == "POST"
        if answer.status == 429:
            value = answer.header("retry-after")
            retry_after = parse_retry_after(value, now=self._clock.now())
            self._rate_limiter.record_throttle(retry_after, slot, is_post=is_post)
        elif answer.status < 500:
            self._rate_limiter.record_success(slot, is_post=is_post)
