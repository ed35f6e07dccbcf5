"""Reads a brand's public web page, its style sheets and its logo, politely and without any key.

Every address is opened under the rules of `oxen.urls`: public https alone, checked again at each
redirect. What a site's robots.txt refuses is not asked for. Nothing of a page is run.
"""

import gzip
import io
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

from nbp_dagster.authoring.html_page import LogoMark, Page, read_linked_data, read_page
from nbp_dagster.authoring.material import LogoFile, Material, Styles, decode_text, drawn_logo
from nbp_dagster.authoring.stylesheet import read_stylesheet
from nbp_dagster.clock import Clock, SystemClock
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.download import Downloader, MemorySink
from nbp_dagster.oxen.error_text import cut_query
from nbp_dagster.oxen.errors import DownloadFailed, OxenError, StatusError
from nbp_dagster.oxen.executor import Executor, Service
from nbp_dagster.oxen.retry import Retrier, RetryPolicy
from nbp_dagster.oxen.transport import USER_AGENT, RequestsTransport, Transport
from nbp_dagster.oxen.urls import Resolver, read_origin, resolve_host

# No host has this name (RFC 2606): nothing that is opened here is the service's own.
_NO_SERVICE: Final = "https://service.invalid"
_SECONDS: Final = 30.0  # of one file
_MOST_STYLES: Final = 8
_MOST_LOGOS: Final = 6
_PAGE_BYTES: Final = 4 * 1024 * 1024
_STYLES_BYTES: Final = 3 * 1024 * 1024
_LOGO_BYTES: Final = 8 * 1024 * 1024
_ROBOTS_BYTES: Final = 512 * 1024  # RFC 9309: at least 500 KiB are read


class PageError(NbpError):
    """A page that can't be read, so that no brand can be begun from it."""


@dataclass(frozen=True)
class _File:
    address: str  # after redirects
    data: bytes


@dataclass
class WebReader:
    """Fetches public files, and asks each site's robots.txt first.

    Args:
        transport: Sends the requests.
        clock: Every wait is on it.
        resolver: Returns the addresses of a host.
    """

    transport: Transport = field(default_factory=RequestsTransport)
    clock: Clock = field(default_factory=SystemClock)
    resolver: Resolver = resolve_host

    def __post_init__(self) -> None:
        service = Service(_NO_SERVICE, "none")
        retrier = Retrier(RetryPolicy(attempts=2), self.clock, jitter=random.random)
        executor = Executor(service, self.transport, retrier=retrier, clock=self.clock)
        self._downloader = Downloader(
            service, self.transport, executor=executor, retrier=retrier, resolver=self.resolver
        )
        self._robots: dict[str, RobotFileParser | None] = {}

    def fetch(self, url: str, *, max_bytes: int) -> _File:
        """Return a public file.

        Raises:
            PageError: It can't be opened, or must not be: by our rules, or by its robots.txt.
        """
        try:
            self._require_allowed(url)
            found = self._download(url, max_bytes)
            if found.address != url:
                self._require_allowed(found.address)
        except OxenError as error:
            # The advice of our client's errors is about the service's own files.
            said = f"answered {error.status}: " if error.status else ""
            raise PageError(f"{cut_query(url)} can't be read: {said}{error.detail}") from error
        return found

    def _require_allowed(self, url: str) -> None:
        if not self._is_allowed(url):
            raise PageError(f"{cut_query(url)}: the site's robots.txt asks not to read it")

    def _download(self, url: str, max_bytes: int) -> _File:
        sink = MemorySink()
        address = self._downloader.follow(
            url, sink, max_bytes=max_bytes, total_timeout=_SECONDS
        ).url
        return _File(address, _unpack(sink.data, max_bytes))

    def _is_allowed(self, url: str) -> bool:
        origin = read_origin(url)
        root = f"{origin.scheme}://{urlsplit(url).netloc}"
        if root not in self._robots:
            self._robots[root] = self._read_robots(root)
        rules = self._robots[root]
        return rules is None or rules.can_fetch(USER_AGENT, url)

    def _read_robots(self, root: str) -> RobotFileParser | None:
        """Return a site's rules; None where it has none.

        One that answers with an error of its own forbids everything for now (RFC 9309, 2.3.1.4).
        """
        rules = RobotFileParser()
        try:
            data = self._download(f"{root}/robots.txt", _ROBOTS_BYTES).data
        except DownloadFailed:
            return None
        except StatusError:
            rules.parse(["User-agent: *", "Disallow: /"])
            return rules
        rules.parse(decode_text(data).splitlines())
        return rules


def read_site(url: str, reader: WebReader) -> Material:
    """Return what the page at an address says, with its style sheets and what may be its logo.

    Args:
        url: The page; https is meant where it names no scheme.
        reader: Fetches the files.

    Raises:
        PageError: The page can't be read; the message says why.
    """
    url = url.strip() if "://" in url else f"https://{url.strip()}"
    url = url if url.count("/") > 2 else f"{url}/"
    try:
        found = reader.fetch(url, max_bytes=_PAGE_BYTES)
    except PageError as error:
        advice = "give the public https address of the brand's home page, or --from-folder"
        raise PageError(f"{error}; {advice}") from error
    if b"<" not in found.data[:2000]:
        raise PageError(f"{cut_query(url)} is no page; give the address of the brand's home page")
    page = read_page(found.data)
    base = urljoin(found.address, page.base) if page.base else found.address
    problems: list[str] = []
    host = (urlsplit(found.address).hostname or "").removeprefix("www.")
    return Material(
        source=cut_query(found.address),
        label=host.split(".")[0],
        pages=[(cut_query(found.address), page)],
        styles=list(_read_styles(page, base, reader, problems)),
        app=_read_app(page, base, reader, problems),
        logos=[_logo(mark, base, reader) for mark in page.logos[:_MOST_LOGOS]],
        problems=problems,
    )


def _read_styles(page: Page, base: str, reader: WebReader, problems: list[str]) -> list[Styles]:
    """Return the style sheets of a page, then its own style elements, which count most."""
    waiting = [urljoin(base, address) for address in page.stylesheets]
    read: dict[str, Styles] = {}
    while waiting and len(read) < _MOST_STYLES:
        address = waiting.pop(0)
        if address in read:
            continue
        data = _try(partial(reader.fetch, address, max_bytes=_STYLES_BYTES), problems)
        text = decode_text(data.data) if data else ""
        read[address] = Styles(f"the style sheet {_last(address)}", text)
        if data is not None:
            waiting += [urljoin(data.address, each) for each in read_stylesheet(text).imports]
    inline = [Styles("its style element", text) for text in page.styles]
    return [*(styles for styles in read.values() if styles.text), *inline]


def _read_app(page: Page, base: str, reader: WebReader, problems: list[str]) -> dict[str, object]:
    if not page.manifest:
        return {}
    address = urljoin(base, page.manifest)
    data = _try(partial(reader.fetch, address, max_bytes=_ROBOTS_BYTES), problems)
    found = read_linked_data(decode_text(data.data)) if data else None
    return found if isinstance(found, dict) else {}


def _logo(mark: LogoMark, base: str, reader: WebReader) -> LogoFile:
    if mark.svg:
        return drawn_logo(mark)
    address = urljoin(base, mark.address)

    def load() -> bytes:
        return reader.fetch(address, max_bytes=_LOGO_BYTES).data

    return LogoFile(f"{mark.origin}, {_last(address)}", load, mark.alt)


def _try(call: Callable[[], _File], problems: list[str]) -> _File | None:
    """Return a file of a page, or note why it can't be had: a brand can be begun without."""
    try:
        return call()
    except NbpError as error:
        problems.append(str(error))
        return None


def _last(address: str) -> str:
    """Return the name of the file that an address leads to."""
    return urlsplit(address).path.rstrip("/").rpartition("/")[2][:80] or address[:80]


def _unpack(data: bytes, max_bytes: int) -> bytes:
    """Return what some servers send packed though they are asked not to."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            return packed.read(max_bytes)
    except (OSError, EOFError, zlib.error):
        return data
