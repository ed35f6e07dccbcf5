"""Chooses where copy stands on a picture: of the places a layout offers, one that covers nobody.

The copy of all locales stands in one place, in one size where that is not too small.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.studio.imaging.boxes import share_of
from nbp_dagster.studio.typography.blocks import BUTTON, Box, Copy, Group, Layout
from nbp_dagster.studio.typography.letters.type_scale import Sizes, share_sizes
from nbp_dagster.studio.typography.letters.typeface import Typeface
from nbp_dagster.studio.typography.text_layout import (
    Place,
    Shape,
    lay_out,
    lay_out_alike,
    least_headline,
    shape_of,
)

MOST_COVERED: Final = 0.02
"""Share of a head, or of drawn lettering, that may lie under type."""
MOST_COVERED_OF_SUBJECT: Final = 0.25
"""Share of a subject without a head that may."""
MOST_TONED: Final = 0.3
"""Change of the picture under type from which a ground beside the picture looks better."""

_HEAD_COST: Final = 10.0  # of a head under type, by what a subject costs
_TONED_COST: Final = 3.0  # of a head that is darkened for type beside it
_SMALL_COST: Final = 0.8  # of type, by the share that it is smaller than usual
_TONING_COST: Final = 1.0  # of type for which the picture below it is changed altogether
_NEAR_COST: Final = 0.3  # of toning that must end abruptly before a head
_NEAR: Final = 0.05  # of the frame's shorter side: toning that ends nearer to one is seen to end
_SEAM_COST: Final = 2.0  # of a field half on a picture and half beside it
_APART_COST: Final = 0.2  # of copy that leaves a ground beside the picture
# Shares of the frame that copy may take: the usual one where it is None, then tighter ones.
_COLUMN_PLACES: Final[tuple[tuple[Place, float | None], ...]] = (
    ("right", None),
    ("usual", 0.3),
    ("right", 0.3),
    ("corner", None),
    ("right_corner", None),
)
_STACK_PLACES: Final[tuple[tuple[Place, float | None], ...]] = (
    ("lower", 0.4),
    ("upper", 0.4),
    ("lower", 0.27),
    ("upper", 0.27),
    ("lower", 0.17),
    ("upper", 0.17),
)
_CORNERS: Final[tuple[tuple[Place, float | None], ...]] = (
    ("usual", 0.5),
    ("right", 0.5),
    ("corner", 0.5),
    ("right_corner", 0.5),
    ("corner", 0.36),
    ("right_corner", 0.36),
)


@dataclass(frozen=True)
class Taken:
    """What copy must not cover, in pixels of the frame.

    Attributes:
        heads: Boxes of heads.
        figure: Box of the subject; None where it is not known.
        words: Boxes of lettering on the picture.
        picture: Where the picture is, if it does not fill the frame.
    """

    heads: tuple[Box, ...] = ()
    figure: Box | None = None
    words: tuple[Box, ...] = ()
    picture: Box | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is anything to keep clear of."""
        return bool(self.heads or self.words or self.figure or self.picture)


@dataclass(frozen=True)
class _Offer:
    """One place that a layout offers; the usual one where `shape` is None.

    Attributes:
        plate: Width and height, from the upper left corner on, of a ground beside the picture.
    """

    shape: Shape | None = None
    place: Place = "usual"
    share: float | None = None
    plate: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Standing:
    """Where the copy of one locale would stand."""

    boxes: tuple[Box, ...]
    plain: tuple[Box, ...]
    toned: tuple[Box, ...]
    headline: int


@dataclass(frozen=True)
class _Candidate:
    """A place with the copy of every locale in it."""

    offer: _Offer
    most: Sizes
    standings: tuple[_Standing, ...]

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Where any locale has type that stands on the picture itself."""
        return tuple(box for each in self.standings for box in each.plain)

    def is_clear(self, taken: Taken) -> bool:
        """Whether no locale's type covers heads or lettering, nor a subject without a head."""
        return all(_is_clear(each, taken) for each in self.standings)

    def is_large(self, size: tuple[int, int]) -> bool:
        """Whether no locale's headline is too small for the frame."""
        return all(each.headline >= least_headline(size) for each in self.standings)


@dataclass(frozen=True)
class Choice:
    """The place that was chosen.

    Attributes:
        layout: Where the copy stands there; None where it has no room at all.
        boxes: Where the copy of any locale stands there.
        is_clear: Whether type covers neither heads, lettering nor the subject there.
        is_free: Whether it also has a fair size, and is legible without changing the picture much.
    """

    layout: Layout | None
    boxes: tuple[Box, ...] = ()
    is_clear: bool = True
    is_free: bool = True


LayUsual = Callable[[Typeface, Copy, tuple[int, int], SafeArea, Sizes | None], Layout | None]
"""Lays copy out in the usual place, in sizes at most; None where it has no room."""


def choose_place(
    copies: tuple[Copy, ...],
    *,
    size: tuple[int, int],
    safe_area: SafeArea,
    taken: Taken,
    lay_usual: LayUsual,
    measure_toning: Callable[[Sequence[Box]], float],
) -> Choice:
    """Choose the layout that covers the least of heads and subject.

    The usual place is taken among equals, which prompts ask the model to keep calm.

    Args:
        copies: The copy that is laid out, then that of the other locales of picture and channel.
        size: Width and height of the frame in pixels.
        safe_area: Strips at the edges that stay free.
        taken: What must not be covered.
        lay_usual: Lays out in the usual place.
        measure_toning: How much type in some boxes changes the picture below it, 0 to 1.
    """
    ordered = tuple(sorted(copies, key=lambda each: each.language))
    found = _list_candidates(
        ordered, size, safe_area, taken.picture, lay_usual, every=taken.is_known
    )
    if not found:
        face = Typeface(copies[0].language, copies[0].fonts)
        return Choice(lay_usual(face, copies[0], size, safe_area, None))
    usual = max(standing.headline for standing in found[0].standings)

    def rate(candidate: _Candidate) -> tuple[bool, float]:
        toning = measure_toning(candidate.boxes)
        is_free = candidate.is_clear(taken) and candidate.is_large(size) and toning <= MOST_TONED
        cost = max(_cost(each, taken, usual) for each in candidate.standings)
        cost += max(_find_abruptness(each, taken.heads, size) for each in candidate.standings)
        if taken.picture is not None and candidate.offer.plate is None:
            cost += _APART_COST
        return not is_free, round(cost + _TONING_COST * toning, 6)

    rates = list(map(rate, found))
    best = found[rates.index(min(rates))]
    layout = _Setter(size, safe_area, lay_usual).lay(copies[0], best.offer, best.most)
    if layout is None:
        return Choice(None)
    groups = tuple(_keep_off(group, taken.heads) for group in layout.groups)
    clear = best.is_clear(taken)
    return Choice(replace(layout, groups=groups), best.boxes, clear, not min(rates)[0])


@lru_cache(maxsize=256)
def _list_candidates(
    copies: tuple[Copy, ...],
    size: tuple[int, int],
    safe_area: SafeArea,
    picture: Box | None,
    lay_usual: LayUsual,
    *,
    every: bool,
) -> tuple[_Candidate, ...]:
    """Lay the copy of all locales out in the usual place and the others; asks no picture."""
    found, setter = [], _Setter(size, safe_area, lay_usual)
    for offer in _list_offers(size, picture) if every else (_Offer(),):

        def lay(copy: Copy, most: Sizes | None, offer: _Offer = offer) -> Layout | None:
            return setter.lay(copy, offer, most)

        layouts = lay_out_alike(copies, lay, least=least_headline(size))
        if layouts is not None:
            most = share_sizes([layout.sizes for layout in layouts], least_headline(size))
            found.append(_Candidate(offer, most, tuple(map(_describe, layouts))))
    return tuple(found)


def _list_offers(size: tuple[int, int], picture: Box | None) -> Iterator[_Offer]:
    yield _Offer()
    if picture is not None and picture[1] > 0:
        yield _Offer("head_and_foot", "middle", plate=(size[0], picture[1]))
    if picture is not None and picture[0] > 0:
        yield _Offer("column", plate=(picture[0], size[1]))
    if shape_of(*size) == "column":
        yield from (_Offer("column", place, share) for place, share in _COLUMN_PLACES)
    yield from (_Offer("head_and_foot", place, share) for place, share in _STACK_PLACES)
    if shape_of(*size) != "column":
        yield from (_Offer("column", place, share) for place, share in _CORNERS)


class _Setter:
    """Lays copy out in the places of one frame; keeps what it measured, for one thread."""

    def __init__(self, size: tuple[int, int], safe_area: SafeArea, lay_usual: LayUsual) -> None:
        self._size = size
        self._safe_area = safe_area
        self._lay_usual = lay_usual
        self._faces: dict[Copy, Typeface] = {}
        self._usual: dict[Copy, Layout | None] = {}

    def lay(self, copy: Copy, offer: _Offer, most: Sizes | None) -> Layout | None:
        """Lay copy out in a place, in sizes at most; None where it has no room there."""
        size, area = self._size, self._safe_area
        if copy not in self._faces:
            self._faces[copy] = Typeface(copy.language, copy.fonts)
            self._usual[copy] = self._lay_usual(self._faces[copy], copy, size, area, None)
        face, usual = self._faces[copy], self._usual[copy]
        if usual is None or (offer.shape is None and most is None):
            return usual
        if offer.shape is None:
            return self._lay_usual(face, copy, size, area, most)
        if offer.plate is not None:
            across, down = offer.plate[0] < size[0], offer.plate[1] < size[1]
            area = area.model_copy(update={"right": 0} if across else {})
            area = area.model_copy(update={"bottom": 0} if down else {})
        return lay_out(
            face,
            # What has no room in the usual place is left out of all of them.
            copy.only(usual.boxes).texts,
            size=offer.plate or size,
            safe_area=area,
            room="beside" if offer.plate is None else "whole",
            shape=offer.shape,
            place=offer.place,
            share=offer.share,
            most=most,
            frame=size,
        )


def _describe(layout: Layout) -> _Standing:
    return _Standing(
        boxes=tuple(layout.boxes.values()),
        plain=tuple(box for field, box in layout.boxes.items() if field != BUTTON),
        toned=tuple(group.toned for group in layout.groups),
        headline=layout.sizes.headline,
    )


def _is_clear(standing: _Standing, taken: Taken) -> bool:
    for box in (*taken.heads, *taken.words):
        if sum(share_of(box, each) for each in standing.boxes) > MOST_COVERED:
            return False
    if taken.heads or taken.figure is None:
        return True
    return sum(share_of(taken.figure, each) for each in standing.boxes) <= MOST_COVERED_OF_SUBJECT


def _cost(standing: _Standing, taken: Taken, usual: int) -> float:
    cost = _SMALL_COST * max(0.0, 1 - standing.headline / usual)
    for box in (*taken.heads, *taken.words):
        cost += _HEAD_COST * sum(share_of(box, each) for each in standing.boxes)
        cost += _TONED_COST * sum(share_of(box, toned) for toned in standing.toned)
    if taken.figure is not None:
        cost += sum(share_of(taken.figure, each) for each in standing.boxes)
    if taken.picture is not None:
        inside = (share_of(each, taken.picture) for each in standing.boxes)
        cost += _SEAM_COST * any(0 < share < 1 for share in inside)
    return cost


def _find_abruptness(standing: _Standing, heads: tuple[Box, ...], size: tuple[int, int]) -> float:
    """Return the cost of toning that has no room to fade before a head."""
    soft = min(size) * _NEAR
    room = (
        _measure_gap(toned, head)
        for toned in standing.toned
        for head in heads
        if share_of(head, toned) == 0
    )
    return _NEAR_COST * max((1 - min(1.0, gap / soft) for gap in room), default=0.0)


def _measure_gap(one: Box, other: Box) -> int:
    """Return the pixels between two boxes, across or down, whichever is more."""
    across = max(one[0] - other[2], other[0] - one[2], 0)
    return max(across, one[1] - other[3], other[1] - one[3])


def _keep_off(group: Group, heads: tuple[Box, ...]) -> Group:
    """Return a group whose toning ends before the heads that it does not lie on."""
    fade = group.fade
    for head in heads:
        if share_of(head, group.toned) == 0:
            fade = min(fade, _measure_gap(group.toned, head))
    return replace(group, fade=max(1, fade))
