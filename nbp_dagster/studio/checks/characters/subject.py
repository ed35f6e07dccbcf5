"""Cuts the subject of a picture out of its ground, by a map of where a picture draws the eye."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbp_dagster.studio.checks.characters.figures import FIGURE_SIDE, Figure
from nbp_dagster.studio.imaging.thumbnails import scale_to
from nbp_dagster.studio.vision.islands import Mask, box_of, keep_heaviest

Importance = NDArray[np.float32]

_SIDE: Final = 192  # pixels of the square in which islands are told apart
_LEVEL: Final = 0.5  # of the map's maximum: from here on it is subject
_LEAST_ISLAND: Final = 0.25  # of the heaviest island's weight; lighter ones are ground
_MARGIN: Final = 0.06  # of the subject's longer side, around it
_LEAST_SHARE: Final = 0.02  # of the picture: less is a speck
_MOST_SHARE: Final = 0.9  # more is a pattern, or an empty room: there is no subject


def pad_to_square(image: Image.Image) -> Image.Image:
    """Return the picture in the middle of a white square, as its importance is asked for."""
    side = max(image.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(image.convert("RGB"), ((side - image.width) // 2, (side - image.height) // 2))
    return square


def cut_subject(image: Image.Image, importance: Importance) -> Figure | None:
    """Return the subject of a picture on white; None where there is none.

    The subject is what draws the eye at least half as much as the place that does so most: the
    heaviest island of it, and those of a quarter of that one's weight.

    Args:
        image: RGB, any size.
        importance: Of its `pad_to_square`, rows by columns, any scale.
    """
    square = pad_to_square(image)
    kept = _find_mask(importance)
    if kept is None:
        return None
    left, top, right, bottom = box_of(kept)
    share = kept.sum() * max(image.size) / (min(image.size) * kept.size)
    if not _LEAST_SHARE <= share <= _MOST_SHARE:
        return None
    margin, scale = _MARGIN * max(right - left, bottom - top), square.width / _SIDE
    box = (
        max(0, round((left - margin) * scale)),
        max(0, round((top - margin) * scale)),
        min(square.width, round((right + margin) * scale)),
        min(square.height, round((bottom + margin) * scale)),
    )
    shape = Image.fromarray(kept.astype(np.uint8) * 255)
    shape = shape.resize(square.size, Image.Resampling.BILINEAR).crop(box)
    crop = square.crop(box)
    if max(crop.size) > FIGURE_SIDE:
        crop = crop.resize(scale_to(crop.size, FIGURE_SIDE), Image.Resampling.BOX)
    mask = np.asarray(shape.resize(crop.size, Image.Resampling.BILINEAR)) > 127
    pixels = np.asarray(crop).copy()
    pixels[~mask] = 255
    return Figure(Image.fromarray(pixels), mask, is_cut=True)


def _find_mask(importance: Importance) -> Mask | None:
    """The heaviest island above half of the maximum and those of a quarter of its weight."""
    most = float(importance.max())
    if most <= 0:
        return None
    levels = Image.fromarray((importance * (255 / most)).astype(np.uint8))
    values = np.asarray(levels.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))
    return keep_heaviest(values > 255 * _LEVEL, values.astype(np.float64), _LEAST_ISLAND)
