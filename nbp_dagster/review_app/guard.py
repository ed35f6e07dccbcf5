"""What every request passes before it reaches a route: names, sizes, rates and safe headers."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_POST: Final = 64 * 1024
"""Bytes of a form; a reason has at most 500 characters."""

POSTS_A_MINUTE: Final = 600
"""Posts that one address may send: three times what a person decides at full speed."""

LOGINS_A_MINUTE: Final = 10
"""Tokens that one address may try."""

# Addresses remembered; the longest unseen one goes first.
_ADDRESSES: Final = 1000
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}


class RateLimit:
    """A bucket of tokens an address, filled evenly over each minute.

    Args:
        a_minute: Requests a minute; as many may come at once.
        now: Monotonic seconds.
    """

    def __init__(self, a_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most = float(a_minute)
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(self, address: str) -> bool:
        """Take one token of an address; return whether there was one."""
        now = self._now()
        left, since = self._buckets.pop(address, (self._most, now))
        left = min(self._most, left + (now - since) * self._most / 60)
        is_admitted = left >= 1
        self._buckets[address] = (left - is_admitted, now)
        while len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)
        return is_admitted


@dataclass(frozen=True)
class _Refusal(Exception):
    status: int
    words: str


class Guard:
    """Middleware that refuses what no browser of a reviewer sends, and adds headers to answers.

    Args:
        app: What follows.
        hosts: Names accepted in the Host header, without ports, in lower case.
        posts: Limits what one address posts.
    """

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], posts: RateLimit) -> None:
        self._app = app
        self._hosts = hosts
        self._posts = posts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it in plain words."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        secured = _secure(send)
        try:
            self._inspect(scope)
            await self._app(scope, _limit(receive), secured)
        except _Refusal as refusal:
            answer = PlainTextResponse(refusal.words + "\n", refusal.status)
            await answer(scope, receive, secured)

    def _inspect(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = name_of_host(headers.get("host", ""))
        # A page of another site may reach this port under a name of its own (DNS rebinding).
        if host not in self._hosts:
            raise _Refusal(
                421, "this name is not served here; name it in NBP_REVIEW_HOSTS if it is yours"
            )
        if scope["method"] not in ("GET", "HEAD", "POST"):
            raise _Refusal(405, "only GET and POST")
        if scope["method"] != "POST":
            return
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_POST:
            raise _Refusal(413, f"at most {LARGEST_POST} bytes")
        if not _is_same_origin(headers):
            raise _Refusal(403, "posted from another site")
        if not self._posts.admit(peer_of(scope)):
            raise _Refusal(429, "too many decisions at once; wait a minute")


def name_of_host(header: str) -> str:
    """Return the name in a Host header, without its port, in lower case."""
    name = header.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0]


def peer_of(scope: Scope) -> str:
    """Return the address a connection comes from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _is_same_origin(headers: Headers) -> bool:
    """Return whether a post comes from a page of this very address, as far as the browser says."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2].lower() == headers.get("host", "").lower()


def _limit(receive: Receive) -> Receive:
    """Return a receiver that ends a body larger than its header said."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_POST:
            raise _Refusal(413, f"at most {LARGEST_POST} bytes")
        return message

    return limited


def _secure(send: Send) -> Send:
    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return secured
