"""Says how much of a picture shows anything at all; knows no briefs and judges nothing."""

from typing import Final

import numpy as np
from PIL import Image

_SIDE: Final = 64  # cells of the grid a picture is looked at on
# Levels by which the neighbours of a cell must differ from it, all four together: an edge does, the
# slow change of a gradient does not, and the noise of a sensor is gone with the mean of a cell.
_LEAST_BEND: Final = 24


def measure_structure(picture: Image.Image) -> float:
    """Return the share of a picture, 0 to 1, where lightness or colour changes of a sudden.

    Args:
        picture: RGB.
    """
    small = picture.resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    cells = np.asarray(small.convert("RGB"), np.int16)
    inner = cells[1:-1, 1:-1]
    around = cells[:-2, 1:-1] + cells[2:, 1:-1] + cells[1:-1, :-2] + cells[1:-1, 2:]
    bend = np.abs(4 * inner - around).max(axis=-1)
    return round(float((bend >= _LEAST_BEND).mean()), 4)
