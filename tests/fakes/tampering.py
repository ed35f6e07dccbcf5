"""A transport that sends for real and changes what comes back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nbp_dagster.oxen.transport import (
    HttpRequest,
    HttpResponse,
    HttpStream,
    RequestsTransport,
    Transport,
    read_body,
)

Tamper = Callable[[HttpRequest, HttpResponse], HttpResponse]

_MOST_BYTES = 1 << 30


class TamperingTransport(Transport):
    """Passes every answer but an event stream through a function of the request and the answer.

    Args:
        tamper: The function.
        with_events: Whether there is an event stream; without one, jobs are polled for.
        inner: Sends the requests.
    """

    def __init__(
        self, tamper: Tamper, *, with_events: bool = True, inner: Transport | None = None
    ) -> None:
        self._tamper = tamper
        self._with_events = with_events
        self._inner = inner or RequestsTransport()

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        if request.url.endswith("/api/events") and not self._with_events:
            yield HttpStream(503, {}, chunks=())
            return
        with self._inner.stream(request) as answer:
            if (answer.header("content-type") or "").startswith("text/event-stream"):
                yield answer
                return
            body = read_body(answer, max_bytes=_MOST_BYTES)
            assert body is not None
            whole = HttpResponse(status=answer.status, headers=answer.headers, body=body)
            changed = self._tamper(request, whole)
        headers = {
            name: value
            for name, value in changed.headers.items()
            if name not in ("content-length", "content-encoding")
        }
        yield HttpStream(changed.status, headers, chunks=(changed.body,))
