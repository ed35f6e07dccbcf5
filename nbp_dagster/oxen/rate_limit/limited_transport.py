"""A transport whose requests to the service wait for the rate limiter, and out an outage.

Must not know: endpoints, or when a call is repeated.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from nbp_dagster.clock import Clock
from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
from nbp_dagster.oxen.rate_limit.rate_state import Slot
from nbp_dagster.oxen.retry import parse_retry_after
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, Transport
from nbp_dagster.oxen.urls import is_own
from nbp_dagster.telemetry.observer import NO_OBSERVER, Observer, RequestFacts


class LimitedTransport(Transport):
    """Limits the rate of requests to the service's own origin; other requests pass unchanged.

    Args:
        transport: Sends them.
        base_url: Root of the service.
        rate_limiter: Gives the slots; every answer is reported to it.
        clock: Reads a `Retry-After` that is a date.
        breaker: Has requests wait during an outage, and learns of every answer; None has none wait.
        observer: Told of every request, those that pass unchanged included; not of endless ones.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        base_url: str,
        rate_limiter: RateLimiter,
        clock: Clock,
        breaker: OutageBreaker | None = None,
        observer: Observer = NO_OBSERVER,
    ) -> None:
        self._observer = observer
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
            with self._observed(request, "elsewhere") as answer:
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
        sent = self._transport.stream if request.is_endless else self._observed
        with sent(request) as answer:
            self._report(request, answer, slot)
            yield answer

    @contextmanager
    def _observed(self, request: HttpRequest, endpoint: str = "") -> Iterator[HttpStream]:
        endpoint, status = endpoint or _name_endpoint(request.url), 0
        began = self._clock.monotonic()

        def record() -> None:
            seconds = self._clock.monotonic() - began
            self._observer.record_request(RequestFacts(request.method, endpoint, status, seconds))

        try:
            with self._transport.stream(request) as answer:
                status = answer.status
                record()
                yield answer
        finally:
            if not status:
                record()

    def _report(self, request: HttpRequest, answer: HttpStream, slot: Slot) -> None:
        is_post = request.method == "POST"
        if answer.status == 429:
            value = answer.header("retry-after")
            retry_after = parse_retry_after(value, now=self._clock.now())
            self._rate_limiter.record_throttle(retry_after, slot, is_post=is_post)
        elif answer.status < 500:
            self._rate_limiter.record_success(slot, is_post=is_post)


def _name_endpoint(url: str) -> str:
    """Return which part of the service a URL of it is of: no id, so that there are few."""
    parts = urlsplit(url).path.strip("/").split("/")
    named = [part for part in parts if part not in ("api", "ai")]
    return named[0][:40] if named else "root"
