"""Ranks places for type on a picture by how much the picture would have to be toned there."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from nbp_dagster.studio.typography.contrast import (
    LEGIBLE,
    Box,
    Scheme,
    measure_luminance,
    ratio_of,
)


class Toning:
    """How much type disturbs a picture, and is disturbed by it: 0 to 1, to rank places by.

    By how much toning changes what is under the words for them to be legible, and how restless it
    still is then.

    Args:
        picture: RGB; small enough to look at as a whole.
        scheme: Colours of the type, and what the picture is toned towards.
    """

    def __init__(self, picture: Image.Image, scheme: Scheme) -> None:
        pixels = np.asarray(picture, dtype=np.float64) / 255
        linear = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
        self._light = linear @ np.array([0.2126, 0.7152, 0.0722])
        self._apart = np.abs(pixels - np.array(scheme.background) / 255).mean(axis=2)
        self._ink = measure_luminance(scheme.ink)
        self._ground = measure_luminance(scheme.background)

    def measure(self, boxes: Sequence[Box]) -> float:
        """Return the disturbance in some boxes, where that is most.

        Args:
            boxes: Left, top, right, bottom in pixels of the picture.
        """
        return max(map(self._measure, boxes), default=0.0)

    def _measure(self, box: Box) -> float:
        left, top, right, bottom = box
        part = np.s_[top : max(top + 1, bottom), left : max(left + 1, right)]
        light = self._light[part]
        if not light.size:
            return 0.0
        worst = float(light.max() if self._ink > self._ground else light.min())
        strength = self._find_strength(worst)
        restless = float(light.std())
        return strength * float(self._apart[part].mean()) + (1 - strength) * restless

    def _find_strength(self, worst: float) -> float:
        """Return the share of the background that makes type on a luminance legible."""
        for strength in np.linspace(0, 1, 11):
            # Pictures are blended in sRGB, which is near to a gamma of 2.2.
            mixed = (1 - strength) * worst ** (1 / 2.2) + strength * self._ground ** (1 / 2.2)
            light = mixed**2.2
            if ratio_of(self._ink, light) >= LEGIBLE:
                return float(strength)
        return 1.0
