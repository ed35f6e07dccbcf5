"""Decides which part of a picture a frame shows, and where; arithmetic on sizes only."""

from dataclasses import dataclass
from typing import Final, Literal

# Below this share of the picture a crop cuts figures to pieces; then the whole picture is shown.
LEAST_KEPT: Final = 0.55

# Where a crop takes away, as the share of the loss that is taken at the left and at the top.
# Prompts tell the model which margins a centred crop costs, so crops stay at the middle; a little
# above it, because heads are in the upper half and what is cut off below is missed less.
_LOST_LEFT: Final = 0.5
_LOST_TOP: Final = 0.45

Anchor = Literal["centre", "end"]
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
    source: tuple[int, int], *, width: int, height: int, anchor: Anchor = "centre"
) -> Framing:
    """Choose the part of a picture that a frame shows.

    Args:
        source: Width and height of the picture in pixels.
        width: Pixels of the frame.
        height: Pixels of the frame.
        anchor: Where a picture that is shown whole stands: in the middle, or at the right (the
            bottom of a tall frame), which leaves the other end to lettering.
    """
    across, down = source
    picture, frame = across / down, width / height
    kept = min(picture / frame, frame / picture)
    if kept < LEAST_KEPT:
        return _show_whole(source, width=width, height=height, anchor=anchor)
    if picture > frame:
        left = (across - down * frame) * _LOST_LEFT
        box = (left, 0.0, left + down * frame, float(down))
    else:
        top = (down - across / frame) * _LOST_TOP
        box = (0.0, top, float(across), top + across / frame)
    scale = max(width / across, height / down)
    return Framing(method="cover", box=box, kept=kept, place=(0, 0, width, height), scale=scale)


def _show_whole(source: tuple[int, int], *, width: int, height: int, anchor: Anchor) -> Framing:
    across, down = source
    scale = min(width / across, height / down)
    wide, high = max(1, round(across * scale)), max(1, round(down * scale))
    left, top = width - wide, height - high
    if anchor == "centre":
        left, top = left // 2, top // 2
    return Framing(
        method="inside",
        box=(0.0, 0.0, float(across), float(down)),
        kept=1.0,
        place=(left, top, left + wide, top + high),
        scale=scale,
    )
