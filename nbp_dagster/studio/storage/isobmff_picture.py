"""Finds what decides the picture of a HEIC or AVIF file; must not decode a pixel.

Such a file is a set of items: coded pictures, and what is said about them. Programs that write a
keyword add an item and move the others, so places and numbers of items decide nothing.
Source: ISO/IEC 14496-12 (boxes), ISO/IEC 23008-12 (pictures in them).
"""

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

# A description in words, and one for those who can't see the picture.
_WORDS = (b"udes", b"altt")
_LARGE, _TO_END = 1, 0  # sizes of a box that say where its size is
_IN_FILE, _IN_BOX = 0, 1  # where an item's bytes lie
_MOST_ITEMS = 10_000
# Boxes in one, and of all items together extents, references and properties.
_MOST_ENTRIES = 20 * _MOST_ITEMS

_Box = tuple[bytes, int, int]


@dataclass
class _Item:
    kind: bytes = b""
    method: int = _IN_FILE
    extents: list[tuple[int, int]] = field(default_factory=list)
    properties: list[bytes] = field(default_factory=list)


class _Reader:
    """Reads unsigned numbers, the most significant byte first."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data = data
        self.at = at
        self._end = end

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        if self.at + size > self._end:
            raise ValueError("cut off")
        self.at += size
        return self._data[self.at - size : self.at]

    def head(self) -> tuple[int, int]:
        """Read a full box's version and flags."""
        return self.number(1), self.number(3)


def list_parts(data: bytes) -> Iterator[bytes]:
    """Yield the parts of a HEIC or AVIF file that decide its picture.

    These are the primary item, the tiles it is put together from and the transparency that belongs
    to it, each with its properties; no thumbnail, EXIF, XMP and no words. Items may share bytes, so
    that the parts of a crafted file are longer than it is: the caller has to stop somewhere.

    Raises:
        ValueError, struct.error: The file does not fit together, or holds no still picture.
    """
    top = list(_boxes(data, 0, len(data)))
    if any(kind == b"moov" for kind, _, _ in top):
        raise ValueError("a film")
    [meta] = [box for box in top if box[0] == b"meta"]
    # A full box: version and flags come first.
    boxes = {kind: (kind, at, end) for kind, at, end in _boxes(data, meta[1] + 4, meta[2])}
    items = _read_items(data, boxes[b"iinf"])
    _read_places(data, boxes[b"iloc"], items)
    _read_properties(data, boxes[b"iprp"], items)
    references = list(_read_references(data, boxes[b"iref"])) if b"iref" in boxes else []
    reader = _Reader(data, *boxes[b"pitm"][1:])
    version, _ = reader.head()
    order = _order_items(reader.number(4 if version else 2), references)
    inner = boxes.get(b"idat")
    for item_id in order:
        item = items[item_id]
        yield item.kind
        yield from item.properties
        yield from _read_bytes(data, item, inner)
    ranks = {item_id: rank for rank, item_id in enumerate(order)}
    for kind, start, ends in references:
        known = [ranks[item_id] for item_id in (start, *ends) if item_id in ranks]
        if len(known) == 1 + len(ends):
            yield kind + repr(known).encode()


def _boxes(data: bytes, at: int, end: int) -> Iterator[_Box]:
    """Yield each box as its kind, and where its content begins and ends."""
    left = _MOST_ENTRIES
    while at + 8 <= end:
        left = _count_off(left, 1)
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == _LARGE:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        after = end if size == _TO_END else at + size
        if not start <= after <= end:
            raise ValueError("cut off")
        yield kind, start, after
        at = after


def _count_off(left: int, count: int) -> int:
    """Return how many entries may still come after some; each takes time, however short it is."""
    if count > left:
        raise ValueError("too many entries")
    return left - count


def _read_items(data: bytes, box: _Box) -> dict[int, _Item]:
    reader = _Reader(data, *box[1:])
    version, _ = reader.head()
    reader.number(4 if version else 2)
    found: dict[int, _Item] = {}
    for _, start, end in _boxes(data, reader.at, box[2]):
        entry = _Reader(data, start, end)
        version, _ = entry.head()
        item_id = entry.number(4 if version == 3 else 2)
        entry.number(2)
        found[item_id] = _Item(kind=entry.take(4))
    return found


def _read_places(data: bytes, box: _Box, items: Mapping[int, _Item]) -> None:
    reader = _Reader(data, *box[1:])
    version, _ = reader.head()
    sizes = reader.number(2)
    of_offset, of_length, of_base, of_index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    count = reader.number(4 if version == 2 else 2)
    if count > _MOST_ITEMS:
        raise ValueError("too many items")
    left = _MOST_ENTRIES
    for _ in range(count):
        item_id = reader.number(4 if version == 2 else 2)
        method = reader.number(2) & 15 if version else _IN_FILE
        reader.number(2)
        base = reader.number(of_base)
        extents = []
        # Their fields may take no bytes at all, so that the file's end does not end them.
        extent_count = reader.number(2)
        left = _count_off(left, extent_count)
        for _ in range(extent_count):
            reader.number(of_index if version else 0)
            offset = base + reader.number(of_offset)
            extents.append((offset, reader.number(of_length)))
        if item_id in items:
            items[item_id].method, items[item_id].extents = method, extents


def _read_properties(data: bytes, box: _Box, items: Mapping[int, _Item]) -> None:
    known: list[tuple[bytes, bytes]] = []
    for kind, start, end in _boxes(data, box[1], box[2]):
        if kind == b"ipco":
            known = [(name, data[at:after]) for name, at, after in _boxes(data, start, end)]
    left = _MOST_ENTRIES
    for kind, start, end in _boxes(data, box[1], box[2]):
        if kind != b"ipma":
            continue
        reader = _Reader(data, start, end)
        version, flags = reader.head()
        for _ in range(reader.number(4)):
            item_id = reader.number(4 if version else 2)
            place_count = reader.number(1)
            left = _count_off(left, 1 + place_count)
            for _ in range(place_count):
                # The uppermost bit says whether a decoder must know the property.
                place = reader.number(2) & 0x7FFF if flags & 1 else reader.number(1) & 0x7F
                if place and item_id in items:
                    name, body = known[place - 1]
                    items[item_id].properties += [] if name in _WORDS else [name, body]


def _read_references(data: bytes, box: _Box) -> Iterator[tuple[bytes, int, tuple[int, ...]]]:
    """Yield each reference as its kind, the item it starts from, and those it points to."""
    reader = _Reader(data, *box[1:])
    version, _ = reader.head()
    size = 4 if version else 2
    left = _MOST_ENTRIES
    for kind, start, end in _boxes(data, reader.at, box[2]):
        entry = _Reader(data, start, end)
        first = entry.number(size)
        count = entry.number(2)
        left = _count_off(left, count)
        yield kind, first, tuple(entry.number(size) for _ in range(count))


def _order_items(
    primary: int, references: Sequence[tuple[bytes, int, tuple[int, ...]]]
) -> list[int]:
    """Return the items of the picture: the primary one, what it is made from, its transparency."""
    made_from: defaultdict[int, list[int]] = defaultdict(list)
    beside: defaultdict[int, list[int]] = defaultdict(list)
    for kind, start, ends in references:
        if kind == b"dimg":
            made_from[start] += ends
        elif kind == b"auxl":
            for item_id in ends:
                beside[item_id].append(start)
    order, known = [primary], {primary}
    for item_id in order:  # grows as it is walked
        for other in (*made_from[item_id], *beside[item_id]):
            if other not in known:
                known.add(other)
                order.append(other)
    return order


def _read_bytes(data: bytes, item: _Item, inner: _Box | None) -> Iterator[bytes]:
    if item.method not in (_IN_FILE, _IN_BOX) or (item.method == _IN_BOX and inner is None):
        raise ValueError("bytes in another item")
    start, stop = inner[1:] if item.method == _IN_BOX and inner else (0, len(data))
    for offset, length in item.extents:
        end = start + offset + length if length else stop
        if end > stop:
            raise ValueError("cut off")
        yield data[start + offset : end]
