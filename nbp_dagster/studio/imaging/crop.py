"""Chooses the crop: which part of a picture a frame shows; weighs saliency, words and the middle.

Arithmetic alone: must not open a picture.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np

from nbp_dagster.briefs.channels import is_banner
from nbp_dagster.studio.imaging.boxes import Box, area_of, overlap_of, scale_box

# Below this share of the picture a crop cuts figures to pieces; then the whole picture is shown.
LEAST_KEPT: Final = 0.55
# And below this share of what stands out in it.
LEAST_SALIENT: Final = 0.6
# Shares of the subject's box that a crop shows at least, where the subject is known.
LEAST_WITH_HEADS: Final = 0.75
LEAST_WITHOUT_HEADS: Final = 0.9

# Where a crop takes away, as the share of the loss that is taken at the left and at the top.
# Prompts tell the model which margins a centred crop costs, so crops stay at the middle unless
# something is kept by moving; a little above it, because heads are in the upper half and what is
# cut off below is missed less.
_LOST_LEFT: Final = 0.5
_LOST_TOP: Final = 0.45
_WORTH_MOVING: Final = 0.03  # share of what stands out that must be gained by leaving the middle
_PLACES: Final = 64  # steps over which a window is moved
_NEARLY: Final = 0.1  # share of what stands out by which windows of a thumbnail are alike
_FOOT: Final = 0.2  # what stands out at a thumbnail's foot, by what it counts at its top
_AIR: Final = 0.008  # free share of the picture around words and heads
_ALIKE: Final = 0.02  # share of the figure by which windows are alike

# The part of a frame that copy is set on: the left of a landscape one, the top of any other.
_COPY_SHARE: Final = 0.4

_DEEPER: Final = 1.05  # from one strip that is tried to the next
_SCALES: Final = (1.0, 0.88, 0.77, 0.68, 0.6, 0.52, 0.46)
_WORDS_COST: Final = 4.0  # all the words beside a figure cost as much as four figures
_FIGURE: Final = 0.94  # share of what the widest window shows that a closer one must still show

Anchor = Literal["centre", "end"]


@dataclass(frozen=True)
class Subject:
    """What of a picture must be seen.

    Attributes:
        saliency: How much each part stands out: rows by columns over the whole picture, sum 1.
        words: Boxes of words, in shares of the picture's width and height, 0 to 1.
        heads: Boxes of heads, in the same shares; none where nobody looked for them.
        figure: Box of what the picture is about; None where that is not known.
    """

    saliency: Any
    words: tuple[Box, ...] = field(default=())
    heads: tuple[Box, ...] = field(default=())
    figure: Box | None = None

    @property
    def least_figure(self) -> float:
        """Share of the figure's box that a crop must show: heads make up for the rest of it."""
        return LEAST_WITH_HEADS if self.heads else LEAST_WITHOUT_HEADS


@dataclass(frozen=True, kw_only=True)
class CropFacts:
    """A crop as records and manifests have it: in whole pixels; attributes as in `Crop`."""

    method: Literal["cover", "inside", "beside"]
    box: tuple[int, int, int, int]
    place: tuple[int, int, int, int]
    scale: float


@dataclass(frozen=True)
class Crop:
    """How a picture is cropped to a frame.

    Attributes:
        method: "cover" fills the frame with a part of the picture; "inside" shows all of it, or on
            a banner a strip of its whole length, on a background made from it; "beside" shows a
            part of it at one end, and the brand's background with copy at the other.
        box: Left, top, right, bottom of the part shown, in pixels of the picture.
        kept: Share of the picture's area that is shown, from 0 to 1.
        place: Left, top, right, bottom of that part in the frame, in whole pixels.
        scale: Pixels of the frame per pixel of the picture; above 1 the picture is enlarged.
        is_moved: Whether a crop left the middle for what must be seen.
    """

    method: Literal["cover", "inside", "beside"]
    box: Box
    kept: float
    place: tuple[int, int, int, int]
    scale: float
    is_moved: bool = False

    def locate(self, box: Box, source: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """Return where a box of the picture is in the frame; None where it is not seen.

        Args:
            box: In shares of the picture's width and height.
            source: Width and height of the picture in pixels.
        """
        found = []
        for n, edge in enumerate(box):
            place = self.place[n % 2] + (edge * source[n % 2] - self.box[n % 2]) * self.scale
            found.append(round(min(max(place, self.place[n % 2]), self.place[n % 2 + 2])))
        left, top, right, bottom = found
        return (left, top, right, bottom) if left < right and top < bottom else None

    @property
    def facts(self) -> CropFacts:
        """The crop as records hold it."""
        left, top, right, bottom = (round(edge) for edge in self.box)
        box, scale = (left, top, right, bottom), round(self.scale, 4)
        return CropFacts(method=self.method, box=box, place=self.place, scale=scale)


def choose_crop(
    source: tuple[int, int],
    *,
    width: int,
    height: int,
    anchor: Anchor = "centre",
    subject: Subject | None = None,
) -> Crop:
    """Choose the part of a picture that a frame shows.

    Words are shown in full, and most of what stands out; where no crop can do that, the whole
    picture is shown.

    Args:
        source: Width and height of the picture in pixels.
        width: Pixels of the frame.
        height: Pixels of the frame.
        anchor: "end" where copy will be set: then what stands out is kept clear of the part that
            copy is set on, and a picture that is shown whole stands at the right (the bottom of a
            tall frame). Otherwise in the middle.
        subject: What must be seen; the middle when None.
    """
    across, down = source
    picture, frame = across / down, width / height
    if is_banner(width, height) and anchor == "centre" and subject is not None:
        return _choose_strip(source, width=width, height=height, subject=subject)
    kept = min(picture / frame, frame / picture)
    if kept < LEAST_KEPT:
        return _show_whole(source, width=width, height=height, anchor=anchor)
    sideways = picture > frame
    # A landscape frame has its copy at the left, any other at the top: moving a crop across that
    # direction does not change what lies under the copy.
    under_copy = anchor == "end" and sideways == (width > height)
    start, is_moved = _find_start(kept, subject, sideways=sideways, under_copy=under_copy)
    if start is None:
        return _show_whole(source, width=width, height=height, anchor=anchor)
    if sideways:
        box = (start * across, 0.0, start * across + down * frame, float(down))
    else:
        box = (0.0, start * down, float(across), start * down + across / frame)
    scale = max(width / across, height / down)
    return Crop("cover", box, kept, (0, 0, width, height), scale, is_moved)


def _choose_strip(source: tuple[int, int], *, width: int, height: int, subject: Subject) -> Crop:
    """Choose what a banner without copy shows: the slimmest strip with all that must be seen.

    It fills the banner where that is so of a strip of its ratio; a deeper one, which is as long as
    the picture, stands in the middle. Where neither heads nor the subject are known a deeper one is
    the whole picture: what stands out on it need not have its head (of 11 portraits of the model 10
    lost theirs in slimmer ones).
    """
    is_wide = width * source[1] > height * source[0]
    along, across = (0, 1) if is_wide else (1, 0)
    frame = (width, height)
    filling = source[along] * frame[across] / (frame[along] * source[across])
    if subject.heads:
        # A body may go on outside it.
        subject = replace(subject, figure=_around(subject.heads))
    is_known = bool(subject.heads) or subject.figure is not None
    kept, start, is_moved = filling, None, False
    while start is None:
        start, is_moved = _find_start(kept, subject, sideways=not is_wide, under_copy=False)
        if start is None:
            kept = min(1.0, kept * _DEEPER) if is_known else 1.0
    edges = [0.0, 0.0, float(source[0]), float(source[1])]
    edges[across], edges[across + 2] = start * source[across], (start + kept) * source[across]
    left, top, right, bottom = edges
    scale = frame[across] / (kept * source[across])
    place = [0, 0, width, height]
    if kept > filling:
        length = min(frame[along], max(1, round(source[along] * scale)))
        place[along] = (frame[along] - length) // 2
        place[along + 2] = place[along] + length
    return Crop(
        method="cover" if kept == filling else "inside",
        box=(left, top, right, bottom),
        kept=kept,
        place=(place[0], place[1], place[2], place[3]),
        scale=scale,
        is_moved=is_moved,
    )


def _around(boxes: tuple[Box, ...]) -> Box:
    """Return the box around some boxes; at least one."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def choose_filling_crop(
    source: tuple[int, int], *, width: int, height: int, subject: Subject
) -> Crop:
    """Choose the part of a picture that fills a small frame, whatever is lost.

    What stands out counts less the lower it is, and of windows that show nearly the most of it the
    upper one is taken: heads are at the top of figures, and words below them. Sideways it is the
    one nearest to the middle.

    Args:
        source: Width and height of the picture in pixels.
        width: Pixels of the frame.
        height: Pixels of the frame.
        subject: What stands out; its words do not count.
    """
    across, down = source
    picture, frame = across / down, width / height
    sideways = picture > frame
    kept = min(picture / frame, frame / picture)
    usual = (1 - kept) * (_LOST_LEFT if sideways else _LOST_TOP)
    starts = np.linspace(0, 1 - kept, _PLACES + 1)
    weight = np.linspace(1, _FOOT, len(subject.saliency))[:, None]
    shown = _measure(subject.saliency * weight, starts, kept, sideways=sideways)
    good = starts[shown >= shown.max() - _NEARLY]
    start = float(good[np.argmin(np.abs(good - usual))] if sideways else good[0])
    if sideways:
        box = (start * across, 0.0, start * across + down * frame, float(down))
    else:
        box = (0.0, start * down, float(across), start * down + across / frame)
    scale = max(width / across, height / down)
    is_moved = abs(start - usual) > 1e-6
    return Crop("cover", box, kept, (0, 0, width, height), scale, is_moved)


def choose_figure_crop(
    source: tuple[int, int],
    place: tuple[int, int, int, int],
    subject: Subject,
    *,
    join: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> Crop:
    """Choose the closest part of a picture that shows its figure at one end of a frame.

    Words are left out where the figure can be shown without them.

    Args:
        source: Width and height of the picture in pixels.
        place: Left, top, right, bottom in the frame that are to be filled.
        subject: What stands out, and where words are.
        join: Pixels at the left, top, right, bottom of the place in which nothing can be made out.
    """
    across, down = source
    wide, high = place[2] - place[0], place[3] - place[1]
    inner = (wide - join[0] - join[2], high - join[1] - join[3])
    most = min(across / wide, down / high)  # pixels of the picture per pixel of the frame
    worth = _find_worth(subject)
    found: list[tuple[float, Box]] = []
    for closer in _SCALES:
        scale = most * closer
        if found and scale < 1:
            break  # closer would enlarge it
        shares = (scale * inner[0] / across, scale * inner[1] / down)
        score, window = _find_window(worth, shares)
        left = _keep_within(window[0] * across - join[0] * scale, wide * scale, across)
        top = _keep_within(window[1] * down - join[1] * scale, high * scale, down)
        box = (left, top, left + wide * scale, top + high * scale)
        # The joined part may hold words that the window itself leaves out.
        found.append((score - _WORDS_COST * _share_words(subject.words, box, source), box))
    enough = max(score for score, _ in found)
    enough -= (1 - _FIGURE) * abs(enough)
    box = next(box for score, box in reversed(found) if score >= enough)
    scale = (box[2] - box[0]) / wide
    kept = wide * high * scale**2 / (across * down)
    return Crop("beside", box, kept, place, 1 / scale, is_moved=True)


def _share_words(words: tuple[Box, ...], box: Box, source: tuple[int, int]) -> float:
    """Return the share of the words' area that a part of a picture shows."""
    placed = [scale_box(word, source) for word in words]
    whole = sum(map(area_of, placed))
    return sum(overlap_of(word, box) for word in placed) / whole if whole else 0.0


def _keep_within(start: float, length: float, whole: int) -> float:
    return min(max(0.0, start), max(0.0, whole - length))


def _find_start(
    kept: float, subject: Subject | None, *, sideways: bool, under_copy: bool
) -> tuple[float | None, bool]:
    """Return where a window of a share `kept` of a side begins, and whether that is off the middle.

    None where no window shows what it must.
    """
    usual = (1 - kept) * (_LOST_LEFT if sideways else _LOST_TOP)
    if subject is None or kept >= 1:
        return usual, False
    first, last = 0, 2
    if not sideways:
        first, last = 1, 3
    whole = (*subject.words, *subject.heads)
    low = max([0.0, *(box[last] + _AIR - kept for box in whole)])
    high = min([1 - kept, *(box[first] - _AIR for box in whole)])
    low, high = min(low, 1 - kept), max(high, 0.0)
    if low > high:
        return None, False
    starts = np.linspace(low, high, _PLACES + 1)
    middle = min(max(usual, low), high)
    if subject.figure is not None:
        starts = _keep_figure(starts, kept, subject, span=(first, last))
        if not starts.size:
            return None, False
        middle = float(starts[np.argmin(np.abs(starts - middle))])
    shown = _measure(subject.saliency, starts, kept, sideways=sideways)
    worth, at_middle = shown, _measure(subject.saliency, middle, kept, sideways=sideways)
    if under_copy:
        worth = shown - _measure(subject.saliency, starts, kept * _COPY_SHARE, sideways=sideways)
        at_middle -= _measure(subject.saliency, middle, kept * _COPY_SHARE, sideways=sideways)
    # Of places as good as the best the one nearest to the middle.
    good = np.flatnonzero(worth >= worth.max() - 0.005)
    best = int(good[np.argmin(np.abs(starts[good] - middle))])
    start = float(starts[best]) if worth[best] > at_middle + _WORTH_MOVING else float(middle)
    is_known = subject.figure is not None
    if not is_known and _measure(subject.saliency, start, kept, sideways=sideways) < LEAST_SALIENT:
        return None, False
    return start, abs(start - usual) > 1e-6


def _keep_figure(starts: Any, kept: float, subject: Subject, *, span: tuple[int, int]) -> Any:
    """Return the starts of windows that show nearly the most of the figure, if that is enough."""
    assert subject.figure is not None
    near, far = subject.figure[span[0]], subject.figure[span[1]]
    shown = np.minimum(starts + kept, far) - np.maximum(starts, near)
    shares = np.maximum(shown, 0) / max(far - near, 1e-6)
    if not shares.size or shares.max() < subject.least_figure:
        return starts[:0]
    return starts[shares >= shares.max() - _ALIKE]


def _measure(saliency: Any, starts: Any, length: float, *, sideways: bool) -> Any:
    """Return the share of what stands out that lies in windows along one side."""
    profile = np.concatenate([[0.0], np.cumsum(saliency.sum(axis=0 if sideways else 1))])
    marks = np.linspace(0, 1, profile.size)
    return np.interp(starts + length, marks, profile) - np.interp(starts, marks, profile)


def _find_worth(subject: Subject) -> Any:
    """Return sums over the figure less those over words, from the upper left corner of a grid."""
    rows, columns = subject.saliency.shape
    words = np.zeros((rows, columns))
    for left, top, right, bottom in subject.words:
        words[
            math.floor(top * rows) : math.ceil(bottom * rows),
            math.floor(left * columns) : math.ceil(right * columns),
        ] = 1
    figure = subject.saliency * (1 - words)
    value = figure / max(figure.sum(), 1e-12) - _WORDS_COST * words / max(words.sum(), 1)
    return np.pad(value.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))


def _find_window(worth: Any, shares: tuple[float, float]) -> tuple[float, Box]:
    """Return the best place for a window of some shares of the width and height, and its score."""
    rows, columns = worth.shape[0] - 1, worth.shape[1] - 1
    wide = min(columns, max(1, round(shares[0] * columns)))
    high = min(rows, max(1, round(shares[1] * rows)))
    sums = worth[high:, wide:] - worth[:-high, wide:] - worth[high:, :-wide] + worth[:-high, :-wide]
    # Of equally good places the middle one.
    tops, lefts = np.nonzero(sums >= sums.max() - 1e-9)
    top, left = int(tops[tops.size // 2]), int(lefts[lefts.size // 2])
    x = min(left / columns, 1 - shares[0])
    y = min(top / rows, 1 - shares[1])
    return float(sums[top, left]), (x, y, x + shares[0], y + shares[1])


def _show_whole(source: tuple[int, int], *, width: int, height: int, anchor: Anchor) -> Crop:
    across, down = source
    scale = min(width / across, height / down)
    wide, high = max(1, round(across * scale)), max(1, round(down * scale))
    left, top = width - wide, height - high
    if anchor == "centre":
        left, top = left // 2, top // 2
    return Crop(
        method="inside",
        box=(0.0, 0.0, float(across), float(down)),
        kept=1.0,
        place=(left, top, left + wide, top + high),
        scale=scale,
    )
