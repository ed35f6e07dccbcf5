"""Measures visual saliency: how much each part of a picture stands out; must not know frames.

Spectral residual saliency (Hou and Zhang, CVPR 2007): what the spectrum of a picture has beyond its
own smooth course is what stands out in it. It needs no model, so a picture is cropped alike on
every machine.
"""

from typing import Any, Final

import numpy as np
from PIL import Image

from nbp_dagster.studio.imaging.thumbnails import scale_to

_SIDE: Final = 64  # pixels of the longer side; the paper's own scale
_SMOOTHING: Final = 3  # bins of the spectrum's running mean, as in the paper
_BLUR: Final = 0.045  # standard deviation of the final blur, as a share of the longer side
_RIM: Final = 0.06  # share of each side whose saliency counts less: spectra wrap around
# Rounded to so many steps, so that the last bit of a transform decides nothing.
_STEPS: Final = 1000


def find_saliency(image: Image.Image) -> Any:
    """Return how much each part of a picture stands out.

    Args:
        image: RGB; a reduced copy of some 64 to 128 pixels does.

    Returns:
        An array of rows by columns over the whole picture, 0 and more, with a sum of 1. Even where
        nothing stands out.
    """
    size = scale_to(image.size, _SIDE, least=2)
    pixels = np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=2.0), dtype=float)
    found = np.zeros(pixels.shape[:2])
    for plane in _split_planes(pixels):
        found += _find_residual(plane)
    found = _blur(found) * _weigh_rim(*pixels.shape[:2])
    # What is no more than usual is background.
    found = np.maximum(found - found.mean(), 0)
    found = np.floor(found / max(found.max(), 1e-12) * _STEPS)
    total = found.sum()
    return found / total if total else np.full(found.shape, 1 / found.size)


def _split_planes(pixels: Any) -> tuple[Any, ...]:
    """Lightness and two colour differences: what has only another colour stands out too."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    return (red + green + blue) / 3, red - green, blue - (red + green) / 2


def _find_residual(plane: Any) -> Any:
    if plane.max() - plane.min() < 2:
        return np.zeros(plane.shape)
    spectrum = np.fft.fft2(plane)
    course = np.log(np.abs(spectrum) + 1e-6)
    residual = course - _smooth(course)
    found = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    return found / found.max() * plane.std()


def _smooth(values: Any) -> Any:
    """The mean of each bin and its neighbours; a spectrum is periodic."""
    reach = _SMOOTHING // 2
    steps = range(-reach, reach + 1)
    return sum(np.roll(values, (y, x), (0, 1)) for y in steps for x in steps) / _SMOOTHING**2


def _blur(values: Any) -> Any:
    deviation = _BLUR * max(values.shape)
    down, across = (_kernel(length, deviation) for length in values.shape)
    return down @ values @ across.T


def _kernel(length: int, deviation: float) -> Any:
    """A Gaussian around each place as a matrix, each row's sum 1."""
    places = np.arange(length)
    weights = np.exp(-0.5 * ((places[:, None] - places[None, :]) / deviation) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def _weigh_rim(rows: int, columns: int) -> Any:
    down, across = _ramp(rows), _ramp(columns)
    return down[:, None] * across[None, :]


def _ramp(length: int) -> Any:
    middle = (np.arange(length) + 0.5) / length
    return np.minimum(1.0, np.minimum(middle, 1 - middle) / _RIM)
