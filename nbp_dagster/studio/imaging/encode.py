"""Encodes JPEG, PNG, WebP and AVIF at the best quality within a byte limit, in sRGB.

Must not know channels.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from PIL import Image, ImageCms, PngImagePlugin

FileType = Literal["jpeg", "png", "webp", "avif"]

BEST_QUALITY: Final = 95  # above it JPEG and WebP files grow and nothing can be seen
LEAST_QUALITY: Final = 40  # below it blocks and rings show at arm's length

# A rung is tried from its best quality down to its least before the next gives up more colour.
_JPEG_RUNGS: Final = (("4:4:4", 95, 75), ("4:2:2", 85, 60), ("4:2:0", 80, LEAST_QUALITY))
# AV1 is as good at a lower figure than JPEG, and without 4:4:4 small coloured type frays.
_AVIF_RUNGS: Final = (("4:4:4", 90, 60), ("4:2:0", 75, LEAST_QUALITY))
# Slower speeds save some 5 % and take twice as long and more.
_AVIF_SPEED: Final = 8
_PNG_COLOURS: Final = (256, 128, 64)
# Level 9 saves a tenth at best and takes ten times as long: it is tried only within its reach.
_PNG_LAST_LEVEL_SAVES: Final = 0.12
_MOST_TRIES: Final = 3  # at a file that holds its limit with its credentials
_XMP_KEYWORD: Final = "XML:com.adobe.xmp"


Ways = Sequence[Callable[[bytes], bytes]]
"""How a file may be signed, the best way first; each adds credentials to its bytes."""


@dataclass(frozen=True)
class Encoded:
    """A picture's file and how it was written, such as "quality 92, 4:4:4"."""

    data: bytes
    settings: str


@cache
def srgb_profile() -> bytes:
    """Return the sRGB ICC profile every rendition carries: 588 bytes, the same on every machine."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # Bytes 24 to 35 hold the moment of creation: with it, equal pictures would differ as files.
    profile[24:36] = bytes((7, 224, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))  # 2016-01-01
    return bytes(profile)


def encode_picture(
    image: Image.Image,
    *,
    file_type: FileType,
    max_bytes: int,
    icc: bytes,
    xmp: bytes | None,
    dpi: int | None = None,
) -> Encoded | None:
    """Write an RGB picture at the best quality whose file has at most `max_bytes` bytes.

    The bytes of profile and XMP count. No EXIF, comment or thumbnail is written. A JPEG or PNG says
    how many dots an inch it is printed at, where that is given; the other types have no place
    for it outside EXIF.

    Returns:
        The file, or None where even the least quality is too heavy.
    """
    bare = strip_info(image)
    if file_type == "png":
        return _fit_png(bare, max_bytes=max_bytes, icc=icc, xmp=xmp, dpi=dpi)
    metadata: dict[str, Any] = {"icc_profile": icc}
    if dpi is not None and file_type == "jpeg":
        metadata["dpi"] = (dpi, dpi)
    if xmp is not None:
        metadata["xmp"] = xmp
    return next(
        (
            found
            for rung in _rungs(bare, file_type, metadata)
            if (found := _fit_quality(rung, max_bytes=max_bytes)) is not None
        ),
        None,
    )


def strip_info(image: Image.Image) -> Image.Image:
    """Return the picture without what Pillow would write beside it: itself, or else a copy."""
    if not image.info:
        return image
    bare = image.copy()
    bare.info = {}
    return bare


@dataclass(frozen=True)
class _Rung:
    """One way to write a picture, with a range of qualities."""

    write: Callable[[int], bytes]
    best: int
    least: int
    note: str


def _rungs(image: Image.Image, file_type: FileType, metadata: dict[str, Any]) -> Iterator[_Rung]:
    if file_type == "webp":
        write = _saver(image, "WEBP", {**metadata, "method": 4, "exact": False})
        yield _Rung(write, BEST_QUALITY, LEAST_QUALITY, "")
        return
    if file_type == "avif":
        for sampling, best, least in _AVIF_RUNGS:
            # One thread: pictures are made side by side already, and it gives the same file
            # whatever the machine.
            plain = {"subsampling": sampling, "speed": _AVIF_SPEED, "max_threads": 1}
            write = _saver(image, "AVIF", {**metadata, **plain})
            yield _Rung(write, best, least, f", {sampling}")
        return
    for sampling, best, least in _JPEG_RUNGS:
        # Neither `optimize` nor `progressive`: they save some 5 %, and Pillow 13 fails on detailed
        # pictures, because it gives libjpeg a buffer of one byte a pixel and no second chance.
        options = {**metadata, "subsampling": sampling}
        yield _Rung(_saver(image, "JPEG", options), best, least, f", {sampling}")


def _saver(image: Image.Image, kind: str, options: dict[str, Any]) -> Callable[[int], bytes]:
    return lambda quality: _save(image, kind, {**options, "quality": quality})


def _save(image: Image.Image, kind: str, options: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _fit_quality(rung: _Rung, *, max_bytes: int) -> Encoded | None:
    """Return the file of the highest quality in a rung's range that fits, by bisection."""
    data = rung.write(rung.best)
    if len(data) <= max_bytes:
        return Encoded(data, f"quality {rung.best}{rung.note}")
    fits, too_heavy = rung.least, rung.best
    data = rung.write(fits)
    if len(data) > max_bytes:
        return None
    while too_heavy - fits > 1:
        quality = (fits + too_heavy) // 2
        attempt = rung.write(quality)
        if len(attempt) <= max_bytes:
            fits, data = quality, attempt
        else:
            too_heavy = quality
    return Encoded(data, f"quality {fits}{rung.note}")


def _fit_png(
    image: Image.Image, *, max_bytes: int, icc: bytes, xmp: bytes | None, dpi: int | None
) -> Encoded | None:
    info = PngImagePlugin.PngInfo()
    if xmp is not None:
        info.add_itxt(_XMP_KEYWORD, xmp.decode("utf-8"))
    metadata: dict[str, Any] = {"pnginfo": info, "icc_profile": icc}
    if dpi is not None:
        metadata["dpi"] = (dpi, dpi)
    data = _save(image, "PNG", {**metadata, "compress_level": 6})
    if len(data) <= max_bytes:
        return Encoded(data, "lossless")
    if len(data) * (1 - _PNG_LAST_LEVEL_SAVES) <= max_bytes:
        data = _save(image, "PNG", {**metadata, "optimize": True})
        if len(data) <= max_bytes:
            return Encoded(data, "lossless")
    for colours in _PNG_COLOURS:
        # MEDIANCUT finds the colours; a second pass maps to them with dithering, which
        # quantize() leaves out when it makes the palette itself.
        palette = image.quantize(colours, method=Image.Quantize.MEDIANCUT)
        reduced = image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        reduced.info = {}
        data = _save(reduced, "PNG", {**metadata, "optimize": True})
        if len(data) <= max_bytes:
            return Encoded(data, f"{colours} colours")
    return None


def encode_signed(
    encode: Callable[[int], Encoded | None],
    *,
    max_bytes: int,
    ways: Ways,
) -> Encoded | None:
    """Write a picture so that its file holds a limit with its credentials in it.

    Args:
        encode: Writes it in at most so many bytes, or returns None.
        max_bytes: The limit.
        ways: Each adds credentials; the first counts whose file holds the limit at any quality.
            Empty for a file without.

    Raises:
        SigningError: It can't be signed; see `c2pa`.
    """
    if not ways:
        return encode(max_bytes)
    found = (_encode_one_way(encode, max_bytes, sign) for sign in ways)
    return next((each for each in found if each is not None), None)


def _encode_one_way(
    encode: Callable[[int], Encoded | None], max_bytes: int, sign: Callable[[bytes], bytes]
) -> Encoded | None:
    limit = max_bytes
    for _ in range(_MOST_TRIES):
        plain = encode(limit) if limit > 0 else None
        if plain is None:
            return None
        signed = sign(plain.data)
        if len(signed) <= max_bytes:
            return Encoded(signed, plain.settings)
        # Most files stay below the limit; for the others the credentials' size is known now.
        limit = min(limit, max_bytes - (len(signed) - len(plain.data)))
    return None
