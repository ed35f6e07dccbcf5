"""Decides which part of a picture a frame shows, and where; arithmetic on sizes and a thumbnail only."""

from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal

from PIL import Image, ImageChops, ImageFilter

# Below this share of the picture a crop cuts figures to pieces; then the whole picture is shown.
LEAST_KEPT: Final = 0.55

# Where the window lies when nothing in the picture speaks for another place, as shares of what
# is left over: across, the middle; down, above it, because heads are in the upper third.
_REST_ACROSS: Final = 0.5
_REST_DOWN: Final = 0.38
# How much of the picture's interest a window must gain to move by the whole of the leftover.
_PULL_TO_REST: Final = 0.25
_PROFILE: Final = 64  # columns or rows interest is summed over

Anchor = Literal["centre", "start"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Framing:
    """How a picture is fitted to a frame.

    Attributes:
        method: "cover" fills the frame with a part of the picture; "inside" shows all of it on a
            ground grown from its edges.
        box: Left, top, right, bottom of the part shown, in pixels of the picture.
        kept: Share of the picture's area that is shown, from 0 to 1.
        place: Left, top, right, bottom of that part in the frame, in whole pixels.
        scale: Pixels of the frame per pixel of the picture; above 1 the picture is enlarged.
    """

    method: Literal["cover", "inside"]
    box: Box
    kept: float
    place: tuple[int, int, int, int]
    scale: float


def frame_picture(
    overview: Image.Image,
    *,
    source: tuple[int, int],
    width: int,
    height: int,
    anchor: Anchor = "centre",
) -> Framing:
    """Choose the part of a picture that a frame of `width`x`height` pixels shows.

    Args:
        overview: The picture at any size, RGB; only looked at to find what must not be cut.
        source: Width and height of the picture itself, pixels.
        width: Pixels of the frame.
        height: Pixels of the frame.
        anchor: Where a picture that is shown whole stands: in the middle, or at the left (top of
            a tall frame), which leaves the rest to lettering.
    """
    across, down = source
    picture, frame = across / down, width / height
    kept = min(picture / frame, frame / picture)
    if kept < LEAST_KEPT:
        return _show_whole(source, width=width, height=height, anchor=anchor)
    if picture > frame:
        left = (across - down * frame) * _find_offset(overview, 1 / picture * frame, "across")
        box = (left, 0.0, left + down * frame, float(down))
    else:
        top = (down - across / frame) * _find_offset(overview, picture / frame, "down")
        box = (0.0, top, float(across), top + across / frame)
    scale = max(width / across, height / down)
    return Framing(method="cover", box=box, kept=kept, place=(0, 0, width, height), scale=scale)


def _show_whole(source: tuple[int, int], *, width: int, height: int, anchor: Anchor) -> Framing:
    across, down = source
    scale = min(width / across, height / down)
    wide, high = max(1, round(across * scale)), max(1, round(down * scale))
    left, top = (width - wide) // 2, (height - high) // 2
    if anchor == "start":
        left, top = 0, 0
    return Framing(
        method="inside",
        box=(0.0, 0.0, float(across), float(down)),
        kept=1.0,
        place=(left, top, left + wide, top + high),
        scale=scale,
    )


def _find_offset(
    overview: Image.Image, window: float, direction: Literal["across", "down"]
) -> float:
    """Return the window's place as a share of the leftover, 0 (left, top) to 1.

    The window with the most interest wins, less a penalty for leaving the place of rest.
    """
    profile = _measure_interest(overview, direction)
    rest = _REST_ACROSS if direction == "across" else _REST_DOWN
    length = max(1, min(_PROFILE, round(window * _PROFILE)))
    spare = _PROFILE - length
    if spare == 0:
        return rest
    sums = [0.0, *accumulate(profile)]
    total = sums[-1] or 1.0

    def score(start: int) -> float:
        distance = start / spare - rest
        gained = (sums[start + length] - sums[start]) / total
        return gained - _PULL_TO_REST * distance * distance

    best = max(range(spare + 1), key=score)
    # Within half a step of rest the profile can't tell: keep to rest exactly.
    return rest if abs(best / spare - rest) <= 0.5 / spare else best / spare


def _measure_interest(overview: Image.Image, direction: Literal["across", "down"]) -> list[float]:
    """Return how much there is to see in each of 64 columns or rows: outlines and rare colours."""
    small = overview.convert("RGB").resize((_PROFILE, _PROFILE), Image.Resampling.BOX)
    edges = small.convert("L").filter(ImageFilter.FIND_EDGES)
    average = small.resize((1, 1), Image.Resampling.BOX).resize(small.size)
    rare = ImageChops.difference(small, average).convert("L")
    interest = ImageChops.add(edges, rare, scale=2.0)
    # The filter leaves the outermost pixels as they were; they would count as outlines.
    interest.paste(0, (0, 0, _PROFILE, 1))
    interest.paste(0, (0, _PROFILE - 1, _PROFILE, _PROFILE))
    interest.paste(0, (0, 0, 1, _PROFILE))
    interest.paste(0, (_PROFILE - 1, 0, _PROFILE, _PROFILE))
    line = (_PROFILE, 1) if direction == "across" else (1, _PROFILE)
    return [float(value) ** 2 for value in interest.resize(line, Image.Resampling.BOX).tobytes()]
