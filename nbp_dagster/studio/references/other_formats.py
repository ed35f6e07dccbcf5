"""Draws supplied TIFF, GIF, BMP, AVIF, HEIC and SVG files anew, as models do not take them.

Nothing of Pillow's process-wide state is changed, no file and no address is read, no script is run.
"""

import io
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from PIL import Image

from nbp_dagster.file_kinds import describe_kind
from nbp_dagster.studio.imaging.decode import UndecodableImage, normalise, sniff_format

MOST_SVG_BYTES: Final = 4 * 1024 * 1024
"""A logo is far smaller; a larger one is a photograph in an SVG's clothes."""

SENT_SIDE: Final = 3072
"""Pixels of the longer side at most: a model's own pictures have 5,504 at most."""

# A photograph of more weighs more as a PNG than requests may.
_MOST_PNG_PIXELS: Final = 2_000_000

SVG_SIDE: Final = 2048
"""Pixels of the longer side that an SVG is drawn at."""

# What names something outside the file. Parts of the file (`#a`) and raster data within it stay.
_OUTSIDE: Final = re.compile(
    r"href\s*=\s*[\"'](?!\s*#)(?!data:image/(?:png|jpe?g|webp|gif)[;,])([^\"']{0,80})",
    re.IGNORECASE,
)
_ENTITY: Final = re.compile(r"<!ENTITY", re.IGNORECASE)
_TEXT: Final = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?(?:text|foreignObject)[\s>/]")

_TAKEN: Final = ("PNG", "JPEG", "WEBP")
# NewSubfileType, whose first bit says that a picture is a smaller one of another. Source: TIFF 6.0.
_SUBFILE_TYPE: Final = 254
_DNG_VERSION: Final = 50706  # Source: Adobe's DNG
_PILLOW: Final[Mapping[str, str]] = {
    "a TIFF": "TIFF",
    "a BigTIFF": "TIFF",
    "a GIF": "GIF",
    "a BMP": "BMP",
    "an AVIF": "AVIF",
}


def make_plain(data: bytes, *, what: str, max_pixels: int) -> bytes:
    """Return a supplied picture as a format that models take: itself, or else drawn anew.

    That is a PNG, or a JPEG of what is large and shows no transparency, of 3,072 pixels at most.

    Args:
        data: The whole file.
        what: Names the picture in an error.
        max_pixels: Pictures of more pixels are refused before any is decoded.

    Raises:
        UndecodableImage: It is damaged, animated, of several pages, too large, or its extra is not
            installed; an SVG names what lies outside it, or holds text that is no outline.
    """
    kind = describe_kind(data)
    draw = _DRAWERS.get(kind)
    if draw is None or sniff_format(data) in _TAKEN:
        return data
    try:
        image = draw(data, what, max_pixels)
    except (UndecodableImage, MemoryError):
        raise
    except Exception as error:
        # Decoders raise whatever damaged bytes make of them; see `decode`.
        seen = f"{kind} of {len(data):,} bytes that is damaged or cut short"
        raise UndecodableImage(what, seen) from error
    image.thumbnail((SENT_SIDE, SENT_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    if image.mode == "RGB" and image.width * image.height > _MOST_PNG_PIXELS:
        image.save(out, "JPEG", quality=95, subsampling=0)
    else:
        image.save(out, "PNG")
    return out.getvalue()


def _draw_by_pillow(data: bytes, what: str, max_pixels: int) -> Image.Image:
    kind = _PILLOW[describe_kind(data)]
    with Image.open(io.BytesIO(data), formats=(kind,)) as opened:
        _require_size(opened.size, what, max_pixels)
        if kind == "TIFF" and _is_raw(opened.getexif()):
            seen = "a camera's raw file, whose first picture is a preview; export it as JPEG"
            raise UndecodableImage(what, seen)
        frames = getattr(opened, "n_frames", 1)
        if frames != 1:
            noun = "page" if kind == "TIFF" else "frame"
            seen = f"{frames} {noun}s; accepted: one still picture; save the {noun} you mean as PNG"
            raise UndecodableImage(what, seen)
        opened.load()
        return normalise(opened)


def _is_raw(tags: Mapping[int, Any]) -> bool:
    """Whether the first picture of a TIFF is a preview, as in what cameras and DNG make of it."""
    return _DNG_VERSION in tags or bool(int(tags.get(_SUBFILE_TYPE, 0)) & 1)


def _draw_heic(data: bytes, what: str, max_pixels: int) -> Image.Image:
    try:
        import pillow_heif
    except ImportError:
        raise UndecodableImage(
            what,
            "a HEIC; install the extra: pip install 'nbp-dagster[heic]', or export the photograph "
            "as JPEG (phones have a setting for that: Most Compatible)",
        ) from None
    opened = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
    _require_size(opened.size, what, max_pixels)
    # The first of several is the photograph; libheif has turned it upright.
    return normalise(opened.to_pillow())


def _draw_svg(data: bytes, what: str, max_pixels: int) -> Image.Image:
    try:
        import resvg_py
    except ImportError:
        raise UndecodableImage(
            what,
            "an SVG; install the extra: pip install 'nbp-dagster[svg]', or export it as PNG, "
            "1024 pixels wide or more",
        ) from None
    text = _read_svg(data, what)
    try:
        # Both sides are given, and it is fitted within them: with one of them, a picture of 1 to
        # 100,000,000 asks for a terabyte, and the library ends the process.
        drawn = resvg_py.svg_to_bytes(
            svg_string=text, width=SVG_SIDE, height=SVG_SIDE, skip_system_fonts=True
        )
    except ValueError:
        seen = "an SVG that can't be drawn; export it anew as plain SVG, or as PNG"
        raise UndecodableImage(what, seen) from None
    with Image.open(io.BytesIO(drawn), formats=("PNG",)) as opened:
        opened.load()
        return normalise(opened)


def _read_svg(data: bytes, what: str) -> str:
    """Return an SVG's text, once it is known to stand alone.

    Raises:
        UndecodableImage: It does not.
    """
    if len(data) > MOST_SVG_BYTES:
        seen = f"an SVG of {len(data):,} bytes; accepted: at most {MOST_SVG_BYTES:,}"
        raise UndecodableImage(what, seen)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UndecodableImage(what, "an SVG that is not UTF-8; save it as UTF-8") from None
    outside = _OUTSIDE.search(text)
    if outside is not None:
        seen = f"an SVG that names {outside[1]!r}, outside itself; embed it, or export a PNG"
        raise UndecodableImage(what, seen)
    if _ENTITY.search(text):
        seen = "an SVG with entities; export it anew as plain SVG, or as PNG"
        raise UndecodableImage(what, seen)
    if _TEXT.search(text):
        # Each machine has other fonts.
        seen = "an SVG with text that is no outline; convert its text to paths, or export a PNG"
        raise UndecodableImage(what, seen)
    return text


def _require_size(size: tuple[int, int], what: str, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        seen = f"{width}x{height} pixels; accepted: at most {max_pixels:,} pixels"
        raise UndecodableImage(what, seen)


_DRAWERS: Final[Mapping[str, Callable[[bytes, str, int], Image.Image]]] = {
    **dict.fromkeys(_PILLOW, _draw_by_pillow),
    "a HEIC": _draw_heic,
    "an SVG": _draw_svg,
}
