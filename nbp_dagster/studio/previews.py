"""Makes the small pictures that stand in for large ones on a page; knows no page."""

import base64
import io
from typing import Final

from PIL import Image

from nbp_dagster.studio.encode import strip_info

# Dagster shows markdown of at least this many characters as a link, not as a picture.
INLINE_LIMIT: Final = 1000

_THUMBNAIL_QUALITY: Final = 60  # 320 px in some 10 KB
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


def thumbnail(image: Image.Image, px: int = 320) -> bytes:
    """Return a WebP of at most `px` pixels a side; a smaller picture keeps its size."""
    return _write_webp(_shrink(image, px), _THUMBNAIL_QUALITY)


def _shrink(image: Image.Image, side: int) -> Image.Image:
    share = min(1.0, side / max(image.size))
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    if not image.has_transparency_data:
        opaque = image if image.mode == "RGB" else image.convert("RGB")
        return opaque.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    clear = image.convert("RGBA").resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    opaque = Image.new("RGB", size, _PAPER)
    opaque.paste(clear, mask=clear.getchannel("A"))
    return opaque


def _write_webp(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    strip_info(image).save(out, "WEBP", quality=quality, method=6)
    return out.getvalue()
