"""A transport that asks the service no faster than it keeps up with.

Must not know: endpoints, or when a call is repeated.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from nbp_dagster.clock import Clock
from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
from nbp_dagster.oxen.rate_limit.rate_state import Slot
from nbp_dagster.oxen.retry import parse_retry_after
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, Transport
from nbp_dagster.oxen.urls import is_own


class LimitedTransport(Transport):
    """Sends requests to the service's own origin at a pace, and all others untouched.

    Args:
        transport: Sends them.
        base_url: Root of the service.
        pace: Says when, and is told how each was taken.
        clock: Reads a `Retry-After` that is a date.
    """

    def __init__(
        self, transport: Transport, *, base_url: str, pace: RateLimiter, clock: Clock
    ) -> None:
        self._transport = transport
        self._base_url = base_url
        self._pace = pace
        self._clock = clock

    def __repr__(self) -> str:
        return f"LimitedTransport({self._transport!r})"

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        """Send in turn; a stream counts as one request, however long it lasts."""
        if not is_own(request.url, self._base_url):
            with self._transport.stream(request) as answer:
                yield answer
            return
        slot = self._pace.wait()
        with self._transport.stream(request) as answer:
            self._report(request, answer, slot)
            yield answer

    def _report(self, request: HttpRequest, answer: HttpStream, slot: Slot) -> None:
        is_post = request.method == "POST"
        if answer.status == 429:
            value = answer.header("retry-after")
            asked = parse_retry_after(value, now=self._clock.now())
            self._pace.slow_down(asked, slot, is_post=is_post)
        elif answer.status < 500:
            self._pace.keep_up(slot, is_post=is_post)
