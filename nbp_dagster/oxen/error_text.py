"""Reads error texts of the service: parses bodies, redacts secrets, recognises refusals.

Must not know: HTTP clients, retries, or which exception a meaning becomes.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

MAX_DETAIL_CHARS = 400
"""Longest stretch of the service's words kept in a message; a trace or an HTML page is longer."""

MAX_JUDGED_CHARS = 2000
"""How much of an error text is searched for meaning: the cause may come after a trace."""

_DETAIL_KEYS = ("detail", "message", "title", "type", "status_message")
"""Where an error object may keep its words, the most telling first."""

_REFUSAL = re.compile(
    r"""
      content[\s_-]*(policy|policies|filter|moderation|violation|restriction)
    | (usage|acceptable[\s_]use|safety)[\s_-]*(policy|policies)
    | moderat(ed|ion|or)
    | \bflagged\b
    | \bnsfw\b
    | (prohibited|disallowed|unsafe|sensitive|harmful)[\s_-]*(content|use|material)
    | image[\s_]safety
    | safety[\s_-]*(system|filters?|check(s|er)?|reasons?|violation|guidelines?|block|ratings?)\b
      (?!["']?\s*[:=])
    | (for|by|to|of|on)\s+safety\b(?![\s_-]*(tolerance|settings?|level|goggles|glasses|gear))
    | ^\W*safety\W*$
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A refusal has no documented status or type: these are the words upstream models and clients use.
The parameter `safety_tolerance` and props such as safety goggles are not among them."""

_OUT_OF_CREDIT = re.compile(
    r"""
      (insufficient|not\s+enough|out\s+of|ran\s+out\s+of|no(\s+(more|remaining))?|exhausted|add(\s+more)?|buy|purchase)
      \s+(\w+\s+){0,2}?(credits?(?!\s+(card|line))|balance|funds)\b
    | \bcredits?\s+(\w+\s+){0,3}?(exhausted|depleted|too\s+low|insufficient|used\s+up)\b
    | insufficient[\s_](credits?|balance|funds|quota)
    | payment[\s_](is\s+)?required
    | (balance|funds)\s+(is\s+|are\s+)?(too\s+low|insufficient|exhausted|depleted)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words for an empty account; a headline about credit cards is not one."""

_QUERY = re.compile(r"(https?://[^\s?#\"'<>]+)\?[^\s\"'<>]*")
_PATH_QUERY = re.compile(r"(/[^\s?\"'<>]*)\?[^\s\"'<>=]+=[^\s\"'<>]*")
_DATA_URI = re.compile(r"data:[\w.+/-]*;base64,[A-Za-z0-9+/=_-]*")
_BEARER = re.compile(r"(?i)\bbearer\s+[^\s\"',;}]+")
_TAG = re.compile(r"(?is)<(script|style)\b.*?</\1>|<[^>]*>")
_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title>")


@dataclass(frozen=True)
class ErrorBody:
    """The content of an error answer: its words (one line, redacted) and its own error type."""

    detail: str
    error_type: str | None = None


def is_refusal(text: str | None) -> bool:
    """Return whether an error text is a content-policy or safety refusal of a picture."""
    return bool(text) and _REFUSAL.search(text or "") is not None


def is_out_of_credit(text: str | None) -> bool:
    """Return whether an error text means that the account cannot pay."""
    return bool(text) and _OUT_OF_CREDIT.search(text or "") is not None


def redact(text: str, *, secrets: Iterable[str] = (), max_chars: int = MAX_DETAIL_CHARS) -> str:
    """Return the text on one capped line, without keys, URL queries (signatures) and inline images.

    Args:
        text: Anything the service, a library or a caller wrote.
        secrets: Values that must not appear, such as the API key.
        max_chars: Length of the line returned.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[key]")
    text = _BEARER.sub("Bearer [key]", text)
    text = _DATA_URI.sub("data:[cut]", text)
    text = _QUERY.sub(r"\1?[cut]", text)
    text = _PATH_QUERY.sub(r"\1?[cut]", text)
    line = " ".join(text.split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 3]}..."


def cut_query(url: str) -> str:
    """Return a URL without query and fragment, so that it may be shown."""
    return url.split("#", 1)[0].split("?", 1)[0]


def read_error_body(status: int, body: bytes, *, secrets: Iterable[str] = ()) -> ErrorBody:
    """Find the words in an error answer of any shape the service is known to send.

    Knows `{"error": {type, title, detail}}`, `{"error": {"message"}}`, `{"error": "text"}`, the
    same keys at top level, plain text and HTML; an empty body gives the status's own name.
    """
    text = body.decode("utf-8", errors="replace").strip()
    payload = _parse(text)
    if isinstance(payload, Mapping):
        detail, error_type = _from_payload(payload)
    else:
        detail, error_type = _from_text(text), None
    words = redact(detail, secrets=secrets, max_chars=MAX_JUDGED_CHARS) or _status_name(status)
    return ErrorBody(detail=words, error_type=error_type)


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


def _parse(text: str) -> object:
    if not text.startswith(("{", "[")):
        return None
    try:
        payload: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return payload


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


def _from_text(text: str) -> str:
    if "<" not in text:
        return text
    title = _TITLE.search(text)
    return title.group(1) if title and title.group(1).strip() else _TAG.sub(" ", text)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    return json.dumps(value) if isinstance(value, (list, dict)) and value else ""


def _status_name(status: int) -> str:
    known = {item.value for item in HTTPStatus}
    return HTTPStatus(status).phrase if status in known else "no words came with it"
