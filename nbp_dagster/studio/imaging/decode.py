"""Decodes untrusted bytes to one safe picture or raises one clear error; must not know a service.

Safe to call from many threads: nothing of Pillow's process-wide state is read or changed.
"""

import io
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal, get_args

from PIL import ExifTags, Image, ImageCms, ImageOps

from nbp_dagster.errors import NbpError
from nbp_dagster.file_kinds import describe_kind
from nbp_dagster.foreign_text import clean

MAX_BYTES: Final = 64 * 1024 * 1024  # a 4K PNG of noise has some 50 MB
MAX_PIXELS: Final = 40_000_000  # a 4K picture of the model has 17 megapixels at most

ImageFormat = Literal["PNG", "JPEG", "WEBP", "AVIF"]

# Errors of Pillow's decoders whose text speaks of the file; any other's speaks of Pillow's code.
_TELLING = (OSError, SyntaxError, EOFError, ValueError, RuntimeError)
_TURNED: Final = range(2, 9)  # EXIF orientations that are not upright


class UndecodableImage(NbpError):
    """Bytes that are not one sound PNG, JPEG, WebP or AVIF picture.

    Attributes:
        what: The thing that should have been a picture.
        seen: What it was instead, in a few words.
    """

    def __init__(self, what: str, seen: str) -> None:
        self.what = what
        self.seen = seen
        super().__init__(f"{what}: not a usable picture: {seen}")


class NotAPicture(UndecodableImage):
    """Bytes that begin like no accepted format: a page in any coding, an error, nothing."""


class MemoryShortage(NbpError):
    """This machine has not the memory to decode a picture, which may be sound."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: not decoded for lack of memory; free some, or decode fewer pictures at a time"
        )


@dataclass(frozen=True)
class Decoded:
    """One still picture, upright, in sRGB.

    Attributes:
        image: RGB, or RGBA where something is transparent; without metadata.
        format: What the bytes were, by their first bytes.
        width: Pixels of `image`, so after turning it upright.
        height: Pixels of `image`.
        bytes: How many bytes there were.
    """

    image: Image.Image
    format: ImageFormat
    width: int
    height: int
    bytes: int


def decode_image(
    data: bytes,
    *,
    what: str,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
    least_side: int | None = None,
) -> Decoded:
    """Decode one picture completely, under limits.

    Args:
        data: The whole file.
        what: Names the picture in an error, such as "reference images/logo.png".
        max_bytes: Larger files are refused unread.
        max_pixels: Pictures of more pixels are refused before any pixel is decoded.
        least_side: Pixels of the shorter side that are enough. A JPEG is then decoded at a half, a
            quarter or an eighth of its size, in as much less time.

    Raises:
        UndecodableImage: The bytes are something else, too large, animated, damaged or cut short.
        MemoryShortage: There is no memory for it.
    """
    if len(data) > max_bytes:
        raise UndecodableImage(what, f"{len(data):,} bytes; accepted: at most {max_bytes:,}")
    found = sniff_format(data)
    if found is None:
        seen = f"{describe_kind(data)}; accepted: PNG, JPEG, WebP, AVIF"
        raise NotAPicture(what, seen)
    image = _load(data, found, what=what, max_pixels=max_pixels, least_side=least_side)
    return Decoded(
        image=image,
        format=found,
        width=image.width,
        height=image.height,
        bytes=len(data),
    )


def count_pixels(file: BinaryIO) -> int:
    """Return width times height by the header of a picture, 0 where that can't be read."""
    try:
        with Image.open(file, formats=get_args(ImageFormat)) as opened:
            return opened.width * opened.height
    except Exception:  # noqa: BLE001  # see `_load`
        return 0


def sniff_format(data: bytes) -> ImageFormat | None:
    """Return the accepted format the first bytes announce, or None."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and b"avi" in data[8:32]:  # brands avif (still) and avis (sequence)
        return "AVIF"
    return None


def _load(
    data: bytes, found: ImageFormat, *, what: str, max_pixels: int, least_side: int | None
) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data), formats=(found,)) as opened:
            _check_frame(opened, what=what, max_pixels=max_pixels)
            if least_side is not None:
                opened.draft(None, (least_side, least_side))
            opened.load()
            return normalise(opened)
    except Image.DecompressionBombError:
        seen = f"far more than {max_pixels:,} pixels; accepted: at most {max_pixels:,}"
        raise UndecodableImage(what, seen) from None
    except UndecodableImage:
        raise
    except MemoryError:
        raise MemoryShortage(what) from None
    except Exception as error:
        # Decoders raise whatever damaged bytes make of them: a RuntimeError of AVIF's, an
        # AssertionError of a PNG without its palette. A list of kinds is never complete.
        seen = f"a damaged or truncated {found} of {len(data):,} bytes{_reason(error)}"
        raise UndecodableImage(what, seen) from error


def _check_frame(opened: Image.Image, *, what: str, max_pixels: int) -> None:
    """Refuse by the header alone: at this point no pixel has been decoded."""
    width, height = opened.size
    if width * height > max_pixels:
        seen = f"{width}x{height} pixels; accepted: at most {max_pixels:,} pixels"
        raise UndecodableImage(what, seen)
    # A JPEG is never animated: cameras and phones put previews, depth and HDR gain maps behind the
    # picture (CIPA DC-007, Multi-Picture Format), and the first frame is the picture.
    frames = 1 if opened.format == "MPO" else getattr(opened, "n_frames", 1)
    if frames != 1:
        raise UndecodableImage(what, f"{frames} frames; accepted: one still picture")


def normalise(opened: Image.Image) -> Image.Image:
    """Return the picture upright, RGB or RGBA, in sRGB, and free of metadata."""
    profile = opened.info.get("icc_profile")
    image = _to_srgb(_turn_upright(opened), profile)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        lowest, _ = image.getchannel("A").getextrema()
        if lowest == 255:
            image = image.convert("RGB")
    elif image.mode != "RGB":
        image = image.convert("RGB")
    elif image is opened:
        # A picture of its own: an opened one holds its file and metadata. No other reference to
        # its pixels exists, so they need not be copied, 67 MB at 4K.
        image = image._new(image.im)
    image.info = {}
    return image


def _turn_upright(image: Image.Image) -> Image.Image:
    try:
        # Read first, because exif_transpose copies a picture that stands upright.
        if image.getexif().get(ExifTags.Base.Orientation, 1) not in _TURNED:
            return image
        return ImageOps.exif_transpose(image)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # see `_load`
        # The pixels are sound and may have been paid for; only the note about them is broken.
        return image


def is_srgb(profile: bytes) -> bool:
    """Whether a colour profile (ICC) says that it is sRGB.

    Raises:
        ImageCms.PyCMSError: It can't be read.
    """
    opened = ImageCms.getOpenProfile(io.BytesIO(profile))
    return bool(ImageCms.getProfileDescription(opened).startswith("sRGB"))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode.startswith("I;16"):
        # Pillow clips 16-bit grey at 255 when it converts; we want its upper byte.
        image = image.convert("I").point([value >> 8 for value in range(65536)], "L")
    if not profile:
        return image
    if image.mode not in ("L", "RGB", "RGBA", "CMYK"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    try:
        if is_srgb(profile):
            return image
        source = ImageCms.getOpenProfile(io.BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode=mode)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # see `_load`
        # A profile that is broken or of another colour space says nothing about these pixels.
        return image
    return image if converted is None else converted


def _reason(error: Exception) -> str:
    """Return a decoder's own words in brackets; nothing where they are about its code."""
    lines = str(error).splitlines()
    if not isinstance(error, _TELLING) or not lines or "BytesIO" in lines[0]:
        return ""
    return f" ({clean(lines[0], max_chars=120)})"
