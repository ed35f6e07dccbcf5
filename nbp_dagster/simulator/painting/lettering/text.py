"""Sets the copy and stamps the SIMULATED mark; decides no words and no scenery."""

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw, ImageFont
from uniseg.linebreak import line_break_units

from nbp_dagster.simulator.painting.colour import INK, WHITE, Colour
from nbp_dagster.simulator.painting.lettering.fonts import (
    INTER,
    find_font_file,
    runs_right_to_left,
)
from nbp_dagster.simulator.painting.places.stage import Box
from nbp_dagster.simulator.painting.prompt import Copy

MARK = "SIMULATED"
STRAY = "VELURA ZONTIK"
_RULER_SIZE = 100
# Up to this size in pixels hinting and the optical size change the widths; above, they scale.
_EXACT_BELOW = 40
_LINE_GAP = 1.13

Part = Literal["headline", "sub", "call", "small"]
Align = Literal["left", "centre"]
_WEIGHTS: dict[Part, int] = {"headline": 820, "sub": 500, "call": 680, "small": 450}


@dataclass(frozen=True)
class SetLine:
    """One line of set copy; `top` is pixels below the block's top, `face` its font's file."""

    part: Part
    text: str
    size: float
    top: float
    width: float
    face: Path = INTER


@dataclass(frozen=True)
class Block:
    """Copy set to a width, all in output pixels; `base` is what its sizes are measured by."""

    lines: tuple[SetLine, ...]
    width: float
    height: float
    base: float = 0.0


def find_font(size: float, weight: int, face: Path = INTER) -> ImageFont.FreeTypeFont:
    """A font at a size in pixels and a weight from 100 to 900, where it has weights."""
    return _load_font(max(4, round(size)), weight, face)


def measure(text: str, size: float, weight: int, face: Path = INTER) -> float:
    """Width in pixels of a line of text as it will be drawn.

    Words are measured one by one and remembered: fitting tries the same words at many sizes.
    """
    if size <= _EXACT_BELOW:
        return _line_advance(text, max(4, round(size)), weight, face)
    return unit_width(text, weight, face) * size


def unit_width(text: str, weight: int, face: Path = INTER) -> float:
    """Width of a line of large text in font sizes."""
    return _line_advance(text, _RULER_SIZE, weight, face) / _RULER_SIZE


def set_copy(copy: Copy, *, width: float, height: float, headline_size: float) -> Block:
    """Set the copy as large as it fits, never larger than `headline_size` for the headline.

    Args:
        copy: the words.
        width, height: room in pixels.
        headline_size: the largest headline in pixels; everything else follows from it.
    """
    face = find_font_file(copy.headline, copy.fonts)
    pieces = _divide(copy.headline, face)
    longest = max((unit_width(piece, 820, face) for piece in pieces), default=0.0)
    size = min(headline_size, width / longest) if longest else headline_size
    base = headline_size
    block = _set_at(copy, size, base, width)
    while (block.height > height or block.width > width) and size > 5:
        size, base = size * 0.94, base * 0.94
        block = _set_at(copy, size, base, width)
    return block


def draw_block(
    image: Image.Image,
    block: Block,
    *,
    left: float,
    top: float,
    width: float,
    align: Align,
    colour: Colour,
    pill: Colour,
    pill_text: Colour,
    skip_headline: bool = False,
) -> None:
    """Draw set copy on the image; `left` and `width` are the column it is aligned in."""
    draw = ImageDraw.Draw(image)
    for line in block.lines:
        if line.part == "headline" and skip_headline:
            continue
        pad = _pill_pad(line.size) if line.part == "call" else 0.0
        spare = width - line.width
        x = left + (pad if align == "left" else spare / 2)
        if align == "left" and runs_right_to_left(line.text):
            x = left + spare - pad
        y = top + line.top
        ink = colour
        if line.part == "call":
            _draw_pill(image, Box(x - pad, y, x + line.width + pad, y + line.size * 2.15), pill)
            y, ink = y + line.size * 0.5, pill_text
        font = find_font(line.size, _WEIGHTS[line.part], line.face)
        draw.text(
            (round(x), round(y + line.size * 0.96)), line.text, font=font, fill=ink, anchor="ls"
        )


def mark_size(width: int, height: int) -> tuple[float, float]:
    """Width and height in pixels of the SIMULATED pill; legible down to 300 px wide pictures."""
    size = max(6.5, min(0.03 * width, 0.05 * height))
    return measure(MARK, size, 750) + size * 1.5, size * 1.75


def draw_mark(image: Image.Image, left: float, top: float) -> None:
    """Stamp the SIMULATED pill with its upper left corner at (left, top)."""
    wide, high = mark_size(*image.size)
    size = high / 1.75
    _draw_pill(image, Box(left, top, left + wide, top + high), INK, opacity=0.84)
    font = find_font(size, 750)
    spot = (round(left + wide / 2), round(top + high / 2))
    ImageDraw.Draw(image).text(spot, MARK, font=font, fill=WHITE, anchor="mm")


def draw_stray_text(image: Image.Image, view: Box) -> None:
    """Draw unrequested words on a sign low in the scene."""
    size = max(12.0, 0.05 * min(image.size))
    wide, high = measure(STRAY, size, 700) + size * 1.6, size * 1.8
    left = min(max(0.0, view.left + (view.width - wide) / 2), max(0.0, image.width - wide))
    top = view.top + 0.62 * view.height
    _draw_pill(image, Box(left, top, left + wide, top + high), WHITE)
    spot = (round(left + wide / 2), round(top + high / 2))
    ImageDraw.Draw(image).text(spot, STRAY, font=find_font(size, 700), fill=INK, anchor="mm")


def misspell(text: str) -> str:
    """The same words with two unlike neighbouring letters of the longest word swapped."""
    words = text.split(" ")
    index = max(range(len(words)), key=lambda place: len(words[place]))
    word = words[index]
    for place in range(len(word) // 2, len(word) - 1):
        if word[place].lower() != word[place + 1].lower():
            words[index] = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
            return " ".join(words)
    return text + text[-1:]


def _line_advance(text: str, size: int, weight: int, face: Path) -> float:
    words = text.split()
    gaps = max(0, len(words) - 1) * _advance(" ", size, weight, face)
    return sum(_advance(word, size, weight, face) for word in words) + gaps


@functools.lru_cache(maxsize=4096)
def _advance(word: str, size: int, weight: int, face: Path) -> float:
    return _load_font(size, weight, face).getlength(word)


@functools.lru_cache(maxsize=64)
def _load_font(size: int, weight: int, face: Path) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(str(face), size)
    if face == INTER:  # Its axes: optical size 14..32, weight 100..900.
        font.set_variation_by_axes([min(32, max(14, size)), weight])
        return font
    try:
        axes = font.get_variation_axes()
    except OSError:  # one weight alone
        return font
    chosen = [_choose_value(axis, weight) for axis in axes]
    font.set_variation_by_axes(chosen)
    return font


def _choose_value(axis: ImageFont.Axis, weight: int) -> float:
    least, usual, most = axis["minimum"] or 0, axis["default"] or 0, axis["maximum"] or 0
    return min(most, max(least, weight)) if axis["name"] == b"Weight" else usual


def _set_at(copy: Copy, size: float, base: float, width: float) -> Block:
    """Lay the parts out one under the other.

    Args:
        size: of the headline, in pixels.
        base: what the smaller parts are measured by, so that one long word in the headline does
            not make them tiny.
    """
    smaller = max(size, base * 0.72)
    plans: tuple[tuple[Part, str, float, float], ...] = (
        ("headline", copy.headline, size, 0.0),
        ("sub", copy.sub, smaller * 0.42, smaller * 0.26),
        ("call", copy.call, smaller * 0.35, smaller * 0.42),
        ("small", copy.small, max(smaller * 0.25, 6.0), smaller * 0.36),
    )
    lines: list[SetLine] = []
    top = widest = 0.0
    for part, text, font_size, gap in plans:
        if not text:
            continue
        face = find_font_file(text, copy.fonts)
        top += gap if lines else 0.0
        pad = 0.0
        if part == "call":  # A button is never broken into lines.
            reach = unit_width(text, _WEIGHTS[part], face)
            font_size = min(font_size, width / (reach + _pill_pad(2.0)))
            pad = _pill_pad(font_size) * 2
        weight = _WEIGHTS[part]
        words_of = [text]
        if part != "call":
            words_of = wrap_balanced(text, font_size, weight, width, face)
        for words in words_of:
            reach = measure(words, font_size, weight, face)
            lines.append(SetLine(part, words, font_size, top, reach, face))
            widest = max(widest, reach + pad)
            top += font_size * (2.15 if part == "call" else _LINE_GAP)
    return Block(tuple(lines), widest, top, base)


def wrap_balanced(
    text: str, size: float, weight: int, width: float, face: Path = INTER
) -> list[str]:
    """Break text into the fewest lines that fit, then even out their lengths."""
    lines = _wrap(text, size, weight, width, face)
    low, high = width * 0.3, width
    for _ in range(7):
        middle = (low + high) / 2
        tried = _wrap(text, size, weight, middle, face)
        fits = all(measure(line, size, weight, face) <= middle for line in tried)
        if len(tried) <= len(lines) and fits:
            lines, high = tried, middle
        else:
            low = middle
    return lines


def _wrap(text: str, size: float, weight: int, width: float, face: Path) -> list[str]:
    lines: list[str] = []
    for piece in _divide(text, face):
        longer = f"{lines[-1]}{piece}" if lines else piece
        if lines and measure(longer, size, weight, face) <= width:
            lines[-1] = longer
        else:
            lines.append(piece)
    return [line.strip() for line in lines]


@functools.lru_cache(maxsize=256)
def _divide(text: str, face: Path) -> tuple[str, ...]:
    """What a line is broken between: words, and where another script has none, what UAX #14 says.

    A word keeps the space behind it.
    """
    if face == INTER:
        return tuple(f"{word} " for word in text.split())
    return tuple(line_break_units(" ".join(text.split())))


def _pill_pad(size: float) -> float:
    return size * 1.05


def _draw_pill(image: Image.Image, box: Box, fill: Colour, opacity: float = 1.0) -> None:
    """A rounded bar with smooth ends, drawn on a small mask at three times its size."""
    wide, high = max(2, math.ceil(box.width)), max(2, math.ceil(box.height))
    mask = Image.new("L", (wide * 3, high * 3), 0)
    outline = (0, 0, wide * 3 - 1, high * 3 - 1)
    ImageDraw.Draw(mask).rounded_rectangle(outline, radius=high * 1.5, fill=round(255 * opacity))
    image.paste(fill, (round(box.left), round(box.top)), mask.reduce(3))
