"""Sets the label that says a picture is made with AI: its letters, its icon and its place.

The label has a plate of its own, so that its contrast depends on no picture. Must not know briefs,
laws or channels.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.briefs.fonts import FontPair
from nbp_dagster.briefs.languages import is_right_to_left, is_shaped
from nbp_dagster.disclosure.need import LabelSpec
from nbp_dagster.disclosure.table import FALLBACK_LANGUAGE, Icon
from nbp_dagster.studio.imaging.boxes import overlap_of, share_of
from nbp_dagster.studio.typography.blocks import Box
from nbp_dagster.studio.typography.contrast import BLACK, WHITE, Colour
from nbp_dagster.studio.typography.letters.typeface import SizedFont, Typeface, can_shape

LABEL_VERSION: Final = "1"
"""Raised when an equal label would look or stand otherwise: renditions are made again."""

# Of a head's width and height: what is hair and air around the face (see `places._widen`).
_BESIDE_FACE, _ABOVE_FACE, _BELOW_FACE = 0.13, 0.2, 0.08
_WEIGHT: Final = 600
_USUAL: Final = 1.25  # of the least size: what is tried first
_PAD_ACROSS, _PAD_DOWN = 0.5, 0.22  # around the letters, in their em
_ICON: Final = 1.3  # diameter of the icon beside words, in their em
_ICON_ALONE: Final = 2.0  # so that its letters have the least size
_GAP: Final = 0.35  # between icon and words
_LEADING: Final = 1.25
_MOST_LINES: Final = 3
_NARROW: Final = 0.8  # of one line: the width in which words are broken where one has no room
_MARGIN: Final = 0.5  # to the frame's edge, in the em
_CLEAR: Final = 0.35  # to what must not be covered, in the em
_STEPS: Final = 14  # places that are tried along an edge
_SHARPER: Final = 4  # the plate and the icon are drawn so much larger first
_DARK_GROUND: Final = 100  # of 255: a ground below it gets a light plate
# What a place costs: an edge by a corner, the inside by an edge; the subject or hair under it; and
# how busy the picture is there.
_EDGE_COST: Final = 0.25
_INSIDE_COST: Final = 1.0
_SUBJECT_COST: Final = 0.6
_HEAD_COST: Final = 3.0
_BUSY_COST: Final = 0.8
_COVERING: Final = 100.0
_BUSY: Final = 64.0  # standard deviation of the grey values that counts as fully busy
_LOOKED_AT: Final = 256  # pixels of the shorter side of the copy that is looked at
# Corners by preference: bottom left, bottom right, top left, top right.
_CORNER_COSTS: Final = {(0, 1): 0.0, (1, 1): 0.03, (0, 0): 0.06, (1, 0): 0.09}


@dataclass(frozen=True)
class Obstacles:
    """What a label keeps clear of, in pixels of the frame.

    Attributes:
        named: Boxes that it must not cover, by what they are.
        heads: Boxes of heads: their faces must not be covered, their hair should not.
        subject: What it should rather not cover; None where that is not known.
    """

    named: Mapping[str, Box]
    heads: tuple[Box, ...] = ()
    subject: Box | None = None


@dataclass(frozen=True)
class PlacedLabel:
    """A label on a frame.

    Attributes:
        words: What is set; empty for an icon alone.
        language: Locale of the words; English where no font has the letters of the wanted ones.
        icon: Kind of the icon; None for none.
        lines: The words in lines.
        size: Pixels of the em.
        box: The plate: left, top, right, bottom in pixels.
        text_box: The words, or the icon where there are none.
        covers: What it covers of what it must not; empty where its place is free.
    """

    words: str
    language: str
    icon: Icon | None
    lines: tuple[str, ...]
    size: int
    box: Box
    text_box: Box
    covers: tuple[str, ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether it covers nothing that it must not."""
        return not self.covers


def place_label(
    image: Image.Image,
    spec: LabelSpec,
    *,
    safe_area: SafeArea,
    obstacles: Obstacles,
    fonts: FontPair | None = None,
) -> PlacedLabel:
    """Find the best place for a label on a finished frame, and its size.

    Corners are tried first, then every edge, then the inside; first somewhat larger than it must
    be. Where nothing is free it covers as little as can be: a picture without its label is worse
    than one with something of it hidden.

    Args:
        image: The frame, RGB, with everything else that is set on it.
        spec: The label.
        safe_area: Strips at the edges, in pixels, that stay free of it.
        obstacles: What it keeps clear of.
        fonts: What to set letters in that Inter lacks; the fallback's words stand where these lack
            them too.
    """
    spec, face = _choose_face(spec, fonts)
    least = spec.least_size(image.size)
    unrest = _Unrest(image)
    best: tuple[float, PlacedLabel] | None = None
    for size, is_narrow in ((round(least * _USUAL), False), (least, False), (least, True)):
        bounds = _bounds(image.size, safe_area, size)
        shape = _shape(spec, face.font(size, _WEIGHT), size, bounds, is_narrow=is_narrow)
        for cost, label in _offers(shape, bounds, obstacles, unrest):
            if best is None or cost < best[0]:
                best = cost, label
        if best is not None and best[1].is_free:
            break
    assert best is not None
    return best[1]


def measure_label(
    spec: LabelSpec,
    frame: tuple[int, int],
    *,
    safe_area: SafeArea,
    fonts: FontPair | None = None,
) -> tuple[int, int]:
    """Return the least width and the least height that a label takes of a frame, in pixels.

    They are of its least size, margins included, and of two shapes of it: broken, and in one line.
    """
    spec, face = _choose_face(spec, fonts)
    size = spec.least_size(frame)
    bounds, clear = _bounds(frame, safe_area, size), round(size * _CLEAR)
    font = face.font(size, _WEIGHT)
    narrow = _shape(spec, font, size, bounds, is_narrow=True)
    return narrow.wide + clear + 1, _shape(spec, font, size, bounds).high + clear + 1


def draw_label(
    image: Image.Image, label: PlacedLabel, *, fonts: FontPair | None = None
) -> Image.Image:
    """Return a frame with a label on it.

    Args:
        image: The frame, RGB.
        label: From `place_label` of this frame.
        fonts: As there.
    """
    picture = image.copy()
    ground, ink = _choose_colours(picture, label.box)
    left, top, right, bottom = label.box
    wide, high = right - left, bottom - top
    mask = Image.new("L", (wide * _SHARPER, high * _SHARPER))
    radius = min(high, label.size * 1.9) * _SHARPER / 2.4
    edge = (0, 0, wide * _SHARPER - 1, high * _SHARPER - 1)
    ImageDraw.Draw(mask).rounded_rectangle(edge, radius=radius, fill=255)
    picture.paste(ground, label.box, mask.resize((wide, high), Image.Resampling.BOX))
    if label.icon is not None:
        _draw_icon(picture, label, ground, ink)
    if label.words:
        face = _face_of(label.words, label.language, fonts)
        font = face.font(label.size, _WEIGHT)
        x, y = label.text_box[0], label.text_box[1]
        step = round(label.size * _LEADING)
        ascent = -font.find_ink("AI")[1]
        for number, line in enumerate(label.lines):
            ink_left, _, ink_right, _ = font.find_ink(line)
            start = label.text_box[2] - ink_right if font.is_rtl else x - ink_left
            baseline = y + (step - (step - ascent) / 2) + number * step
            font.draw(picture, (start, baseline), line, ink)
    return picture


def _choose_face(spec: LabelSpec, fonts: FontPair | None) -> tuple[LabelSpec, Typeface]:
    """What the words are set in; English words where no font here can set them."""
    if not spec.words:
        return spec, Typeface(FALLBACK_LANGUAGE)
    needs_shaping = is_shaped(spec.language) and spec.words != spec.fallback
    if not needs_shaping or can_shape():
        for pair in (None, fonts):
            face = Typeface(spec.language, pair)
            if not face.find_missing(spec.words):
                return spec, face
    english = replace(spec, words=spec.fallback, language=FALLBACK_LANGUAGE)
    return english, Typeface(FALLBACK_LANGUAGE)


def _face_of(words: str, language: str, fonts: FontPair | None) -> Typeface:
    face = Typeface(language)
    return Typeface(language, fonts) if fonts and face.find_missing(words) else face


@dataclass(frozen=True)
class _Shape:
    """A label before it has a place: its size, and where words and icon are in it."""

    spec: LabelSpec
    size: int
    lines: tuple[str, ...]
    wide: int
    high: int
    text: Box

    def at(self, left: int, top: int, covers: tuple[str, ...]) -> PlacedLabel:
        """Return it at a place."""
        text = self.text
        return PlacedLabel(
            words=self.spec.words,
            language=self.spec.language,
            icon=self.spec.icon,
            lines=self.lines,
            size=self.size,
            box=(left, top, left + self.wide, top + self.high),
            text_box=(left + text[0], top + text[1], left + text[2], top + text[3]),
            covers=covers,
        )


def _shape(
    spec: LabelSpec, font: SizedFont, size: int, bounds: Box, *, is_narrow: bool = False
) -> _Shape:
    across, down = round(size * _PAD_ACROSS), round(size * _PAD_DOWN)
    if not spec.words:
        side = round(size * _ICON_ALONE)
        whole = (down, down, down + side, down + side)
        return _Shape(spec, size, (), side + 2 * down, side + 2 * down, whole)
    side = round(size * _ICON) if spec.icon else 0
    start = across + side + (round(size * _GAP) if side else 0)
    room = max(1, bounds[2] - bounds[0] - start - across)
    if is_narrow:
        room = min(room, round(font.measure(spec.words) * _NARROW))
    lines = font.break_lines(spec.words, width=room, most=_MOST_LINES, divide=not is_narrow)
    lines = lines or (spec.words,)
    inks = [font.find_ink(line) for line in lines]
    wide = round(max(ink[2] - ink[0] for ink in inks))
    high = max(side, len(lines) * round(size * _LEADING))
    text_top = down + (high - len(lines) * round(size * _LEADING)) // 2
    text_bottom = text_top + len(lines) * round(size * _LEADING)
    left = across if is_right_to_left(spec.language) else start
    text = (left, text_top, left + wide, text_bottom)
    return _Shape(spec, size, lines, start + wide + across, high + 2 * down, text)


def _bounds(frame: tuple[int, int], safe_area: SafeArea, size: int) -> Box:
    """Where a label may stand: the safe area, and a little off the frame's edge."""
    margin = max(2, round(size * _MARGIN))
    return (
        max(safe_area.left, margin),
        max(safe_area.top, margin),
        frame[0] - max(safe_area.right, margin),
        frame[1] - max(safe_area.bottom, margin),
    )


class _Unrest:
    """How busy each part of a frame is: the spread of its grey values, from 0 to 1."""

    def __init__(self, image: Image.Image) -> None:
        self._step = max(1, min(image.size) // _LOOKED_AT)
        grey = np.asarray(image.convert("L").reduce(self._step), dtype=np.float64)
        # Summed over everything above and to the left, so that each box takes four of them.
        self._sums = np.pad(grey, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
        self._squares = np.pad(grey**2, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)

    def of(self, box: Box) -> float:
        """Return how busy a box is."""
        rows, columns = (length - 1 for length in self._sums.shape)
        left, right = (min(box[n] // self._step, columns - 1) for n in (0, 2))
        top, bottom = (min(box[n] // self._step, rows - 1) for n in (1, 3))
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        count = (right - left) * (bottom - top)
        mean, square = (
            float(each[bottom, right] - each[top, right] - each[bottom, left] + each[top, left])
            / count
            for each in (self._sums, self._squares)
        )
        return min(1.0, math.sqrt(max(0.0, square - mean * mean)) / _BUSY)


def _offers(
    shape: _Shape, bounds: Box, obstacles: Obstacles, unrest: _Unrest
) -> Iterator[tuple[float, PlacedLabel]]:
    """Yield what may be done with a label of one size, each with its cost."""
    clear = round(shape.size * _CLEAR)
    for left, top, cost in _list_places(bounds, shape.wide, shape.high):
        box = (left, top, left + shape.wide, top + shape.high)
        wider = (box[0] - clear, box[1] - clear, box[2] + clear, box[3] + clear)
        covered = {name: overlap_of(wider, each) for name, each in obstacles.named.items()}
        for number, head in enumerate(obstacles.heads, start=1):
            covered[f"face {number}"] = overlap_of(box, _face_in(head))
        covered = {name: area for name, area in covered.items() if area > 0}
        total = cost + _BUSY_COST * unrest.of(box)
        total += _HEAD_COST * sum(share_of(box, head) for head in obstacles.heads)
        if obstacles.subject is not None:
            total += _SUBJECT_COST * share_of(box, obstacles.subject)
        if covered:
            # Any free place costs less than the best that is not.
            total += _COVERING + _COVERING * sum(covered.values()) / (shape.wide * shape.high)
        yield total, shape.at(left, top, tuple(covered))


def _face_in(head: Box) -> tuple[float, float, float, float]:
    left, top, right, bottom = head
    wide, high = right - left, bottom - top
    return (
        left + _BESIDE_FACE * wide,
        top + _ABOVE_FACE * high,
        right - _BESIDE_FACE * wide,
        bottom - _BELOW_FACE * high,
    )


def _list_places(bounds: Box, wide: int, high: int) -> Iterator[tuple[int, int, float]]:
    """Yield left, top and the cost of every place that is tried."""
    columns = _steps(bounds[0], bounds[2] - wide)
    rows = _steps(bounds[1], bounds[3] - high)
    for x, left in enumerate(columns):
        for y, top in enumerate(rows):
            at_side = x in (0, len(columns) - 1)
            at_end = y in (0, len(rows) - 1)
            if at_side and at_end:
                key = (int(x > 0), int(y == len(rows) - 1))
                yield left, top, _CORNER_COSTS[key]
            else:
                yield left, top, _EDGE_COST if at_side or at_end else _INSIDE_COST


def _steps(first: int, last: int) -> Sequence[int]:
    """Places from a first one to a last one; one where there is no room to move."""
    if last <= first:
        return [max(0, first)]
    count = min(_STEPS, last - first)
    return [round(first + (last - first) * step / count) for step in range(count + 1)]


def _choose_colours(picture: Image.Image, box: Box) -> tuple[Colour, Colour]:
    """Plate and ink: light on a dark ground, dark on any other; some 18:1 either way."""
    part = np.asarray(picture.crop(box).convert("L"))
    is_dark = part.size > 0 and float(part.mean()) < _DARK_GROUND
    return (WHITE, BLACK) if is_dark else (BLACK, WHITE)


def _draw_icon(picture: Image.Image, label: PlacedLabel, ground: Colour, ink: Colour) -> None:
    """Draw an icon: the letters AI in a disc, which is full, half full or a ring.

    Ours, after the published description of the EU's three: basic, fully generated, partially
    modified. The Commission's own files were not at hand.
    """
    box = label.box
    down = round(label.size * _PAD_DOWN)
    if label.words:
        side = round(label.size * _ICON)
        left = box[0] + round(label.size * _PAD_ACROSS)
        if is_right_to_left(label.language):
            left = box[2] - round(label.size * _PAD_ACROSS) - side
        top = (box[1] + box[3] - side) // 2
    else:
        side, left, top = box[3] - box[1] - 2 * down, box[0] + down, box[1] + down
    large = side * _SHARPER
    disc = Image.new("RGB", (large, large), ground)
    pen = ImageDraw.Draw(disc)
    line = max(_SHARPER, large // 12)
    whole = (0, 0, large - 1, large - 1)
    if label.icon == "fully_generated":
        pen.ellipse(whole, fill=ink)
    elif label.icon == "partially_modified":
        pen.ellipse(whole, outline=ink, width=line)
        pen.pieslice(whole, 90, 270, fill=ink)
    else:
        pen.ellipse(whole, outline=ink, width=line)
    font = SizedFont(round(large * 0.52), 700, language=None)
    ink_left, ink_top, ink_right, ink_bottom = font.find_ink("AI")
    spot = ((large - ink_left - ink_right) / 2, (large - ink_top - ink_bottom) / 2)
    stencil = Image.new("RGB", (large, large))
    font.draw(stencil, spot, "AI", WHITE)
    letters = stencil.convert("L")
    # Letters take the other colour of whatever part of the disc they lie on.
    turned = Image.fromarray(
        np.where(
            np.abs(np.asarray(disc, dtype=int) - np.array(ground)).sum(axis=2, keepdims=True)
            > np.abs(np.asarray(disc, dtype=int) - np.array(ink)).sum(axis=2, keepdims=True),
            np.array(ground, dtype=np.uint8),
            np.array(ink, dtype=np.uint8),
        )
    )
    disc.paste(turned, (0, 0), letters)
    picture.paste(disc.resize((side, side), Image.Resampling.BOX), (left, top))
