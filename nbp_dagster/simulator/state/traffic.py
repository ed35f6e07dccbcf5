"""The traffic of one simulator: request log, counters, limits and dropped connections."""

import asyncio
import socket
import struct
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope

from nbp_dagster.simulator.options import Barrier

LOG_LIMIT = 50_000


@dataclass(kw_only=True)
class LoggedRequest:
    """The log entry of one request and its answer, without headers and query string.

    `status` is 0 while there is no answer and stays so when the connection was dropped.
    """

    number: int
    method: str
    path: str
    status: int = 0
    billed: int = 0
    generation_ids: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the log entry."""
        return {
            "number": self.number,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "billed": self.billed,
            "generation_ids": list(self.generation_ids),
        }


class Traffic:
    """The request log, and how many requests were in flight at once."""

    def __init__(self) -> None:
        self._log: deque[LoggedRequest] = deque(maxlen=LOG_LIMIT)
        self._statuses: Counter[int] = Counter()
        self._total = 0
        self._in_flight = 0
        self._peak = 0

    @property
    def in_flight(self) -> int:
        """Requests in flight, open event streams not counted."""
        return self._in_flight

    def open(self, method: str, path: str, *, lasting: bool) -> LoggedRequest:
        """Enter a request; `lasting` ones (event streams) are not counted as in flight."""
        logged = LoggedRequest(number=self._total, method=method, path=path)
        self._total += 1
        self._log.append(logged)
        if not lasting:
            self._in_flight += 1
            self._peak = max(self._peak, self._in_flight)
        return logged

    def close(self, logged: LoggedRequest, *, lasting: bool) -> None:
        """Enter the end of a request."""
        self._statuses[logged.status] += 1
        if not lasting:
            self._in_flight -= 1

    def clear(self) -> None:
        """Forget the log and the counters; requests in flight stay counted."""
        self._log.clear()
        self._statuses.clear()
        self._total = 0
        self._peak = self._in_flight

    def log(self) -> list[dict[str, Any]]:
        """Return the newest requests, oldest first, at most `LOG_LIMIT`."""
        return [logged.to_json() for logged in self._log]

    def to_json(self) -> dict[str, Any]:
        """Return the counters."""
        return {
            "requests": self._total,
            "in_flight": self._in_flight,
            "peak_in_flight": self._peak,
            "by_status": {str(status): count for status, count in self._statuses.items()},
        }


class RequestLimit:
    """A token bucket of one second's worth of requests, refilled evenly.

    Args:
        per_second: Requests per second; None for no limit.
        now: Returns seconds of a clock that never runs backwards.
    """

    def __init__(self, per_second: float | None, now: Callable[[], float]) -> None:
        self._rate = per_second
        self._now = now
        self._capacity = max(1.0, per_second or 0.0)
        self._left = self._capacity
        self._stamp = now()

    def take(self) -> float | None:
        """Let a request through and return None, or return the seconds until there is room."""
        if self._rate is None:
            return None
        stamp = self._now()
        self._left = min(self._capacity, self._left + (stamp - self._stamp) * self._rate)
        self._stamp = stamp
        if self._left < 1.0:
            return (1.0 - self._left) / self._rate
        self._left -= 1.0
        return None


class RequestBarrier:
    """Holds requests until enough have arrived, once; the barrier of the options at work."""

    def __init__(self, barrier: Barrier) -> None:
        self._barrier = barrier
        self._waiting = 0
        self._opened = asyncio.Event()
        self._broken = False

    async def wait(self, method: str, path: str) -> None:
        """Hold a request of the barrier until it opens; pass any other at once."""
        barrier = self._barrier
        if method != barrier.method or barrier.path not in path or self._opened.is_set():
            return
        self._waiting += 1
        if self._waiting >= barrier.parties:
            self._opened.set()
            return
        try:
            await asyncio.wait_for(self._opened.wait(), barrier.seconds)
        except TimeoutError:
            self._broken = True
            self._opened.set()

    def to_json(self) -> dict[str, Any]:
        """Return how the barrier stands."""
        return {
            "parties": self._barrier.parties,
            "arrived": self._waiting,
            "open": self._opened.is_set(),
            "broken": self._broken,
        }


class Connections:
    """The open client connections by peer address, so that one can be dropped.

    Only the simulator's own server fills it; under another ASGI server dropping is impossible.
    """

    def __init__(self) -> None:
        self._transports: dict[tuple[str, int], asyncio.Transport] = {}

    def add(self, transport: asyncio.Transport) -> None:
        """Enter a new connection."""
        self._transports[_peer(transport)] = transport

    def remove(self, transport: asyncio.Transport) -> None:
        """Take out a connection that is over."""
        self._transports.pop(_peer(transport), None)

    async def reset(self, scope: Scope, receive: Receive) -> None:
        """Reset the connection of a request: the client sees an error, not an end.

        Raises:
            LookupError: The connection is unknown: another server runs the app.
        """
        _reset(self._transports[_client(scope)])
        await wait_until_gone(receive)

    async def hang_up(self, scope: Scope, receive: Receive) -> None:
        """Send what is already written, then close the connection of a request.

        Raises:
            LookupError: The connection is unknown: another server runs the app.
        """
        self._transports[_client(scope)].close()
        await wait_until_gone(receive)

    def reset_all(self) -> None:
        """Reset every connection."""
        for transport in list(self._transports.values()):
            _reset(transport)


async def wait_until_gone(receive: Receive) -> None:
    """Return when the client of a request has gone away; what it still sends is dropped."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _client(scope: Scope) -> tuple[str, int]:
    host, port = scope["client"]
    return host, port


def _peer(transport: asyncio.Transport) -> tuple[str, int]:
    # None when the client went away before the connection was made.
    host, port = (transport.get_extra_info("peername") or ("", 0))[:2]
    return host, port


def _reset(transport: asyncio.Transport) -> None:
    # Lingering for zero seconds turns the closing of a socket into a reset.
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
