"""Shares a frame out between a figure, a logo and copy beside them, alike for all locales.

Arithmetic on boxes; type is laid out by `text_layout`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.studio.typography.banner_logo import fit_within
from nbp_dagster.studio.typography.blocks import BUTTON, MAY_BE_LEFT_OUT, Box, Copy, Layout
from nbp_dagster.studio.typography.letters.type_scale import Sizes, find_size, share_sizes
from nbp_dagster.studio.typography.letters.typeface import Typeface
from nbp_dagster.studio.typography.text_layout import (
    Room,
    Shape,
    first_size,
    has_room,
    lay_out,
    lay_out_alike,
    least_headline,
    shape_of,
)

# The figure's part of a wide frame: a share of its width, within so many of its height; then what
# is tried where the copy has no room beside it.
_FIGURE_SHARE: Final = 0.38
_FIGURE_WIDTHS: Final = ((1.0, 1.8), (0.85, 1.0))
_MOST_OF_NEAR_SQUARES: Final = (0.55, 0.42)  # of the width of frames up to 2:1, for each of those
# The same of any other frame, as shares of its height; the figure then gets what copy leaves.
_FIGURE_HEIGHTS: Final = (0.6, 0.52, 0.44, 0.36, 0.28)
_MOST_OF_FRAME: Final = 0.66  # of its height, for the figure
_MOST_OF_WIDTH: Final = 0.6  # of a wide frame, for a part that shows a picture whole
# Most of a logo, in shares of its frame's width and height.
_LOGO_SHARES: Final[Mapping[Shape, tuple[float, float]]] = {
    "strip": (0.2, 0.7),
    "column": (0.16, 0.5),
    "head_and_foot": (0.5, 0.1),
}
_GAP: Final = 0.14  # between logo and copy, as a share of the shorter side
_AIR: Final = 0.09  # above and below copy that a figure leaves just its room, as such a share
_MARGIN: Final = 0.055  # least distance to the frame's edge, as a share of the shorter side
_COMFORTABLE: Final = 0.75  # of the usual headline: from it on the figure gets the room
_CRAMPED: Final[tuple[Room, ...]] = ("whole", "crowded")  # what is tried where nothing else fits


@dataclass(frozen=True)
class Frame:
    """What a banner is shared out of.

    Attributes:
        size: Width and height in pixels.
        safe_area: Strips at the edges that stay free of copy and logo.
        logo: The logo's width and height, in any unit; None where there is none.
        length: Pixels of the figure's part at most, along the direction in which copy follows it.
    """

    size: tuple[int, int]
    safe_area: SafeArea
    logo: tuple[int, int] | None = None
    length: int | None = None

    @property
    def shape(self) -> Shape:
        """Copy stands in a row on leaderboards, in a column on billboards, in a stack else."""
        return shape_of(*self.size)

    @property
    def is_wide(self) -> bool:
        """Whether copy and figure stand beside each other; below each other otherwise."""
        return self.size[0] > self.size[1]

    @property
    def has_figure_first(self) -> bool:
        """Whether the figure is above its copy: heads are at the top of figures, which fade below.

        Not where the platform covers more of the frame's foot than of its head.
        """
        return not self.is_wide and self.safe_area.top >= self.safe_area.bottom


@dataclass(frozen=True)
class Part:
    """One way to share a frame out.

    Attributes:
        frame: What is shared out.
        figure: The part that shows the picture.
        logo: The logo's box; None where there is none, or no room for it.
    """

    frame: Frame
    figure: Box
    logo: Box | None

    @property
    def region(self) -> Box:
        """What copy has for itself, between figure and logo."""
        (wide, high), figure, logo = self.frame.size, self.figure, self.logo
        if self.frame.is_wide:
            start = 0 if logo is None else logo[2] + self._gap
            return (start, 0, max(start + 1, figure[0]), high)
        if self.frame.has_figure_first:
            return (0, figure[3], wide, max(figure[3] + 1, high if logo is None else logo[1]))
        start = 0 if logo is None else logo[3]
        return (0, start, wide, max(start + 1, figure[1]))

    @property
    def _gap(self) -> int:
        return round(min(self.frame.size) * _GAP)

    @property
    def area(self) -> SafeArea:
        """What of that stays free of copy."""
        given, has_logo = self.frame.safe_area, self.logo is not None
        if self.frame.is_wide:
            start = 0 if has_logo else given.left
            return given.model_copy(update={"left": start, "right": self._gap})
        air = round(min(self.frame.size) * _AIR)
        if self.frame.has_figure_first:
            end = air if has_logo else given.bottom
            return given.model_copy(update={"top": air, "bottom": end})
        start = air if has_logo else given.top
        return given.model_copy(update={"top": start, "bottom": air})

    def lay_out(
        self, copy: Copy, most: Sizes | None, room: Room, face: Typeface | None = None
    ) -> Layout | None:
        """Lay copy out in its region, from that one's upper left corner on."""
        left, top, right, bottom = self.region
        face, area = face or Typeface(copy.language, copy.fonts), self.area
        if face.is_rtl and self.frame.is_wide:
            # Its share is drawn with the sides exchanged.
            area = area.model_copy(update={"left": area.right, "right": area.left})
        return lay_out(
            face,
            copy.texts,
            size=(right - left, bottom - top),
            safe_area=area,
            room=room,
            shape=self.frame.shape,
            place="middle" if self.frame.shape == "head_and_foot" else "usual",
            most=most,
            frame=self.frame.size,
        )

    def give_rest(self, layouts: tuple[Layout, ...]) -> "Part":
        """Return the share with all that copy leaves given to the figure, up to a limit.

        Of a wide frame copy has its part, however little of it the lines need.
        """
        frame = self.frame
        if frame.is_wide:
            return self
        tallest = max(_height_of(layout) for layout in layouts)
        _, top, _, bottom = self.region
        spare = bottom - top - tallest - self.area.top - self.area.bottom
        long = self.figure[3] - self.figure[1]
        most = round(frame.size[1] * _MOST_OF_FRAME)
        if frame.length is not None:
            most = min(most, frame.length)
        return replace(self, figure=place_figure(frame, max(long, min(most, long + spare))))


def _height_of(layout: Layout) -> int:
    boxes = layout.boxes.values()
    return max(box[3] for box in boxes) - min(box[1] for box in boxes)


@dataclass(frozen=True)
class _Standard:
    """What a way to share out must hold to be taken."""

    headline: int
    is_tidy: bool
    room: Room = "whole"

    def holds(self, layout: Layout, copy: Copy, shape: Shape) -> bool:
        if "headline" in copy.texts and layout.sizes.headline < self.headline:
            return False
        if not self.is_tidy:
            return True
        if shape == "strip":
            return layout.count_lines("headline") < 3 and layout.count_lines(BUTTON) < 2
        return layout.has_few_lines


def has_banner_room(copy: Copy, frame: Frame) -> bool:
    """Return whether copy fits at its least sizes beside the least figure, without a logo.

    One attempt: what does not fit like this may still with divided words.
    """
    part = list(_list_parts(frame, has_logo=False))[-1]
    left, top, right, bottom = part.region
    return has_room(
        Typeface(copy.language, copy.fonts),
        copy.texts,
        size=(right - left, bottom - top),
        safe_area=part.area,
        shape=frame.shape,
    )


def share_out(copies: tuple[Copy, ...], frame: Frame) -> tuple[Part, Layout] | None:
    """Share a frame out for the first of some locales' copy; None where it has no room.

    All of them stand alike where all have room for every field. Else each has its own share, in
    sizes that are alike where they are not too small.
    """
    first, ordered = copies[0], tuple(sorted(copies, key=lambda copy: copy.language))
    alike = _find_alike(ordered, frame)
    if alike is not None:
        part, sizes = alike
        layout = part.lay_out(first, sizes, "whole")
        if layout is not None:
            return part, layout
    own = _share_alone(first, frame)
    if own is None:
        return None
    part, layout, room = own
    found = [_size_alone(copy, frame) for copy in ordered]
    most = share_sizes([each for each in found if each], least_headline(frame.size))
    shown = first.only(layout.boxes)
    return part, part.lay_out(shown, most, room) or layout


@lru_cache(maxsize=512)
def _find_alike(copies: tuple[Copy, ...], frame: Frame) -> tuple[Part, Sizes] | None:
    """Return a share and sizes in which every locale has room for all of its copy."""
    least = least_headline(frame.size)
    faces = {copy: Typeface(copy.language, copy.fonts) for copy in copies}
    for standard in (_comfort(frame), _Standard(least, is_tidy=True)):
        for part in _list_parts(frame, has_logo=True):

            def lay(copy: Copy, most: Sizes | None, part: Part = part) -> Layout | None:
                return part.lay_out(copy, most, "whole", faces[copy])

            layouts = lay_out_alike(copies, lay, least=least)
            if layouts is not None and all(
                standard.holds(layout, copy, frame.shape)
                for layout, copy in zip(layouts, copies, strict=True)
            ):
                most = share_sizes([layout.sizes for layout in layouts], least)
                return part.give_rest(layouts), most
    return None


@lru_cache(maxsize=512)
def _size_alone(copy: Copy, frame: Frame) -> Sizes | None:
    found = _share_alone(copy, frame)
    return None if found is None else found[1].sizes


def _share_alone(copy: Copy, frame: Frame) -> tuple[Part, Layout, Room] | None:
    """Share a frame out for one locale: the best way that has room."""
    face = Typeface(copy.language, copy.fonts)
    for given, has_logo, standard in _list_ways(copy, frame):
        for part in _list_parts(frame, has_logo=has_logo):
            layout = part.lay_out(given, None, standard.room, face)
            if layout is not None and standard.holds(layout, given, frame.shape):
                part = part.give_rest((layout,))
                return (
                    part,
                    part.lay_out(given, layout.sizes, standard.room) or layout,
                    standard.room,
                )
    return None


def _list_ways(copy: Copy, frame: Frame) -> Iterator[tuple[Copy, bool, _Standard]]:
    """Yield what to set, whether the logo is there, and what must hold; the fullest first."""
    needed = copy.without(MAY_BE_LEFT_OUT)
    good, least = _comfort(frame), _Standard(least_headline(frame.size), is_tidy=True)
    yield from ((copy, True, good), (copy, True, least))
    if not needed.words:
        yield copy, False, _Standard(0, is_tidy=False, room="crowded")
        return
    yield from ((needed, True, good), (needed, True, least), (needed, False, least))
    for room in _CRAMPED:
        standard = _Standard(0, is_tidy=False, room=room)
        yield from ((needed, True, standard), (needed, False, standard))


def _comfort(frame: Frame) -> _Standard:
    usual = first_size(frame.size, frame.shape) * _COMFORTABLE
    return _Standard(max(least_headline(frame.size), find_size(usual)), is_tidy=True)


def _list_parts(frame: Frame, *, has_logo: bool) -> Iterator[Part]:
    """Yield shares, those with the largest figure first."""
    logo = place_logo(frame) if has_logo else None
    for length in dict.fromkeys(_list_lengths(frame)):
        yield Part(frame, place_figure(frame, length), logo)


def _list_lengths(frame: Frame) -> Iterator[int]:
    wide, high = frame.size
    most = max(frame.size) if frame.length is None else frame.length
    if not frame.is_wide:
        yield from (min(most, round(high * share)) for share in _FIGURE_HEIGHTS)
        return
    usual, narrow = (
        round(min(max(wide * _FIGURE_SHARE, high * least), high * limit, wide * share))
        for (least, limit), share in zip(_FIGURE_WIDTHS, _MOST_OF_NEAR_SQUARES, strict=True)
    )
    # A picture that is shown whole may need more of a frame that is nearly square.
    yield usual if frame.length is None else min(most, round(wide * _MOST_OF_WIDTH))
    yield min(most, narrow)


def place_figure(frame: Frame, length: int) -> Box:
    """Return the part of a frame that shows the picture, of a length in pixels."""
    wide, high = frame.size
    if frame.is_wide:
        return (wide - length, 0, wide, high)
    if frame.has_figure_first:
        return (0, 0, wide, length)
    return (0, high - length, wide, high)


def place_logo(frame: Frame) -> Box | None:
    """The logo's box at the end of the copy that is away from the figure."""
    if frame.logo is None:
        return None
    (wide, high), area = frame.size, frame.safe_area
    margin = max(2, round(min(frame.size) * _MARGIN))
    left, top = max(area.left, margin), max(area.top, margin)
    across, down = _LOGO_SHARES[frame.shape]
    room = (
        min(wide * across, wide - left - max(area.right, margin)),
        min(high * down, high - 2 * max(top, area.bottom)),
    )
    box = fit_within(frame.logo, room)
    if frame.is_wide:
        top = (high - box[1]) // 2
    elif frame.has_figure_first:
        top = high - max(area.bottom, margin) - box[1]
    return (left, top, left + box[0], top + box[1])
