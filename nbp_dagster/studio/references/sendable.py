"""Makes a reference image fit to be sent: upright, and no larger than a model has a use for."""

import io
from typing import Final

from PIL import ExifTags, Image, ImageCms

from nbp_dagster.studio.imaging.decode import MAX_PIXELS, decode_image, is_srgb
from nbp_dagster.studio.references.other_formats import SENT_SIDE, make_plain

MAX_REFERENCE_PIXELS: Final = 110_000_000  # phones take pictures of 48, 50 and 108 megapixels
_JPEG_QUALITY: Final = 95
_PLAIN_MODES: Final = frozenset(("1", "L", "LA", "P", "PA", "RGB", "RGBA"))
_PNG_DEPTH: Final = 24  # where a PNG has the bits of a channel. Source: PNG, 11.2.1 IHDR
_BITS: Final = 8


def make_sendable(data: bytes, *, what: str) -> bytes:
    """Return a picture as it is sent.

    That is its own bytes, unless its EXIF turns it or its colours are not 8-bit sRGB, which
    services may or may not heed, it has more than `MAX_PIXELS` pixels, or models do not take its
    format. It is drawn anew then: upright, in 8-bit sRGB, 3,072 pixels long at most.

    Args:
        data: A file of a format that briefs may name; see `other_formats`.
        what: Names the picture in an error.

    Raises:
        UndecodableImage: The bytes are no usable picture.
    """
    data = make_plain(data, what=what, max_pixels=MAX_REFERENCE_PIXELS)
    if not _must_be_drawn(data):
        return data
    decoded = decode_image(data, what=what, max_pixels=MAX_REFERENCE_PIXELS, least_side=SENT_SIDE)
    image = decoded.image
    image.thumbnail((SENT_SIDE, SENT_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    if image.mode == "RGB" and decoded.format != "PNG":
        image.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    else:
        image.save(buffer, "PNG")
    return buffer.getvalue()


def _must_be_drawn(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as opened:
            turn = opened.getexif().get(ExifTags.Base.Orientation, 1)
            is_large = opened.width * opened.height > MAX_PIXELS
            return turn in range(2, 9) or is_large or not _is_plain_colour(opened, data)
    except Exception:  # noqa: BLE001  # decoders raise whatever damaged bytes make of them
        return False


def _is_plain_colour(opened: Image.Image, data: bytes) -> bool:
    """Whether colours are 8 bits a channel, and sRGB as far as the file says."""
    has_deep_pixels = opened.format == "PNG" and data[_PNG_DEPTH] > _BITS
    if opened.mode not in _PLAIN_MODES or has_deep_pixels:
        return False
    profile = opened.info.get("icc_profile")
    if not profile:
        return True
    try:
        return is_srgb(profile)
    except ImageCms.PyCMSError:
        # One that cannot be read says nothing about these pixels.
        return True
