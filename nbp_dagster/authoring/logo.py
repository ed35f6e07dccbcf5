"""Takes the first usable logo of several, as a PNG, and the colours that cover it."""

import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from PIL import Image

from nbp_dagster.authoring.colours import Colour, measure_difference
from nbp_dagster.authoring.material import LogoFile
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.imaging.decode import MAX_PIXELS, decode_image
from nbp_dagster.studio.references.other_formats import make_plain

LEAST_SIDE: Final = 64
"""Pixels of the longer side below which a logo is too small to be drawn from."""

_LOOKED_AT: Final = 160  # pixels of the longer side that colours are counted on
_LEAST_SHARE: Final = 0.04
_SAME: Final = 0.08  # OKLab: shades of one ink
_MOST_COLOURS: Final = 6
_OPAQUE: Final = 160


@dataclass(frozen=True)
class Logo:
    """A logo that can be used.

    Attributes:
        origin: Where it is from.
        png: Its bytes as PNG.
        colours: The colours that cover it with their shares, the most covering one first.
        is_white: Whether all of it is white on a transparent ground.
        alt: What it is called.
    """

    origin: str
    png: bytes
    colours: tuple[tuple[Colour, float], ...]
    is_white: bool
    alt: str = ""


def choose_logo(files: Iterable[LogoFile], problems: list[str]) -> Logo | None:
    """Return the first file that is a picture large enough; notes why those before it are not.

    Args:
        files: The likeliest first; each is loaded when its turn comes.
        problems: Takes a sentence for each that can't be used.
    """
    for file in files:
        try:
            return _read_logo(file)
        except NbpError as error:
            problems.append(f"{file.origin}: {error}")
    return None


def _read_logo(file: LogoFile) -> Logo:
    plain = make_plain(file.load(), what="the logo", max_pixels=MAX_PIXELS)
    image = decode_image(plain, what="the logo").image.convert("RGBA")
    inked = image.getchannel("A").point([255 * (value > 8) for value in range(256)]).getbbox()
    if inked is None:
        raise _Unusable("nothing of it can be seen")
    if max(inked[2] - inked[0], inked[3] - inked[1]) < LEAST_SIDE:
        raise _Unusable(
            f"{image.width}x{image.height} pixels; accepted: {LEAST_SIDE} or more on a side"
        )
    image = image.crop(inked)
    colours = _count_colours(image)
    out = io.BytesIO()
    image.save(out, "PNG")
    whites = sum(share for colour, share in colours if min(colour) >= 235)
    is_white = whites > 0.9 and min(image.getchannel("A").tobytes()) < _OPAQUE
    return Logo(file.origin, out.getvalue(), colours, is_white, file.alt)


class _Unusable(NbpError):
    """A picture that is no logo to draw from."""


def _count_colours(image: Image.Image) -> tuple[tuple[Colour, float], ...]:
    """Return the colours of a logo and their shares; an opaque one's ground is left out."""
    small = image.copy()
    small.thumbnail((_LOOKED_AT, _LOOKED_AT), Image.Resampling.LANCZOS)
    pixels = list(zip(*[iter(small.tobytes())] * 4, strict=True))
    width = small.width
    ground = _find_ground([pixels[0], pixels[width - 1], pixels[-width], pixels[-1]])
    counted: Counter[Colour] = Counter()
    for (red, green, blue, alpha), count in Counter(pixels).items():
        colour = (red, green, blue)
        if alpha >= _OPAQUE and (ground is None or measure_difference(colour, ground) > _SAME):
            counted[colour] += count
    if not counted and ground is not None:
        counted[ground] = 1  # it is one colour all over
    total = sum(counted.values())
    merged = _merge(counted) if total else []
    return tuple(
        (colour, count / total)
        for colour, count in merged[:_MOST_COLOURS]
        if count / total >= _LEAST_SHARE
    )


def _find_ground(corners: list[tuple[int, ...]]) -> Colour | None:
    """Return the colour that an opaque logo lies on; None where its ground is transparent."""
    opaque = [(red, green, blue) for red, green, blue, alpha in corners if alpha > 250]
    for ground, count in Counter(opaque).most_common(1):
        return ground if count >= 3 else None
    return None


def _merge(counted: Counter[Colour]) -> list[tuple[Colour, int]]:
    """Return colours with the counts of the shades around each, the greatest first."""
    merged: list[tuple[Colour, int]] = []
    for colour, count in counted.most_common(400):
        near = next(
            (
                place
                for place, (known, _) in enumerate(merged)
                if measure_difference(known, colour) < _SAME
            ),
            None,
        )
        if near is None:
            merged.append((colour, count))
        else:
            merged[near] = (merged[near][0], merged[near][1] + count)
    return sorted(merged, key=lambda item: -item[1])
