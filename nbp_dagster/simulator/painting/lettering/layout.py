"""Divides a picture between copy, figures, logo and mark; draws nothing."""

import random
from dataclasses import dataclass
from typing import Literal

from nbp_dagster.simulator.painting.lettering.text import Block, mark_size, set_copy
from nbp_dagster.simulator.painting.places.stage import Box
from nbp_dagster.simulator.painting.prompt import Reading

# crown: copy above on sky or wall; footer: copy below on a block of colour; side: copy on a block
# beside the scene; bare: no copy.
Mode = Literal["crown", "footer", "side", "bare"]

# Share of the short side that stays free of copy along every edge.
MARGIN = 0.07


@dataclass(frozen=True)
class Layout:
    """A picture's plan, in output pixels.

    Attributes:
        view: the part that shows the scene.
        column: the copy's column; its top is where the copy starts.
        mark: upper left corner of the SIMULATED pill.
        logo: the largest box for the logo.
        mirrored: whether the side block is on the right.
    """

    mode: Mode
    view: Box
    column: Box
    block: Block
    mark: tuple[float, float]
    logo: Box
    mirrored: bool


def plan_layout(reading: Reading, width: int, height: int, rng: random.Random) -> Layout:
    """Choose where everything goes; the choice follows the ratio, then the dice."""
    inset = _insets(reading, width, height)
    mark = mark_size(width, height)
    ratio = width / height
    lower = rng.random() < 0.5
    mirrored = rng.random() < 0.35
    if reading.copy.empty:
        return _plan_bare(reading, width, height, inset, mark)
    if ratio >= 1.22:
        return _plan_side(reading, width, height, inset, mark, mirrored)
    if lower:
        return _plan_footer(reading, width, height, inset, mark)
    return _plan_crown(reading, width, height, inset, mark)


def _insets(reading: Reading, width: int, height: int) -> Box:
    """Distances from each edge, not positions: the margin, or what the prompt wants free."""
    least = MARGIN * min(width, height)
    wanted = reading.margins
    return Box(
        max(least, min(wanted.get("left", 0.0), 0.3) * width),
        max(least, min(wanted.get("top", 0.0), 0.3) * height),
        max(least, min(wanted.get("right", 0.0), 0.3) * width),
        max(least, min(wanted.get("bottom", 0.0), 0.3) * height),
    )


def _plan_bare(
    reading: Reading, width: int, height: int, inset: Box, mark: tuple[float, float]
) -> Layout:
    left = width / 3 if reading.quiet == "left" else 0.0
    top = height / 3 if reading.quiet == "upper" else 0.0
    corner = _low_right(width, height, inset, mark)
    return Layout(
        mode="bare",
        view=Box(left, top, width, height),
        column=Box(0, 0, 0, 0),
        block=Block((), 0.0, 0.0),
        mark=corner,
        logo=_beside_mark(width, height, inset, corner),
        mirrored=False,
    )


def _plan_crown(
    reading: Reading, width: int, height: int, inset: Box, mark: tuple[float, float]
) -> Layout:
    room = width - inset.left - inset.right
    most = height * 0.31
    block = set_copy(reading.copy, width=room, height=most, headline_size=width * 0.108)
    return Layout(
        mode="crown",
        view=Box(0, inset.top + block.height + height * 0.015, width, height),
        column=Box(inset.left, inset.top, width - inset.right, inset.top + block.height),
        block=block,
        mark=_low_right(width, height, inset, mark),
        logo=_low_left_logo(width, height, inset),
        mirrored=False,
    )


def _plan_footer(
    reading: Reading, width: int, height: int, inset: Box, mark: tuple[float, float]
) -> Layout:
    room = width - inset.left - inset.right
    block = set_copy(reading.copy, width=room, height=height * 0.3, headline_size=width * 0.1)
    pad = max(inset.bottom * 0.9, height * 0.05)
    top = height - max(inset.bottom, pad) - block.height
    edge = top - height * 0.055
    return Layout(
        mode="footer",
        view=Box(0, 0, width, edge),
        column=Box(inset.left, top, width - inset.right, top + block.height),
        block=block,
        mark=(width - inset.right * 0.6 - mark[0], inset.top * 0.6),
        logo=Box(inset.left, inset.top, inset.left + width * 0.2, inset.top + height * 0.1),
        mirrored=False,
    )


def _plan_side(
    reading: Reading, width: int, height: int, inset: Box, mark: tuple[float, float], mirrored: bool
) -> Layout:
    share = 0.44 if width / height < 2 else 0.42
    near, far = (inset.right, inset.left) if mirrored else (inset.left, inset.right)
    room = max(width * share - near - width * 0.035, width * 0.26)
    panel = near + room + width * 0.035
    tall = height - inset.top - inset.bottom - mark[1] * 1.4
    size = min(room * 0.2, height * 0.17)
    branded = any(label.role == "logo" for label in reading.labels)
    plate = height * 0.15 if branded else 0.0
    block = set_copy(reading.copy, width=room, height=tall * 0.92 - plate, headline_size=size)
    left = width - near - room if mirrored else near
    top = inset.top + max(plate, (tall - block.height) * 0.46)
    low = height - inset.bottom * 0.55 - mark[1]
    view = Box(0, 0, width - panel, height) if mirrored else Box(panel, 0, width, height)
    return Layout(
        mode="side",
        view=Box(
            view.left + (far if mirrored else 0) * 0.3,
            0,
            view.right - (0 if mirrored else far) * 0.3,
            height,
        ),
        column=Box(left, top, left + room, top + block.height),
        block=block,
        mark=(left + room - mark[0] if mirrored else left, low),
        logo=Box(left, inset.top, left + room * 0.42, inset.top + height * 0.12),
        mirrored=mirrored,
    )


def _low_right(
    width: int, height: int, inset: Box, mark: tuple[float, float]
) -> tuple[float, float]:
    return (width - inset.right * 0.6 - mark[0], height - inset.bottom * 0.6 - mark[1])


def _beside_mark(width: int, height: int, inset: Box, mark: tuple[float, float]) -> Box:
    """Left of the mark: copy that is set on the picture later begins at the other side."""
    size = min(width, height)
    low, right = height - inset.bottom * 0.6, mark[0] - size * 0.02
    return Box(max(0.0, right - size * 0.22), low - size * 0.1, right, low)


def _low_left_logo(width: int, height: int, inset: Box) -> Box:
    size = min(width, height)
    low = height - inset.bottom * 0.6
    return Box(inset.left * 0.6, low - size * 0.1, inset.left * 0.6 + size * 0.22, low)
