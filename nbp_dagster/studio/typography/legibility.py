"""Measures the legibility of words in a box from finished pixels; must not know fonts or copy.

The boxes come from typesetting, or from text recognition.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from PIL import Image

from nbp_dagster.studio.typography.blocks import Box

# WCAG 2.2, 1.4.3: small text, and large text, which is 24 px and more.
SMALL_TEXT_RATIO: Final = 4.5
LARGE_TEXT_RATIO: Final = 3.0
LARGE_TEXT: Final = 24  # pixels of the em: 18 point at 96 pixels an inch

_BINS: Final = 256
# Thin strokes are all soft edge: the ink's colour is that of its fullest pixels.
_INK_CORE: Final = 0.85


@dataclass(frozen=True)
class TextBox:
    """Words on a finished picture.

    Attributes:
        field: What they are, such as `headline`.
        box: Left, top, right, bottom in pixels.
        size: Pixels of the em.
    """

    field: str
    box: Box
    size: int

    @property
    def least_ratio(self) -> float:
        """The contrast WCAG asks of text of this size."""
        return LARGE_TEXT_RATIO if self.size >= LARGE_TEXT else SMALL_TEXT_RATIO


def measure_text_contrast(image: Image.Image, box: Box) -> float:
    """Return the WCAG contrast ratio, 1 to 21, of the words in a box with what they stand on.

    The box's pixels are split in two by Otsu's threshold on lightness; the smaller part is the ink.
    Exact on flat colours; an estimate where the background is busy.

    Args:
        image: RGB.
        box: Left, top, right, bottom in pixels; at least one pixel of it is on the picture.
    """
    part = np.asarray(image.convert("RGB").crop(_clip(box, image.size)), dtype=np.float64) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    luminance = (linear @ np.array([0.2126, 0.7152, 0.0722])).ravel()
    # Split on a scale on which equal steps look equal; dark words would fall together otherwise.
    above = _split(np.cbrt(luminance))
    if above.all() or not above.any():
        return 1.0
    light, dark = luminance[above], luminance[~above]
    if light.size < dark.size:
        high, low = np.quantile(light, _INK_CORE), np.median(dark)
    else:
        high, low = np.median(light), np.quantile(dark, 1 - _INK_CORE)
    return float((high + 0.05) / (low + 0.05))


def _clip(box: Box, size: tuple[int, int]) -> Box:
    left, top, right, bottom = box
    return max(0, left), max(0, top), min(size[0], right), min(size[1], bottom)


def _split(values: Any) -> Any:
    """Return which values are above the threshold that parts them best (Otsu, 1979)."""
    counts, edges = np.histogram(values, bins=_BINS, range=(0.0, 1.0))
    below = np.cumsum(counts)
    over = values.size - below
    sums = np.cumsum(counts * (edges[:-1] + edges[1:]) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = sums / below - (sums[-1] - sums) / over
    between = np.nan_to_num(below * over * apart**2)
    return values > edges[int(np.argmax(between)) + 1]
