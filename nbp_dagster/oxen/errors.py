"""Everything that can go wrong with a call, one class per thing a caller does about it.

Must not know: how requests are sent or repeated.

    OxenError
    |-- ConnectionFailed      the service was not reached, or the line broke
    |   |-- TimedOut
    |   `-- CertificateRefused
    |-- StatusError           the service answered with an error
    |   |-- BadRequest        permanent for this request
    |   |   `-- NotFound
    |   |-- Unauthorized      fatal for the run
    |   |-- OutOfCredit       fatal for the run
    |   |-- ClientOutdated    fatal for the run
    |   |-- RateLimited       slow down
    |   `-- ServerFault       transient
    |-- ContentRefused        the picture was refused, by a status or by a job's error text
    |-- BadResponse           the answer cannot be read
    |   `-- PageAnswered      it is a web page: something on the way answered
    |-- AmbiguousPost         a paid request that may or may not have been taken
    |-- ServiceAway           an outage lasted for longer than it is waited for; nothing was sent
    |-- DownloadFailed        the bytes cannot be had from this URL
    `-- UnsafeUrl             a URL we do not open
        `-- InsecureService   http to another machine
"""

from collections.abc import Iterable
from typing import ClassVar

from nbp_dagster.errors import NbpError
from nbp_dagster.foreign_text import clean, redact
from nbp_dagster.oxen.error_text import (
    MAX_TYPE_CHARS,
    ErrorBody,
    is_unknown_model,
    read_error_body,
)
from nbp_dagster.oxen.words.limits import is_lasting_limit, is_out_of_credit
from nbp_dagster.oxen.words.refusals import is_refusal

__all__ = [
    "AmbiguousPost",
    "BadRequest",
    "BadResponse",
    "CertificateRefused",
    "ClientOutdated",
    "ConnectionFailed",
    "ContentRefused",
    "DownloadFailed",
    "InsecureService",
    "NotFound",
    "OutOfCredit",
    "OxenError",
    "PageAnswered",
    "RateLimited",
    "ServerFault",
    "ServiceAway",
    "StatusError",
    "TimedOut",
    "Unauthorized",
    "UnsafeUrl",
    "classify",
    "is_out_of_credit",
    "is_outage",
    "is_refusal",
    "redact",
]


class OxenError(NbpError):
    """Root of the client's errors.

    Attributes:
        endpoint: Method and URL without its query, e.g. `POST https://hub.oxen.ai/api/ai/queue`.
        status: HTTP status, or None when there was no answer or none was asked for.
        request_id: The service's id of the call (`x-oxen-request-id`), for its support.
        detail: The service's words, or ours when it sent none: one line, redacted, capped.
        error_type: The service's own name of the error (`error.type`), if it gave one.
    """

    advice: ClassVar[str] = ""

    def __init__(
        self,
        detail: str,
        *,
        endpoint: str,
        status: int | None = None,
        request_id: str | None = None,
        error_type: str | None = None,
    ) -> None:
        self.detail = redact(detail)
        self.endpoint = redact(endpoint)
        self.status = status
        self.request_id = clean(request_id or "", max_chars=MAX_TYPE_CHARS) or None
        self.error_type = clean(error_type or "", max_chars=MAX_TYPE_CHARS) or None
        super().__init__(self._message())

    def _message(self) -> str:
        outcome = "failed" if self.status is None else f"answered {self.status}"
        identity = f" (request id {self.request_id})" if self.request_id else ""
        words = self.detail.rstrip(". ")
        return f"{self.endpoint} {outcome}: {words}{identity}. {self.advice}".rstrip()


class ConnectionFailed(OxenError):
    """No complete answer came.

    Attributes:
        maybe_sent: False when the service cannot have read the request (refused, DNS, connect
            timeout); True when it may have (reset or silence afterwards).
    """

    advice = "Check the network and OXEN_BASE_URL, then run it again."

    def __init__(
        self,
        detail: str,
        *,
        endpoint: str,
        maybe_sent: bool,
        status: int | None = None,
    ) -> None:
        self.maybe_sent = maybe_sent
        super().__init__(detail, endpoint=endpoint, status=status)


class TimedOut(ConnectionFailed):
    """The service was silent for longer than the call allows."""

    advice = "The service is slow or out of reach: run it again later."


class CertificateRefused(ConnectionFailed):
    """The server's TLS certificate is not trusted; the request was not sent."""

    advice = "Name your authority's file in REQUESTS_CA_BUNDLE, or correct OXEN_BASE_URL."


class StatusError(OxenError):
    """The service answered with an error status, or with an error in a successful answer.

    Attributes:
        retry_after: Seconds the service asks to wait (`Retry-After`), or None.
    """

    advice = "Read the service's words above; its documentation names no remedy for this status."

    def __init__(
        self,
        detail: str,
        *,
        endpoint: str,
        status: int | None = None,
        request_id: str | None = None,
        error_type: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.retry_after = retry_after
        super().__init__(
            detail,
            endpoint=endpoint,
            status=status,
            request_id=request_id,
            error_type=error_type,
        )


class BadRequest(StatusError):
    """The same request will fail again (400, 409, 413, 422 ...); status None: it was never sent."""

    advice = "Correct the request: the same one will fail again."


class NotFound(BadRequest):
    """The model, generation, repository or branch does not exist for this key (404)."""

    advice = "Check the id and that the key's account can see it."

    @property
    def is_of_service(self) -> bool:
        """Whether the service says so of an id or a model, and not a proxy on the way to it."""
        return self.error_type == "resource_not_found" or is_unknown_model(self.detail)


class Unauthorized(StatusError):
    """The key is missing, wrong, or not allowed to do this (401, 403)."""

    advice = "Check OXEN_API_KEY (https://oxen.ai/settings/profile) and what it may do."


class OutOfCredit(StatusError):
    """The account cannot pay (402, or words to that effect)."""

    advice = "Add credit to the account, then run it again: what is finished is kept."


class ClientOutdated(StatusError):
    """The service takes this client for an outdated one (426)."""

    advice = "Upgrade nbp-dagster, and check that no proxy rewrites its User-Agent."


class RateLimited(StatusError):
    """Too many requests (429)."""

    advice = "Lower the number of requests in flight, or run it again later."


class ServerFault(StatusError):
    """The service or what stands behind it failed (408, 5xx)."""

    advice = "Run it again later; if it lasts, give the request id to the service's support."


class ContentRefused(OxenError):
    """The picture was refused for its content; the same prompt will be refused again."""

    advice = "Change the scene, copy or references: an unchanged prompt is refused again."


class BadResponse(OxenError):
    """An answer that is cut short, not JSON, or not of the promised shape."""

    advice = "Run it again; if it lasts, the API has changed or something rewrites its answers."


class PageAnswered(BadResponse):
    """A web page in place of JSON, as of a network to sign in to: it says nothing of a request."""

    advice = (
        "A web page came in place of an answer: look for a proxy or sign-in page on the way to the "
        "service, then run it again."
    )


class AmbiguousPost(OxenError):
    """A request that may bill was perhaps taken, perhaps not; the client never repeats it.

    The fault itself is the `__cause__`.
    """

    advice = "It may have been taken: list the queue and adopt what is there before sending again."


class ServiceAway(OxenError):
    """An outage lasted for longer than it is waited for; this request was not sent."""

    advice = "Run it again when the service is back: paid jobs are fetched then, free."


class DownloadFailed(OxenError):
    """The bytes cannot be had from this URL.

    Attributes:
        expired: True when a signed URL is refused or gone: ask for the job again to get a new one.
    """

    advice = "Ask for the generation again to get a fresh URL."

    def __init__(
        self,
        detail: str,
        *,
        endpoint: str,
        expired: bool,
        status: int | None = None,
    ) -> None:
        self.expired = expired
        super().__init__(detail, endpoint=endpoint, status=status)


class UnsafeUrl(OxenError):
    """A URL that is not the service's own and not plain public https."""

    advice = "Use a public https URL, or one on the origin of OXEN_BASE_URL."


class InsecureService(UnsafeUrl):
    """A base URL that would send the key in clear to another machine."""

    advice = (
        "Use its https address, or set NBP_ALLOW_HTTP=true (allow_http of the resource or the "
        "component) where the network is your own."
    )


_BY_STATUS: dict[int, type[StatusError]] = {
    401: Unauthorized,
    402: OutOfCredit,
    403: Unauthorized,
    404: NotFound,
    408: ServerFault,
    426: ClientOutdated,
    429: RateLimited,
}

_BY_TYPE: dict[str, type[StatusError]] = {
    "unauthenticated": Unauthorized,
    "invalid_params": BadRequest,
    "resource_not_found": NotFound,
}
"""The documented error types; they decide only when the status is a success."""

_STATUS_DECIDES = frozenset({401, 402, 408, 426, 429})
"""Statuses whose meaning no words change, and every 5xx. A 429 may mention low credit and still
pass; a fault of the service says nothing of whether a request was taken, whatever its page says."""


def is_outage(error: BaseException) -> bool:
    """Return whether an error may be over by itself: no connection, 5xx, 429, and what follows."""
    if isinstance(error, CertificateRefused):
        return False
    if isinstance(error, AmbiguousPost) and error.__cause__ is not None:
        return is_outage(error.__cause__)
    return isinstance(error, (ConnectionFailed, ServerFault, RateLimited, ServiceAway))


def classify(
    status: int,
    body: bytes,
    *,
    endpoint: str,
    request_id: str | None = None,
    retry_after: float | None = None,
    secrets: Iterable[str] = (),
) -> OxenError:
    """Turn an error answer into the error a caller can act on.

    Args:
        status: HTTP status; a 2xx here means a successful answer that carries an error.
        body: The answer's bytes, of any shape.
        endpoint: Method and URL, for the message.
        request_id: The service's id of the call.
        retry_after: Seconds parsed from `Retry-After`.
        secrets: Values to cut from the service's words.
    """
    words = read_error_body(status, body, secrets=tuple(secrets))
    kind = _class_of(status, words, retry_after)
    if issubclass(kind, StatusError):
        return kind(
            words.detail,
            endpoint=endpoint,
            status=status,
            request_id=request_id,
            error_type=words.error_type,
            retry_after=retry_after,
        )
    return kind(
        words.detail,
        endpoint=endpoint,
        status=status,
        request_id=request_id,
        error_type=words.error_type,
    )


def _class_of(status: int, words: ErrorBody, retry_after: float | None) -> type[OxenError]:
    if status == 429 and is_lasting_limit(words.brief, retry_after=retry_after):
        # It lasts until somebody pays: waiting for it would never end.
        return OutOfCredit
    if status in _STATUS_DECIDES:
        return _BY_STATUS[status]
    if status >= 500:
        return ServerFault
    if words.is_own and is_refusal(words.detail):
        return ContentRefused
    # Some services name an empty budget in the type or code alone.
    if is_out_of_credit(words.brief or words.detail):
        return OutOfCredit
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 300:
        return BadRequest
    return _BY_TYPE.get(words.error_type or "", BadResponse)
