"""Measures palette coverage: the share of a picture in each brand colour and its tints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from nbp_dagster.studio.checks.characters.colour import difference, lab_of

_SIDE: Final = 96  # pixels: the share is within a hundredth of that of the whole picture
_LEAST_CHROMA: Final = 20.0  # CIELAB; below it are greys, creams and near blacks
_BITS: Final = 4  # of a channel that are distinguished: 4096 colours at most are compared
# Share of the picture below which a colour is a speck, and not there.
_SPECK: Final = 0.001


@dataclass(frozen=True)
class PaletteCoverage:
    """How much of a picture each colour of a palette covers.

    Attributes:
        near: Share of pixels within the distance of some brand colour.
        shares: By name of a colour, the share of pixels within the distance of it that are nearer
            to it than to any other of the palette.
        nearest: By name, the least CIEDE2000 to it of what covers a thousandth of the picture.
    """

    near: float
    shares: Mapping[str, float]
    nearest: Mapping[str, float]


def measure_palette(
    picture: Image.Image, palette: Mapping[str, str], distance: float
) -> PaletteCoverage:
    """Return how much of a picture has each colour of a palette.

    Args:
        picture: RGB.
        palette: Colours as "#RRGGBB" by name; at least one.
        distance: CIEDE2000. About 2 is just noticeable, 20 a tint or a shade of the same colour.
    """
    colours, counts = _count_colours(picture)
    brand = _pixels_of(palette)
    apart = difference(
        lab_of(colours)[:, None], lab_of(brand)[None]
    )  # (colours of the picture, colours of the brand)
    weights = counts / counts.sum()
    is_near = apart.min(axis=1) <= distance
    owner = np.where(is_near, apart.argmin(axis=1), len(brand))
    shares = np.bincount(owner, weights=weights, minlength=len(brand) + 1)
    seen = weights >= _SPECK
    least = apart[seen].min(axis=0) if seen.any() else apart.min(axis=0)
    return PaletteCoverage(
        near=round(float(weights[is_near].sum()), 4),
        shares={name: round(float(shares[at]), 4) for at, name in enumerate(palette)},
        nearest={name: round(float(least[at]), 2) for at, name in enumerate(palette)},
    )


def find_coloured(palette: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of a palette's colours that are no neutrals, in its order."""
    if not palette:
        return ()
    lab = lab_of(_pixels_of(palette))
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    return tuple(
        name for name, value in zip(palette, chroma, strict=True) if value >= _LEAST_CHROMA
    )


def _pixels_of(palette: Mapping[str, str]) -> npt.NDArray[np.uint8]:
    """RGB of each colour, shape (colours, 3)."""
    colours = palette.values()
    return np.array(
        [[int(each[at : at + 2], 16) for at in (1, 3, 5)] for each in colours], np.uint8
    )


def _count_colours(picture: Image.Image) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
    """Return the colours of a picture, each the mean of those that are alike, and their counts."""
    small = picture.resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    pixels = np.asarray(small.convert("RGB"), np.uint8).reshape(-1, 3)
    packed = (pixels >> (8 - _BITS)).astype(np.int32) @ np.array([1 << 2 * _BITS, 1 << _BITS, 1])
    counts = np.bincount(packed, minlength=1 << 3 * _BITS)
    there = np.flatnonzero(counts)
    sums = [np.bincount(packed, pixels[:, at], minlength=counts.size)[there] for at in range(3)]
    means = np.stack(sums, axis=-1) / counts[there, None]
    return np.rint(means).astype(np.uint8), counts[there]
