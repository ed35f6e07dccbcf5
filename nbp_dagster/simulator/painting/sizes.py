"""Picture sizes of the imitated model; knows no HTTP and no jobs."""

import math
from collections.abc import Mapping

# Gemini 3 image output sizes at 1K, in pixels; 2K and 4K are exact multiples.
# Source: the output-size table in Google's Gemini API image generation guide.
PIXELS_AT_1K: Mapping[str, tuple[int, int]] = {
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
    # Those that Gemini 3.1 Flash Image draws besides.
    "4:1": (2048, 512),
    "1:4": (512, 2048),
    "8:1": (3072, 384),
    "1:8": (384, 3072),
}

# "512" belongs to the second model of the catalogue; half of 1K is an assumption.
SCALE: Mapping[str, float] = {"512": 0.5, "1K": 1.0, "2K": 2.0, "4K": 4.0}

DEFAULT_RATIO = "16:9"
DEFAULT_RESOLUTION = "2K"


def pixel_size(ratio: str, resolution: str) -> tuple[int, int]:
    """Return (width, height) in pixels of a picture.

    Args:
        ratio: A key of `PIXELS_AT_1K`; anything else, `auto` included, counts as 16:9.
        resolution: A key of `SCALE`; anything else counts as 2K.
    """
    width, height = PIXELS_AT_1K.get(ratio, PIXELS_AT_1K[DEFAULT_RATIO])
    scale = SCALE.get(resolution, SCALE[DEFAULT_RESOLUTION])
    return round(width * scale), round(height * scale)


def nearest_ratio(width: int, height: int) -> str:
    """Return the supported ratio closest to a picture of width x height pixels."""
    wanted = math.log(width / height)

    def distance(ratio: str) -> float:
        columns, rows = PIXELS_AT_1K[ratio]
        return abs(math.log(columns / rows) - wanted)

    return min(PIXELS_AT_1K, key=distance)
