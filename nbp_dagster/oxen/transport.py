"""The seam to the network: one request record in, one response record out, and the real sender.

Must not know: endpoints, payloads, retries, or what a status means.
"""

import contextlib
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from nbp_dagster.clock import Clock, SystemClock
from nbp_dagster.oxen.error_text import cut_query
from nbp_dagster.oxen.errors import BadResponse, OxenError, TimedOut
from nbp_dagster.oxen.network_errors import NETWORK_FAULTS, translate_fault
from nbp_dagster.version import __version__

logger = logging.getLogger(__name__)

T = TypeVar("T")

USER_AGENT = f"nbp-dagster/{__version__}"
"""The hub takes any User-Agent with its own name in it for its command line and may answer 426."""

MAX_ANSWER_BYTES = 128 * 1024 * 1024
"""Longest API answer kept in memory: four 4K PNGs in base64 fit."""

MAX_ERROR_BYTES = 16 * 1024
"""How much of a streamed error answer is read for its words."""

CHUNK_BYTES = 64 * 1024


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
        total_timeout: Seconds the whole answer may take, or None for no limit.
        address: IP address to connect to instead of looking the host up again.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    bearer: str | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    total_timeout: float | None = None
    address: str | None = None

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
            status, headers = answer.status, answer.headers
        if body is None:
            raise BadResponse(
                f"the answer is longer than {MAX_ANSWER_BYTES} bytes",
                endpoint=request.endpoint,
                status=status,
            )
        missing = count_missing(headers, len(body))
        if missing:
            raise BadResponse(
                f"the answer ends {missing} bytes early", endpoint=request.endpoint, status=status
            )
        return HttpResponse(status=status, headers=headers, body=body)


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
    """Read the beginning of a body, enough for the words of an error."""
    start = b""
    for chunk in answer.chunks:
        start += chunk
        if len(start) >= max_bytes:
            break
    return start[:max_bytes]


def count_missing(headers: Mapping[str, str], size: int) -> int:
    """Return how many of the announced bytes did not arrive; 0 when none were announced."""
    declared = _find_header(headers, "content-length") or ""
    if not declared.isdigit() or _find_header(headers, "content-encoding"):
        return 0
    return max(0, int(declared) - size)


class RequestsTransport(Transport):
    """The real sender: one `requests.Session` per thread, redirects and cookies left alone.

    Proxies and certificate bundles come from the environment as usual (loopback never goes through
    a proxy); a `.netrc` never adds a password.

    Args:
        clock: Measures the total time of an answer.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._local = threading.local()
        logging.getLogger("urllib3.connectionpool").addFilter(_cut_queries)

    def __repr__(self) -> str:
        return "RequestsTransport()"

    @contextlib.contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        """Send through this thread's session, or a session of its own for a fixed address."""
        started = self._clock.monotonic()
        with contextlib.ExitStack() as stack:
            session = self._session()
            if request.address is not None:
                session = stack.enter_context(_new_session())
                session.mount("https://", _PinnedAdapter(request.address))
            response = self._guard(request, lambda: _open(session, request), sent=False)
            stack.callback(response.close)
            logger.debug("%s answered %d", request.endpoint, response.status_code)
            yield HttpStream(
                response.status_code,
                {name.lower(): value for name, value in response.headers.items()},
                chunks=self._chunks(request, response, started=started),
                closer=lambda: _shut(response),
            )

    def _session(self) -> "_Session":
        session: _Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = _new_session()
        return session

    def _chunks(
        self, request: HttpRequest, response: requests.Response, *, started: float
    ) -> Iterator[bytes]:
        """Yield bytes the moment they arrive: `read1` never waits for a chunk to fill."""
        limit = request.total_timeout
        while chunk := self._guard(
            request, lambda: response.raw.read1(CHUNK_BYTES, decode_content=True), sent=True
        ):
            yield chunk
            if limit is not None and self._clock.monotonic() - started > limit:
                raise TimedOut(
                    f"the answer took longer than {limit:g} s",
                    endpoint=request.endpoint,
                    maybe_sent=True,
                )

    def _guard(self, request: HttpRequest, action: Callable[[], T], *, sent: bool) -> T:
        """Run an action of the library; its exceptions, which quote whole URLs, go no further."""
        failure: OxenError
        try:
            return action()
        except NETWORK_FAULTS as fault:
            failure = translate_fault(
                fault,
                endpoint=request.endpoint,
                sent=sent,
                timeouts=(request.connect_timeout, request.read_timeout),
            )
        raise failure


class _Adapter(HTTPAdapter):
    """Leaves out what the library does anew for each request and a session of one host never needs.

    That is finding the pool of connections, which takes longer than using one, and looking for
    cookies.
    """

    def __init__(self) -> None:
        self._pools: dict[str, Any] = {}
        super().__init__()

    def get_connection_with_tls_context(  # type: ignore[no-untyped-def]  # private types
        self, request, verify, proxies=None, cert=None
    ):
        # Proxies and certificates are the same for a host as long as its session lasts.
        host = _host_of(request.url)
        if host not in self._pools:
            found = super().get_connection_with_tls_context(request, verify, proxies, cert)
            self._pools[host] = found
        return self._pools[host]

    def build_response(  # type: ignore[no-untyped-def]  # private types
        self, req, resp
    ):
        response = requests.Response()
        response.status_code, response.reason = resp.status, resp.reason
        response.headers = CaseInsensitiveDict(resp.headers)
        response.raw, response.url = resp, req.url
        response.request = req
        return response

    def close(self) -> None:
        """Let go of the connections."""
        self._pools.clear()
        super().close()


class _PinnedAdapter(_Adapter):
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


class _Session(requests.Session):
    """Asks the environment once for each host: it takes longer than all else of a request."""

    def __init__(self) -> None:
        super().__init__()
        self._settings: dict[str, dict[str, Any]] = {}

    def settings_for(self, url: str) -> dict[str, Any]:
        """Return the proxies and certificates for a host."""
        host = _host_of(url)
        if host not in self._settings:
            found = dict(self.merge_environment_settings(url, {}, True, None, None))
            if _is_loopback(urlsplit(url).hostname):
                found["proxies"] = {}
            self._settings[host] = found
        return self._settings[host]


def _new_session() -> _Session:
    session = _Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter())
    session.headers.clear()
    session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"})
    return session


def _open(session: _Session, request: HttpRequest) -> requests.Response:
    # Neither made nor sent by the session: it would look for cookies, hooks and redirects.
    prepared = _prepare(request, session.headers)
    url = prepared.url or ""
    if request.address is not None:
        prepared.headers["Host"] = urlsplit(url).netloc
    timeout = (request.connect_timeout, request.read_timeout)
    return session.get_adapter(url).send(prepared, timeout=timeout, **session.settings_for(url))


def _prepare(request: HttpRequest, common: Mapping[str, str | bytes]) -> requests.PreparedRequest:
    """Return a request for the library with our key or none: nobody asks `.netrc` for another."""
    headers = {**common, **request.headers}
    if request.bearer is not None:
        headers["Authorization"] = f"Bearer {request.bearer}"
    prepared = requests.PreparedRequest()
    prepared.prepare_method(request.method)
    prepared.prepare_url(request.url, None)
    prepared.prepare_headers(headers)
    prepared.body = request.body
    prepared.prepare_content_length(request.body)
    return prepared


def _shut(response: requests.Response) -> None:
    """Wake a read that is waiting in another thread; a stream that already ended is left alone."""
    with contextlib.suppress(ValueError, RuntimeError, OSError):
        response.raw.shutdown()


def _host_of(url: str) -> str:
    """Return scheme, host and port of an address that the library has prepared."""
    return "/".join(url.split("/", 3)[:3])


def _is_loopback(host: str | None) -> bool:
    return host == "localhost" or (host or "").startswith("127.") or host == "::1"


def _find_header(headers: Mapping[str, str], name: str) -> str | None:
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), None)


def _cut_queries(record: logging.LogRecord) -> bool:
    """Keep signatures out of the library's own debug lines, which quote paths with their query."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            cut_query(item) if isinstance(item, str) and "?" in item else item
            for item in record.args
        )
    return True
