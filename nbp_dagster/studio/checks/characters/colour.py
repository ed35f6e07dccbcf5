"""Perceptual colour: sRGB to CIELAB, CIEDE2000, histograms of Lab bins; must not know characters.

All arrays are numpy; pictures are RGB of 8 bits a channel.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]
Counts = NDArray[np.float32]

# Bins of L*, a*, b*: as many as tell the cast of a brand apart and survive light and paper.
_BINS: Final = (8, 14, 14)
_REACH: Final = 110.0  # a* and b* of sRGB lie within -108 and 99
_BITS: Final = 6  # of each channel kept in the table: an error below a tenth of a bin
BIN_COUNT: Final = _BINS[0] * _BINS[1] * _BINS[2]

# sRGB (IEC 61966-2-1) to XYZ, rows over the white point D65 of CIE 1931.
_TO_XYZ: Final = np.array(
    [
        [0.4123907992659595, 0.357584339383878, 0.1804807884018343],
        [0.21263900587151036, 0.715168678767756, 0.07219231536073371],
        [0.01933081871559185, 0.11919477979462599, 0.9505321522496606],
    ]
)
_WHITE: Final = np.array([0.9504559270516716, 1.0, 1.0890577507598784])


def lab_of(colours: NDArray[np.uint8]) -> Floats:
    """Return CIELAB (D65) of sRGB colours.

    Args:
        colours: Any shape whose last axis is red, green, blue from 0 to 255.
    """
    share = colours.astype(np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    relative = (linear @ _TO_XYZ.T) / _WHITE
    # CIE 15: the cube root, and a straight line near black.
    root = np.where(
        relative > (6 / 29) ** 3, np.cbrt(relative), relative * (29 / 6) ** 2 / 3 + 4 / 29
    )
    red, green, blue = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * green - 16, 500 * (red - green), 200 * (green - blue)], axis=-1)


def difference(one: Floats, other: Floats) -> Floats:
    """Return CIEDE2000 of CIELAB colours, which broadcast against each other.

    After Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula" (2005), with kL, kC and kH
    of 1. About 1 is the least that is seen; 10 is plainly another shade.
    """
    light1, a1, b1 = one[..., 0], one[..., 1], one[..., 2]
    light2, a2, b2 = other[..., 0], other[..., 1], other[..., 2]
    grey = _pull((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2)
    a1, a2 = a1 * (1.5 - grey / 2), a2 * (1.5 - grey / 2)
    chroma1, chroma2 = np.hypot(a1, b1), np.hypot(a2, b2)
    hue1 = np.degrees(np.arctan2(b1, a1)) % 360
    hue2 = np.degrees(np.arctan2(b2, a2)) % 360
    colourless = chroma1 * chroma2 == 0
    turn = (hue2 - hue1 + 180) % 360 - 180
    # Opposite hues: the formula counts half a turn as +180, which the remainder makes -180.
    turn = np.where(turn == -180, 180.0, turn)
    turn = np.where(colourless, 0.0, turn)
    light = (light1 + light2) / 2
    chroma = (chroma1 + chroma2) / 2
    hue = np.where(colourless, hue1 + hue2, (hue1 + turn / 2) % 360)
    return _weigh(
        light2 - light1,
        chroma2 - chroma1,
        2 * np.sqrt(chroma1 * chroma2) * np.sin(np.radians(turn / 2)),
        means=(light, chroma, hue),
    )


def _pull(chroma: Floats) -> Floats:
    """How little a* of a colour is stretched: nearly 1 for strong colours, 0 for greys."""
    seventh = chroma**7
    return np.sqrt(seventh / (seventh + 25.0**7))


def _weigh(
    d_light: Floats, d_chroma: Floats, d_hue: Floats, *, means: tuple[Floats, Floats, Floats]
) -> Floats:
    light, chroma, hue = means

    def wave(times: int, shift: float) -> Floats:
        return np.asarray(np.cos(np.radians(times * hue + shift)))

    tone = 1 - 0.17 * wave(1, -30) + 0.24 * wave(2, 0) + 0.32 * wave(3, 6) - 0.2 * wave(4, -63)
    from_middle = (light - 50) ** 2
    d_light = d_light / (1 + 0.015 * from_middle / np.sqrt(20 + from_middle))
    d_chroma = d_chroma / (1 + 0.045 * chroma)
    d_hue = d_hue / (1 + 0.015 * chroma * tone)
    spin = np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2)))
    twist = -np.sin(spin) * 2 * _pull(chroma)
    return np.asarray(np.sqrt(d_light**2 + d_chroma**2 + d_hue**2 + twist * d_chroma * d_hue))


def bins_of(image: Image.Image) -> NDArray[np.int16]:
    """Return each pixel's Lab bin, from 0 to `BIN_COUNT` - 1, in the shape of the picture.

    Args:
        image: RGB.
    """
    pixels = np.asarray(image, dtype=np.uint8)
    kept = (pixels >> (8 - _BITS)).astype(np.int32)
    codes = (kept[..., 0] << 2 * _BITS) | (kept[..., 1] << _BITS) | kept[..., 2]
    return np.asarray(_table()[codes], np.int16)


def share_bins(bins: NDArray[np.int16]) -> Counts:
    """Return the share of the given pixels in each bin; the shares sum to 1."""
    counts = np.bincount(bins.ravel(), minlength=BIN_COUNT).astype(np.float32)
    return counts / max(1.0, float(counts.sum()))


@cache
def _table() -> NDArray[np.int16]:
    """The bin of every colour whose channels have `_BITS` bits."""
    levels = (np.arange(1 << _BITS) * 255 / ((1 << _BITS) - 1)).astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    lab = lab_of(grid.reshape(-1, 3))
    scaled = np.stack(
        [lab[:, 0] / 100, (lab[:, 1] + _REACH) / (2 * _REACH), (lab[:, 2] + _REACH) / (2 * _REACH)],
        axis=-1,
    )
    shape = np.array(_BINS)
    place = np.clip((scaled * shape).astype(np.int64), 0, shape - 1)
    flat = (place[:, 0] * shape[1] + place[:, 1]) * shape[2] + place[:, 2]
    return np.asarray(flat, np.int16)
