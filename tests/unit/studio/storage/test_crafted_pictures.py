"""Pictures crafted to take memory or time without end are known by their bytes, at once."""

import hashlib
import struct
import tracemalloc
from collections.abc import Sequence

import pytest

from nbp_dagster.studio.storage.picture_identity import hash_picture

MEBIBYTE = 1024 * 1024
FULL = 65_535


def box(kind: bytes, *content: bytes, version: int | None = None) -> bytes:
    head = b"" if version is None else struct.pack(">I", version << 24)
    data = head + b"".join(content)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def heic(
    *, places: Sequence[bytes], references: Sequence[bytes] = (), uses: Sequence[bytes] = ()
) -> bytes:
    """Return a file of one item, which is the picture; extents have an offset and a length.

    Args:
        places: Each an item's place, of a table whose fields have no bytes but the count's.
        references: Boxes of references.
        uses: Which properties items have; there is one, of 1,000 bytes.
    """
    info = box(b"infe", struct.pack(">HH4s", 1, 0, b"hvc1"), version=2)
    properties = [box(b"ipco", box(b"colr", bytes(1_000)))]
    if uses:
        properties.append(box(b"ipma", struct.pack(">I", len(uses)), *uses, version=0))
    boxes = [
        box(b"pitm", struct.pack(">H", 1), version=0),
        box(b"iinf", struct.pack(">H", 1), info, version=0),
        box(b"iloc", b"\0\0", struct.pack(">H", len(places)), *places, version=0),
        box(b"iprp", *properties),
    ]
    if references:
        boxes.append(box(b"iref", *references, version=0))
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(b"meta", *boxes, version=0)


def place(item_id: int, *, extents: int) -> bytes:
    return struct.pack(">HHH", item_id, 0, extents)


def reference(kind: bytes, start: int, ends: Sequence[int]) -> bytes:
    return box(kind, struct.pack(f">HH{len(ends)}H", start, len(ends), *ends))


def tiff(fields: Sequence[tuple[int, int, int, int]], size: int) -> bytes:
    """Return a file of so many bytes; fields are tag, kind, amount and value or its place."""
    directory = b"".join(struct.pack("<HHII", *each) for each in sorted(fields))
    head = b"II*\0" + struct.pack("<IH", 8, len(fields)) + directory + bytes(4)
    return head.ljust(size, b"\1")


def strips(count: int, length: int) -> bytes:
    """Return a TIFF whose strips all lie at one place."""
    at, lengths = 64, 64 + 4 * count
    start = lengths + 4 * count
    data = tiff([(273, 4, count, at), (279, 4, count, lengths)], start + length)
    table = struct.pack(f"<{count}I", *[start] * count) + struct.pack(
        f"<{count}I", *[length] * count
    )
    return data[:at] + table + data[start:]


def is_known_whole(data: bytes) -> bool:
    return hash_picture(data) == hashlib.sha256(data).hexdigest()


def test_a_small_picture_made_like_these_is_known_by_its_parts() -> None:
    one, use = place(1, extents=1), struct.pack(">HBB", 1, 1, 1)

    assert not is_known_whole(heic(places=[one], uses=[use]))
    assert not is_known_whole(heic(places=[one], references=[reference(b"auxl", 1, [1])]))
    assert not is_known_whole(strips(4, 100))


def test_tiles_that_are_alike_may_share_their_bytes() -> None:
    assert not is_known_whole(strips(1_000, 5_000))


@pytest.mark.parametrize(
    "data",
    [
        # 650 million extents that take no bytes.
        pytest.param(heic(places=[place(2, extents=FULL)] * 10_000), id="extents without bytes"),
        # Each from its offset to the end of the file.
        pytest.param(heic(places=[place(1, extents=FULL)]), id="extents to the end"),
        pytest.param(
            heic(
                places=[place(1, extents=1)],
                references=[reference(b"dimg", item, range(FULL)) for item in range(4)],
            ),
            id="references",
        ),
        pytest.param(
            heic(
                places=[place(1, extents=1)], uses=[struct.pack(">HB", 1, 255) + b"\1" * 255] * 900
            ),
            id="properties",
        ),
        pytest.param(strips(2_000, MEBIBYTE), id="strips"),
    ],
)
def test_parts_that_are_many_times_the_file_are_not_taken(data: bytes) -> None:
    assert is_known_whole(data)


def test_fields_that_share_their_value_are_not_copied() -> None:
    data = tiff([(40_000 + number, 1, MEBIBYTE, 1_000) for number in range(1_000)], 2 * MEBIBYTE)

    tracemalloc.start()
    try:
        assert is_known_whole(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 16 * MEBIBYTE
