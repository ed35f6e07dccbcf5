"""Sets one field of copy as a block: broken into lines, measured, with a button around it or not.

Must not know frames or where blocks stand.
"""

import itertools
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from nbp_dagster.briefs.fonts import FontPair
from nbp_dagster.studio.typography.letters.type_scale import (
    LEAST_SIZE,
    Sizes,
    list_sizes,
    step_down,
)
from nbp_dagster.studio.typography.letters.typeface import SizedFont, Typeface

BUTTON: Final = "call_to_action"
"""The field that stands on a button."""

MAY_BE_LEFT_OUT: Final = "sub"
"""The headline and the call to action are the ad, and a disclaimer is required by law."""

FEW_LINES: Final = 3
"""Of a headline; more of them look like pieces."""

_LEADING: Final = 1.12
_SMALL_LEADING: Final = 1.34
_SMALLER_BUTTON: Final = 2  # steps of the scale
_CLEARANCE: Final = 0.1  # between the ink of two lines, as a share of their size

Box = tuple[int, int, int, int]
Spot = tuple[float, float]


@dataclass(frozen=True)
class Style:
    """How a field is set: steps of the scale below the headline, weight, lines at most."""

    steps: int
    weight: int
    lines: int


STYLES: Final[Mapping[str, Style]] = {
    "headline": Style(0, 750, 4),
    "sub": Style(7, 450, 5),
    BUTTON: Style(7, 650, 2),
    "disclaimer": Style(12, 450, 6),
}


@dataclass(frozen=True)
class Block:
    """One field, broken into lines and placed.

    Attributes:
        field: Name of the field.
        lines: Its text.
        spots: Left end of each line's baseline, pixels.
        font: The typeface at its size and weight.
        box: Left, top, right, bottom of the text, or of the button around it.
    """

    field: str
    lines: tuple[str, ...]
    spots: tuple[Spot, ...]
    font: SizedFont
    box: Box

    @property
    def is_button(self) -> bool:
        """Whether it stands on a button of its own colour."""
        return self.field == BUTTON

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
class Group:
    """Fields that stand together.

    Attributes:
        blocks: The fields in reading order; at least one.
        toned: Left, top, right, bottom of the part that must be even enough to read on.
        fade: Pixels over which toning passes into the picture outside that part.
    """

    blocks: tuple[Block, ...]
    toned: Box
    fade: int


@dataclass(frozen=True)
class Copy:
    """The copy of one locale, and what it is set in.

    Attributes:
        words: Field and text, in reading order.
        language: The locale.
        fonts: Inter by default.
    """

    words: tuple[tuple[str, str], ...]
    language: str
    fonts: FontPair | None = None

    @property
    def texts(self) -> dict[str, str]:
        """Text by field."""
        return dict(self.words)

    def only(self, fields: Container[str]) -> "Copy":
        """Return the copy with some of its fields."""
        return replace(self, words=tuple(each for each in self.words if each[0] in fields))

    def without(self, field: str) -> "Copy":
        """Return the copy without a field."""
        return replace(self, words=tuple(each for each in self.words if each[0] != field))


@dataclass(frozen=True)
class Layout:
    """Where copy stands, and how large it is set."""

    groups: tuple[Group, ...]
    sizes: Sizes

    @property
    def boxes(self) -> dict[str, Box]:
        """The box of each field that is set."""
        return {block.field: block.box for group in self.groups for block in group.blocks}

    def count_lines(self, field: str) -> int:
        """Return how many lines a field has; 0 where it is not set."""
        blocks = (block for group in self.groups for block in group.blocks)
        return max((len(block.lines) for block in blocks if block.field == field), default=0)

    @property
    def has_few_lines(self) -> bool:
        """Whether its headline is in few enough pieces, and no word in more than two."""
        blocks = (block for group in self.groups for block in group.blocks)
        pairs = (pair for block in blocks for pair in itertools.pairwise(block.lines))
        is_cut = any(one.endswith("-") and other.endswith("-") for one, other in pairs)
        return not is_cut and self.count_lines("headline") <= FEW_LINES


def set_text(
    face: Typeface, field: str, text: str, size: int, *, width: int, divide: bool
) -> Block | None:
    """Set a field at the origin; None where it needs more width or lines than it may have."""
    style = STYLES[field]
    font = face.font(size, style.weight)
    lines = font.break_lines(text, width=width, most=style.lines, divide=divide)
    if lines is None:
        return None
    inks = [font.find_ink(line) for line in lines]
    leading = _lead(font, inks, _LEADING if style.steps == 0 else _SMALL_LEADING)
    first = -inks[0][1]
    across = max(ink[2] - ink[0] for ink in inks)
    return Block(
        field=field,
        lines=lines,
        # Lines start at their ink, so that round and straight letters stand on one edge: the left
        # one, or the right one where the script runs that way.
        spots=tuple(
            (across - ink[2] if font.is_rtl else -ink[0], first + n * leading)
            for n, ink in enumerate(inks)
        ),
        font=font,
        box=(
            0,
            0,
            round(across + 0.5),
            round(first + leading * (len(lines) - 1) + inks[-1][3] + 0.5),
        ),
    )


def _lead(font: SizedFont, inks: Sequence[tuple[float, float, float, float]], usual: float) -> int:
    """Return the pixels from one baseline to the next: more where letters reach high or low."""
    clear = max((upper[3] - lower[1] for upper, lower in itertools.pairwise(inks)), default=0.0)
    return max(round(font.size * usual), round(clear + font.size * _CLEARANCE))


def set_button(face: Typeface, text: str, wanted: int, width: int) -> Block | None:
    """Set a button, on one line if that costs two steps of the scale at most."""
    style = STYLES[BUTTON]
    for most, least in ((1, step_down(wanted, _SMALLER_BUTTON)), (style.lines, LEAST_SIZE)):
        for size in list_sizes(wanted, least=least):
            font = face.font(size, style.weight)
            room = width - 2 * _button_padding(size)
            lines = font.break_lines(text, width=room, most=most)
            if lines is not None:
                return _wrap_button(lines, font)
    return None


def _wrap_button(lines: tuple[str, ...], font: SizedFont) -> Block:
    widths = [font.measure(line) for line in lines]
    leading = _lead(font, [font.find_ink(line) for line in lines], _SMALL_LEADING)
    width = round(max(widths) + 2 * _button_padding(font.size) + 0.5)
    height = round(font.size * 1.15) + leading * len(lines)
    capital = -font.find_ink("H")[1]
    # The eye centres capitals, not the line's whole height.
    first = round((height - leading * (len(lines) - 1) + capital) / 2)
    spots = tuple(((width - each) / 2, first + n * leading) for n, each in enumerate(widths))
    return Block(BUTTON, lines, spots, font, (0, 0, width, height))


def _button_padding(size: int) -> int:
    return round(size * 1.1)
