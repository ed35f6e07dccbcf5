"""Decides which URLs are the service's own and which others may be opened (SSRF protection).

What the text of a URL says is judged in `addresses`. Must not know: keys, requests, or what is
fetched.
"""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult

from nbp_dagster.addresses import has_ambiguous_characters, has_user, is_public, split_url
from nbp_dagster.oxen.error_text import cut_query
from nbp_dagster.oxen.errors import ConnectionFailed, UnsafeUrl

Resolver = Callable[[str, int], Sequence[str]]
"""Takes a host name and a port, returns every IP address it stands for; raises OSError."""

MAX_REDIRECTS = 3

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port: what decides whether a URL is the service's own."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True)
class CheckedUrl:
    """A foreign URL and the public addresses it resolved to; connect to these and no others."""

    url: str
    host: str
    addresses: tuple[str, ...]


def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return every address of a host, from the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def read_origin(url: str) -> Origin:
    """Return the origin of an http(s) URL.

    Raises:
        UnsafeUrl: Another scheme, no host, a bad port, a user name, or characters that URL parsers
            read differently.
    """
    parts, port = _split(url)
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise _unsafe(url, f"the scheme is {scheme!r}, not https")
    if has_user(parts):
        raise _unsafe(url, "it carries a user name or password")
    if not parts.hostname:
        raise _unsafe(url, "it names no host")
    return Origin(scheme, parts.hostname, _DEFAULT_PORTS[scheme] if port is None else port)


@lru_cache(maxsize=64)
def is_own(url: str, base_url: str) -> bool:
    """Return whether a URL is on the service's own origin; an unreadable one is not."""
    try:
        return read_origin(url) == _read_base(base_url)
    except UnsafeUrl:
        return False


def check_foreign(url: str, resolver: Resolver = resolve_host) -> CheckedUrl:
    """Allow a URL outside the service's origin only when it is public https.

    Every address the host resolves to must be public; the caller connects to the addresses
    returned, so that a second look-up cannot lead elsewhere.

    Raises:
        UnsafeUrl: Not https, a user name in it, or an address that is private, loopback,
            link-local, reserved or multicast.
        ConnectionFailed: The host does not resolve.
    """
    origin = read_origin(url)
    if origin.scheme != "https":
        raise _unsafe(url, f"the scheme is {origin.scheme!r}, not https")
    addresses = _resolve(url, origin, resolver)
    for address in addresses:
        if not is_public(address):
            raise _unsafe(url, f"{origin.host} is at {address}, which is not a public address")
    return CheckedUrl(url=url, host=origin.host, addresses=addresses)


@lru_cache(maxsize=8)
def _read_base(base_url: str) -> Origin:
    """The origin of a service's address, of which a process knows one."""
    return read_origin(base_url)


def _resolve(url: str, origin: Origin, resolver: Resolver) -> tuple[str, ...]:
    reason = ""
    addresses: tuple[str, ...] = ()
    try:
        addresses = tuple(resolver(origin.host, origin.port))
    except (OSError, UnicodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is no host name"
        reason = f": {words}" if words else ""
    if not addresses:
        raise ConnectionFailed(
            f"the host {origin.host} does not resolve{reason}",
            endpoint=f"GET {cut_query(url)}",
            maybe_sent=False,
        )
    return addresses


def _split(url: str) -> tuple[SplitResult, int | None]:
    if has_ambiguous_characters(url):
        raise _unsafe(url, "it contains a space, a control character or a backslash")
    found = split_url(url)
    if found is None:
        raise _unsafe(url, "its host or port cannot be parsed")
    return found


def _unsafe(url: str, reason: str) -> UnsafeUrl:
    return UnsafeUrl(f"refused, {reason}", endpoint=f"GET {_without_user(cut_query(url))}")


def _without_user(url: str) -> str:
    return re.sub(r"//[^/]*@", "//", url)
