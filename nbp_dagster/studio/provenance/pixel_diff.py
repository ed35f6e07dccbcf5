"""Compares two pictures pixel by pixel, by registration and residual, to confirm a copy.

Descriptors find the pictures that a copy may come from. They can't tell apart the same scene with
other words or in near colours: those differ in places, and a copy differs nowhere much. So the part
of the picture that the copy shows is registered to a pixel or so, and both are compared tile by
tile. Must not know: databases.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from nbp_dagster.studio.imaging.thumbnails import scale_to
from nbp_dagster.studio.provenance.descriptors import GRID_SIDE, LEAST_EVEN, correlate_evenly

MAX_DIFFERENCE: Final = 18.0
"""Levels, of 255, by which a tile of a copy may differ; measured in docs/marking.md."""
_CONTENT: Final = 4.0
"""Levels (standard deviation of luminance) from which a tile shows something."""

_LITTLE: Final = 0.35
"""Share of tiles with something in them below which a picture shows little: most of it is black,
say, and equal black tells nothing. What it does show must then agree, the faint and the strong."""

# A small badge may lie over this share of the tiles.
_COVERED: Final = 0.10
# Differences within this factor do not tell which of two pictures a file is a copy of.
_TIE_FACTOR: Final = 1.5
_NOISE: Final = 2.0  # levels
_MAX_CROP: Final = 0.11  # share of a side, at each edge
# Pixels of the longer side at which the part is searched, and the step as a share of a side.
_SEARCHES: Final = ((48, 0.02), (96, 0.008), (192, 0.003))
_ROUNDS: Final = 12
# Ways to move the four edges (left, top, right, bottom): one by one, two together, along.
_MOVES: Final = (
    *((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)),
    *((1, 0, 1, 0), (0, 1, 0, 1), (1, 1, 1, 1), (1, 0, -1, 0), (0, 1, 0, -1)),
)
_COMPARED_SIDE: Final = 192  # pixels of the longer side
_TILE: Final = 12  # pixels
# How far a copy may be brightened or darkened, and its contrast changed, and still be one.
_GAINS: Final = (0.75, 1.35)
_GREY: Final = 128.0  # level of both colours where there is none
_LEAST_SIDE: Final = 8  # pixels
_BLANK: Final = 1e-3

Floats = npt.NDArray[np.floating[Any]]
Cuts = tuple[float, float, float, float]


@dataclass(frozen=True)
class Difference:
    """By how many levels, of 255, a copy differs from the part of a picture it shows.

    It is the sum over luminance and both colours, as the mean of a tile. A shift by a pixel and
    another brightness or contrast do not count.

    Attributes:
        usual: The 90th percentile of the tiles.
        greatest: The maximum: other words on the same scene show here.
        content: Share of the tiles in which either picture shows something.
        even: Correlation of what they show, where faint detail counts nearly as strong.
    """

    usual: float
    greatest: float
    content: float = 1.0
    even: float = 1.0

    @property
    def is_copy(self) -> bool:
        """Whether one is a copy of the other."""
        agrees = self.content >= _LITTLE or self.even >= LEAST_EVEN
        return self.usual <= MAX_DIFFERENCE and agrees

    def ties_with(self, best: "Difference") -> bool:
        """Whether this can not be told apart from the best fit."""
        return self.greatest <= best.greatest * _TIE_FACTOR + _NOISE


def pixel_diff(copy: Image.Image, picture: Image.Image) -> Difference:
    """Register a copy on a picture and return how far they differ.

    Args:
        copy: RGB; at most a tenth of a side cropped at each edge.
        picture: RGB.
    """
    cuts: Cuts = (0.0, 0.0, 0.0, 0.0)
    for side, step in _SEARCHES:
        cuts = _Search(copy, picture, side).refine(cuts, step)
    size = _reduce(copy.size, _COMPARED_SIDE)
    seen = _levels(copy.resize(size, Image.Resampling.BOX))
    part = picture.resize(size, Image.Resampling.BOX, box=_box(picture, cuts))
    known = _levels(part)
    seen = _relight(seen, known)
    tiles = sorted(float(tile.mean()) for tile in _tiles(_differ(seen, known)))
    light = seen[..., 0], known[..., 0]
    shows = np.maximum(*(_measure_content(plane) for plane in light)) >= _CONTENT
    return Difference(
        usual=tiles[int((len(tiles) - 1) * (1 - _COVERED))],
        greatest=tiles[-1],
        content=float(shows.mean()),
        even=1.0 if not shows.any() else correlate_evenly(*(_grid(plane) for plane in light)),
    )


@dataclass(frozen=True)
class _Search:
    """The search, at one size, for the part of a picture that a copy shows.

    Attributes:
        copy: The copy.
        picture: The picture.
        side: Pixels of the longer side at which both are compared.
    """

    copy: Image.Image
    picture: Image.Image
    side: int

    def refine(self, cuts: Cuts, step: float) -> Cuts:
        """Move the edges as long as that reduces the mean difference.

        Args:
            cuts: Shares of the sides cropped at the left, top, right and bottom.
            step: Share of a side that an edge is moved by.
        """
        size = _reduce(self.copy.size, self.side)
        seen = _light(self.copy.resize(size, Image.Resampling.BOX))[..., None]
        whole = self.picture.convert("L")

        def cost(tried: Cuts) -> float:
            part = whole.resize(size, Image.Resampling.BOX, box=_box(whole, tried))
            known = _light(part)[..., None]
            return float(np.abs(_relight(seen, known) - known).mean())

        least = cost(cuts)
        for _ in range(_ROUNDS):
            before = least
            for tried in _neighbours(cuts, step):
                found = cost(tried)
                if found < least:
                    least, cuts = found, tried
            if least >= before:
                break
        return cuts


def _neighbours(cuts: Cuts, step: float) -> Iterator[Cuts]:
    for move in _MOVES:
        for way in (step, -step):
            left, top, right, bottom = (
                min(_MAX_CROP, max(0.0, cut + way * each))
                for cut, each in zip(cuts, move, strict=True)
            )
            if (left, top, right, bottom) != cuts:
                yield left, top, right, bottom


def _box(picture: Image.Image, cuts: Cuts) -> tuple[float, float, float, float]:
    left, top, right, bottom = cuts
    wide, high = picture.size
    return left * wide, top * high, wide - right * wide, high - bottom * high


def _reduce(size: tuple[int, int], side: int) -> tuple[int, int]:
    return scale_to(size, min(side, max(size)), least=_LEAST_SIDE)


def _light(image: Image.Image) -> Floats:
    cells: Floats = np.asarray(image.convert("L"), np.float32)
    return cells


def _levels(image: Image.Image) -> Floats:
    cells: Floats = np.array(image.convert("YCbCr"), np.float32)
    return cells


def _relight(seen: Floats, known: Floats) -> Floats:
    """Match a copy's brightness and contrast to the picture's, within the allowed gains.

    A gain of luminance applies to the colours too.

    Args:
        seen: Luminance, or luminance and both colours, in the last axis.
        known: The same of the picture.
    """
    light = seen[..., 0]
    gain = float(np.clip(known[..., 0].std() / max(float(light.std()), _BLANK), *_GAINS))
    lit: Floats = (seen - _GREY) * gain + _GREY
    lit[..., 0] = (light - light.mean()) * gain + known[..., 0].mean()
    return lit


def _differ(seen: Floats, known: Floats) -> Floats:
    """Return the sum over all planes of how far each pixel lies outside its neighbours' range."""
    apart: Floats = np.zeros(seen.shape[:2], np.float32)
    for plane in range(seen.shape[2]):
        around = sliding_window_view(np.pad(known[..., plane], 1, mode="edge"), (3, 3))
        below = around.min((2, 3)) - seen[..., plane]
        above = seen[..., plane] - around.max((2, 3))
        apart = apart + np.maximum(0, np.maximum(below, above))
    return apart


def _measure_content(light: Floats) -> Floats:
    """Return how much luminance varies in each tile, as its standard deviation."""
    content: Floats = np.array([tile.std() for tile in _tiles(light)])
    return content


def _grid(light: Floats) -> Floats:
    """Return luminance on the grid of a descriptor."""
    size = (GRID_SIDE, GRID_SIDE)
    grid: Floats = np.asarray(Image.fromarray(light).resize(size, Image.Resampling.BOX))
    return grid


def _tiles(plane: Floats) -> Iterator[Floats]:
    high, wide = plane.shape
    for row in np.array_split(plane, max(1, high // _TILE), axis=0):
        yield from np.array_split(row, max(1, wide // _TILE), axis=1)
