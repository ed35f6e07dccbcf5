"""Lays out copy in a frame: a size and a place for every line; measures text, draws nothing.

It stands where prompts ask for a calm area: the left third of a landscape, else the upper third.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.studio.typography.blocks import (
    BUTTON,
    FEW_LINES,
    STYLES,
    Block,
    Box,
    Copy,
    Group,
    Layout,
    set_button,
    set_text,
)
from nbp_dagster.studio.typography.contrast import find_toned
from nbp_dagster.studio.typography.letters.line_breaks import LEAST_WORD, has_free_breaks
from nbp_dagster.studio.typography.letters.type_scale import (
    LEAST_SIZE,
    Sizes,
    find_least_headline,
    find_least_type,
    find_size,
    list_sizes,
    share_sizes,
    step_down,
)
from nbp_dagster.studio.typography.letters.typeface import Typeface

_AT_THE_FOOT: Final = (BUTTON, "disclaimer")  # of a square or portrait frame
_STRIP: Final = 5.0  # frames this much wider than high have the button beside the text
_MARGIN: Final = 0.055  # least distance to the frame's edge, as a share of its shorter side
_COLUMN: Final = 0.42  # share of a landscape frame's width that copy may take
_STRIP_COLUMN: Final = 0.74
_HEAD: Final = 0.4  # shares of a portrait frame's height down to which its head may reach,
_FOOT: Final = 0.3  # and which its foot may take
_DEEP_FOOT: Final = 0.25  # covered by the platform: a button above it is in the picture's middle
_DEEP_HEAD: Final = 0.42  # down to which all of the copy may reach then
# The headline's size that is tried first: a share of the frame's height, or of its area's root.
_STRIP_SIZE: Final = 0.33
_COLUMN_SIZE: Final = 0.085
_HEAD_SIZE: Final = 0.094
_GAP: Final = 0.4  # between fields, as a share of the headline's size
_FADE: Final = 0.14  # depth of the toning's soft edge, as a share of the frame's width
_SHRUNK: Final = 0.75  # share of the first size below which dividing words is tried
_WORTH_DIVIDING: Final = 1.25  # how much larger the type must get by it
_FEW_LINES_OF_STRIP: Final = 2  # of a headline, where the button stands beside it

Room = Literal["beside", "whole", "crowded"]
"""Copy leaves most of a frame to the picture, or takes all of the safe area, or does so at the
least sizes."""
Shape = Literal["strip", "column", "head_and_foot"]
Place = Literal["usual", "right", "corner", "right_corner", "upper", "lower", "middle"]
"""Where the calm area is; a column at the right; one at the foot of the left side, or of the right;
everything at the top, at the bottom, or halfway between."""


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
    most: Sizes | None = None
    whole: tuple[int, int] = (0, 0)

    @property
    def usual(self) -> int:
        """Pixels of a headline that is usual in it."""
        return first_size(self.whole, self.shape)


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
    most: Sizes | None = None,
    frame: tuple[int, int] | None = None,
) -> Layout | None:
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
        most: Sizes at most: what the copy of other locales has.
        frame: Width and height of the whole frame, where `size` is a part of it: type is as large
            as is usual there.

    Returns:
        None where a field has no room at its least size.
    """
    part = _frame(face, size, safe_area, room=room, shape=shape)
    part = replace(part, place=place, share=share, most=most, whole=frame or size)
    sizes = tuple(_sizes(part))
    found = _try_sizes(part, words, sizes)
    enough = min(sizes[0], part.usual * _SHRUNK)
    if (found is not None and found.sizes.headline >= enough) or not _has_long_word(words):
        return found
    divided = _try_sizes(replace(part, divide=True), words, sizes)
    if found is None or divided is None:
        return found or divided
    # A divided word reads worse, unless it is what makes the type readable, or as large as that of
    # the other locales.
    is_worth_it = divided.sizes.headline >= found.sizes.headline * _WORTH_DIVIDING or (
        most is not None
        and divided.sizes.headline == most.headline > found.sizes.headline
        and not any(map(has_free_breaks, words.values()))
    )
    return divided if is_worth_it and divided.has_few_lines else found


def lay_out_alike(
    copies: Sequence[Copy], lay: Callable[[Copy, Sizes | None], Layout | None], *, least: int
) -> tuple[Layout, ...] | None:
    """Lay the copy of all locales out in the sizes that the longest has room for.

    Args:
        copies: Each locale's.
        lay: Lays one out, in sizes at most where they are given.
        least: Pixels of a headline below which a locale keeps its size to itself.

    Returns:
        None where one of them has no room.
    """
    own = [lay(copy, None) for copy in copies]
    for _ in range(2):  # the size of the headline decides that of the button that is wanted
        found = [each for each in own if each is not None]
        if len(found) < len(copies):
            return None
        most = share_sizes([layout.sizes for layout in found], least)
        own = [
            layout if layout.sizes.is_within(most) else lay(copy, most) or layout
            for copy, layout in zip(copies, found, strict=True)
        ]
    return tuple(each for each in own if each is not None)


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
        return find_size(size[1] * _STRIP_SIZE)
    root = math.sqrt(size[0] * size[1])
    return find_size(root * (_COLUMN_SIZE if shape == "column" else _HEAD_SIZE))


def least_headline(size: tuple[int, int]) -> int:
    """Return the pixels below which a headline is too small for a frame of a size."""
    return find_least_headline(first_size(size, shape_of(*size)))


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
    shape = shape or shape_of(width, height)
    return _Frame(face, width, height, safe, room, shape, "usual", None, whole=size)


def _set(frame: _Frame, words: Mapping[str, str], headline: int) -> tuple[Group, ...] | None:
    """Set the fields at one size of the headline, in the layout of the frame's shape."""
    if frame.shape == "strip":
        return _set_strip(frame, words, headline)
    if frame.shape == "column":
        return _set_column(frame, words, headline)
    return _set_head_and_foot(frame, words, headline)


def _try_sizes(frame: _Frame, words: Mapping[str, str], sizes: Sequence[int]) -> Layout | None:
    """Return the layout with the largest headline for which all fields have room.

    A headline in many pieces gives way to a smaller one in fewer, if that is not too small.
    """
    found: Layout | None = None
    few = _FEW_LINES_OF_STRIP if frame.shape == "strip" else FEW_LINES
    for headline in sizes:
        if found is not None and headline < find_least_headline(frame.usual):
            break
        groups = _set(frame, words, headline)
        if groups is None:
            continue
        layout = Layout(groups, Sizes(headline, _find_button(groups)))
        if layout.count_lines("headline") <= few:
            return layout
        found = found or layout
    return found


def _find_button(groups: tuple[Group, ...]) -> int | None:
    blocks = (block for group in groups for block in group.blocks)
    return next((block.font.size for block in blocks if block.is_button), None)


def _has_long_word(words: Mapping[str, str]) -> bool:
    return any(
        has_free_breaks(text) or any(len(word) >= LEAST_WORD for word in text.split())
        for text in words.values()
    )


def _sizes(frame: _Frame) -> Iterator[int]:
    first = frame.usual
    if frame.most is not None:
        first = min(first, frame.most.headline)
    least = LEAST_SIZE if frame.room == "crowded" else find_least_headline(0)
    return list_sizes(max(first, least), least=least)


def _wanted(frame: _Frame, field: str, headline: int) -> int:
    """Return the pixels of a field's type, beside a headline of a size."""
    least = LEAST_SIZE
    if headline >= find_least_headline(frame.usual):
        least = min(headline, find_least_type(frame.whole))
    wanted = max(least, step_down(headline, STYLES[field].steps))
    if field == BUTTON and frame.most is not None and frame.most.button is not None:
        return min(wanted, frame.most.button)
    return wanted


def _set_head_and_foot(
    frame: _Frame, words: Mapping[str, str], headline: int
) -> tuple[Group, ...] | None:
    """Headline and sub line at the top, button and disclaimer at the bottom.

    Where the platform covers so much of the foot that they would stand in the middle of the
    picture, they stand below the headline.
    """
    left, top, right, bottom = frame.safe
    is_deep = frame.place == "usual" and frame.height - bottom > frame.height * _DEEP_FOOT
    place: Place = "upper" if is_deep else frame.place
    head = _stack(frame, _pick(words, place, foot=False), headline, right - left)
    foot = _stack(frame, _pick(words, place, foot=True), headline, right - left)
    if head is None or foot is None:
        return None
    head_height, foot_height = _stack_height(head, headline), _stack_height(foot, headline)
    between = _gap(headline) if head and foot else 0
    if head_height + foot_height + between > bottom - top:
        return None
    most = _DEEP_HEAD if is_deep else frame.share or _HEAD
    if frame.room == "beside" and (
        top + head_height > frame.height * most + (top if frame.share else 0)
        or foot_height > frame.height * (frame.share or _FOOT)
    ):
        return None
    if frame.place == "middle":
        top = (top + bottom - head_height) // 2
    groups: list[Group] = []
    fade = round(frame.width * _FADE)
    edge = right if frame.face.is_rtl else None
    if head:
        placed = _place_stack(head, headline, left, top, right=edge)
        end = _group(frame, placed, headline, fade).toned[3]
        groups.append(Group(placed, (0, 0, frame.width, end), fade))
    if foot:
        placed = _place_stack(foot, headline, left, bottom - foot_height, right=edge)
        group = _group(frame, placed, headline, fade // 2)
        if not head:
            # A patch around a headline is seen as one.
            group = replace(group, toned=(0, group.toned[1], frame.width, frame.height))
        groups.append(group)
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
    if frame.place in ("corner", "right_corner"):
        fade = round(min(frame.width, frame.height) * _FADE / 2)
        return (_group(frame, blocks, headline, fade),)
    edges = (0, max(block.box[2] for block in blocks) + _gap(headline) // 2)
    if at_right:
        edges = (left - _gap(headline) // 2, frame.width)
    return (Group(blocks, (edges[0], 0, edges[1], frame.height), round(frame.width * _FADE)),)


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
        wanted = _wanted(frame, BUTTON, headline)
        button = set_button(frame.face, words[BUTTON], wanted, most)
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


def _group(frame: _Frame, blocks: tuple[Block, ...], headline: int, fade: int) -> Group:
    """Group fields with what is toned for them: the part under words; a button has a ground."""
    plain = [block.box for block in blocks if not block.is_button] or [blocks[0].box]
    size = (frame.width, frame.height)
    return Group(blocks, find_toned(plain, air=_gap(headline) // 2, fade=fade, size=size), fade)


def _pick(words: Mapping[str, str], place: Place, *, foot: bool) -> dict[str, str]:
    if place in ("upper", "lower", "middle"):
        return dict(words) if foot is (place == "lower") else {}
    return {field: text for field, text in words.items() if (field in _AT_THE_FOOT) is foot}


def _stack(
    frame: _Frame, words: Mapping[str, str], headline: int, width: int
) -> list[Block] | None:
    """Set fields at the origin; None where one needs more width or lines than it may have."""
    blocks: list[Block] = []
    for field, text in words.items():
        wanted = _wanted(frame, field, headline)
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
