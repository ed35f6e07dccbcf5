"""Pictures for benchmarks: painted once a size, made different by a PNG text chunk."""

import struct
import zlib
from functools import lru_cache

from nbp_dagster.simulator.painting.painter import encode_png, paint

_PROMPT = "A quiet hill under a wide sky"
# Bytes of a PNG's last chunk: no data, its name and its checksum.
_END = 12


def stamp_plain(width: int, height: int, note: str) -> bytes:
    """Return PNG bytes of the one picture of a size, with a note no viewer shows.

    Equal arguments give equal bytes; another note gives other bytes and the same pixels.

    Args:
        width, height: Pixels.
        note: ASCII text that tells this file from others.
    """
    blank = _paint_once(width, height)
    return blank[:-_END] + _chunk(b"tEXt", b"Comment\0" + note.encode("ascii")) + blank[-_END:]


@lru_cache(maxsize=32)
def _paint_once(width: int, height: int) -> bytes:
    return encode_png(paint(_PROMPT, (), width=width, height=height))


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)
