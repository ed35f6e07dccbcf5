"""Digests a picture file by what decides its pixels; must not decode one.

The coded pixels are digested, not the decoded ones: those of a HEIC, an AVIF or an SVG differ with
the library that decodes them, and an upgrade would buy every picture anew.
"""

import hashlib
import re
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

from nbp_dagster.file_kinds import describe_kind
from nbp_dagster.studio.storage.isobmff_picture import list_parts
from nbp_dagster.studio.storage.picture_metadata import strip_known_metadata, strip_metadata

# Tags of TIFF that decide a pixel, besides those that say where the pixels lie. Source: TIFF 6.0
# and its technical notes; 34675 is the colour profile.
_TIFF_RANGES: Final = ((290, 293), (317, 320), (332, 342), (512, 521), (529, 532))  # first, last
_TIFF_TAGS: Final = frozenset(
    (256, 257, 258, 259, 262, 266, 274, 277, 278, 284, 301, 322, 323, 347, 34675)
).union(*(range(first, last + 1) for first, last in _TIFF_RANGES))
_TIFF_PLACES: Final = ((273, 279), (324, 325))  # offsets and lengths: of strips, of tiles
_TIFF_SIZES: Final = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8},
    **{13: 4, 16: 8, 17: 8, 18: 8},
}
_INTEGERS: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}


@dataclass(frozen=True)
class _TiffForm:
    """How wide a TIFF's numbers are.

    Attributes:
        start: Where it says where its fields begin.
        offset: Format of a place in the file, and of a field's own value.
        count: Format of the number of fields.
        field: Format of what stands before a field's value: tag, kind, amount.
    """

    start: int
    offset: str
    count: str
    field: str


# By the second byte pair. Source: TIFF 6.0; "The BigTIFF File Format" of the libtiff project.
_TIFF_FORMS: Final = {42: _TiffForm(4, "I", "H", "HHI"), 43: _TiffForm(8, "Q", "Q", "HHQ")}

# Tiles that are alike may share their bytes, and all tiles a colour profile. A crafted file has any
# number of parts, each of which is all of it.
_MOST_SHARED_BYTES: Final = 64 * 1024 * 1024

_GIF_COMMENT, _GIF_APPLICATION, _GIF_CONTROL = 0xFE, 0xFF, 0xF9

_BMP_NOT_DRAWN: Final = ((2, 10), (38, 46))  # size and reserved; dots a metre
_BMP_HEAD: Final = 40  # of a header that has dots a metre

_SVG: Final = "{http://www.w3.org/2000/svg}"
_SVG_DRAWN: Final = ("{http://www.w3.org/1999/xlink}", "{http://www.w3.org/XML/1998/namespace}")
_SVG_WORDS: Final = frozenset(f"{_SVG}{name}" for name in ("metadata", "title", "desc"))
_MOST_SVG_BYTES: Final = 4 * 1024 * 1024  # larger ones are not drawn
_DECLARED: Final = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)

_MISFITS: Final = (
    ValueError,
    LookupError,
    struct.error,
    ElementTree.ParseError,
    RecursionError,  # elements in elements in elements
    OverflowError,  # a place of 64 bits
)


FORMER_WAYS: Final = 3
"""Ways in which a picture file was identified before; see `hash_formerly`."""


def hash_picture(data: bytes) -> str:
    """Return the SHA-256, as hex, of what decides a picture's pixels.

    A keyword, a rating or a camera's note written into the file leaves it as it is. A file whose
    parts do not fit together is digested as a whole: the decoder judges it.
    """
    list_deciding = _KINDS.get(describe_kind(data))
    if list_deciding is None:
        return hashlib.sha256(strip_metadata(data)).hexdigest()
    found = hashlib.sha256(describe_kind(data).encode())
    left = len(data) + _MOST_SHARED_BYTES
    try:
        for part in list_deciding(data):
            left -= len(part)
            if left < 0:
                raise ValueError("parts in parts")
            # With its length: parts that follow one another are not one.
            found.update(struct.pack(">Q", len(part)))
            found.update(part)
    except _MISFITS:
        return hashlib.sha256(data).hexdigest()
    return found.hexdigest()


def hash_formerly(data: bytes) -> tuple[str, str, str]:
    """Return the digests, as hex, by which a picture file was identified before, the newest first.

    The first took parts of PNG and WebP that it did not know for a part of the picture, the second
    knew no metadata of formats that models do not take, the third of none.
    """
    whole, stripped = hashlib.sha256(data).hexdigest(), strip_known_metadata(data)
    known = whole if stripped == data else hashlib.sha256(stripped).hexdigest()
    return (hash_picture(data) if describe_kind(data) in _KINDS else known), known, whole


def _list_of_tiff(data: bytes) -> Iterable[bytes]:
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    form = _TIFF_FORMS[struct.unpack_from(f"{order}H", data, 2)[0]]
    (start,) = struct.unpack_from(f"{order}{form.offset}", data, form.start)
    (count,) = struct.unpack_from(f"{order}{form.count}", data, start)
    start += struct.calcsize(f"={form.count}")
    before, within = struct.calcsize(f"={form.field}"), struct.calcsize(f"={form.offset}")
    # Kind, and where the value lies: it is read where it is needed, as fields may share theirs.
    fields: dict[int, tuple[int, int, int]] = {}
    for at in range(start, start + count * (before + within), before + within):
        tag, kind, amount = struct.unpack_from(f"{order}{form.field}", data, at)
        place = _find_tiff_value(data, f"{order}{form.offset}", at + before, kind, amount)
        fields[tag] = kind, *place
    if not {offsets for offsets, _ in _TIFF_PLACES} & fields.keys():
        raise ValueError("no pixels")
    yield data[:2]
    for tag in sorted(_TIFF_TAGS & fields.keys()):
        yield struct.pack(">H", tag) + _cut(data, *fields[tag][1:])
    for offsets, lengths in _TIFF_PLACES:
        if offsets in fields:
            places = (_read_integers(data, order, *fields[tag]) for tag in (offsets, lengths))
            yield from (_cut(data, at, length) for at, length in zip(*places, strict=True))


def _find_tiff_value(data: bytes, offset: str, at: int, kind: int, amount: int) -> tuple[int, int]:
    """Return where a field's value lies, and its length: a short one is within the field."""
    length = _TIFF_SIZES.get(kind, 0) * amount
    if length > struct.calcsize(offset):
        (at,) = struct.unpack_from(offset, data, at)
    _require_within(data, at, length)
    return at, length


def _read_integers(data: bytes, order: str, kind: int, at: int, length: int) -> tuple[int, ...]:
    letter = _INTEGERS[kind]
    return struct.unpack_from(f"{order}{length // struct.calcsize(letter)}{letter}", data, at)


def _cut(data: bytes, at: int, length: int) -> bytes:
    _require_within(data, at, length)
    return data[at : at + length]


def _require_within(data: bytes, at: int, length: int) -> None:
    if at + length > len(data):
        raise ValueError("cut off")


def _list_of_gif(data: bytes) -> Iterable[bytes]:
    # The version, which comes first, is raised by a comment.
    at = 13 + _gif_colours(data[10])
    yield data[6:at]
    while data[at] != 0x3B:
        start = at
        if data[at] == 0x2C:
            at += 10 + _gif_colours(data[at + 9]) + 1
        elif data[at] == 0x21:
            at += 2
        else:
            raise ValueError("no block")
        while data[at]:
            at += 1 + data[at]
        at += 1
        if data[start] == 0x2C or data[start + 1] not in (_GIF_COMMENT, _GIF_APPLICATION):
            yield data[start:at]


def _gif_colours(flags: int) -> int:
    """Return the bytes of a table of colours, by the flags that announce it."""
    return 3 * 2 ** (1 + (flags & 7)) if flags & 0x80 else 0


def _list_of_bmp(data: bytes) -> Iterable[bytes]:
    (head,) = struct.unpack_from("<I", data, 14)
    cleared = bytearray(data)
    for start, end in _BMP_NOT_DRAWN if head >= _BMP_HEAD else _BMP_NOT_DRAWN[:1]:
        cleared[start:end] = bytes(end - start)
    return (bytes(cleared),)


def _list_of_svg(data: bytes) -> Iterable[bytes]:
    text = data.decode("utf-8-sig")
    if len(data) > _MOST_SVG_BYTES or _DECLARED.search(text):
        # Entities may grow without end; a picture that has some is refused where it is drawn.
        raise ValueError("declarations")
    root = ElementTree.fromstring(text)
    _drop_notes(root)
    return (ElementTree.canonicalize(ElementTree.tostring(root), strip_text=True).encode(),)


def _drop_notes(root: ElementTree.Element) -> None:
    """Take out what draws nothing: words about the picture, and what editors keep for themselves.

    Comments and processing instructions went when it was parsed.
    """
    waiting = [root]
    while waiting:
        element = waiting.pop()
        for name in list(element.attrib):
            if name.startswith("{") and not name.startswith((_SVG, *_SVG_DRAWN)):
                del element.attrib[name]
        for child in list(element):
            foreign = child.tag.startswith("{") and not child.tag.startswith(_SVG)
            if foreign or child.tag in _SVG_WORDS:
                element.remove(child)
            else:
                waiting.append(child)


_KINDS: Final[Mapping[str, Callable[[bytes], Iterable[bytes]]]] = {
    "a TIFF": _list_of_tiff,
    "a BigTIFF": _list_of_tiff,
    "a GIF": _list_of_gif,
    "a BMP": _list_of_bmp,
    "an AVIF": list_parts,
    "a HEIC": list_parts,
    "an SVG": _list_of_svg,
}
