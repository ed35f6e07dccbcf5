"""Executes one API call: adds the key, sends, classifies the answer, retries, parses.

Must not know: which endpoints exist.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urlencode

from nbp_dagster.addresses import is_loopback
from nbp_dagster.clock import Clock
from nbp_dagster.foreign_text import MAX_LINE_CHARS, hide, read_json, redact
from nbp_dagster.oxen.error_text import MAX_TYPE_CHARS, carries_error, cut_query, is_page
from nbp_dagster.oxen.errors import (
    BadResponse,
    InsecureService,
    OxenError,
    PageAnswered,
    RateLimited,
    Unauthorized,
    UnsafeUrl,
    classify,
)
from nbp_dagster.oxen.json_bodies import (
    AnswerTooLong,
    InlineImage,
    ShapeError,
    cut_inline,
    name_inline,
)
from nbp_dagster.oxen.retry import Retrier, parse_retry_after
from nbp_dagster.oxen.transport import (
    MAX_ANSWER_BYTES,
    HttpRequest,
    HttpResponse,
    Transport,
    read_start,
    require_whole,
)
from nbp_dagster.oxen.urls import read_origin

T = TypeVar("T")

BeforeRepeat = Callable[[RateLimited], None]
"""Told of a 429 just before the same call is sent again."""

_REQUEST_ID_HEADERS = ("x-oxen-request-id", "x-request-id")
# What the key signs to be told apart from others; no request ever carries it.
_ACCOUNT = b"nbp_dagster account"

TOTAL_FACTOR = 2.0
"""Seconds a whole answer may take, as a multiple of the silence allowed: a drip ends too."""
LONG_SECONDS = 180.0
"""Seconds that an answer of any length may take: 1.2 GB at 7 MB/s, a thousand jobs and more."""
SEND_SECONDS = 60.0
"""Seconds that sending any request may take."""
LEAST_SEND_RATE = 64 * 1024
"""Bytes a second of its body that sending may take besides: 15 minutes for 50 MiB."""
MAX_VALUES = 1_000_000
"""Most JSON values of an answer, about: a list of ten thousand jobs has a third of them. Three
bytes can be a value of a hundred in memory."""

_KEY = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Payer:
    """A key at a service.

    Attributes:
        origin: Scheme, host and port of the service, as in `https://hub.oxen.ai:443`.
        key_hash: Keyed hash of the API key, 32 hex digits; says nothing about the key.
    """

    origin: str
    key_hash: str


@dataclass(frozen=True)
class Service:
    """Address and key of the service; the key is never shown.

    Args:
        base_url: Root of the service without `/api`, e.g. `https://hub.oxen.ai`.
        api_key: The account's key; surrounding white space is dropped.
        allow_http: Whether http, which sends the key in clear, may be spoken with another machine.

    Raises:
        UnsafeUrl: The base URL is not http(s), carries a user name, query or fragment, or is http
            to another machine without `allow_http`.
        Unauthorized: The key is empty, or cannot stand in a header.
    """

    base_url: str
    api_key: str = field(repr=False)
    allow_http: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", self.base_url.strip().rstrip("/"))
        object.__setattr__(self, "api_key", self.api_key.strip())
        origin = read_origin(self.base_url)
        if origin.scheme == "http" and not (self.allow_http or is_loopback(origin.host)):
            raise InsecureService(
                "http sends the key and every prompt in clear, so that anyone on the way can read "
                "them",
                endpoint=self.base_url,
            )
        if cut_query(self.base_url) != self.base_url:
            raise UnsafeUrl("the base URL has a query or fragment", endpoint=self.base_url)
        if not _KEY.fullmatch(self.api_key):
            raise Unauthorized(
                "the API key is empty or has characters that no key has", endpoint=self.base_url
            )

    def __repr__(self) -> str:
        return f"Service({self.base_url!r})"

    @property
    def payer(self) -> Payer:
        """The key and where it pays."""
        origin = read_origin(self.base_url)
        digest = hmac.new(self.api_key.encode(), _ACCOUNT, hashlib.sha256).hexdigest()
        return Payer(f"{origin.scheme}://{origin.host}:{origin.port}", digest[:32])


class Executor:
    """Sends requests to the service's API and returns what a parser makes of the answers."""

    def __init__(
        self, service: Service, transport: Transport, *, retrier: Retrier, clock: Clock
    ) -> None:
        self._service = service
        self._transport = transport
        self._retrier = retrier
        self._clock = clock

    def __repr__(self) -> str:
        return f"Executor({self._service!r})"

    def call(
        self,
        method: str,
        path: str,
        *,
        parse: Callable[[object], T],
        query: Mapping[str, str] | None = None,
        payload: Mapping[str, object] | None = None,
        read_timeout: float = 60.0,
        is_long: bool = False,
        is_patient: bool = True,
        is_repeatable: bool = False,
        is_echo: bool = False,
        before_repeat: BeforeRepeat | None = None,
    ) -> T:
        """Send JSON (or nothing) and parse the JSON answer.

        Args:
            method: HTTP method.
            path: Path from the root, quoted.
            parse: Makes a record of the decoded JSON; its ShapeError becomes BadResponse.
            query: Query parameters.
            payload: Body.
            read_timeout: Seconds of silence allowed.
            is_long: Whether the answer is read as it arrives, without its inline images, for up to
                LONG_SECONDS; see `cut_inline`.
            is_patient: Whether an outage is waited out, as `Retrier.call` takes it.
            is_repeatable: Whether a POST may be sent twice; never one that bills.
            is_echo: Whether `parse` has the answer with the key in it, since what was sent is to be
                known again; it hides the key itself in whatever may be shown.
            before_repeat: Called with each 429 before the call is sent again; what it raises is
                dealt with as an error of that attempt.
        """
        body = None if payload is None else json.dumps(payload).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        suffix = f"?{urlencode(query)}" if query else ""
        return self.call_raw(
            self.request(
                method, f"{path}{suffix}", headers=headers, body=body, read_timeout=read_timeout
            ),
            parse=parse,
            is_long=is_long,
            is_patient=is_patient,
            is_repeatable=is_repeatable,
            is_echo=is_echo,
            before_repeat=before_repeat,
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        read_timeout: float = 60.0,
    ) -> HttpRequest:
        """Return a request to the service, with its key."""
        return HttpRequest(
            method=method,
            url=f"{self._service.base_url}{path}",
            headers={"Accept": "application/json", **headers},
            body=body,
            bearer=self._service.api_key,
            read_timeout=read_timeout,
            total_timeout=TOTAL_FACTOR * read_timeout,
            send_timeout=SEND_SECONDS + len(body or b"") / LEAST_SEND_RATE,
        )

    def call_raw(
        self,
        request: HttpRequest,
        *,
        parse: Callable[[object], T],
        is_long: bool = False,
        is_patient: bool = True,
        is_repeatable: bool = False,
        is_echo: bool = False,
        before_repeat: BeforeRepeat | None = None,
    ) -> T:
        """Send a request made by `request`, repeat it as allowed, and parse the JSON answer."""
        turned_away: RateLimited | None = None
        if is_long:
            request = replace(request, total_timeout=LONG_SECONDS)

        def attempt() -> T:
            nonlocal turned_away
            if turned_away is not None and before_repeat is not None:
                before_repeat(turned_away)
            try:
                if is_long:
                    response, images = self._send_long(request)
                else:
                    response, images = self._transport.send(request), {}
                read = read_json if is_echo else self.read_json
                return self._read(request, response, parse, images, read)
            except RateLimited as error:
                turned_away = error
                raise

        # The retrier takes every POST for one that bills.
        method = "PUT" if is_repeatable else request.method
        return self._retrier.call(attempt, method=method, is_patient=is_patient)

    def fail(
        self, status: int, headers: Mapping[str, str], body: bytes, *, endpoint: str
    ) -> OxenError:
        """Return the error that an answer means."""
        lowered = {name.lower(): value for name, value in headers.items()}
        now = self._clock.now()
        if 300 <= status < 400:
            target = cut_query(lowered.get("location", "nowhere"))
            body = (
                f"redirected to {target}, where the key is not sent; correct the base URL".encode()
            )
        return classify(
            status,
            body,
            endpoint=endpoint,
            request_id=self._request_id(lowered),
            retry_after=parse_retry_after(lowered.get("retry-after"), now=now),
            secrets=(self._service.api_key,),
        )

    def read_json(self, body: bytes) -> object:
        """Return the JSON value of an answer, without echoes of the key; see `read_json`."""
        return read_json(body, secrets=(self._service.api_key,))

    def hide(self, value: object) -> object:
        """Return a JSON value of an answer without the key; see `hide`."""
        return hide(value, secrets=(self._service.api_key,))

    def redact(self, text: str, *, max_chars: int = MAX_LINE_CHARS) -> str:
        """Return a text of the service as one line without the key; see `redact`."""
        return redact(text, secrets=(self._service.api_key,), max_chars=max_chars)

    def _send_long(self, request: HttpRequest) -> tuple[HttpResponse, Mapping[str, InlineImage]]:
        """Send, and read the answer as it arrives, without keeping its inline images."""
        with self._transport.stream(request) as answer:
            status, headers = answer.status, answer.headers
            if not 200 <= status < 300:
                return HttpResponse(status=status, headers=headers, body=read_start(answer)), {}
            try:
                cut = cut_inline(answer.chunks, max_bytes=MAX_ANSWER_BYTES)
            except AnswerTooLong as error:
                raise BadResponse(str(error), endpoint=request.endpoint, status=status) from None
        require_whole(request, answer, cut.size)
        return HttpResponse(status=status, headers=headers, body=cut.text), cut.images

    def _read(
        self,
        request: HttpRequest,
        response: HttpResponse,
        parse: Callable[[object], T],
        images: Mapping[str, InlineImage],
        read: Callable[[bytes], object],
    ) -> T:
        endpoint, status = request.endpoint, response.status
        if not 200 <= status < 300:
            raise self.fail(status, response.headers, response.body, endpoint=endpoint)
        payload, problem = self._decode(response.body, images, read)
        if not problem and carries_error(payload):
            raise self.fail(status, response.headers, response.body, endpoint=endpoint)
        if not problem:
            try:
                return parse(payload)
            except ShapeError as error:
                problem = str(error)
        kind = PageAnswered if is_page(response.body) else BadResponse
        raise kind(
            problem,
            endpoint=endpoint,
            status=status,
            request_id=self._request_id({k.lower(): v for k, v in response.headers.items()}),
        )

    def _decode(
        self, body: bytes, images: Mapping[str, InlineImage], read: Callable[[bytes], object]
    ) -> tuple[object, str]:
        """Return the JSON value, or what is wrong with it; an empty body is an empty object."""
        if not body.strip():
            return {}, ""
        values = sum(body.count(mark) for mark in (b",", b"[", b"{"))
        if values > MAX_VALUES:
            return None, f"the answer has {values:,} JSON values, the limit is {MAX_VALUES:,}"
        try:
            value = read(body)
            return name_inline(value, images) if images else value, ""
        except (ValueError, RecursionError):
            start = self.redact(body[:400].decode("utf-8", errors="replace"), max_chars=60)
            return None, f"the answer is not JSON; it begins {start!r}"

    def _request_id(self, headers: Mapping[str, str]) -> str | None:
        found = (headers.get(name) for name in _REQUEST_ID_HEADERS)
        value = next((value for value in found if value), "")
        return self.redact(value, max_chars=MAX_TYPE_CHARS) or None
