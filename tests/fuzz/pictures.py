"""Flips bytes of sound pictures, repairs what checksums guard, and decodes the result."""

import io
import random
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator

from PIL import Image

from nbp_dagster.studio.imaging.decode import UndecodableImage, count_pixels, decode_image
from nbp_dagster.studio.imaging.xmp import read_marks
from tests.rigs.pictures import draw_scene, encode

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF")
_PNG_START = b"\x89PNG\r\n\x1a\n"


def damaged(kind: str, count: int, *, seed: int) -> Iterator[bytes]:
    """Yield files of a format with one to eight bytes changed, and now and then some missing."""
    dice = random.Random(f"{kind} {seed}")
    sound = _sound(kind)
    for _ in range(count):
        data = bytearray(dice.choice(sound))
        for _ in range(dice.randint(1, 8)):
            # Half of them in the head, where the structure is.
            end = min(len(data), 400) if dice.random() < 0.5 else len(data)
            data[dice.randrange(end)] = dice.choice((0, 255, dice.randrange(256)))
        if dice.random() < 0.1:
            start = dice.randrange(len(data))
            del data[start : start + dice.randint(1, 60)]
        yield _repaired(bytes(data)) if kind == "PNG" else bytes(data)


def try_picture(data: bytes) -> str | None:
    """Return what went wrong with a picture besides its being refused; None where nothing did."""
    calls: tuple[Callable[[], object], ...] = (
        lambda: decode_image(data, what="a picture"),
        lambda: decode_image(data, what="a picture", least_side=16),
        lambda: count_pixels(io.BytesIO(data)),
        lambda: read_marks(data),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, call in enumerate(calls):
            try:
                call()
            except UndecodableImage as error:
                if not str(error).isprintable() or len(str(error)) > 300:
                    return f"call {number} says {str(error)[:400]!r}"
            except Exception as error:  # noqa: BLE001  # any other is what is looked for
                return f"call {number} raises {error!r}"
    return None


def _sound(kind: str) -> tuple[bytes, ...]:
    scene = draw_scene(96, 64)
    exif = Image.Exif()
    exif[0x0112] = 6
    marked = {"exif": exif, "xmp": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"}
    files = [encode(scene, kind), encode(scene, kind, exif=exif)]
    if kind in ("JPEG", "WEBP", "AVIF"):
        files.append(encode(scene, kind, **marked))
    if kind == "PNG":
        files += [
            encode(scene.quantize(16)),
            encode(scene.convert("LA")),
            encode(scene.convert("1")),
            encode(scene.convert("I;16") if scene.mode == "I" else scene.convert("L")),
        ]
    return tuple(files)


def _repaired(data: bytes) -> bytes:
    """Return a PNG whose chunks have the checksums of what they hold now, as far as it has chunks.

    Without them a decoder refuses every flip at once, and nothing behind is tried.
    """
    if not data.startswith(_PNG_START):
        return data
    parts, at = [_PNG_START], len(_PNG_START)
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        end = at + 8 + length
        if end + 4 > len(data):
            break
        checksum = struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        parts += [data[at:end], checksum]
        at = end + 4
    return b"".join((*parts, data[at:]))
