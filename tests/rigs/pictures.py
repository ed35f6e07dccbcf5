"""Pictures for tests: painted scenes, noise, and every kind of broken file a service may send."""

import io
import random
import struct
import zlib
from collections.abc import Callable, Mapping

from PIL import Image, ImageDraw, ImageFilter, PngImagePlugin


def draw_scene(
    width: int, height: int, *, night: bool = False, head_at: tuple[float, float] = (0.5, 0.34)
) -> Image.Image:
    """Paint a person in a landscape, RGB; `head_at` is given in shares of width and height."""
    top, horizon = ((18, 24, 52), (60, 50, 90)) if night else ((110, 175, 230), (250, 226, 180))
    ramp = Image.linear_gradient("L").resize((width, height))
    scene = Image.composite(
        Image.new("RGB", (width, height), horizon), Image.new("RGB", (width, height), top), ramp
    )
    pen = ImageDraw.Draw(scene)
    short = min(width, height)
    _draw_disc(pen, width * 0.8, height * 0.18, short * 0.07, (255, 236, 170))
    for share, tone in ((0.62, (92, 140, 112)), (0.74, (58, 104, 84)), (0.86, (38, 74, 62))):
        crest = height * share
        pen.ellipse((-width * 0.4, crest, width * 0.8, crest + height), fill=tone)
        pen.ellipse((width * 0.3, crest + short * 0.04, width * 1.5, crest + height), fill=tone)
    x, head = width * head_at[0], height * head_at[1]
    pen.rounded_rectangle(
        (x - short * 0.19, head + short * 0.13, x + short * 0.19, height * 1.1),
        radius=short * 0.13,
        fill=(214, 160, 40),
    )
    _draw_disc(pen, x, head - short * 0.02, short * 0.155, (118, 52, 24))
    _draw_disc(pen, x, head + short * 0.02, short * 0.12, (236, 190, 160))
    for side in (-1, 1):
        _draw_disc(pen, x + side * short * 0.045, head + short * 0.01, short * 0.014, (40, 30, 30))
    mouth = (x - short * 0.04, head + short * 0.03, x + short * 0.04, head + short * 0.08)
    pen.arc(mouth, 20, 160, fill=(150, 60, 60), width=max(1, short // 120))
    return scene.filter(ImageFilter.GaussianBlur(max(0.5, short / 900)))


def draw_noise(width: int, height: int, *, seed: int = 7) -> Image.Image:
    """Return RGB noise, the picture no codec can shrink; the same for the same seed."""
    pixels = random.Random(seed).randbytes(width * height * 3)
    return Image.frombytes("RGB", (width, height), pixels)


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return a picture's file in a Pillow format such as PNG, JPEG, WEBP, AVIF, GIF."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


OTHER_KINDS: Mapping[str, str] = {
    "empty": "nothing (0 bytes)",
    "html": "an HTML page",
    "json": "a JSON document",
    "svg": "an SVG",
    "postscript": "a PostScript file",
    "gif": "a GIF",
    "tiff": "a TIFF",
    "bmp": "a BMP",
}
"""Those of `broken_pictures` that are other files, and what each is called."""


def broken_pictures() -> Mapping[str, Callable[[], bytes]]:
    """Return what is not one sound picture, by name; each is made when it is called."""
    return {
        "empty": lambda: b"",
        "html": lambda: b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
        "json": lambda: b'{"error": "not ready"}',
        "svg": lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        "gif": lambda: encode(_small(), "GIF"),
        "tiff": lambda: encode(_small(), "TIFF"),
        "bmp": lambda: encode(_small(), "BMP"),
        "random bytes": lambda: random.Random(3).randbytes(4096),
        "truncated jpeg": lambda: _cut(encode(_small(), "JPEG"), 0.6),
        "truncated png": lambda: _cut(encode(_small(), "PNG"), 0.6),
        "truncated webp": lambda: _cut(encode(_small(), "WEBP"), 0.6),
        "truncated avif": lambda: _cut(encode(_small(), "AVIF"), 0.6),
        "jpeg without its last 200 bytes": lambda: encode(_small(), "JPEG")[:-200],
        "avif without its last 200 bytes": lambda: encode(_small(), "AVIF")[:-200],
        "png header only": lambda: encode(_small(), "PNG")[:33],
        "jpeg marker only": lambda: b"\xff\xd8\xff\xe0",
        "corrupt png": lambda: _corrupt(encode(_small(), "PNG")),
        "avif of damaged pixels": damaged_avif,
        "palette png without its palette": palette_png_without_palette,
        "animated png": lambda: _animated("PNG", frames=5),
        "animated webp": lambda: _animated("WEBP", frames=5),
        "animated avif": lambda: _animated("AVIF", frames=5),
        "12000x12000 png": lambda: encode(Image.new("1", (12000, 12000)), "PNG"),
        "100000x100000 png": lambda: png_header(100_000, 100_000),
        "zipped text bomb": _text_bomb,
    }


def damaged_avif() -> bytes:
    """Return an AVIF whose header is sound and whose pixels are not."""
    data = encode(_small(), "AVIF")
    at = data.index(b"mdat") + 8
    return data[:at] + bytes(byte ^ 0xFF for byte in data[at : at + 40]) + data[at + 40 :]


def palette_png_without_palette() -> bytes:
    """Return a PNG of palette indices whose PLTE chunk is missing."""
    data = encode(_small().quantize(8), "PNG")
    at = data.index(b"PLTE") - 4
    (length,) = struct.unpack(">I", data[at : at + 4])
    return data[:at] + data[at + length + 12 :]


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that announces a size and holds no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IEND", b"")


def _draw_disc(
    pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: tuple[int, int, int]
) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _small() -> Image.Image:
    return draw_noise(96, 64)


def _cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def _corrupt(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(64) + data[middle + 64 :]


def _animated(kind: str, *, frames: int) -> bytes:
    first, *others = (Image.new("RGB", (32, 32), (n * 50, 0, 0)) for n in range(frames))
    return encode(first, kind, save_all=True, append_images=others, duration=100)


def _text_bomb() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "x" * (8 * 1024 * 1024), zip=True)
    return encode(_small(), "PNG", pnginfo=info)


def _chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)
