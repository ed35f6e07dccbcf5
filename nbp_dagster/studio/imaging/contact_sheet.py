"""Draws a set's contact sheets: JPEGs of labelled thumbnails; must not know more than those two."""

import io
import math
from collections.abc import Sequence
from functools import cache

import fontpkg_inter
from PIL import Image, ImageDraw, ImageFont

from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.thumbnails import scale_to

MAX_COLUMNS = 16
"""More would make a label's column narrower on a screen than its words."""

MOST_ON_A_SHEET = 250
"""More would be scrolled for too long, and take more than 50 MB of memory while it is drawn."""

_PAPER, _INK, _MUTED, _EMPTY = "#FBFAF7", "#1C1B19", "#625E56", "#EFECE5"
_QUALITY = 86
_FONT_FILE = fontpkg_inter.ROOT / "files" / "Inter[opsz,wght].ttf"
_OPTICAL_SIZES = (14, 32)

Font = ImageFont.FreeTypeFont


def divide_sheets(pictures: int) -> dict[str, range]:
    """Return the sheets of a set: file name to the numbers of its pictures, evenly, at least one.

    Args:
        pictures: How many the set has.
    """
    sheets = max(1, math.ceil(pictures / MOST_ON_A_SHEET))
    return {
        "contact_sheet.jpg" if number == 1 else f"contact_sheet_{number}.jpg": range(
            pictures * (number - 1) // sheets, pictures * number // sheets
        )
        for number in range(1, sheets + 1)
    }


def draw_contact_sheet(
    entries: Sequence[tuple[str, bytes]], title: str, note: str | None = None
) -> bytes:
    """Return a grid of labelled thumbnails as a JPEG (RGB, sRGB, 4:4:4).

    Pictures keep their ratio and order. The cells shrink from 320 to 160 pixels as the sheet
    grows; `divide_sheets` decides how many pictures one sheet holds.

    Args:
        entries: Label and thumbnail (WebP, JPEG or PNG) of each picture.
        title: Drawn above the grid.
        note: Drawn below the title; the number of pictures unless given.

    Raises:
        UndecodableImage: A thumbnail is not a picture; the message names its label.
    """
    cell = 320 if len(entries) <= 60 else 240 if len(entries) <= 120 else 160
    columns = min(MAX_COLUMNS, max(3, math.ceil(math.sqrt(len(entries) * 1.3))))
    rows = math.ceil(len(entries) / columns)
    margin, gap, label_height = cell // 4, cell // 8, cell // 6
    head = cell * 3 // 7
    width = 2 * margin + columns * cell + (columns - 1) * gap
    height = 2 * margin + head + rows * (cell + label_height) + max(0, rows - 1) * gap
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    note = note or count_pictures(len(entries))
    _write_head(draw, title, note, at=(margin, margin), size=cell // 6, width=width)
    label_font = load_font(max(11, cell // 20), 500)
    for number, (label, thumb) in enumerate(entries):
        left = margin + number % columns * (cell + gap)
        top = margin + head + number // columns * (cell + label_height + gap)
        picture = decode_image(thumb, what=f"thumbnail of {label}", least_side=cell).image
        _paste(sheet, picture, (left, top), cell)
        text = fit_label(label, label_font, cell)
        draw.text((left, top + cell + label_height // 4), text, font=label_font, fill=_INK)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()


def count_pictures(count: int) -> str:
    """Return a number of pictures in words, e.g. "1,200 pictures"."""
    return f"{count:,} picture" if count == 1 else f"{count:,} pictures"


def fit_label(text: str, font: Font, width: int) -> str:
    """Return the text, its end replaced by an ellipsis where it is wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    kept = text
    while kept and font.getlength(kept + "…") > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def _write_head(
    draw: ImageDraw.ImageDraw,
    title: str,
    note: str,
    *,
    at: tuple[int, int],
    size: int,
    width: int,
) -> None:
    left, top = at
    font, small = load_font(size, 600), load_font(size // 2, 400)
    draw.text(at, fit_label(title, font, width - 2 * left), font=font, fill=_INK)
    draw.text((left, top + size * 5 // 4), note, font=small, fill=_MUTED)


def _paste(sheet: Image.Image, thumb: Image.Image, corner: tuple[int, int], cell: int) -> None:
    """Paste a thumbnail at the bottom of its cell, so that a row has one base line."""
    size = scale_to(thumb.size, cell)
    picture = thumb.resize(size, Image.Resampling.HAMMING)
    if picture.mode == "RGBA":
        background = Image.new("RGB", size, _EMPTY)
        background.paste(picture, mask=picture.getchannel("A"))
        picture = background
    sheet.paste(picture, (corner[0], corner[1] + cell - size[1]))


@cache
def load_font(size: int, weight: int) -> Font:
    """Return Inter at a size in pixels and a weight from 100 to 900.

    The font is a package, so that a sheet looks the same on every machine.
    """
    font = ImageFont.truetype(str(_FONT_FILE), size)
    least, most = _OPTICAL_SIZES
    font.set_variation_by_axes([min(max(size, least), most), weight])
    return font
