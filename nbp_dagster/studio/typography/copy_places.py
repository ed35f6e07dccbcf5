"""Chooses where copy stands on a picture: of the places a layout offers, one that covers nobody."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.studio.imaging.boxes import share_of
from nbp_dagster.studio.typography.blocks import Box, Group
from nbp_dagster.studio.typography.text_layout import Place, lay_out, shape_of
from nbp_dagster.studio.typography.typeface import Typeface

_HEAD_COST: Final = 10.0  # of a head under type, by what a subject costs
_TONED_COST: Final = 3.0  # of a head that is darkened for type beside it
_SMALL_COST: Final = 0.4  # of type of half the usual size
_FAINT_COST: Final = 0.05  # of type that stands out only on a darkened picture
# Shares of the frame that copy may take: the usual one where it is None, then tighter ones.
_COLUMN_PLACES: Final[tuple[tuple[Place, float | None], ...]] = (
    ("usual", None),
    ("right", None),
    ("usual", 0.3),
    ("right", 0.3),
)
_STACK_PLACES: Final[tuple[tuple[Place, float | None], ...]] = (
    ("lower", 0.4),
    ("upper", 0.4),
    ("lower", 0.27),
    ("upper", 0.27),
    ("lower", 0.17),
    ("upper", 0.17),
)


@dataclass(frozen=True)
class Taken:
    """What copy must not cover, in pixels of the frame.

    Attributes:
        heads: Boxes of heads.
        figure: Box of the subject; None where it is not known.
        words: Boxes of lettering on the picture.
    """

    heads: tuple[Box, ...] = ()
    figure: Box | None = None
    words: tuple[Box, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether there is anything to keep clear of."""
        return bool(self.heads or self.words) or self.figure is not None


def choose_place(
    face: Typeface,
    words: Mapping[str, str],
    usual: tuple[Group, ...],
    *,
    size: tuple[int, int],
    safe_area: SafeArea,
    taken: Taken,
    is_legible: Callable[[tuple[Group, ...]], bool],
) -> tuple[Group, ...]:
    """Return the layout that covers the least of heads and subject; the usual one among equals.

    Args:
        face: Measures the text.
        words: Text by field.
        usual: The layout in the place that prompts ask the model to keep calm.
        size: Width and height of the frame in pixels.
        safe_area: Strips at the edges that stay free.
        taken: What must not be covered.
        is_legible: Whether a layout's type stands out without darkening the picture.
    """
    if not taken.is_known or not usual:
        return usual
    largest = _largest(usual)
    best, least = usual, _cost(usual, taken, largest, is_legible)
    for groups in _offers(face, words, size, safe_area):
        cost = _cost(groups, taken, largest, is_legible)
        if cost < least - 1e-6:
            best, least = groups, cost
    return tuple(_keep_off(group, taken.heads) for group in best)


def _offers(
    face: Typeface, words: Mapping[str, str], size: tuple[int, int], safe_area: SafeArea
) -> Iterator[tuple[Group, ...]]:
    if shape_of(*size) == "column":
        for place, share in _COLUMN_PLACES[1:]:
            found = lay_out(face, words, size=size, safe_area=safe_area, place=place, share=share)
            if found is not None:
                yield found
    for place, share in _STACK_PLACES:
        found = lay_out(
            face,
            words,
            size=size,
            safe_area=safe_area,
            shape="head_and_foot",
            place=place,
            share=share,
        )
        if found is not None:
            yield found


def _cost(
    groups: tuple[Group, ...],
    taken: Taken,
    largest: int,
    is_legible: Callable[[tuple[Group, ...]], bool],
) -> float:
    boxes = [block.box for group in groups for block in group.blocks]
    cost = _SMALL_COST * 2 * max(0.0, 1 - _largest(groups) / max(1, largest))
    cost += 0.0 if is_legible(groups) else _FAINT_COST
    for head in (*taken.heads, *taken.words):
        cost += _HEAD_COST * sum(share_of(head, box) for box in boxes)
        cost += _TONED_COST * sum(share_of(head, group.toned) for group in groups)
    if taken.figure is not None:
        cost += sum(share_of(taken.figure, box) for box in boxes)
    return cost


def _largest(groups: tuple[Group, ...]) -> int:
    return max(block.font.size for group in groups for block in group.blocks)


def _keep_off(group: Group, heads: tuple[Box, ...]) -> Group:
    """Return a group whose toning ends before the heads that it does not lie on."""
    fade = group.fade
    for head in heads:
        if share_of(head, group.toned) == 0:
            across = max(group.toned[0] - head[2], head[0] - group.toned[2], 0)
            down = max(group.toned[1] - head[3], head[1] - group.toned[3], 0)
            fade = min(fade, max(across, down))
    return replace(group, fade=max(1, fade))
