"""The rules of URLs, hosts and paths that text alone decides; resolves and opens nothing.

What may be opened after a host is resolved is `oxen.urls`, by these rules.
"""

import ipaddress
import re
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # RFC 4291: all that is given out so far
_DOCUMENTATION = ipaddress.IPv6Network("3fff::/20")  # RFC 9637, newer than the interpreter's list
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})  # RFC 5214: what stands before an IPv4 address

# `Path` makes s3:/bucket of s3://bucket; one letter before the colon is a drive of Windows.
_URL = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]+:[/\\]")

# What SQLAlchemy takes for user and password: up to the first @.
_DATABASE_USER = re.compile(r"[^:/]*://(?:[^:/]*(?::(?P<password>[^@]*))?@)?")

# A user's colon, then what ends the host for every parser of URLs, then the @ before the host.
_CUT_PASSWORD = re.compile(r"[^:/]*://[^/?#]*:[^/?#]*[/?#].*@", re.DOTALL)

MAX_NAME_BYTES = 255  # NAME_MAX of the usual file systems
MAX_PATH_BYTES = 4000  # PATH_MAX of Linux is 4096; below a folder files have names of their own

SERVED_ADDRESS: Final = (
    r"^https?://(\[[0-9A-Fa-f:.]+\](:[0-9]+)?|[^\s/?#@()\[\]\\]+)(/[^\s?#()\[\]\\]*)?$"
)
"""Of a page of this installation that others link: http or https, no user, query, fragment."""

# Characters on which URL parsers disagree about where the host ends.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa")
# 127.1, 2130706433 and 0x7f000001 all reach this machine, though no parser takes them for an IP.
_NUMERIC_LABEL = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Tell whether an IP address is on the public internet.

    An IPv6 address that stands for an IPv4 one (mapped, 6to4, Teredo, NAT64, ISATAP) is judged by
    that one.
    """
    try:
        outer = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    return all(map(_is_public, _list_wrapped(outer) or (outer,)))


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its name or number."""
    return host in {"localhost", "::1"} or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None


def is_public_name(host: str) -> bool:
    """Tell whether a host, by its text, may be one on the public internet: an IP or a full name."""
    host = host.rstrip(".").lower()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        is_number = _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]) is not None
        return "." in host and not (is_number or host.endswith(_LOCAL_SUFFIXES))
    return is_public(host)


def has_ambiguous_characters(url: str) -> bool:
    """Tell whether URL parsers may disagree about a URL: a blank, a control, a backslash."""
    return _FORBIDDEN.search(url) is not None


def split_url(url: str) -> tuple[SplitResult, int | None] | None:
    """Return the parts of a URL and its port; None where its host or port cannot be parsed."""
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        return None


def has_user(parts: SplitResult) -> bool:
    """Tell whether a URL carries a user name or password, an empty one too."""
    return "@" in parts.netloc


def list_passwords(url: str) -> tuple[str, ...]:
    """Return the password in an address, as written and as drivers decode it; empty for none.

    Drivers of databases and parsers of URLs differ about where one with a / ends: both are told.
    """
    found, of_database = split_url(url), _DATABASE_USER.match(url)
    passwords = (found and found[0].password, of_database and of_database["password"])
    written = [password for password in passwords if password]
    return tuple(dict.fromkeys(word for each in written for word in (each, unquote(each))))


def has_cut_password(url: str) -> bool:
    """Tell whether a password in a URL may have a / ? or #, at which parsers end the host."""
    return _CUT_PASSWORD.match(url) is not None


def has_stray_at(url: str) -> bool:
    """Tell whether the address of a database has an @ besides the one before its host."""
    match = _DATABASE_USER.match(url)
    return match is not None and "@" in url[match.end() :].partition("?")[0]


def find_path_fault(path: str) -> str | None:
    """Return why a text can't be a path of this machine, or None.

    A URL would be one: `s3://bucket/nbp` names a folder `s3:` below the current one.
    """
    if _URL.match(path) is not None:
        return "a URL, where a path of this machine belongs; give a path, or mount what it names"
    if "\0" in path:
        return "has a NUL character, which no path may have; remove it"
    names = [len(name.encode("utf-8", "surrogateescape")) for name in re.split(r"[/\\]", path)]
    if max(names) > MAX_NAME_BYTES or sum(names) + len(names) > MAX_PATH_BYTES:
        return (
            f"too long for a path; accepted: at most {MAX_NAME_BYTES} bytes between slashes and "
            f"{MAX_PATH_BYTES} in all"
        )
    return None


def split_list(text: str) -> tuple[str, ...]:
    """Return the names, addresses or paths of a setting, which are divided by commas."""
    return tuple(part for each in text.split(",") if (part := each.strip()))


def require_path(path: str) -> str:
    """Return a path as it is.

    Raises:
        ValueError: It is a URL, or longer than file systems take.
    """
    fault = find_path_fault(path)
    if fault is not None:
        raise ValueError(fault)
    return path


def require_url(text: str) -> str:
    """Return the URL of a store that machines share as it is.

    Raises:
        ValueError: It names no protocol, nothing behind it, or what only one process or one folder
            has. The value is not told: it may hold a password.
    """
    protocol, separator, rest = text.strip().partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]+", protocol) or not rest:
        raise ValueError("accepted: a URL such as s3://bucket/folder, gs://..., az://...")
    if protocol.lower() == "memory":
        raise ValueError("memory:// ends with its process; accepted: s3://bucket/folder and others")
    if protocol.lower() in ("file", "local") and not rest.startswith("/"):
        raise ValueError(
            f"{protocol}:// has a path from the folder that a command runs in; accepted: "
            f"{protocol}:///mnt/pictures, which begins at the root"
        )
    if has_cut_password(text):
        raise ValueError(
            "has an @ behind a /, ? or #; accepted: a user and password with / as %2F, ? as %3F, "
            "# as %23 and @ as %40"
        )
    return text


def require_whole_path(url: str) -> str:
    """Return the address of a database as it is.

    Raises:
        ValueError: It is that of a SQLite file, by a path from the folder that a command runs in:
            each folder would have a database of its own.
    """
    scheme, _, path = url.strip().partition("://")
    name = path.removeprefix("/").partition("?")[0]
    if scheme.lower().partition("+")[0] == "sqlite" and not Path(name).is_absolute():
        raise ValueError(
            "a SQLite file by a path from the folder that a command runs in; accepted: "
            "sqlite:////var/lib/nbp/ledger.sqlite, with four slashes"
        )
    return url


def _is_public(ip: _Address) -> bool:
    if isinstance(ip, ipaddress.IPv6Address) and (
        ip not in _GLOBAL_UNICAST or ip in _DOCUMENTATION
    ):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _list_wrapped(ip: _Address) -> tuple[ipaddress.IPv4Address, ...]:
    if isinstance(ip, ipaddress.IPv4Address):
        return ()
    inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64 or (int(ip) >> 32) & 0xFFFF_FFFF in _ISATAP:
        inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF))
    return tuple(found for found in inner if found is not None)
