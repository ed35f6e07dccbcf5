"""Finds a size and a place for every line of copy in a frame; measures text, draws nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from PIL import ImageFont

from nbp_dagster.brand.models import SafeArea
from nbp_dagster.studio.typeface import Typeface

LEAST_SIZE: Final = 9  # pixels; below it text recognition and eyes fail alike
_LEAST_HEADLINE: Final = 12  # pixels, while a headline still has to stand out from a sub line

_BUTTON: Final = "call_to_action"
_BANNER: Final = 2.5  # frames this much wider than high are set beside the picture, not over it
_LANDSCAPE: Final = 1.3  # frames this wide are set in a column, so that the picture stays open
_COLUMN: Final = 0.6  # that column's share of the width
_MARGIN: Final = 0.055  # least distance to the frame's edge, as a share of its shorter side
_FADE: Final = 0.22  # depth of the toning's soft edge, as a share of the frame's shorter side
_MOST_HEIGHT: Final = {"portrait": 0.42, "landscape": 0.72}  # shares of the frame text may take
_LEADING: Final = 1.14
_SMALL_LEADING: Final = 1.34
_GAP: Final = 0.42  # between fields, as a share of the headline's size

Box = tuple[int, int, int, int]
Spot = tuple[float, float]


@dataclass(frozen=True)
class _Style:
    """How a field is set: size as a share of the headline's, weight, lines at most."""

    share: float
    weight: int
    lines: int


_STYLES: Final[Mapping[str, _Style]] = {
    "headline": _Style(1.0, 750, 4),
    "sub": _Style(0.46, 450, 4),
    _BUTTON: _Style(0.42, 650, 2),
    "disclaimer": _Style(0.26, 450, 5),
}


@dataclass(frozen=True)
class Block:
    """One field, broken into lines and placed.

    Attributes:
        field: Name of the field.
        lines: Its text.
        spots: Left end of each line's baseline, pixels.
        font: The face at its size and weight.
        box: Left, top, right, bottom of the text, or of the button around it.
        is_button: Whether it stands on a button.
    """

    field: str
    lines: tuple[str, ...]
    spots: tuple[Spot, ...]
    font: ImageFont.FreeTypeFont
    box: Box
    is_button: bool = False

    @property
    def width(self) -> int:
        """Width of the box in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        """Height of the box in pixels."""
        return self.box[3] - self.box[1]

    def moved(self, x: int, y: int) -> "Block":
        """Return the block with its upper left corner at a point."""
        across, down = x - self.box[0], y - self.box[1]
        return replace(
            self,
            box=(x, y, x + self.width, y + self.height),
            spots=tuple((left + across, base + down) for left, base in self.spots),
        )


@dataclass(frozen=True)
class Layout:
    """Everything that is set on a picture.

    Attributes:
        blocks: The fields in reading order.
        toned: Left, top, right, bottom of the part that must be even enough to read on.
        fade: Pixels over which toning passes into the picture outside that part.
    """

    blocks: tuple[Block, ...]
    toned: Box
    fade: int


def lay_out(
    face: Typeface,
    words: Mapping[str, str],
    *,
    size: tuple[int, int],
    safe_area: SafeArea,
    crowded: bool = False,
) -> Layout | None:
    """Set the fields as large as their frame allows.

    Args:
        face: Measures the text.
        words: Text by field, in reading order.
        size: Width and height of the frame in pixels.
        safe_area: Strips at the edges that stay free.
        crowded: Take the whole safe area and the least sizes, rather than leave the picture room.

    Returns:
        The layout, or None where a field has no room at its least size.
    """
    width, height = size
    margin = max(2, round(min(size) * _MARGIN))
    area = (
        max(safe_area.left, margin),
        max(safe_area.top, margin),
        width - max(safe_area.right, margin),
        height - max(safe_area.bottom, margin),
    )
    if area[2] <= area[0] or area[3] <= area[1]:
        return None
    attempt = _set_banner if width >= _BANNER * height else _set_poster
    for headline in _sizes(size, crowded=crowded):
        layout = attempt(face, words, headline, size, area, crowded)
        if layout is not None:
            return layout
    return None


def _sizes(size: tuple[int, int], *, crowded: bool) -> Iterator[int]:
    width, height = size
    column = width * _COLUMN if width >= _LANDSCAPE * height else width
    value = round(height * 0.3 if width >= _BANNER * height else 0.118 * (column * height) ** 0.5)
    least = LEAST_SIZE if crowded else _LEAST_HEADLINE
    value = max(value, least)
    while value >= least:
        yield value
        value = min(value - 1, round(value * 0.96))


def _set_poster(
    face: Typeface,
    words: Mapping[str, str],
    headline: int,
    size: tuple[int, int],
    area: Box,
    crowded: bool,
) -> Layout | None:
    """Stack all fields at the lower left; toned from there to the edges of the frame."""
    width, height = size
    landscape = width >= _LANDSCAPE * height
    most_width = area[2] - area[0]
    most_height = area[3] - area[1]
    if not crowded:
        most_width = round(most_width * (_COLUMN if landscape else 1))
        share = _MOST_HEIGHT["landscape" if landscape else "portrait"]
        most_height = min(most_height, round(height * share))
    stack = _stack(face, words, headline, most_width)
    if stack is None or _stack_height(stack, headline) > most_height:
        return None
    top = area[3] - _stack_height(stack, headline)
    blocks = _place_stack(stack, headline, area[0], top)
    fade = round(min(size) * _FADE)
    air = round(headline * _GAP)
    right = max(block.box[2] for block in blocks) + air if landscape else width
    return Layout(tuple(blocks), toned=(0, top - air, right, height), fade=fade)


def _set_banner(
    face: Typeface,
    words: Mapping[str, str],
    headline: int,
    size: tuple[int, int],
    area: Box,
    crowded: bool,
) -> Layout | None:
    """Set the button at the right and the rest before it; the picture keeps the left."""
    width, height = size
    left = area[0] if crowded else max(area[0], round(min(width * 0.42, height * 1.95)))
    right, middle = area[2], (area[1] + area[3]) // 2
    blocks: list[Block] = []
    rest = {field: text for field, text in words.items() if field != _BUTTON}
    if _BUTTON in words:
        most = (right - left) // (2 if rest else 1)
        button = _set_button(face, words[_BUTTON], round(headline * 0.6), most)
        if button is None or button.height > area[3] - area[1]:
            return None
        start = right - button.width if rest else left
        blocks.append(button.moved(start, middle - button.height // 2))
        right = start - headline
    if rest:
        stack = _stack(face, rest, headline, right - left)
        if stack is None or _stack_height(stack, headline) > area[3] - area[1]:
            return None
        top = middle - _stack_height(stack, headline) // 2
        blocks = [*_place_stack(stack, headline, left, top), *blocks]
    toned = (left - headline // 2, 0, width, height)
    return Layout(tuple(blocks), toned=toned, fade=round(height * 0.8))


def _stack(
    face: Typeface, words: Mapping[str, str], headline: int, width: int
) -> list[Block] | None:
    blocks: list[Block] = []
    for field, text in words.items():
        style = _STYLES[field]
        wanted = max(LEAST_SIZE, round(headline * style.share))
        block = (
            _set_button(face, text, wanted, width)
            if field == _BUTTON
            else _set_text(face, field, text, wanted, width)
        )
        if block is None:
            return None
        blocks.append(block)
    return blocks


def _set_text(face: Typeface, field: str, text: str, size: int, width: int) -> Block | None:
    """Set a field at the origin, its lines starting one below the other to the pixel."""
    style = _STYLES[field]
    font = face.font(size, style.weight)
    lines = face.break_lines(text, font=font, width=width, most=style.lines)
    if lines is None:
        return None
    inks = [font.getbbox(line, anchor="ls", language=face.language) for line in lines]
    leading = round(size * (_LEADING if style.share == 1 else _SMALL_LEADING))
    first = -inks[0][1]
    return Block(
        field=field,
        lines=lines,
        spots=tuple((-ink[0], first + n * leading) for n, ink in enumerate(inks)),
        font=font,
        box=(
            0,
            0,
            round(max(ink[2] - ink[0] for ink in inks) + 0.5),
            round(first + leading * (len(lines) - 1) + inks[-1][3] + 0.5),
        ),
    )


def _set_button(face: Typeface, text: str, wanted: int, width: int) -> Block | None:
    """Set a button at the origin: on one line if that costs a quarter of its size at most."""
    wanted = max(LEAST_SIZE, wanted)
    style = _STYLES[_BUTTON]
    for most, least in ((1, max(LEAST_SIZE, round(wanted * 0.75))), (style.lines, LEAST_SIZE)):
        for size in range(wanted, least - 1, -1):
            font = face.font(size, style.weight)
            room = width - 2 * _button_padding(size)
            lines = face.break_lines(text, font=font, width=room, most=most)
            if lines is not None:
                return _wrap_button(face, lines, font, size)
    return None


def _wrap_button(
    face: Typeface, lines: tuple[str, ...], font: ImageFont.FreeTypeFont, size: int
) -> Block:
    widths = [face.measure(line, font) for line in lines]
    padding, leading = _button_padding(size), round(size * _SMALL_LEADING)
    width = round(max(widths) + 2 * padding + 0.5)
    height = round(size * 1.15) + leading * len(lines)
    capital = -font.getbbox("H", anchor="ls")[1]
    # Capitals, not the line's full box, are what the eye centres.
    first = (height - leading * (len(lines) - 1) + capital) / 2
    return Block(
        field=_BUTTON,
        lines=lines,
        spots=tuple(
            ((width - each) / 2, round(first) + n * leading) for n, each in enumerate(widths)
        ),
        font=font,
        box=(0, 0, width, height),
        is_button=True,
    )


def _button_padding(size: int) -> int:
    return round(size * 1.1)


def _stack_height(stack: Sequence[Block], headline: int) -> int:
    return sum(block.height for block in stack) + _gap(headline) * (len(stack) - 1)


def _place_stack(stack: Sequence[Block], headline: int, left: int, top: int) -> list[Block]:
    placed: list[Block] = []
    for block in stack:
        placed.append(block.moved(left, top))
        top += block.height + _gap(headline)
    return placed


def _gap(headline: int) -> int:
    return max(4, round(headline * _GAP))
