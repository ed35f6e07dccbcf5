"""Reads error texts of the service: finds the words in a body, recognises refusals.

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

_REFUSAL = re.compile(
    r"""
      content[\s_-]*(policy|policies|filter|moderation|violation|restriction)
    | (usage|acceptable[\s_]use|safety)[\s_-]*(policy|policies)
    | moderat(ed|ion|or)
    | \bflagged\b
    | \bnsfw\b
    | (prohibited|disallowed|unsafe|sensitive|harmful)[\s_-]*(content|use|material|words?|terms)
    | responsible[\s_-]*ai\b
    | \b(finish|block)[\s_-]?reason\W+(image[\s_])?(safety|recitation|blocklist|spii)\b
    | \bimage[\s_](recitation|prohibited)
    | \bprompt\s+(was|is|has\s+been)\s+blocked\b
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

_FAULT = re.compile(
    r"""
      \btime[sd]?[\s_-]?out\b | \bdeadline[\s_](was\s+)?exceeded\b
    | \bunavailable\b | \bunreachable\b | \bunhealthy\b | \boverloaded\b | \btemporar(y|ily)\b
    | \b(service|server|model|system|filter)\s+(is\s+)?(down|busy|offline)\b
    | \b(failed|unable|could\s+not|couldn't|can't|cannot)\s+(to\s+)?
      (load|download|start|initiali[sz]e|connect|reach|contact|call|respond)\b
    | \brate[\s_-]?limit
    | \b(returned|answered|status|code|error|http)\W{0,3}5\d\d\b | \b5\d\d\s+(error|status)\b
    | \binternal\s+(server\s+)?error\b | \bbad\s+gateway\b
    | \bretry(ing)?\b | \btry\s+(it\s+)?again\s*([.!,;]|$|(later|shortly|soon|in)\b)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words of a fault of the filter or its service, which judged no picture."""

_OTHER_WORDS = re.compile(
    r"\b(rephras|reword|modify|revis|edit|chang|adjust|remov|different|another\s+prompt)",
    re.IGNORECASE,
)
"""Advice that follows a refusal alone: "please modify your prompt and try again"."""

_QUOTA = re.compile(
    r"""
      (?<![a-z])quotas?(?![a-z])
    | \b(check|upgrade|change)\s+(\w+\s+){0,2}?(plan|billing)\b
    | \bbilling\b
    | \b(plan|subscription|daily|monthly|spending|usage)[\s_]+(\w+\s+)?limit\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words of a 429 that no waiting mends."""

_PER_MOMENT = re.compile(
    r"per[\s_-]?(second|minute)|[rt]p[ms]\b|retry\s+(in|after)\b|requests?\s*/\s*(s|min)",
    re.IGNORECASE,
)
"""Words of a quota that is a rate limit: it is over in a moment."""

_RATE = re.compile(r"\brate[\s_-]?limit|\btoo\s+many\s+requests\b|\bthrottl", re.IGNORECASE)
"""Words of a 429 that may mention credit and still passes."""

_USED_UP = re.compile(
    r"""
      \bbilling\s+(hard\s+|soft\s+)?limit\b
    | \bexceeded\s+your\s+(current\s+)?quota\b
    | \bquota[\s_](is\s+|has\s+been\s+)?(exceeded|exhausted|reached|used\s+up)\b
    | \b(daily|monthly|spending)[\s_]limit\s+(is\s+|was\s+|has\s+been\s+)?(reached|exceeded)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words of a quota or budget at its end, whatever the status; none that a scene would have."""

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

_AT_CAPACITY = re.compile(
    r"""
      \boverloaded\b
    | \b(at|over|beyond|no|insufficient|out\s+of|exceed\w*)\s+(\w+\s+){0,2}?capacity\b
    | \bcapacity\s+(is\s+|has\s+been\s+)?(exhausted|exceeded|reached|unavailable)\b
    | \b(high|heavy)\s+demand\b
    | \bmodel\s+is\s+(currently\s+|temporarily\s+)?(busy|unavailable)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words of a model that takes no more work now, as services of such models are seen to say it; how
they read through Oxen is not documented."""

_UNKNOWN_MODEL = re.compile(r"\bmodel\s+not\s+found\b", re.IGNORECASE)

_SCRIPT = re.compile(
    r"<(script|style)\b(?:(?!<(?:script|style)\b).)*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(r"<[^<>]*>")
_TITLE = re.compile(r"<title\b[^<>]*>", re.IGNORECASE)

_MAX_PLAIN_CHARS = 500
"""A plain text longer than this, or with markup, is a page of something on the way."""

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
        brief: Its words, type and code, of JSON of any shape or a short text; empty for a page.
    """

    detail: str
    error_type: str | None = None
    is_own: bool = False
    brief: str = ""


def is_refusal(text: str | None) -> bool:
    """Return whether an error text is a content-policy or safety refusal of a picture."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    return _REFUSAL.search(judged) is not None and not is_filter_fault(judged)


def is_filter_fault(text: str | None) -> bool:
    """Return whether an error text is of a filter that failed, so that it refused nothing."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    if _REFUSAL.search(judged) is None or _OTHER_WORDS.search(judged) is not None:
        return False
    return _FAULT.search(judged) is not None


def is_out_of_credit(text: str | None) -> bool:
    """Return whether an error text means that the account cannot pay, or has used up its quota."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    if _OUT_OF_CREDIT.search(judged) is not None:
        return True
    return _USED_UP.search(judged) is not None and _PER_MOMENT.search(judged) is None


def is_quota(text: str | None) -> bool:
    """Return whether an error text is about a quota, plan or billing, and not about a rate."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    return _QUOTA.search(judged) is not None and _PER_MOMENT.search(judged) is None


def is_lasting_limit(text: str | None) -> bool:
    """Return whether the words of a 429 are of a quota, a plan or an empty account: not a rate."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    return is_quota(judged) or (is_out_of_credit(judged) and _RATE.search(judged) is None)


def is_at_capacity(text: str | None) -> bool:
    """Return whether an error text says that the model has no capacity at the moment."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    return _AT_CAPACITY.search(judged) is not None and not is_quota(judged)


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
    brief = "" if is_page else f"{words} {kind} {_code_of(payload)}"
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
