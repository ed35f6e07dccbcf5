"""The service's event stream (SSE) of finished jobs, reconnected after every fault.

The delay between connections is our own, not tenacity's: it starts anew with every byte, and
`close` ends it at once. Nothing is replayed, so a caller polls as well. Must not
know: what is done about a finished job.
"""

import codecs
import logging
import re
import threading
from collections.abc import Iterator
from dataclasses import replace

from sseclient import SSEClient

from nbp_dagster.clock import Clock
from nbp_dagster.oxen.errors import (
    BadResponse,
    ClientOutdated,
    OxenError,
    StatusError,
    Unauthorized,
)
from nbp_dagster.oxen.executor import Executor
from nbp_dagster.oxen.json_bodies import ShapeError
from nbp_dagster.oxen.responses import COMPLETED_EVENT, GenerationEvent, parse_event
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, Transport, read_start

logger = logging.getLogger(__name__)

EVENTS_PATH = "/api/events"

READ_TIMEOUT = 60.0
"""Seconds of silence after which the line is taken for dead; a keep-alive comes every 15 s."""

FIRST_DELAY = 1.0
MAX_DELAY = 30.0
"""Seconds between connections: the first, and where doubling ends."""

MAX_EVENT_BYTES = 256 * 1024
"""Longest event, or comment, between two blank lines; one of ours has a kilobyte."""

_BLANK_LINE = re.compile(rb"\r\r|\n\n|\r\n\r\n")

_NAP = 0.1
"""Longest sleep in seconds at a stretch, so that `close` is noticed."""


class EventStream:
    """Finished generations of the key's account, in the order they arrive.

    Iterate it in one thread; `close` from any other ends the iteration at once, except while a
    connection is being opened, which ends with its own timeout.

    Attributes:
        connected: Set while the service's answer is open. Wait for it before the first enqueue:
            jobs that finish earlier are not announced.

    Example:
        >>> stream = client.events()
        >>> for event in stream:
        ...     handle(event)
    """

    def __init__(self, executor: Executor, transport: Transport, *, clock: Clock) -> None:
        self._executor = executor
        self._transport = transport
        self._clock = clock
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._current: HttpStream | None = None
        self._delay = FIRST_DELAY
        self.connected = threading.Event()

    def __iter__(self) -> Iterator[GenerationEvent]:
        """Yield events until closed, reconnecting after every fault.

        Raises:
            Unauthorized: The key is not accepted: no reconnection will help.
            ClientOutdated: Nor here.
        """
        while not self._closed.is_set():
            asked: float | None = None
            try:
                yield from self._listen()
            except (Unauthorized, ClientOutdated):
                raise
            except OxenError as error:
                asked = error.retry_after if isinstance(error, StatusError) else None
                logger.debug("event stream interrupted: %s", error)
            self._pause(asked)

    def close(self) -> None:
        """End the iteration, from any thread."""
        self._closed.set()
        with self._lock:
            if self._current is not None:
                self._current.close()

    def _listen(self) -> Iterator[GenerationEvent]:
        """Yield the events of one connection."""
        request = self._executor.request(
            "GET",
            EVENTS_PATH,
            headers={
                "Accept": "text/event-stream",
                "Accept-Encoding": "identity",
                "Cache-Control": "no-cache",
            },
            read_timeout=READ_TIMEOUT,
        )
        with self._transport.stream(
            replace(request, total_timeout=None, is_endless=True)
        ) as answer:
            self._check(request, answer)
            if not self._attach(answer):
                return
            try:
                yield from self._read(answer)
            finally:
                self._detach()

    def _check(self, request: HttpRequest, answer: HttpStream) -> None:
        if answer.status != 200:
            raise self._executor.fail(
                answer.status, answer.headers, read_start(answer), endpoint=request.endpoint
            )
        kind = self._executor.redact(answer.header("content-type") or "nothing", max_chars=100)
        if not kind.startswith("text/event-stream"):
            raise BadResponse(
                f"the content type is {kind}, not text/event-stream",
                endpoint=request.endpoint,
                status=answer.status,
            )

    def _attach(self, answer: HttpStream) -> bool:
        """Make the connection known to `close`; False when that was called meanwhile."""
        with self._lock:
            if self._closed.is_set():
                return False
            self._current = answer
        self.connected.set()
        return True

    def _detach(self) -> None:
        self.connected.clear()
        with self._lock:
            self._current = None

    def _read(self, answer: HttpStream) -> Iterator[GenerationEvent]:
        for event in SSEClient(self._chunks(answer)).events():
            if self._closed.is_set():
                return
            if event.event == COMPLETED_EVENT:
                yield from self._parse(event.data)

    def _chunks(self, answer: HttpStream) -> Iterator[bytes]:
        """Pass bytes on, valid as UTF-8; any byte, a keep-alive's too, proves the line good."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        unended = 0
        for chunk in answer.chunks:
            if self._closed.is_set():
                return
            self._delay = FIRST_DELAY
            ends = [found.end() for found in _BLANK_LINE.finditer(chunk)]
            unended = len(chunk) - ends[-1] if ends else unended + len(chunk)
            if unended > MAX_EVENT_BYTES:
                raise BadResponse(
                    f"an event is longer than {MAX_EVENT_BYTES} bytes",
                    endpoint=EVENTS_PATH,
                    status=answer.status,
                )
            yield decoder.decode(chunk).encode()

    def _parse(self, data: str) -> Iterator[GenerationEvent]:
        try:
            yield parse_event(self._executor.read_json(data.encode()))
        except (ShapeError, ValueError, RecursionError) as error:
            logger.debug("an unreadable event of %d characters is skipped: %s", len(data), error)

    def _pause(self, asked: float | None) -> None:
        """Wait before the next connection: twice as long each time, or as the service asks."""
        left = min(max(self._delay, asked or 0.0), MAX_DELAY)
        self._delay = min(self._delay * 2, MAX_DELAY)
        while left > 0 and not self._closed.is_set():
            self._clock.sleep(min(left, _NAP))
            left -= _NAP
