"""Measures which part of an edit differs from the picture it was made from; no verdicts.

Two things are compared on windows of both, at one size and registered: structure, by the term of
contrast and structure of SSIM (Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from
error visibility to structural similarity", IEEE Transactions on Image Processing 13(4), 2004), and
the mean of lightness and both colours, which SSIM hardly weighs. A light that is a little different
all over, sharpening and another compression count for nothing. Must not know words or checks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from nbp_dagster.studio.checks.edits.registration import register
from nbp_dagster.studio.imaging.thumbnails import scale_to

SIDE: Final = 512
"""Pixels of the longer side that both are compared at: less than the grain of a file's noise."""

LEAST_STRUCTURE: Final = 0.55
"""SSIM's contrast and structure below which a window shows something else."""

MOST_APART: Final = 22.0
"""Levels of 255, of lightness and both colours together, from which a window has another colour."""

_SPREAD: Final = 3.0  # pixels, the standard deviation of a window
_STABLE: Final = (0.03 * 255) ** 2  # C2 of SSIM
_NUDGES: Final = (-1, 0, 1)  # pixels that a window may lie off after registration
_LEAST_SPOT: Final = 9  # pixels of a side below which a difference is an edge's, not a thing's
_GAINS: Final = (0.85, 1.18)
_MOST_DRIFT: Final = 14.0  # levels
_FLAT: Final = 16.0  # variance
_FITS: Final = 3
_TRUSTED: Final = 80  # percent of the pixels, those nearest to the line

Floats = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]
Shares = tuple[float, float, float, float]


@dataclass(frozen=True)
class PictureDifference:
    """How far an edit differs from its original, where it is to be alike.

    Attributes:
        compared: Share of the picture, 0 to 1, that was compared.
        changed: Share of what was compared that differs.
        place: Left, top, right and bottom of what differs, in shares of the picture; None for
            nothing.
        structure: Mean of SSIM's contrast and structure over what was compared.
    """

    compared: float
    changed: float
    place: Shares | None
    structure: float


def measure_difference(
    original: Image.Image, edited: Image.Image, *, apart_from: Iterable[Shares]
) -> PictureDifference:
    """Compare an edit with its original, but for the parts that were to change.

    Args:
        original: RGB.
        edited: RGB, of nearly the same ratio.
        apart_from: Left, top, right and bottom of each part that may differ, in shares.
    """
    size = scale_to(edited.size, min(SIDE, max(edited.size)))
    second = edited.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    first = original.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    compared = _mask_of(size, apart_from)
    if not compared.any():
        return PictureDifference(0.0, 0.0, None, 1.0)
    found = _compare_once(first, second, compared)
    if found.changed:
        moved = register(first, second, compared)
        # Parts may also say that a picture moved where it did not.
        again = found if moved is None else _compare_once(moved, second, compared)
        found = min(found, again, key=lambda each: each.changed)
    return found


def _compare_once(original: Image.Image, edited: Image.Image, compared: Mask) -> PictureDifference:
    """Compare two pictures of one size as they lie, where they are to be alike."""
    cells = np.asarray(original, np.float32)
    seen = _relight(np.asarray(edited, np.float32), cells, compared)
    structure, apart = _compare(_planes(cells), _planes(seen))
    differs = _open(((structure < LEAST_STRUCTURE) | (apart > MOST_APART)) & compared)
    return PictureDifference(
        compared=round(float(compared.mean()), 4),
        changed=round(float(differs.sum() / compared.sum()), 4),
        place=_place_of(differs),
        structure=round(float(structure[compared].mean()), 4),
    )


def _planes(cells: Floats) -> Floats:
    """Return lightness and both colours (YCbCr, JPEG's) of red, green and blue."""
    red, green, blue = np.moveaxis(cells, -1, 0)
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    planes: Floats = np.stack((light, 0.564 * (blue - light), 0.713 * (red - light)), -1)
    return planes


def _mask_of(size: tuple[int, int], parts: Iterable[Shares]) -> Mask:
    """Return where both are compared: all but the parts, and what windows see of them."""
    wide, high = size
    mask = np.ones((high, wide), bool)
    reach = 2 * _SPREAD
    for left, top, right, bottom in parts:
        rows = slice(max(0, int(top * high - reach)), max(0, round(bottom * high + reach)))
        columns = slice(max(0, int(left * wide - reach)), max(0, round(right * wide + reach)))
        mask[rows, columns] = False
    return mask


def _relight(seen: Floats, known: Floats, compared: Mask) -> Floats:
    """Match the edit's light and white to the original's, within what drifts of itself.

    A straight line for each of red, green and blue, fitted a second time without the pixels that
    are furthest from it: what was changed must not bend the line.
    """
    lit: Floats = np.array(seen)
    for plane in range(3):
        given, wanted = seen[..., plane][compared], known[..., plane][compared]
        gain, offset = 1.0, 0.0
        for _ in range(_FITS):
            off = np.abs(given * gain + offset - wanted)
            near = off <= np.percentile(off, _TRUSTED)
            middle, aim = float(given[near].mean()), float(wanted[near].mean())
            spread = float(((given[near] - middle) ** 2).mean())
            both = float(((given[near] - middle) * (wanted[near] - aim)).mean())
            gain = 1.0 if spread < _FLAT else float(np.clip(both / spread, *_GAINS))
            offset = middle + float(np.clip(aim - middle, -_MOST_DRIFT, _MOST_DRIFT))
            offset -= middle * gain
        lit[..., plane] = np.clip(seen[..., plane] * gain + offset, 0, 255)
    return lit


def _compare(known: Floats, seen: Floats) -> tuple[Floats, Floats]:
    """Return structure (1 for the same) and levels apart of every window, at its best nudge."""
    means = [_blur(known[..., plane]) for plane in range(3)]
    spread = _blur(known[..., 0] ** 2) - means[0] ** 2
    best: Floats = np.full(known.shape[:2], -1.0, np.float32)
    apart: Floats = np.full(known.shape[:2], np.inf, np.float32)
    other_means = [_blur(seen[..., plane]) for plane in range(3)]
    other_spread = _blur(seen[..., 0] ** 2) - other_means[0] ** 2
    for down in _NUDGES:
        for along in _NUDGES:
            light = _nudge(seen[..., 0], down, along)
            mean, var = (_nudge(each, down, along) for each in (other_means[0], other_spread))
            both = _blur(known[..., 0] * light) - means[0] * mean
            structure = (2 * both + _STABLE) / (spread + var + _STABLE)
            best = np.maximum(best, structure)
            levels = sum(
                np.abs(means[plane] - _nudge(other_means[plane], down, along)) for plane in range(3)
            )
            apart = np.minimum(apart, levels)
    return best, apart


def _nudge(plane: Floats, down: int, along: int) -> Floats:
    moved: Floats = np.roll(plane, (down, along), (0, 1))
    return moved


def _blur(plane: Floats) -> Floats:
    """Return a plane seen through a Gaussian window."""
    radius = round(3 * _SPREAD)
    steps = np.arange(-radius, radius + 1)
    weights = np.exp(-(steps**2) / (2 * _SPREAD**2))
    weights = (weights / weights.sum()).astype(np.float32)
    padded = np.pad(plane, radius, mode="reflect")
    high, wide = plane.shape
    rows = sum(weight * padded[at : at + high] for at, weight in enumerate(weights))
    blurred: Floats = np.zeros_like(plane)
    for at, weight in enumerate(weights):
        blurred += weight * rows[:, at : at + wide]
    return blurred


def _open(mask: Mask) -> Mask:
    """Return a mask without what is slimmer than the smallest thing that counts."""
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    opened = image.filter(ImageFilter.MinFilter(_LEAST_SPOT)).filter(
        ImageFilter.MaxFilter(_LEAST_SPOT)
    )
    found: Mask = np.asarray(opened) > 0
    return found & mask


def _place_of(mask: Mask) -> Shares | None:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    high, wide = mask.shape
    left, right = float(columns[0] / wide), float((columns[-1] + 1) / wide)
    top, bottom = float(rows[0] / high), float((rows[-1] + 1) / high)
    return round(left, 3), round(top, 3), round(right, 3), round(bottom, 3)
