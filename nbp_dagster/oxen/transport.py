"""The `Transport` protocol, one request record in and one response record out, over `requests`.

Must not know: endpoints, payloads, retries, or what a status means.
"""

import contextlib
import logging
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from nbp_dagster.addresses import is_loopback
from nbp_dagster.clock import Clock, SystemClock
from nbp_dagster.oxen.error_text import cut_query
from nbp_dagster.oxen.errors import BadResponse, ConnectionFailed, OxenError, TimedOut
from nbp_dagster.oxen.network_errors import NETWORK_FAULTS, translate_fault
from nbp_dagster.oxen.sockets.adapter import WatchedAdapter
from nbp_dagster.oxen.sockets.watchdog import UnderWay, Watchdog
from nbp_dagster.version import __version__

logger = logging.getLogger(__name__)

T = TypeVar("T")

USER_AGENT = f"nbp-dagster/{__version__}"
"""The hub takes a User-Agent with its own name in it for its command line and may answer 426."""

MAX_ANSWER_BYTES = 48 * 1024 * 1024
"""Longest API answer kept in memory: a 4K PNG in base64 (34 MB) fits. Text beyond Latin-1 takes
four bytes a character, twice: as the text and as its strings."""

MAX_ERROR_BYTES = 16 * 1024
"""How much of a streamed error answer is read for its text."""

CHUNK_BYTES = 64 * 1024

_LENGTH = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, kw_only=True, repr=False)
class HttpRequest:
    """One request. Its repr shows method and path only: the rest may hold keys and prompts.

    Attributes:
        method: HTTP method in capitals.
        url: Absolute URL, query included.
        headers: Headers besides User-Agent, Host and Authorization.
        body: Bytes to send.
        bearer: Key for the Authorization header; None sends none, whatever the environment holds.
        connect_timeout: Seconds to reach the server.
        read_timeout: Seconds of silence allowed while reading.
        total_timeout: Seconds the whole answer may take once the request is sent, headers included;
            None for no limit.
        send_timeout: Seconds that sending the request may take once connected; None for no limit.
        address: IP address to connect to instead of looking the host up again.
        is_endless: Whether the answer is a stream that stays open for as long as it is read.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    bearer: str | None = None
    connect_timeout: float = 8.0
    read_timeout: float = 60.0
    total_timeout: float | None = None
    send_timeout: float | None = None
    address: str | None = None
    is_endless: bool = False

    @property
    def endpoint(self) -> str:
        """Method and URL without the query."""
        return f"{self.method} {cut_query(self.url)}"

    def __repr__(self) -> str:
        return f"HttpRequest({self.endpoint})"


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """One complete answer.

    Attributes:
        status: HTTP status.
        headers: Header values by lower-case name.
        body: The decoded body.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """Return a header by its name in any case."""
        return _find_header(self.headers, name)


class HttpStream:
    """An answer whose body is still arriving.

    Attributes:
        status: HTTP status.
        headers: Header values by lower-case name.
        chunks: Bytes as they arrive; raises ConnectionFailed when the line breaks.
    """

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        *,
        chunks: Iterable[bytes],
        closer: Callable[[], None] = lambda: None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.chunks = iter(chunks)
        self._closer = closer

    def header(self, name: str) -> str | None:
        """Return a header by its name in any case."""
        return _find_header(self.headers, name)

    def close(self) -> None:
        """End the stream from any thread; a read that waits for bytes returns at once."""
        self._closer()


class Transport(ABC):
    """Sends requests. Every answer that arrives is returned, errors and redirects included."""

    @abstractmethod
    def stream(self, request: HttpRequest) -> AbstractContextManager[HttpStream]:
        """Send a request and hand over the answer as soon as its headers are read.

        Raises:
            ConnectionFailed: No answer came, or (from `chunks`) it broke off.
        """

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request and read the whole answer.

        Raises:
            ConnectionFailed: No complete answer came.
            BadResponse: It is shorter than announced, or longer than MAX_ANSWER_BYTES.
        """
        with self.stream(request) as answer:
            body = read_body(answer, max_bytes=MAX_ANSWER_BYTES)
        if body is None:
            raise BadResponse(
                f"the answer is longer than {MAX_ANSWER_BYTES} bytes",
                endpoint=request.endpoint,
                status=answer.status,
            )
        require_whole(request, answer, len(body))
        return HttpResponse(status=answer.status, headers=answer.headers, body=body)


def require_whole(request: HttpRequest, answer: HttpStream, size: int) -> None:
    """Make sure that as many bytes of a body arrived as were announced.

    Raises:
        BadResponse: Fewer did.
    """
    missing = count_missing(answer.headers, size)
    if missing:
        raise BadResponse(
            f"the answer ends {missing} bytes early",
            endpoint=request.endpoint,
            status=answer.status,
        )


def read_body(answer: HttpStream, *, max_bytes: int) -> bytes | None:
    """Read a body to its end; None as soon as it exceeds the limit."""
    parts: list[bytes] = []
    size = 0
    for chunk in answer.chunks:
        size += len(chunk)
        if size > max_bytes:
            return None
        parts.append(chunk)
    return b"".join(parts)


def read_start(answer: HttpStream, *, max_bytes: int = MAX_ERROR_BYTES) -> bytes:
    """Read the beginning of a body, enough for the text of an error."""
    start = b""
    for chunk in answer.chunks:
        start += chunk
        if len(start) >= max_bytes:
            break
    return start[:max_bytes]


def count_missing(headers: Mapping[str, str], size: int) -> int:
    """Return how many of the announced bytes did not arrive; 0 when none were announced.

    urllib3 checks the same where it reads a socket; this holds for every transport.
    """
    declared = read_length(headers)
    if declared is None or _find_header(headers, "content-encoding"):
        return 0
    return max(0, declared - size)


def read_length(headers: Mapping[str, str]) -> int | None:
    """Return the announced length of a body in bytes; None where it is no plain number."""
    declared = _find_header(headers, "content-length") or ""
    return int(declared) if _LENGTH.fullmatch(declared) else None


class RequestsTransport(Transport):
    """Sends through `requests`: one session per thread; redirects and cookies are left alone.

    Proxies and certificate bundles come from the environment as usual (loopback never goes through
    a proxy); a `.netrc` never adds a password.

    Args:
        clock: Measures the total time of an answer.
        is_abandoned: Whether nobody waits for answers any more: requests under way are cut then,
            after `GRACE_SECONDS` of `sockets.watchdog`.
    """

    def __init__(
        self, *, clock: Clock | None = None, is_abandoned: Callable[[], bool] = lambda: False
    ) -> None:
        self._clock = clock or SystemClock()
        self._watchdog = Watchdog(self._clock, is_abandoned)
        self._local = threading.local()
        logging.getLogger("urllib3.connectionpool").addFilter(_cut_queries)
        logging.getLogger("urllib3.connection").addFilter(_quotes_no_header)

    def __repr__(self) -> str:
        return "RequestsTransport()"

    @contextlib.contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        """Send through this thread's session, or a session of its own for a fixed address."""
        with contextlib.ExitStack() as stack:
            session = self._session()
            if request.address is not None:
                session = stack.enter_context(_new_session())
                session.mount("https://", _PinnedAdapter(request.address))
            under_way = stack.enter_context(
                self._watchdog.watch(request.total_timeout, send_seconds=request.send_timeout)
            )
            response = self._guard(request, lambda: _open(session, request), under_way, sent=False)
            stack.callback(response.close)
            logger.debug("%s answered %d", request.endpoint, response.status_code)
            yield HttpStream(
                response.status_code,
                {name.lower(): value for name, value in response.headers.items()},
                chunks=self._chunks(request, response, under_way),
                closer=lambda: _shut(response),
            )

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = _new_session()
        return session

    def _chunks(
        self,
        request: HttpRequest,
        response: requests.Response,
        under_way: UnderWay,
    ) -> Iterator[bytes]:
        """Yield bytes the moment they arrive: `iter_content` would wait for a chunk to fill."""
        while chunk := self._guard(
            request,
            lambda: response.raw.read1(CHUNK_BYTES, decode_content=True),
            under_way,
            sent=True,
        ):
            yield chunk
            if under_way.is_late:
                raise _too_long(request)

    def _guard(
        self, request: HttpRequest, action: Callable[[], T], under_way: UnderWay, *, sent: bool
    ) -> T:
        """Run an action of the library; its exceptions, which quote whole URLs, go no further."""
        failure: OxenError
        try:
            result = action()
            if not under_way.is_cut:
                return result
            # What was cut looks complete where an answer ends with its connection.
            failure = _cut_off(request, under_way)
        except NETWORK_FAULTS as fault:
            failure = translate_fault(
                fault,
                endpoint=request.endpoint,
                sent=sent,
                timeouts=(request.connect_timeout, request.read_timeout),
            )
            if under_way.is_cut:
                failure = _cut_off(request, under_way)
        except Exception:  # noqa: BLE001  # a fault of the library's own over a strange answer
            failure = ConnectionFailed(
                "the HTTP library cannot read the answer",
                endpoint=request.endpoint,
                maybe_sent=True,
            )
            if under_way.is_cut:
                failure = _cut_off(request, under_way)
        raise failure


def _too_long(request: HttpRequest) -> TimedOut:
    return TimedOut(
        f"the answer took longer than {request.total_timeout:g} s",
        endpoint=request.endpoint,
        maybe_sent=True,
    )


def _cut_off(request: HttpRequest, under_way: UnderWay) -> ConnectionFailed:
    if under_way.is_abandoned:
        detail = "cut, because the run was stopped"
        return ConnectionFailed(detail, endpoint=request.endpoint, maybe_sent=True)
    if not under_way.is_sent:
        detail = f"sending took longer than {request.send_timeout:g} s"
        return TimedOut(detail, endpoint=request.endpoint, maybe_sent=True)
    return _too_long(request)


class _Session(requests.Session):
    """Leaves redirects to the caller, their bodies unread.

    With `allow_redirects=False` alone the library still reads a redirect's whole body, without
    limit, to prepare the request that would follow.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Name no target, so that nothing is prepared."""


class _PinnedAdapter(WatchedAdapter):
    """Connects to one address while the certificate and the Host header stay the URL's own."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def build_connection_pool_key_attributes(  # type: ignore[no-untyped-def]  # private types
        self, request, verify, cert=None
    ):
        host_params, pool_kwargs = super().build_connection_pool_key_attributes(
            request, verify, cert
        )
        tls = {**pool_kwargs, "server_hostname": host_params["host"]}
        return {**host_params, "host": self._address}, tls

    def add_headers(self, request: requests.PreparedRequest, **kwargs: Any) -> None:
        """Name the URL's host, not the address."""
        request.headers["Host"] = urlsplit(request.url or "").netloc


def _new_session() -> _Session:
    session = _Session()
    session.mount("http://", WatchedAdapter())
    session.mount("https://", WatchedAdapter())
    session.headers.clear()
    session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Any auth, this one changes nothing, keeps the library from asking `.netrc` for a password.
    session.auth = lambda prepared: prepared
    return session


def _open(session: requests.Session, request: HttpRequest) -> requests.Response:
    headers = dict(request.headers)
    if request.bearer is not None:
        headers["Authorization"] = f"Bearer {request.bearer}"
    return session.request(
        request.method,
        request.url,
        headers=headers,
        data=request.body,
        timeout=(request.connect_timeout, request.read_timeout),
        proxies=_proxies_for(request.url),
        allow_redirects=False,
        stream=True,
    )


def _proxies_for(url: str) -> dict[str, str]:
    """Return what keeps loopback off the environment's proxies; any other host keeps them."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return {}
    return {"no_proxy": host} if is_loopback(host) else {}


def _shut(response: requests.Response) -> None:
    """Wake a read that is waiting in another thread; a stream that already ended is left alone."""
    with contextlib.suppress(ValueError, RuntimeError, OSError):
        response.raw.shutdown()


def _find_header(headers: Mapping[str, str], name: str) -> str | None:
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), None)


def _quotes_no_header(record: logging.LogRecord) -> bool:
    """Drop the library's warning of a malformed header: it quotes it, and the whole URL."""
    return not str(record.msg).startswith("Failed to parse headers")


def _cut_queries(record: logging.LogRecord) -> bool:
    """Keep signatures out of the library's own debug lines, which quote paths with their query."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            cut_query(item) if isinstance(item, str) and "?" in item else item
            for item in record.args
        )
    return True
