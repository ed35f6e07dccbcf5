"""The event stream of finished jobs, sent to subscribers; keeps nothing and replays nothing."""

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from nbp_dagster.simulator.state.traffic import wait_until_gone

MEDIA_EVENT = "media_generation_completed"

# A shell pipeline ends when its source writes to a reader that has gone: a comment soon after.
_AFTERWORD_SECONDS = 1.0

# Turns into event data what only a subscriber's own request knows: the host of the links.
DataMaker = Callable[[str], Mapping[str, Any]]


class EventFeed:
    """Hands every event to the streams open at that moment."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[DataMaker]] = set()

    @property
    def subscribers(self) -> int:
        """How many streams are open."""
        return len(self._queues)

    def publish(self, make_data: DataMaker) -> None:
        """Send an event to every open stream; `make_data` is given the stream's base URL."""
        for queue in self._queues:
            queue.put_nowait(make_data)

    def open(self) -> asyncio.Queue[DataMaker]:
        """Return the queue of a new stream."""
        queue: asyncio.Queue[DataMaker] = asyncio.Queue()
        self._queues.add(queue)
        return queue

    def close(self, queue: asyncio.Queue[DataMaker]) -> None:
        """Take a stream's queue out."""
        self._queues.discard(queue)


class EventStream(Response):
    """One open stream, as an ASGI response.

    It subscribes before the status line is sent: a client that has read the status misses nothing.

    Args:
        feed: Where the events come from.
        base_url: Scheme and host for the links in the events.
        keep_alive: Seconds of silence before a comment line.
        padding: Bytes of comment after each event, for readers that buffer; 0 for none.
        lifetime: Seconds after which the stream breaks off; None never.
        break_off: Cuts the connection.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        feed: EventFeed,
        *,
        base_url: str,
        keep_alive: float,
        padding: int,
        lifetime: float | None,
        break_off: Callable[[Scope, Receive], Any],
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-cache"})
        del self.headers["content-length"]
        self._feed = feed
        self._base_url = base_url
        self._keep_alive = keep_alive
        self._padding = f": {' ' * padding}\n\n" if padding else ""
        self._lifetime = lifetime
        self._break_off = break_off

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        queue = self._feed.open()
        gone = asyncio.ensure_future(wait_until_gone(receive))
        try:
            headers = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **headers})
            await self._relay(queue, gone, send)
            if not gone.done():
                await self._break_off(scope, receive)
        finally:
            self._feed.close(queue)
            gone.cancel()

    async def _relay(
        self, queue: "asyncio.Queue[DataMaker]", gone: "asyncio.Future[None]", send: Send
    ) -> None:
        """Send events and comments until the client is gone or the lifetime is over."""
        loop = asyncio.get_running_loop()
        end = math.inf if self._lifetime is None else loop.time() + self._lifetime
        patience = self._keep_alive
        while not gone.done() and loop.time() < end:
            left = end - loop.time()
            item = asyncio.ensure_future(queue.get())
            await asyncio.wait(
                (item, gone), timeout=min(patience, left), return_when="FIRST_COMPLETED"
            )
            if item.done():
                text = _format_event(item.result()(self._base_url)) + self._padding
                patience = min(self._keep_alive, _AFTERWORD_SECONDS)
            else:
                item.cancel()
                if left <= patience:
                    return
                text = ": keep-alive\n\n"
                patience = self._keep_alive
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def _format_event(data: Mapping[str, Any]) -> str:
    # Compact: shell readers of the stream search for "generation_id":"..." without a space.
    return f"event: {MEDIA_EVENT}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
