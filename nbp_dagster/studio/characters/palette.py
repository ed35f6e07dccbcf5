"""How much of a picture has a brand's colours, tints and shades included."""

from collections.abc import Iterable
from typing import Final

import numpy as np
from PIL import Image

from nbp_dagster.studio.characters.colour import difference, lab_of

_SIDE: Final = 96  # pixels: the share is within a hundredth of that of the whole picture
_BITS: Final = 4  # of a channel that are told apart: 4096 colours at most are compared


def palette_share(picture: Image.Image, palette: Iterable[str], distance: float) -> float:
    """Return the share of pixels whose CIEDE2000 to some brand colour is at most `distance`.

    Args:
        picture: RGB.
        palette: Colours as "#RRGGBB"; at least one.
        distance: About 2 is just noticeable, 20 a tint or a shade of the same colour.
    """
    small = picture.resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    kept = np.asarray(small.convert("RGB"), np.uint8).reshape(-1, 3) >> (8 - _BITS)
    packed = kept.astype(np.int32) @ np.array([1 << 2 * _BITS, 1 << _BITS, 1])
    codes, counts = np.unique(packed, return_counts=True)
    mask = (1 << _BITS) - 1
    channels = np.stack([codes >> 2 * _BITS, codes >> _BITS & mask, codes & mask], axis=-1)
    middle = (channels << (8 - _BITS)) + (1 << (7 - _BITS))
    brand = [tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5)) for colour in palette]
    apart = difference(
        lab_of(middle.astype(np.uint8))[:, None], lab_of(np.array(brand, np.uint8))[None]
    )
    near = apart.min(axis=1) <= distance
    return round(float(counts[near].sum()) / float(counts.sum()), 4)
