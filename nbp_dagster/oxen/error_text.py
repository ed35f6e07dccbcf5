"""Reads error answers of the service: finds the words in a body; `words` says what they mean.

Must not know: HTTP clients, retries, or which exception a meaning becomes.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from nbp_dagster.foreign_text import MAX_READ_CHARS, read_json, redact

MAX_JUDGED_CHARS = 2000
"""How much of an error text is searched for meaning: the cause may come after a trace."""

MAX_TYPE_CHARS = 100
"""Longest name of an error, or id of a call, that is kept."""

_DETAIL_KEYS = ("detail", "message", "title", "type", "status_message")
"""Where an error object may keep its words, the most telling first."""

_UNKNOWN_MODEL = re.compile(r"\bmodel\s+not\s+found\b", re.IGNORECASE)

_SCRIPT = re.compile(
    r"<(script|style)\b(?:(?!<(?:script|style)\b).)*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(r"<[^<>]*>")
_TITLE = re.compile(r"<title\b[^<>]*>", re.IGNORECASE)

_PAGE = re.compile(
    r"\s*(?:(?:<\?[^<>]*>|<!--(?:(?!-->).)*-->)\s*){0,3}"
    r"<(?:!doctype\s+html|html|head|title|meta|body|script|style|center|h1)\b",
    re.IGNORECASE | re.DOTALL,
)
_MAX_PAGE_START = 4096
"""How much of a body is looked at for the first tag of a page."""

_MAX_PLAIN_CHARS = 500
"""A plain text longer than this, or with markup, is a page of something on the way."""

_MAX_DELAY_CHARS = 20
"""Longest `retryDelay` that is read, e.g. `51.9s`."""

_MAX_JSON_BYTES = 4 * 1024 * 1024
"""An error answer longer than this is read as text, so only its beginning is."""


@dataclass(frozen=True)
class ErrorBody:
    """The content of an error answer.

    Attributes:
        detail: Its words: one line, redacted.
        error_type: Its own name of the error.
        is_own: Whether it has one of the two shapes that the service documents, so that its words
            are the service's and not those of a proxy or filter on the way.
        brief: Its type, code and `retryDelay` and its words, of JSON of any shape or a short text;
            empty for a page.
    """

    detail: str
    error_type: str | None = None
    is_own: bool = False
    brief: str = ""


def is_unknown_model(text: str | None) -> bool:
    """Return whether an error text says that the catalogue has no such model."""
    return _UNKNOWN_MODEL.search((text or "")[:MAX_JUDGED_CHARS]) is not None


def cut_query(url: str) -> str:
    """Return a URL without query and fragment, so that it may be shown."""
    return url.split("#", 1)[0].split("?", 1)[0]


def read_error_body(status: int, body: bytes, *, secrets: Iterable[str] = ()) -> ErrorBody:
    """Find the words in an error answer of any shape the service is known to send.

    Knows `{"error": {type, title, detail}}`, `{"error": {"message"}}`, `{"error": "text"}`, the
    same keys at top level, a list of one such object (Google's APIs), plain text and HTML; an
    empty body gives the status's own name.
    """
    start = body[: 4 * MAX_READ_CHARS].decode("utf-8", errors="replace").strip()
    hidden = tuple(secrets)
    payload = _parse(start, body, hidden)
    is_own = _has_own_shape(payload)
    if isinstance(payload, list) and payload:
        payload = payload[0]
    if isinstance(payload, Mapping):
        detail, error_type = _from_payload(payload)
    else:
        detail, error_type = _from_text(start[:MAX_READ_CHARS]), None
    words = redact(detail, secrets=hidden, max_chars=MAX_JUDGED_CHARS) or _status_name(status)
    kind = redact(error_type or "", secrets=hidden, max_chars=MAX_TYPE_CHARS)
    is_page = not isinstance(payload, Mapping) and ("<" in start or len(start) > _MAX_PLAIN_CHARS)
    # The bars keep words of one from being read with those of the next.
    parts = (kind, _code_of(payload), _delay_of(payload), words)
    brief = "" if is_page else " | ".join(part for part in parts if part)
    return ErrorBody(detail=words, error_type=kind or None, is_own=is_own, brief=brief)


def carries_error(payload: object) -> bool:
    """Return whether a successful answer carries an error.

    A job object has an `error` of its own, and an answer that names generations must never be
    dropped (they are paid for), so neither counts.
    """
    if not isinstance(payload, Mapping):
        return False
    if payload.get("generation_id") or payload.get("generations"):
        return False
    return bool(payload.get("error")) or payload.get("status") == "error"


def is_page(body: bytes) -> bool:
    """Return whether the body of an answer is a web page: not the service's, which sends JSON."""
    start = body[:_MAX_PAGE_START].decode("utf-8", errors="replace")
    # In UTF-16 every other byte of a tag is zero.
    return _PAGE.match(start.replace("\0", "").lstrip("\ufeff\ufffd")) is not None


def _parse(start: str, body: bytes, secrets: tuple[str, ...]) -> object:
    if not start.startswith(("{", "[")) or len(body) > _MAX_JSON_BYTES:
        return None
    try:
        return read_json(body, secrets=secrets)
    except (ValueError, RecursionError):
        return None


def _from_payload(payload: Mapping[str, object]) -> tuple[str, str | None]:
    error = payload.get("error")
    if isinstance(error, str) and error:
        return error, _text(payload.get("status_message")) or None
    inner: Mapping[str, object] = error if isinstance(error, Mapping) else payload
    error_type = _text(inner.get("type")) or _text(payload.get("status_message"))
    for source in (inner, payload):
        for key in _DETAIL_KEYS:
            words = _text(source.get(key))
            if words:
                return words, error_type or None
    return json.dumps(error if error else payload), error_type or None


def _code_of(payload: object) -> str:
    if not isinstance(payload, Mapping):
        return ""
    error = payload.get("error")
    return _text((error if isinstance(error, Mapping) else payload).get("code"))


def _delay_of(payload: object) -> str:
    """Return the wait that Google's APIs name in a `RetryInfo` beside their words."""
    error = payload.get("error") if isinstance(payload, Mapping) else None
    details = error.get("details") if isinstance(error, Mapping) else None
    for item in details if isinstance(details, list) else ():
        delay = _text(item.get("retryDelay")) if isinstance(item, Mapping) else ""
        if delay:
            return f"retryDelay: {delay[:_MAX_DELAY_CHARS]}"
    return ""


def _has_own_shape(payload: object) -> bool:
    """Return whether it is `{"error": {"type", "title", "detail"}}` or `{"error": {"message"}}`."""
    error = payload.get("error") if isinstance(payload, Mapping) else None
    return isinstance(error, Mapping) and bool(_text(error.get("detail") or error.get("message")))


def _from_text(text: str) -> str:
    if "<" not in text:
        return text
    opened = _TITLE.search(text)
    title = "" if opened is None else text[opened.end() :].partition("<")[0]
    return title if title.strip() else _TAG.sub(" ", _SCRIPT.sub(" ", text))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    return json.dumps(value) if isinstance(value, (list, dict)) and value else ""


def _status_name(status: int) -> str:
    known = {item.value for item in HTTPStatus}
    return HTTPStatus(status).phrase if status in known else "no words came with it"
