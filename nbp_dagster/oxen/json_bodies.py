"""JSON bodies in both directions: builds those of image requests, reads fields of loose answers.

Must not know: which answers exist, or how a body is sent.
"""

import base64
import codecs
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import ijson

from nbp_dagster.foreign_text import REPLACEMENT
from nbp_dagster.oxen.errors import BadRequest

MAX_ID_CHARS = 100
"""Longest id that is taken from the service; its own are UUIDs of 36 characters."""

INPUT_IMAGE = "input_image"
"""Field of a request for its references, and of a job that repeats them."""

LATEST_STAMP = 4_102_444_800.0
"""2100-01-01 in seconds since the epoch. A stamp behind it is not in seconds."""


class ShapeError(ValueError):
    """An answer does not have the promised shape; the text names what was expected and seen."""


class AnswerTooLong(ShapeError):
    """An answer holds more than may be kept in memory."""


@dataclass(frozen=True)
class InlineImage:
    """An image within a request, a data URI, by what tells it apart: its bytes are not kept.

    Attributes:
        sha256: Digest of the data URI's text, 64 hex digits.
        is_whole: Whether it holds a picture to its last byte, so that it was not shortened.
    """

    sha256: str
    is_whole: bool

    @classmethod
    def of(cls, uri: str) -> Self:
        """Return what tells a data URI apart."""
        digest = hashlib.sha256(uri.encode("utf-8", "replace")).hexdigest()
        return cls(digest, _is_whole(uri))


def identify_inline(value: object) -> object:
    """Return an `InlineImage` for a data URI, and anything else as it is."""
    if isinstance(value, str) and value.startswith("data:"):
        return InlineImage.of(value)
    return value


def read_long(chunks: Iterable[bytes], *, max_chars: int, max_values: int) -> object:
    """Return the value of a JSON text of any length that arrives, without its inline images.

    Only what is kept has a limit: a list of jobs repeats the references of each.

    Args:
        chunks: The bytes, in UTF-8.
        max_chars: Most characters of all texts kept, and bytes of any one value.
        max_values: Most JSON values.

    Raises:
        ValueError: It is not JSON. An empty text is not, either.
        AnswerTooLong: It holds more than that.
    """
    events = ijson.sendable_list()
    parser = ijson.basic_parse_coro(events, use_float=True)
    kept = _Kept(max_chars=max_chars, max_values=max_values)
    try:
        for text in codecs.iterdecode(chunks, "utf-8", errors="replace"):
            parser.send(text.encode())
            kept.take(events, waiting=len(text))
            events.clear()
        parser.close()
    except ijson.JSONError:
        raise ValueError("it is not JSON") from None
    kept.take(events, waiting=0)
    return kept.value


class _Kept:
    """The part of an answer that is kept, made of a parser's events."""

    def __init__(self, *, max_chars: int, max_values: int) -> None:
        self._builder = ijson.ObjectBuilder()
        self._keys: dict[str, str] = {}
        self._key = ""
        self._max_chars, self._max_values = max_chars, max_values
        self._chars = self._values = self._waiting = 0

    @property
    def value(self) -> object:
        return self._builder.value

    def take(self, events: Sequence[tuple[str, object]], *, waiting: int) -> None:
        """Add values; `waiting` characters arrived for them, or for one that has not ended yet."""
        self._waiting = 0 if events else self._waiting + waiting
        for event, value in events:
            if event == "map_key":
                # The same few names in each of ten thousand jobs.
                value = self._key = self._keys.setdefault(str(value), str(value))
            elif self._key == INPUT_IMAGE:
                value = identify_inline(value)
            self._chars += len(value) if isinstance(value, str) else 0
            self._values += event not in {"map_key", "end_map", "end_array"}
            self._require_room()
            self._builder.event(event, value)
        self._require_room()

    def _require_room(self) -> None:
        if max(self._chars, self._waiting) > self._max_chars:
            raise AnswerTooLong(f"the answer's texts are longer than {self._max_chars} characters")
        if self._values > self._max_values:
            raise AnswerTooLong(f"the answer has more than {self._max_values:,} JSON values")


def _is_whole(uri: str) -> bool:
    head, found, text = uri.partition(";base64,")
    if not found or not head.startswith("data:image/"):
        return False
    try:
        start, end = base64.b64decode(text[:16]), base64.b64decode(text[-16:], validate=True)
    except ValueError:
        return False
    if start.startswith(b"RIFF"):
        # A WebP has its length in its header, and no trailer.
        return int.from_bytes(start[4:8], "little") + 8 == len(text) // 4 * 3 - text[-2:].count("=")
    return end.endswith((b"IEND\xaeB`\x82", b"\xff\xd9"))


def as_mapping(value: object, what: str) -> Mapping[str, object]:
    """Return a JSON object.

    Raises:
        ShapeError: The value is of another type, which the error names."""
    if not isinstance(value, Mapping):
        raise ShapeError(f"{what} is {kind_of(value)}, not an object")
    return value


def unwrap(payload: Mapping[str, object]) -> Mapping[str, object]:
    """Return what `data` holds when the object is wrapped in it."""
    inner = payload.get("data")
    named = "id" in payload or "generation_id" in payload
    return inner if isinstance(inner, Mapping) and not named else payload


def list_of(payload: Mapping[str, object], key: str, *, required: bool = True) -> Sequence[object]:
    """Return a list field; an absent one is empty unless it is required."""
    value = payload.get(key)
    if value is None and not required:
        return ()
    if not isinstance(value, list):
        raise ShapeError(f"`{key}` is {kind_of(value)}, not a list")
    return value


def text_of(payload: Mapping[str, object], *keys: str) -> str | None:
    """Return the first of several spellings that holds a non-empty text."""
    for key in keys:
        value = payload.get(key)
        if isinstance(value, str) and value:
            return value
    return None


def flag_of(payload: Mapping[str, object], key: str) -> bool | None:
    """Return a boolean field; anything else is None."""
    value = payload.get(key)
    return value if isinstance(value, bool) else None


def number_of(payload: Mapping[str, object], key: str) -> float | None:
    """Return a numeric field; anything else, booleans included, is None."""
    value = payload.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def stamp_of(payload: Mapping[str, object], key: str) -> float | None:
    """Return a time stamp in seconds since the epoch; None unless it is between 1970 and 2100."""
    seconds = number_of(payload, key)
    return seconds if seconds is not None and 0 <= seconds <= LATEST_STAMP else None


def check_id(identity: str, key: str) -> str:
    """Return an id that can be stored, shown and put into a URL.

    Raises:
        ShapeError: It is too long, or has a control or another character that is not printed.
    """
    if len(identity) > MAX_ID_CHARS:
        raise ShapeError(
            f"`{key}` has {len(identity)} characters; accepted: at most {MAX_ID_CHARS}"
        )
    if not identity.isprintable() or REPLACEMENT in identity:
        raise ShapeError(f"`{key}` has characters that no id has")
    return identity


def kind_of(value: object) -> str:
    """Name what a JSON value is, for a message that must not quote it."""
    return "missing" if value is None else type(value).__name__


MAX_GENERATIONS = 4
"""Jobs one enqueue call may ask for."""

_RESERVED = frozenset(
    {
        "model",
        "prompt",
        INPUT_IMAGE,
        "num_generations",
        "response_format",
        "target_namespace",
        "target_repo",
        "target_directory",
    }
)
"""Fields with an argument of their own, or that change what is billed and where it goes."""


def image_request(
    model: str,
    prompt: str,
    input_image: Sequence[str],
    parameters: Mapping[str, object] | None,
    *,
    target_namespace: str | None,
) -> dict[str, object]:
    """Return the fields all image calls share.

    Raises:
        BadRequest: The model or prompt is empty, `input_image` is one text instead of a list, or
            `parameters` sets a field that has an argument of its own.
    """
    if not model or not prompt.strip():
        raise _not_sent("the model or the prompt is empty")
    if isinstance(input_image, str):
        raise _not_sent("input_image is a text; it takes a list of URLs")
    taken = sorted(_RESERVED.intersection(parameters or {}))
    if taken:
        raise _not_sent(f"parameters may not set {', '.join(taken)}")
    body: dict[str, object] = {"model": model, "prompt": prompt, **(parameters or {})}
    if input_image:
        body[INPUT_IMAGE] = list(input_image)
    if target_namespace is not None:
        body["target_namespace"] = target_namespace
    return body


def generation_count(num_generations: int) -> dict[str, object]:
    """Return the field that multiplies the bill.

    Raises:
        BadRequest: Not 1 to 4.
    """
    if not 1 <= num_generations <= MAX_GENERATIONS:
        raise _not_sent(
            f"num_generations is {num_generations}, accepted are 1 to {MAX_GENERATIONS}"
        )
    return {"num_generations": num_generations}


def _not_sent(reason: str) -> BadRequest:
    return BadRequest(f"not sent, {reason}", endpoint="image request")
