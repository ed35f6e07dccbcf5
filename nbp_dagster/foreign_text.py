"""Texts that others wrote: cut first, then cleaned of controls, then redacted, in linear time.

Every text of the service comes through here before it is logged, stored, shown or raised. Each
pattern below takes time in proportion to the text, whatever the text is. Must not know: HTTP,
Dagster, or what a text is about.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

MAX_LINE_CHARS = 400
"""Longest line that is kept of others' words by default; a trace or an HTML page is longer."""

MAX_READ_CHARS = 16 * 1024
"""How much of a text is looked at: what stands behind that is dropped unread."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Controls (ESC starts a terminal's commands), marks without a width, direction overrides, line and
# paragraph separators, lone surrogates. Line breaks and tabs are white space, and become a blank.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What neither UTF-8 nor PostgreSQL takes."""

_TOKEN = re.compile(r"[^\s\"'<>]+")
_URL = re.compile(r"(?:https?:/)?/[^\s\"'<>]+")
_DATA_URI = re.compile(r"data:[\w.+/-]*;base64,[A-Za-z0-9+/=_-]*")
_BEARER = re.compile(r"(?i)\bbearer\s+[^\s\"',;}]+")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~$-])")
_ADDRESS = re.compile(r"(?i)(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=@)|(?<=\bmailto:)")
"""Where a text turns into a link by itself: GitHub's Markdown links bare addresses, after it has
read escapes and entities."""

_JOINER = "\N{WORD JOINER}"

# Characters of a secret that give it away; a shorter piece, or secret, may as well be an ordinary
# word. At the end of a text, where a cut leaves the beginning of one, fewer do.
_PIECE, _LEAST_PIECE = 8, 6


def clean(text: str, *, max_chars: int = MAX_LINE_CHARS) -> str:
    """Return the beginning of a text as one line that any terminal and database can take.

    Args:
        text: Anything; only the first MAX_READ_CHARS characters are looked at.
        max_chars: Length of the line returned.
    """
    return _shorten(_clean(text), max_chars)


def redact(text: str, *, secrets: Iterable[str] = (), max_chars: int = MAX_LINE_CHARS) -> str:
    """Return `clean` text without keys, URL queries (signatures) and inline images.

    Args:
        text: Anything the service, a library or a caller wrote.
        secrets: Values that must not appear, such as the API key.
        max_chars: Length of the line returned.
    """
    line = _clean(text)
    for secret in secrets:
        line = _without(line, secret)
    line = _BEARER.sub("Bearer [key]", line)
    line = _DATA_URI.sub("data:[cut]", line)
    line = _TOKEN.sub(_cut_token, line)
    return _shorten(line, max_chars)


def read_json(body: bytes, *, secrets: Iterable[str] = ()) -> object:
    """Return the value of a JSON text, every text in it fit to be stored; see `hide`.

    Line breaks and other controls stay where they are: a prompt that is echoed must compare equal.

    Raises:
        ValueError: It is not JSON, or holds a number that JSON does not have.
        RecursionError: It is nested too deeply to be read.
    """
    text = body.decode("utf-8", errors="replace")
    value: object = json.loads(text, parse_constant=_refuse_constant)
    hidden = _long(secrets)
    is_escaped = "\\" in text
    # Without an escape no text can hold what the body itself does not show.
    if is_escaped or any(secret[:_PIECE] in text or secret[-_PIECE:] in text for secret in hidden):
        return _mend(value, hidden)
    return value


def hide(value: object, *, secrets: Iterable[str]) -> object:
    """Return a JSON value whose texts are free of secrets.

    A URL loses a whole secret, but not a piece of one: what it names would be another thing. A
    secret of fewer than 8 characters stays: letters of every word would go with it.
    """
    return _mend(value, _long(secrets))


def escape_markdown(text: str) -> str:
    """Return a text that Markdown shows as it is: no link, image, markup or HTML comes of it.

    Only the first MAX_READ_CHARS characters are returned.
    """
    escaped = _MARKDOWN.sub(r"\\\1", text[:MAX_READ_CHARS].replace("&", "&amp;"))
    return _ADDRESS.sub(_JOINER, escaped)


def _clean(text: str) -> str:
    return " ".join(_UNSEEN.sub("", text[:MAX_READ_CHARS]).split())


def _shorten(line: str, max_chars: int) -> str:
    return line if len(line) <= max_chars else f"{line[: max_chars - 3]}..."


def _without(line: str, secret: str) -> str:
    """Return a line without a secret and its pieces: masked by its sender, damaged, or cut off.

    The time is that of one search of the line for each piece.
    """
    if not secret:
        return line
    line = line.replace(secret, "[key]")
    kept, at = [], 0
    for start, end in _pieces(line, secret):
        kept += [line[at:start], "[key]"]
        at = end
    line = "".join((*kept, line[at:]))
    for length in range(min(_PIECE, len(secret), len(line)), _LEAST_PIECE - 1, -1):
        if line.endswith(secret[:length]):
            return f"{line[:-length]}[key]"
    return line


def _pieces(line: str, secret: str) -> Iterator[tuple[int, int]]:
    """Yield where pieces of a secret begin and end, those that touch as one."""
    starts: set[int] = set()
    for piece in {secret[at : at + _PIECE] for at in range(len(secret) - _PIECE + 1)}:
        at = line.find(piece)
        while at >= 0:
            starts.add(at)
            at = line.find(piece, at + 1)
    begin, end = 0, 0
    for start in sorted(starts):
        if start > end:
            if end:
                yield begin, end
            begin = start
        end = start + _PIECE
    if end:
        yield begin, end


def _cut_token(found: re.Match[str]) -> str:
    """Cut the query of a URL or a path; a question mark after a word stays."""
    token = found[0]
    slash = token.find("/")
    if slash < 0:
        return token
    head, mark, query = token[slash:].partition("?")
    start = token[:slash] + head
    is_query = "://" in start or "=" in query
    return f"{start}?[cut]" if mark and query and is_query else token


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _long(secrets: Iterable[str]) -> tuple[str, ...]:
    return tuple(secret for secret in secrets if len(secret) >= _PIECE)


def _mend(value: object, secrets: tuple[str, ...]) -> object:
    if isinstance(value, str):
        return _mend_text(value, secrets)
    if isinstance(value, list):
        return [_mend(item, secrets) for item in value]
    if isinstance(value, Mapping):
        return {_mend_text(key, secrets): _mend(item, secrets) for key, item in value.items()}
    return value


def _mend_text(text: str, secrets: tuple[str, ...]) -> str:
    if not text.isascii() or "\0" in text:
        text = _UNSTORABLE.sub(REPLACEMENT, text)
    # Long ones are pictures and the like, which nobody is shown. URLs are asked for as they are,
    # and may have a few characters of a key by chance; `redact` cuts them where a URL is shown.
    is_shown = len(text) <= MAX_READ_CHARS and _URL.fullmatch(text) is None
    for secret in secrets:
        text = _without(text, secret) if is_shown else text.replace(secret, "[key]")
    return text
