"""Makes thumbnails and inline previews, and scales a size to a longer side; must not know pages."""

import base64
import io
import math
from typing import Final

from PIL import Image

from nbp_dagster.studio.imaging.encode import strip_info

# Dagster shows markdown of at least this many characters as a link, not as a picture.
INLINE_LIMIT: Final = 1000

THUMBNAIL_SIDE: Final = 640
"""Pixels of a thumbnail's longer side at most: as large as a page shows a picture."""

# As JPEG, because a WebP of the same looks is a third lighter and takes 25 times as long.
_THUMBNAIL_QUALITY: Final = 75

DIALOG_LIMIT: Final = 32_000
"""Characters of a picture in an event: 64 MB for a thousand pictures, in the two tables of each."""

# Share of the longer side and WebP quality, the best first. The last fits noise of any seed.
_DIALOG_STEPS: Final = ((1.0, 50), (1.0, 30), (0.75, 30), (0.5, 30), (0.25, 30))

_NEAR_ENOUGH: Final = 0.8  # of the requested size

# Longest side in pixels and WebP quality, the best first. The last fits whatever is on it:
# four by four pixels are under 100 bytes.
_INLINE_STEPS: Final = (
    *((64, quality) for quality in (70, 50, 30, 12)),
    (48, 8),
    (32, 4),
    (24, 2),
    (4, 0),
)

_PAPER: Final = (255, 255, 255)


def inline_preview(image: Image.Image) -> str:
    """Return a picture of at most 64 pixels as one markdown image under 1000 characters.

    Args:
        image: Any size and mode; what is transparent is shown on white.
    """
    small = _shrink(image, _INLINE_STEPS[0][0])
    for side, quality in _INLINE_STEPS:
        data = _write_webp(_shrink(small, side), quality)
        markdown = f"![preview](data:image/webp;base64,{base64.b64encode(data).decode('ascii')})"
        if len(markdown) < INLINE_LIMIT:
            break
    return markdown


def dialog_preview(image: Image.Image, px: int, *, limit: int = DIALOG_LIMIT) -> str:
    """Return a picture as one markdown image, which Dagster shows in a dialog.

    It is part of an event, which is stored twice and never deleted, so that its size is
    bounded; most pictures have half of that.

    Args:
        image: Any size and mode; what is transparent is shown on white.
        px: Pixels of its longer side, at most; one with too much detail has fewer.
        limit: Characters that it has fewer of.
    """
    small = _shrink(image, px)
    for share, quality in _DIALOG_STEPS:
        data = _write_webp(_shrink(small, max(1, round(px * share))), quality, method=2)
        markdown = f"![preview](data:image/webp;base64,{base64.b64encode(data).decode('ascii')})"
        if len(markdown) < limit:
            break
    return markdown


def thumbnail(image: Image.Image, px: int = THUMBNAIL_SIDE) -> bytes:
    """Return a JPEG of nearly `px` pixels on its longer side, at most; none is enlarged.

    A half, a third ... of the picture is taken where it is near enough: 1080 pixels become 540.
    """
    factor = math.ceil(max(image.size) / px)
    if factor > 1 and max(image.size) >= factor * px * _NEAR_ENOUGH:
        # An eighth of the time of a resize.
        small = make_opaque(image).reduce(factor)
    else:
        small = _shrink(image, px, Image.Resampling.HAMMING)
    out = io.BytesIO()
    strip_info(small).save(out, "JPEG", quality=_THUMBNAIL_QUALITY)
    return out.getvalue()


def scale_to(size: tuple[int, int], longer: int, *, least: int = 1) -> tuple[int, int]:
    """Return width and height in the same ratio, with so many pixels on the longer side.

    Args:
        size: Width and height in pixels.
        longer: Pixels of the longer side of the result; it may be larger than the size.
        least: Pixels that neither side falls below.
    """
    scale = longer / max(size)
    return max(least, round(size[0] * scale)), max(least, round(size[1] * scale))


def _shrink(
    image: Image.Image, side: int, filter_: Image.Resampling = Image.Resampling.LANCZOS
) -> Image.Image:
    size = scale_to(image.size, min(side, max(image.size)))
    if not image.has_transparency_data:
        return make_opaque(image).resize(size, filter_, reducing_gap=2.0)
    return make_opaque(image.convert("RGBA").resize(size, filter_, reducing_gap=2.0))


def make_opaque(image: Image.Image) -> Image.Image:
    """Return a picture as RGB; what is transparent is shown on white."""
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    clear = image.convert("RGBA")
    opaque = Image.new("RGB", image.size, _PAPER)
    opaque.paste(clear, mask=clear.getchannel("A"))
    return opaque


def _write_webp(image: Image.Image, quality: int, method: int = 6) -> bytes:
    out = io.BytesIO()
    strip_info(image).save(out, "WEBP", quality=quality, method=method)
    return out.getvalue()
