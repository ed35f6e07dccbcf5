"""JSON bodies in both directions: builds those of image requests, reads fields of loose answers.

Must not know: which answers exist, or how a body is sent.
"""

import base64
import hashlib
import json
import math
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from nbp_dagster.foreign_text import REPLACEMENT
from nbp_dagster.oxen.errors import BadRequest

MAX_ID_CHARS = 100
"""Longest id that is taken from the service; its own are UUIDs of 36 characters."""

INPUT_IMAGE = "input_image"
"""Field of a request for its references, and of a job that repeats them."""

CUT_BYTES = 4096
"""Shortest data URI that is left out of a list. The smallest pictures are no burden."""

# JSON up to a text that is an image or has no end yet, and from inside a text to its end: a
# backslash takes the next byte with it.
_PLAIN = re.compile(rb'(?:[^"]++|"(?!data:)(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_INSIDE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)

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


@dataclass(frozen=True)
class CutText:
    """A JSON text without its inline images.

    Attributes:
        text: What is left, with a name in place of each image.
        images: What tells the images apart, by their names; see `name_inline`.
        size: Bytes that arrived.
    """

    text: bytes
    images: Mapping[str, InlineImage]
    size: int


def cut_inline(chunks: Iterable[bytes], *, max_bytes: int) -> CutText:
    """Leave the inline images, data URIs of CUT_BYTES and more, out of a JSON text of any length.

    Only what is kept has a limit: a list of jobs repeats the references of each. Nothing but the
    ends of texts is looked for, so that what is no JSON is returned as it is.

    Args:
        chunks: The text in UTF-8, as it arrives.
        max_bytes: Most bytes kept, and of one image.

    Raises:
        AnswerTooLong: It holds more than that.
    """
    cutter, size = _Cutter(max_bytes), 0
    for chunk in chunks:
        cutter.feed(chunk)
        size += len(chunk)
    return CutText(cutter.finish(), cutter.images, size)


def name_inline(value: object, images: Mapping[str, InlineImage]) -> object:
    """Return the value of a text that `cut_inline` cut, with the images in place of their names.

    Raises:
        RecursionError: It is nested too deeply.
    """
    if isinstance(value, str):
        return images.get(value, value)
    if isinstance(value, list):
        return [name_inline(item, images) for item in value]
    if isinstance(value, Mapping):
        return {key: name_inline(item, images) for key, item in value.items()}
    return value


class _Cutter:
    """Cuts a JSON text that arrives in pieces, wherever these begin and end."""

    def __init__(self, max_bytes: int) -> None:
        # Nobody else can write a name that is taken for an image.
        self._nonce = secrets.token_hex(16)
        self.images: dict[str, InlineImage] = {}
        self._most, self._size = max_bytes, 0
        self._kept = bytearray()
        # The parts of a text that has not ended; None outside of one.
        self._text: list[bytes] | None = None
        # A backslash at the end of a piece: the first byte of the next goes with it.
        self._carried = b""

    def feed(self, chunk: bytes) -> None:
        """Take the next piece."""
        chunk, self._carried, at = self._carried + chunk, b"", 0
        while at < len(chunk):
            if self._text is None:
                end = _PLAIN.match(chunk, at).end()  # type: ignore[union-attr]
                self._keep(chunk[at : end + 1])
                self._text, at = None if end == len(chunk) else [], end + 1
                continue
            end = _INSIDE.match(chunk, at).end()  # type: ignore[union-attr]
            self._text.append(chunk[at:end])
            self._require_room(end - at)
            at = end
            if chunk[end : end + 1] == b'"':
                self._end_text()
                at = end + 1
            elif end < len(chunk):
                self._carried, at = chunk[end:], len(chunk)

    def finish(self) -> bytes:
        """Return what is kept; a text without an end is, too."""
        return b"".join((self._kept, *(self._text or ()), self._carried))

    def _end_text(self) -> None:
        text = b"".join(self._text or ())
        self._text = None
        self._size -= len(text)
        if len(text) >= CUT_BYTES and text.startswith(b"data:"):
            with suppress(ValueError):
                uri = json.loads(b'"%b"' % text)
                name = f"{self._nonce}:{len(self.images)}"
                self.images[name] = InlineImage.of(uri)
                text = name.encode()
        self._keep(text + b'"')

    def _keep(self, part: bytes) -> None:
        self._kept += part
        self._require_room(len(part))

    def _require_room(self, more: int) -> None:
        self._size += more
        if self._size > self._most:
            raise AnswerTooLong(f"the answer is longer than {self._most} bytes")


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
