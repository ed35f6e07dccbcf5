"""Draws a character's supplied images as one labelled sheet card, and a palette as a colour card.

Equal images give an equal card on one machine. Another version of Pillow may give other bytes, so
no fingerprint depends on them; see `prompts.sheet_views.hash_card`. Must not know: briefs, service.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from nbp_dagster.prompts.reference_selection import CARD_COLUMNS
from nbp_dagster.prompts.sheet_views import ViewKind
from nbp_dagster.studio.typography.letters.typeface import Typeface

Colour = tuple[int, int, int]

LONGEST_SIDE: Final = 2048
"""Pixels of the card's longer side at most: what a 2K sheet of the model has."""

_FIGURE_HEIGHT: Final = 960  # pixels, before the card as a whole is made to fit
# A close-up lower than the figures is not taken for one of them.
_FACE_SHARE: Final = 0.6
_WIDEST: Final = 1.3  # of a view's height; a wider one is made lower
_SHAPE: Final = 1.5  # width by height that a card comes nearest to, as sheets of the model have
_GAP: Final = 56
_LABEL_SIZE: Final = 26
_LABEL_ROOM: Final = 64
_LABEL_INK: Final[Colour] = (96, 96, 96)
# A light even grey, as generated sheets have, where the images have no common ground.
_GREY: Final[Colour] = (228, 228, 228)
# Sum over three channels of 8 bits: wide enough for the noise of a JPEG.
_NEAR: Final = 24
_PLAIN_SHARE: Final = 0.9  # of an image's border that has the ground's colour
_PADDING: Final = 0.02  # of the longer side, left around what was cropped to
# As JPEG above this: a card of photographs would be sent as many megabytes with every picture.
_MOST_PNG_BYTES: Final = 3_000_000
_JPEG_QUALITY: Final = 92


@dataclass(frozen=True)
class Panel:
    """One image of a card.

    Attributes:
        kind: What it shows; written under it.
        image: Any size and mode.
    """

    kind: ViewKind
    image: Image.Image


@dataclass(frozen=True)
class _Cut:
    """An image cropped to what it shows: RGBA where it has transparency, RGB otherwise."""

    kind: ViewKind
    image: Image.Image
    ground: Colour | None


@dataclass(frozen=True)
class _Spot:
    """Where a cut is drawn, in pixels of the card before it is made to fit."""

    cut: _Cut
    left: float
    top: float
    width: float
    height: float


def draw_card(panels: Sequence[Panel]) -> Image.Image:
    """Return the card of some images as RGB, at most `LONGEST_SIDE` pixels on its longer side.

    An image on a plain ground is cropped to what stands on it; others are shown whole. The card
    has the ground of the images where they share one, else a light grey.

    Args:
        panels: At least one image, in the order they are shown.
    """
    cuts = [_crop(panel) for panel in panels]
    ground = _common_ground(cuts)
    spots, width, height = _lay_out(cuts)
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    card = Image.new("RGB", (math.ceil(width * scale), math.ceil(height * scale)), ground)
    face = Typeface("en")
    cut = face.font(max(10, round(_LABEL_SIZE * scale)), 500)
    for spot in spots:
        size = (max(1, round(spot.width * scale)), max(1, round(spot.height * scale)))
        corner = (round(spot.left * scale), round(spot.top * scale))
        small = spot.cut.image.resize(size, Image.Resampling.LANCZOS)
        card.paste(small, corner, small if small.mode == "RGBA" else None)
        text = spot.cut.kind.upper()
        middle = corner[0] + (size[0] - cut.measure(text)) / 2
        base = corner[1] + size[1] + _LABEL_ROOM * scale * 0.7
        cut.draw(card, (middle, base), text, _LABEL_INK)
    return card


def encode_card(card: Image.Image) -> bytes:
    """Return a card as PNG, or as JPEG where that would weigh more than 3 MB."""
    out = io.BytesIO()
    card.save(out, "PNG", compress_level=6)
    if out.tell() > _MOST_PNG_BYTES:
        out = io.BytesIO()
        card.save(out, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return out.getvalue()


def _crop(panel: Panel) -> _Cut:
    image = panel.image
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        box = clear.getchannel("A").point(lambda level: 255 if level > 8 else 0).getbbox()
        return _Cut(panel.kind, clear.crop(_pad(box, clear.size)), None)
    opaque = image if image.mode == "RGB" else image.convert("RGB")
    pixels = np.asarray(opaque, dtype=np.int16)
    ground = _find_ground(pixels)
    if ground is None:
        return _Cut(panel.kind, opaque, None)
    differs = np.abs(pixels - np.array(ground, dtype=np.int16)).sum(axis=2) > _NEAR
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not rows.size:
        return _Cut(panel.kind, opaque, ground)
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return _Cut(panel.kind, opaque.crop(_pad(box, opaque.size)), ground)


def _find_ground(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.int16]]") -> Colour | None:
    """The colour along the border if nearly all of the border has it.

    Args:
        pixels: Height x width x 3, 0 to 255.
    """
    border = np.concatenate((pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))
    middle = np.median(border, axis=0).astype(np.int16)
    near = np.abs(border - middle).sum(axis=1) <= _NEAR
    if near.mean() < _PLAIN_SHARE:
        return None
    red, green, blue = (int(value) for value in middle)
    return red, green, blue


def _pad(box: tuple[int, int, int, int] | None, size: tuple[int, int]) -> tuple[int, int, int, int]:
    if box is None:
        return 0, 0, *size
    left, top, right, bottom = box
    room = round(max(right - left, bottom - top) * _PADDING)
    return (
        max(0, left - room),
        max(0, top - room),
        min(size[0], right + room),
        min(size[1], bottom + room),
    )


def _common_ground(cuts: Sequence[_Cut]) -> Colour:
    grounds = [cut.ground for cut in cuts if cut.ground is not None]
    if not grounds:
        return _GREY
    first = grounds[0]
    same = all(sum(abs(a - b) for a, b in zip(first, one, strict=True)) <= 6 for one in grounds)
    return first if same else _GREY


def _lay_out(cuts: Sequence[_Cut]) -> tuple[list[_Spot], float, float]:
    """Place the cuts in rows, standing on one line each; return the card's size too."""
    layouts = [_lay_out_rows(cuts, each) for each in range(1, len(cuts) + 1)]
    return min(layouts, key=lambda layout: abs(math.log(layout[1] / layout[2] / _SHAPE)))


def _lay_out_rows(cuts: Sequence[_Cut], each: int) -> tuple[list[_Spot], float, float]:
    rows = [cuts[start : start + each] for start in range(0, len(cuts), each)]
    measured = [[_measure(cut) for cut in row] for row in rows]
    lengths = [sum(width for width, _ in row) + _GAP * (len(row) + 1) for row in measured]
    spots: list[_Spot] = []
    top = float(_GAP)
    for row, sizes, length in zip(rows, measured, lengths, strict=True):
        left = _GAP + (max(lengths) - length) / 2
        tallest = max(height for _, height in sizes)
        for cut, (width, height) in zip(row, sizes, strict=True):
            spots.append(_Spot(cut, left, top + tallest - height, width, height))
            left += width + _GAP
        top += tallest + _LABEL_ROOM + _GAP
    return spots, max(lengths), top


def _measure(cut: _Cut) -> tuple[float, float]:
    height = _FIGURE_HEIGHT * (_FACE_SHARE if cut.kind == "face" else 1.0)
    width = height * cut.image.width / cut.image.height
    if width > height * _WIDEST:
        width, height = height * _WIDEST, height * _WIDEST * cut.image.height / cut.image.width
    return width, height


# Pixels. Wide fields in one look; a card of flat colours has a few kilobytes.
CARD_WIDTH, CARD_HEIGHT = 1024, 512


def draw_palette_card(colours: Sequence[str]) -> bytes:
    """Draw a brand's colours as flat fields from edge to edge, without a word.

    The model could copy words into the picture, and a background would be one colour more. Equal
    colours give equal pixels. A new design needs a new `reference_selection.CARD_VERSION`.

    Args:
        colours: `#RRGGBB` in the brand's order; at least one.

    Returns:
        A PNG, RGB, 1024 x 512 pixels.
    """
    card = Image.new("RGB", (CARD_WIDTH, CARD_HEIGHT))
    pen = ImageDraw.Draw(card)
    rows = -(-len(colours) // CARD_COLUMNS)
    for row in range(rows):
        fields = colours[row * CARD_COLUMNS : (row + 1) * CARD_COLUMNS]
        top, low = CARD_HEIGHT * row // rows, CARD_HEIGHT * (row + 1) // rows
        for column, colour in enumerate(fields):
            left = CARD_WIDTH * column // len(fields)
            right = CARD_WIDTH * (column + 1) // len(fields)
            pen.rectangle((left, top, right - 1, low - 1), fill=ImageColor.getrgb(colour))
    stream = io.BytesIO()
    card.save(stream, "PNG")
    return stream.getvalue()
