"""Fetches the bytes behind a result URL under the rules of `urls`.

Must not know: jobs, images, or what the bytes are for.
"""

import re
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from nbp_dagster.oxen.error_text import cut_query
from nbp_dagster.oxen.errors import (
    BadResponse,
    ConnectionFailed,
    DownloadFailed,
    OxenError,
    UnsafeUrl,
)
from nbp_dagster.oxen.executor import Executor, Service
from nbp_dagster.oxen.retry import Retrier
from nbp_dagster.oxen.transport import (
    HttpRequest,
    HttpStream,
    Transport,
    count_missing,
    read_length,
    read_start,
)
from nbp_dagster.oxen.urls import MAX_REDIRECTS, Resolver, check_foreign, is_own

READ_TIMEOUT = 60.0
"""Seconds of silence allowed."""

TOTAL_TIMEOUT = 600.0
"""Seconds one download may take: what the service's own client allows."""

_GONE = frozenset({403, 404, 410})
"""What a signed URL is answered with once it has expired."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}")
"""What RFC 6838 takes for one; shorter, for its 127 characters each are nobody's."""


class Sink(Protocol):
    """Takes the bytes of a download as they arrive."""

    def begin(self) -> None:
        """Start again: discard the bytes of an earlier attempt, which broke off."""

    def write(self, data: bytes) -> None:
        """Take the next bytes."""


class MemorySink:
    """Keeps a download in memory, for files known to be small."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    @property
    def data(self) -> bytes:
        """The bytes so far."""
        return b"".join(self._parts)

    def begin(self) -> None:
        """Discard the bytes so far."""
        self._parts.clear()

    def write(self, data: bytes) -> None:
        """Keep the next bytes."""
        self._parts.append(data)


@dataclass(frozen=True)
class _Limits:
    max_bytes: int
    seconds: float


@dataclass(frozen=True)
class _Visit:
    """The answer of one URL: its redirect target, or the declared type of its bytes."""

    location: str | None = None
    media_type: str = ""


@dataclass(frozen=True)
class Followed:
    """Where a URL led to, after redirects, and the declared type of what is there."""

    url: str
    media_type: str


class Downloader:
    """Fetches URLs: the service's own freely, any other only when it is public https."""

    def __init__(
        self,
        service: Service,
        transport: Transport,
        *,
        executor: Executor,
        retrier: Retrier,
        resolver: Resolver,
    ) -> None:
        self._service = service
        self._transport = transport
        self._executor = executor
        self._retrier = retrier
        self._resolver = resolver

    def fetch(
        self, url: str, sink: Sink, *, max_bytes: int, total_timeout: float = TOTAL_TIMEOUT
    ) -> str:
        """Write the bytes behind a URL to a sink; a broken or short transfer is repeated.

        Args:
            url: What to fetch.
            sink: Takes the bytes.
            max_bytes: A larger file is refused.
            total_timeout: Seconds one attempt may take, however steadily bytes trickle in.

        Returns:
            The media type the answer declares, such as "image/png"; empty where it declares none.

        Raises:
            DownloadFailed: Expired, gone, refused or larger than `max_bytes`.
            UnsafeUrl: The URL, or one it redirects to, may not be opened.
            OxenError: The last attempt's error.
        """
        found = self.follow(url, sink, max_bytes=max_bytes, total_timeout=total_timeout)
        return found.media_type

    def follow(
        self, url: str, sink: Sink, *, max_bytes: int, total_timeout: float = TOTAL_TIMEOUT
    ) -> Followed:
        """Do as `fetch`, and return the URL that redirects led to besides."""
        limits = _Limits(max_bytes, total_timeout)
        return self._retrier.call(lambda: self._fetch_once(url, sink, limits), method="GET")

    def _fetch_once(self, url: str, sink: Sink, limits: _Limits) -> Followed:
        current, own = url, True
        for _ in range(MAX_REDIRECTS + 1):
            # A redirect from elsewhere reaches neither our key nor a service on loopback.
            own = own and is_own(current, self._service.base_url)
            visit = self._visit(current, sink, limits, own=own)
            if visit.location is None:
                return Followed(current, visit.media_type)
            current = _join(current, visit.location)
        raise DownloadFailed(
            f"more than {MAX_REDIRECTS} redirects", endpoint=_endpoint(url), expired=False
        )

    def _visit(self, url: str, sink: Sink, limits: _Limits, *, own: bool) -> _Visit:
        """Open one URL, and write its bytes to the sink unless it redirects."""
        with ExitStack() as stack:
            seconds = limits.seconds
            answer = (
                self._open(stack, url, seconds=seconds)
                if own
                else self._open_foreign(stack, url, seconds)
            )
            if own and answer.status in {401, 403}:
                answer = self._open(stack, url, seconds=seconds, bearer=self._service.api_key)
            location = answer.header("location")
            if answer.status in _REDIRECTS and location:
                return _Visit(location)
            if answer.status != 200:
                raise self._failure(url, answer, own=own)
            _pour(url, answer, sink, max_bytes=limits.max_bytes)
            declared = (answer.header("content-type") or "").partition(";")[0].strip().lower()
            return _Visit(media_type=declared if _MEDIA_TYPE.fullmatch(declared) else "")

    def _open(
        self,
        stack: ExitStack,
        url: str,
        *,
        seconds: float,
        bearer: str | None = None,
        address: str | None = None,
    ) -> HttpStream:
        request = HttpRequest(
            method="GET",
            url=url,
            headers={"Accept": "*/*", "Accept-Encoding": "identity"},
            bearer=bearer,
            read_timeout=READ_TIMEOUT,
            total_timeout=seconds,
            address=address,
        )
        return stack.enter_context(self._transport.stream(request))

    def _open_foreign(self, stack: ExitStack, url: str, seconds: float) -> HttpStream:
        """Connect to the first checked address that answers; never with the key."""
        *others, last = check_foreign(url, self._resolver).addresses
        for address in others:
            try:
                return self._open(stack, url, seconds=seconds, address=address)
            except ConnectionFailed as error:
                if error.maybe_sent:
                    raise
        return self._open(stack, url, seconds=seconds, address=last)

    def _failure(self, url: str, answer: HttpStream, *, own: bool) -> OxenError:
        body = read_start(answer)
        status, endpoint = answer.status, _endpoint(url)
        error = self._executor.fail(status, answer.headers, body, endpoint=endpoint)
        signed = bool(urlsplit(url).query)
        gone = status in _GONE or (status == 400 and "expire" in error.detail.lower())
        if signed and gone:
            return DownloadFailed(error.detail, endpoint=endpoint, expired=True, status=status)
        if status in {408, 429} or status >= 500 or (own and status in {401, 403}):
            return error
        return DownloadFailed(error.detail, endpoint=endpoint, expired=False, status=status)


def _pour(url: str, answer: HttpStream, sink: Sink, *, max_bytes: int) -> None:
    endpoint = _endpoint(url)
    declared = read_length(answer.headers)
    if declared is not None and declared > max_bytes:
        raise _too_large(str(declared), max_bytes, endpoint)
    sink.begin()
    size = 0
    for chunk in answer.chunks:
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(f"over {max_bytes}", max_bytes, endpoint)
        sink.write(chunk)
    missing = count_missing(answer.headers, size)
    if missing or not size:
        raise BadResponse(
            f"the file ended after {size} bytes, {missing} are missing",
            endpoint=endpoint,
            status=answer.status,
        )


def _join(url: str, location: str) -> str:
    """Return where a redirect leads.

    Raises:
        UnsafeUrl: The target cannot be parsed.
    """
    target = None
    with suppress(ValueError):
        target = urljoin(url, location)
    if target is None:
        raise UnsafeUrl("refused, it redirects to no readable URL", endpoint=_endpoint(url))
    return target


def _too_large(size: str, max_bytes: int, endpoint: str) -> DownloadFailed:
    return DownloadFailed(
        f"the file has {size} bytes, the limit is {max_bytes}", endpoint=endpoint, expired=False
    )


def _endpoint(url: str) -> str:
    return f"GET {cut_query(url)}"
