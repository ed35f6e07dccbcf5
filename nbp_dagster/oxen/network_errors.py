"""Translates exceptions of `requests` into ours: may the server have read the request, or not?

Must not know: methods, retries, or what a request is for. The library's texts quote whole URLs,
signatures included, and a malformed answer itself, so what is said is the operating system's words
for a fault of the line, and ours for any other.
"""

import http.client
import ssl
from collections.abc import Iterator

import requests
import urllib3
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError
from urllib3.util.ssl_match_hostname import CertificateError

from nbp_dagster.oxen.errors import (
    CertificateRefused,
    ConnectionFailed,
    OxenError,
    TimedOut,
    UnsafeUrl,
)

NETWORK_FAULTS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)
"""Everything the library raises for a request that did not end in an answer."""

_NEVER_REACHED = (
    ConnectTimeoutError,
    NewConnectionError,
    ConnectionRefusedError,
    requests.ConnectTimeout,
    requests.exceptions.ProxyError,
)
"""Faults of the way to the server. A proxy's counts: the tunnel was never up."""

_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (http.client.RemoteDisconnected, "the connection was closed without an answer"),
    (http.client.BadStatusLine, "the answer does not begin as HTTP does"),
    (http.client.LineTooLong, "a line of the answer's head is too long"),
    (http.client.IncompleteRead, "the answer broke off"),
    (urllib3.exceptions.DecodeError, "the answer's compression is damaged"),
    (http.client.HTTPException, "the answer is not valid HTTP"),
    (requests.exceptions.ProxyError, "the proxy refused the connection"),
    (urllib3.exceptions.ProxyError, "the proxy refused the connection"),
    (ssl.SSLError, "the encrypted connection failed"),
    (urllib3.exceptions.SSLError, "the encrypted connection failed"),
    (NewConnectionError, "no connection could be made"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "connection reset"),
    (BrokenPipeError, "connection closed while sending"),
)
"""Our words by kind, the most telling first: the library's own may quote the answer."""

_READ_TIMEOUTS = (ReadTimeoutError, requests.ReadTimeout, TimeoutError)


def translate_fault(
    fault: BaseException,
    *,
    endpoint: str,
    sent: bool,
    timeouts: tuple[float, float],
) -> OxenError:
    """Return our error for a fault of the library.

    Args:
        fault: What was raised.
        endpoint: Method and URL without its query, for the message.
        sent: True once an answer has begun, so that the request was read for certain.
        timeouts: Seconds allowed to connect and to stay silent, for the message.
    """
    chain = tuple(_chain(fault))
    if not sent and isinstance(fault, ValueError):
        return UnsafeUrl("the HTTP library cannot read the URL or a header", endpoint=endpoint)
    if _has(chain, (ssl.SSLCertVerificationError, CertificateError)):
        return CertificateRefused(_words(chain), endpoint=endpoint, maybe_sent=False)
    maybe_sent = sent or not _has(chain, _NEVER_REACHED)
    connect, read = timeouts
    if not maybe_sent and any(_is_connect_timeout(item) for item in chain):
        return TimedOut(f"no connection within {connect:g} s", endpoint=endpoint, maybe_sent=False)
    if maybe_sent and _has(chain, _READ_TIMEOUTS):
        return TimedOut(f"no byte for {read:g} s", endpoint=endpoint, maybe_sent=True)
    return ConnectionFailed(_words(chain), endpoint=endpoint, maybe_sent=maybe_sent)


def _chain(fault: BaseException) -> Iterator[BaseException]:
    """Yield a fault and what it wraps, outermost first.

    `__context__` is left out on purpose: it may be an older error that the caller was handling, and
    taking its "connection refused" for this request's would send a paid request twice.
    """
    pending = [fault]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = (*current.args, getattr(current, "reason", None), current.__cause__)
        pending.extend(item for item in inner if isinstance(item, BaseException))


def _has(chain: tuple[BaseException, ...], kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(fault, kinds) for fault in chain)


def _is_connect_timeout(fault: BaseException) -> bool:
    """Tell a timeout from a refusal, which the library derives from it."""
    return isinstance(fault, ConnectTimeoutError) and not isinstance(fault, NewConnectionError)


def _words(chain: tuple[BaseException, ...]) -> str:
    """Return what the operating system says of the innermost fault, or our words for its kind."""
    for fault in reversed(chain):
        if isinstance(fault, OSError) and isinstance(fault.strerror, str) and fault.strerror:
            return fault.strerror
    return next((words for kind, words in _KINDS if _has(chain, (kind,))), "the line broke")
