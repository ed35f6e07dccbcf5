"""Chooses how much of a banner a picture takes, and which part of it is seen there.

Heads are whole and outside the part that fades; where no window of the usual width can do that, the
part gets narrower, and at last shows the whole picture at the banner's height. Arithmetic alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from nbp_dagster.studio.imaging.boxes import Box, scale_box, share_of
from nbp_dagster.studio.imaging.crop import Subject

_AIR: Final = 0.03  # of the picture's shorter side, around what must be seen
_ROOM: Final = 0.72  # of a window's sides, which a figure without heads takes at most
_CLOSER: Final = 0.94  # from one window that is tried to the next
_NARROWER: Final = 0.9  # from one length of the part that is tried to the next
_PLACES: Final = 13  # of a window along each side, between the two that just show the target
_FRAGMENT: Final = 0.02  # share of the words' area from which a window shows pieces of them


@dataclass(frozen=True)
class FigurePart:
    """A part of a banner that shows a picture.

    Attributes:
        length: Pixels along the banner's longer side.
        box: What is seen of the picture, in its pixels.
        fade: Share of the part that may pass into the background at its inner end.
    """

    length: int
    box: Box
    fade: float


def choose_part(
    source: tuple[int, int],
    *,
    size: tuple[int, int],
    length: int,
    fade: float,
    subject: Subject,
    fades_at_end: bool = False,
) -> FigurePart | None:
    """Choose the figure's part of a banner.

    Args:
        source: Width and height of the picture in pixels.
        size: Width and height of the banner in pixels.
        length: Pixels of the usual part along the banner's longer side; also the most, but for the
            whole picture.
        fade: Share of it that passes into the background.
        subject: Heads, figure and words.
        fades_at_end: Whether the right or lower end fades, not the left or upper one.

    Returns:
        None where nobody knows what must be seen.
    """
    target = find_target(subject)
    if target is None:
        return None
    if size[0] <= size[1]:
        turned = Subject(
            subject.saliency,
            tuple(map(_turn, subject.words)),
            tuple(map(_turn, subject.heads)),
        )
        goal = _turn(target)
        found = _search(source[::-1], size[0], length, fade, turned, goal, fades_at_end)
        return FigurePart(found.length, _turn(found.box), found.fade)
    return _search(source, size[1], length, fade, subject, target, fades_at_end)


def find_target(subject: Subject) -> Box | None:
    """Return what must be seen whole: all heads, else the figure; None where neither is known."""
    if not subject.heads:
        return subject.figure
    lefts, tops, rights, bottoms = zip(*subject.heads, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _turn(box: Box) -> Box:
    return box[1], box[0], box[3], box[2]


def _search(
    source: tuple[int, int],
    across: int,
    length: int,
    fade: float,
    subject: Subject,
    target: Box,
    fades_at_end: bool,
) -> FigurePart:
    wide, high = source
    goal = scale_box(target, source)
    whole = max(1, round(across * wide / high))
    room = 1.0 if subject.heads else _ROOM
    while length > min(whole, across // 2):
        for box in _windows(source, length / across, fade, goal, fades_at_end, across, room):
            if _share_seen(subject.words, box, source) < _FRAGMENT:
                return FigurePart(length, box, fade)
        length = round(length * _NARROWER)
    # Nothing of the target may fade.
    free = (wide - goal[2] if fades_at_end else goal[0]) / wide
    words = [1 - box[2] if fades_at_end else box[0] for box in subject.words]
    room = max(0.0, min([fade, free, *words]))
    return FigurePart(whole, (0.0, 0.0, float(wide), float(high)), room)


def _windows(
    source: tuple[int, int],
    ratio: float,
    fade: float,
    goal: Box,
    fades_at_end: bool,
    across: int,
    room: float,
) -> Iterator[Box]:
    """Yield windows of a ratio that hold a goal outside the part that fades, the closest first."""
    wide, high = source
    air = _AIR * min(source)
    most = min(high, wide / ratio)
    # What is smaller than the banner would be enlarged.
    tallest = max(goal[3] - goal[1], (goal[2] - goal[0]) / (ratio * (1 - fade)))
    least = max(tallest, min(across, most))
    tall = max(tallest / room, least + 2 * air)
    if tall > most >= least:
        tall = most
    while tall <= most:
        long = tall * ratio
        before, after = (0.0, fade * long) if fades_at_end else (fade * long, 0.0)
        lefts = _starts((goal[2] + after - long, goal[0] - before), wide - long)
        tops = _starts((goal[3] - tall, goal[1]), high - tall)
        yield from ((left, top, left + long, top + tall) for left in lefts for top in tops)
        if tall == most:
            return
        tall = min(most, tall / _CLOSER)


def _starts(bounds: tuple[float, float], last: float) -> list[float]:
    """Places between two bounds, from their middle outwards; none where they are crossed."""
    low, high = max(0.0, bounds[0]), min(last, bounds[1])
    if low > high + 1e-6:
        return []
    middle = (low + high) / 2
    places = np.linspace(low, max(low, high), _PLACES)
    return sorted((float(place) for place in places), key=lambda place: abs(place - middle))


def _share_seen(words: tuple[Box, ...], box: Box, source: tuple[int, int]) -> float:
    """Return the greatest share of a word's box that is seen, where it is seen in part or whole."""
    return max((share_of(scale_box(word, source), box) for word in words), default=0.0)
