"""Lays out copy in a frame: a size and a place for every line; measures text, draws nothing.

It stands where prompts ask for a calm area: the left third of a landscape, else the upper third.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.studio.typography.blocks import (
    BUTTON,
    LEAST_SIZE,
    STYLES,
    Block,
    Box,
    Group,
    set_button,
    set_text,
)
from nbp_dagster.studio.typography.line_breaks import LEAST_WORD, has_free_breaks
from nbp_dagster.studio.typography.tone import find_toned
from nbp_dagster.studio.typography.typeface import Typeface

_LEAST_HEADLINE: Final = 12  # pixels, while a headline still has to stand out from a sub line

_AT_THE_FOOT: Final = (BUTTON, "disclaimer")  # of a square or portrait frame
_STRIP: Final = 5.0  # frames this much wider than high have the button beside the text
_MARGIN: Final = 0.055  # least distance to the frame's edge, as a share of its shorter side
_COLUMN: Final = 0.42  # share of a landscape frame's width that copy may take
_STRIP_COLUMN: Final = 0.74
_STRIP_BUTTON: Final = 0.44  # type of a button, whose pill is then as high as the headline
_HEAD: Final = 0.4  # shares of a portrait frame's height down to which its head may reach,
_FOOT: Final = 0.3  # and which its foot may take
# The headline's size that is tried first: a share of the frame's height, or of its area's root.
_STRIP_SIZE: Final = 0.3
_COLUMN_SIZE: Final = 0.085
_HEAD_SIZE: Final = 0.094
# How much larger type starts where the frame is the copy's alone.
_WHOLE_SIZES: Final[Mapping[str, float]] = {"strip": 1.1, "column": 1.5, "head_and_foot": 1.2}
_GAP: Final = 0.42  # between fields, as a share of the headline's size
_FADE: Final = 0.2  # depth of the toning's soft edge, as a share of the frame's width
_SHRUNK: Final = 0.75  # share of the first size below which dividing words is tried
_WORTH_DIVIDING: Final = 1.25  # how much larger the type must get by it
_FEW_LINES: Final = 3  # of a headline; more of them look like pieces
_WORTH_FEWER_LINES: Final = 0.6  # of the size with more lines
_STEP: Final = 0.94  # from one size that is tried to the next

Room = Literal["beside", "whole", "crowded"]
"""Copy leaves most of a frame to the picture, or takes all of the safe area, or does so at the
least sizes."""
Shape = Literal["strip", "column", "head_and_foot"]
Place = Literal["usual", "right", "corner", "right_corner", "upper", "lower"]
"""Where the calm area is; a column at the right; one at the foot of the left side, or of the right;
everything at the top, or at the bottom."""


@dataclass(frozen=True)
class _Frame:
    """What every layout needs to know."""

    face: Typeface
    width: int
    height: int
    safe: Box
    room: Room
    shape: Shape
    place: Place
    share: float | None
    divide: bool = False
    most: int | None = None


def lay_out(
    face: Typeface,
    words: Mapping[str, str],
    *,
    size: tuple[int, int],
    safe_area: SafeArea,
    room: Room = "beside",
    shape: Shape | None = None,
    place: Place = "usual",
    share: float | None = None,
    most: int | None = None,
) -> tuple[Group, ...] | None:
    """Set the fields as large as their frame allows.

    Args:
        face: Measures the text.
        words: Text by field, in reading order.
        size: Width and height of the frame in pixels.
        safe_area: Strips at the edges that stay free.
        room: How much of the frame copy may take, and how small it may be.
        shape: How the fields stand to each other; by the frame's own shape when None.
        place: Where on the frame they stand.
        share: Most of the frame's width (in a column) or height; the usual one when None.
        most: Pixels of the headline at most: what the copy of other locales has.

    Returns:
        The groups, or None where a field has no room at its least size.
    """
    frame = _frame(face, size, safe_area, room=room, shape=shape)
    frame = replace(frame, place=place, share=share, most=most)
    size_found, groups = _try_sizes(frame, words)
    if size_found >= next(_sizes(frame), 0) * _SHRUNK or not _has_long_word(words):
        return groups
    size_divided, divided = _try_sizes(replace(frame, divide=True), words)
    # A divided word reads worse, unless it is what makes the type readable.
    return divided if size_divided >= max(1, size_found * _WORTH_DIVIDING) else groups


def has_room(
    face: Typeface,
    words: Mapping[str, str],
    *,
    size: tuple[int, int],
    safe_area: SafeArea,
    shape: Shape | None = None,
) -> bool:
    """Return whether the fields fit at their least sizes, crowded; arguments as for `lay_out`.

    One attempt, in a millisecond or so: what does not fit like this may still with divided words.
    """
    frame = _frame(face, size, safe_area, room="crowded", shape=shape)
    return _set(frame, words, LEAST_SIZE) is not None


def shape_of(width: int, height: int) -> Shape:
    """Return how fields stand to each other in a frame of a size."""
    if width >= _STRIP * height:
        return "strip"
    return "column" if width > height else "head_and_foot"


def first_size(size: tuple[int, int], shape: Shape) -> int:
    """Return the pixels of a headline that are tried first in a frame of a size."""
    if shape == "strip":
        return round(size[1] * _STRIP_SIZE)
    root = math.sqrt(size[0] * size[1])
    return round(root * (_COLUMN_SIZE if shape == "column" else _HEAD_SIZE))


def _frame(
    face: Typeface,
    size: tuple[int, int],
    safe_area: SafeArea,
    *,
    room: Room,
    shape: Shape | None,
) -> _Frame:
    width, height = size
    margin = max(2, round(min(size) * _MARGIN))
    safe = (
        max(safe_area.left, margin),
        max(safe_area.top, margin),
        width - max(safe_area.right, margin),
        height - max(safe_area.bottom, margin),
    )
    return _Frame(face, width, height, safe, room, shape or shape_of(width, height), "usual", None)


def _set(frame: _Frame, words: Mapping[str, str], headline: int) -> tuple[Group, ...] | None:
    """Set the fields at one size of the headline, in the layout of the frame's shape."""
    if frame.shape == "strip":
        return _set_strip(frame, words, headline)
    if frame.shape == "column":
        return _set_column(frame, words, headline)
    return _set_head_and_foot(frame, words, headline)


def _try_sizes(frame: _Frame, words: Mapping[str, str]) -> tuple[int, tuple[Group, ...] | None]:
    """Return the largest size of the headline at which all fields have room; 0 for none.

    A headline in four pieces gives way to a smaller one in fewer.
    """
    found: tuple[int, tuple[Group, ...] | None] = (0, None)
    for headline in _sizes(frame):
        if headline < found[0] * _WORTH_FEWER_LINES:
            break
        groups = _set(frame, words, headline)
        if groups is None:
            continue
        if _count_lines(groups) <= _FEW_LINES:
            return headline, groups
        if found[1] is None:
            found = headline, groups
    return found


def _count_lines(groups: tuple[Group, ...]) -> int:
    blocks = (block for group in groups for block in group.blocks)
    return max((len(block.lines) for block in blocks if block.field == "headline"), default=0)


def _has_long_word(words: Mapping[str, str]) -> bool:
    return any(
        has_free_breaks(text) or any(len(word) >= LEAST_WORD for word in text.split())
        for text in words.values()
    )


def _sizes(frame: _Frame) -> Iterator[int]:
    least = LEAST_SIZE if frame.room == "crowded" else _LEAST_HEADLINE
    first = first_size((frame.width, frame.height), frame.shape)
    if frame.room == "whole":
        first = round(first * _WHOLE_SIZES[frame.shape])
    value = max(first, least)
    while value >= least:
        if frame.most is None or value <= frame.most:
            yield value
        value = min(value - 1, round(value * _STEP))


def _set_head_and_foot(
    frame: _Frame, words: Mapping[str, str], headline: int
) -> tuple[Group, ...] | None:
    """Headline and sub line at the top, button and disclaimer at the bottom."""
    left, top, right, bottom = frame.safe
    head = _stack(frame, _pick(words, frame.place, foot=False), headline, right - left)
    foot = _stack(frame, _pick(words, frame.place, foot=True), headline, right - left)
    if head is None or foot is None:
        return None
    head_height, foot_height = _stack_height(head, headline), _stack_height(foot, headline)
    if head_height + foot_height + _gap(headline) > bottom - top:
        return None
    if frame.room == "beside" and (
        top + head_height > frame.height * (frame.share or _HEAD) + (top if frame.share else 0)
        or foot_height > frame.height * (frame.share or _FOOT)
    ):
        return None
    groups: list[Group] = []
    air, fade = _gap(headline), round(frame.width * _FADE)
    edge = right if frame.face.is_rtl else None
    if head:
        placed = _place_stack(head, headline, left, top, right=edge)
        groups.append(Group(placed, (0, 0, frame.width, top + head_height + air // 2), fade))
    if foot:
        placed = _place_stack(foot, headline, left, bottom - foot_height, right=edge)
        # A button has a ground of its own.
        plain = [block.box for block in placed if not block.is_button] or [placed[0].box]
        toned = find_toned(plain, air=air // 2, fade=fade // 2, size=(frame.width, frame.height))
        groups.append(Group(placed, toned, fade // 2))
    return tuple(groups)


def _set_column(frame: _Frame, words: Mapping[str, str], headline: int) -> tuple[Group, ...] | None:
    """All fields in one column at the left, centred up and down."""
    left, top, right, bottom = frame.safe
    width = right - left
    if frame.room == "beside":
        width = min(width, round(frame.width * (frame.share or _COLUMN)))
    stack = _stack(frame, words, headline, width)
    if stack is None or _stack_height(stack, headline) > bottom - top:
        return None
    start = (top + bottom - _stack_height(stack, headline)) // 2
    if frame.place in ("corner", "right_corner"):
        start = bottom - _stack_height(stack, headline)
    flush = left + max(block.width for block in stack) if frame.face.is_rtl else None
    at_right = frame.place in ("right", "right_corner")
    if at_right:
        left = right - max(block.width for block in stack)
        flush = right if frame.face.is_rtl else None
    blocks = _place_stack(stack, headline, left, start, right=flush)
    edge = max(block.box[2] for block in blocks) + _gap(headline) // 2
    if frame.place in ("corner", "right_corner"):
        air, fade = _gap(headline) // 2, round(min(frame.width, frame.height) * _FADE / 2)
        boxes = [block.box for block in blocks]
        toned = find_toned(boxes, air=air, fade=fade, size=(frame.width, frame.height))
        return (Group(blocks, toned, fade),)
    start, end = (left - _gap(headline) // 2, frame.width) if at_right else (0, edge)
    return (Group(blocks, (start, 0, end, frame.height), round(frame.width * _FADE)),)


def _set_strip(frame: _Frame, words: Mapping[str, str], headline: int) -> tuple[Group, ...] | None:
    """The button beside the other fields, all at the left; centred up and down."""
    left, top, right, bottom = frame.safe
    if frame.room == "beside":
        right = min(right, round(frame.width * _STRIP_COLUMN))
    middle, edge = (top + bottom) // 2, right
    blocks: tuple[Block, ...] = ()
    rest = {field: text for field, text in words.items() if field != BUTTON}
    if BUTTON in words:
        most = (right - left) // (2 if rest else 1)
        button = set_button(frame.face, words[BUTTON], round(headline * _STRIP_BUTTON), most)
        if button is None or button.height > bottom - top:
            return None
        right -= button.width
        blocks = (button.moved(right, middle - button.height // 2),)
        right -= headline
    stack = _stack(frame, rest, headline, right - left)
    if stack is None or _stack_height(stack, headline) > bottom - top:
        return None
    start = middle - _stack_height(stack, headline) // 2
    blocks = (*_place_stack(stack, headline, left, start), *blocks)
    if frame.face.is_rtl:
        blocks = tuple(_mirror(block, frame.safe[0], edge) for block in blocks)
    return (Group(blocks, (0, 0, edge + headline // 2, frame.height), frame.height),)


def _pick(words: Mapping[str, str], place: Place, *, foot: bool) -> dict[str, str]:
    if place in ("upper", "lower"):
        return dict(words) if foot is (place == "lower") else {}
    return {field: text for field, text in words.items() if (field in _AT_THE_FOOT) is foot}


def _stack(
    frame: _Frame, words: Mapping[str, str], headline: int, width: int
) -> list[Block] | None:
    """Set fields at the origin; None where one needs more width or lines than it may have."""
    blocks: list[Block] = []
    for field, text in words.items():
        wanted = max(LEAST_SIZE, round(headline * STYLES[field].share))
        if field == BUTTON:
            block = set_button(frame.face, text, wanted, width)
        else:
            block = set_text(frame.face, field, text, wanted, width=width, divide=frame.divide)
        if block is None:
            return None
        blocks.append(block)
    return blocks


def _stack_height(stack: Sequence[Block], headline: int) -> int:
    return sum(block.height for block in stack) + _gap(headline) * max(0, len(stack) - 1)


def _place_stack(
    stack: Sequence[Block], headline: int, left: int, top: int, *, right: int | None = None
) -> tuple[Block, ...]:
    """Place fields below each other on one left edge; on a right one where it is given."""
    placed: list[Block] = []
    for block in stack:
        placed.append(block.moved(left if right is None else right - block.width, top))
        top += block.height + _gap(headline)
    return tuple(placed)


def _mirror(block: Block, left: int, right: int) -> Block:
    return block.moved(left + right - block.box[2], block.box[1])


def _gap(headline: int) -> int:
    return max(4, round(headline * _GAP))
