"""Detects a logo by template matching: normalised edge cross-correlation over sizes; no verdicts.

Must not know brands. The pass threshold is `LEAST_LIKE_LOGO` in `original_checks`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from nbp_dagster.studio.imaging.thumbnails import scale_to

COARSE_SIDE: Final = 192  # pixels of the picture's longer side in the first search
_FINE: Final = 3  # times as many at most in the second, around what the first found
_REACH: Final = 2  # pixels of the first search that it may be off
_ENOUGH: Final = 96  # pixels of a logo's longer side that are looked at closely
LEAST_SHARE: Final = 0.05
MOST_SHARE: Final = 0.4
"""Longer side of a logo that is looked for, as a share of the picture's longer side."""

_STEP: Final = 1.3  # from one size of the first search to the next
_CANDIDATES: Final = 3
# Sizes of the second search around one of the first, half a step to either side.
_NEAR_SIZES: Final = (0.88, 0.96, 1.04, 1.13)
# Grey levels of a slope that counts half: an edge is an edge, whatever its contrast.
_EDGE: Final = 12.0
_OPAQUE: Final = 255
_FAINT: Final = 16  # levels of alpha that cannot be seen
_PROBE_SIDE: Final = 256  # pixels a logo is kept at
# Share of the strongest edges' energy below which a window has too few of them to be like anything.
_LEAST_ENERGY: Final = 0.6

Field = npt.NDArray[np.complexfloating[Any, Any]]
Floats = npt.NDArray[np.floating[Any]]


@dataclass
class LogoTemplate:
    """A logo prepared for matching.

    Attributes:
        image: Grey, trimmed to what is drawn, with a narrow margin.
    """

    image: Image.Image
    _spectra: dict[tuple[int, int, int], tuple[Field, tuple[int, int], float]] = field(
        default_factory=dict, repr=False
    )

    def spectrum(self, longer: int, shape: tuple[int, int]) -> tuple[Field, tuple[int, int], float]:
        """Return the transform of the logo's edges at a size, its (height, width) and norm."""
        key = (longer, *shape)
        if key not in self._spectra:
            edges = edges_of(_resize(self.image, longer))
            self._spectra[key] = (
                np.conj(np.fft.fft2(edges, shape)),
                (edges.shape[0], edges.shape[1]),
                float(np.sqrt((np.abs(edges) ** 2).sum())),
            )
        return self._spectra[key]


def prepare_logo(logo: Image.Image) -> LogoTemplate | None:
    """Return the template of a logo of any mode; None where there is nothing drawn on it."""
    clear = logo.convert("RGBA")
    alpha = clear.getchannel("A")
    grey = clear.convert("L")
    if min(np.asarray(alpha).flat) == _OPAQUE:
        # What is as plain as its corner is the paper it was delivered on.
        paper = int(np.asarray(grey)[0, 0])
        alpha = grey.point([_OPAQUE * (abs(level - paper) > _EDGE) for level in range(256)])
    else:
        weights = np.asarray(alpha, np.float64)
        mean = float((np.asarray(grey) * weights).sum() / max(1.0, weights.sum()))
        # On what it stands out from most, so that its outline is an edge.
        paper = _OPAQUE if mean < _OPAQUE / 2 else 0
    box = alpha.point([_OPAQUE * (level > _FAINT) for level in range(256)]).getbbox()
    if box is None:
        return None
    background = Image.new("L", grey.size, paper)
    background.paste(grey, mask=alpha)
    background = background.crop(box)
    # A margin, so that the outline is whole.
    margin = max(2, max(background.size) // 24)
    return LogoTemplate(_resize(ImageOps.expand(background, margin, fill=paper), _PROBE_SIDE))


def match_logo(picture: Image.Image, template: LogoTemplate) -> tuple[float, float]:
    """Return the best match of a logo on a picture: its correlation, and its width there.

    Edges are compared by where they run, not by which side is the lighter: a logo in white counts
    as itself. It may have any size between two shares of the picture; it stands upright.

    Args:
        picture: RGB; some 400 pixels of the longer side do.
        template: What to look for.

    Returns:
        Likeness, 1 for the same edges and about 0 for none of them, and the longer side as a share
        of the picture's.
    """
    grey = picture.convert("L")
    coarse = edges_of(_resize(grey, COARSE_SIDE))
    found = (_look_closer(grey, template, *place) for place in _search(coarse, template))
    likeness, share = max(found, default=(0.0, 0.0))
    return round(likeness, 4), round(share, 3)


def edges_of(grey: Image.Image) -> Field:
    """Return a picture's edge directions as complex numbers of length 0 to 1, at twice the angle.

    Twice the angle, because an edge from dark to light and one from light to dark run alike.
    """
    levels = np.asarray(grey, np.float32)
    down, across = np.gradient(levels)
    steep = np.hypot(across, down)
    turned = (across + 1j * down) ** 2
    edges: Field = (turned / np.maximum(steep * (steep + _EDGE), 1e-6)).astype(np.complex64)
    return edges


def _resize(image: Image.Image, longer: int) -> Image.Image:
    size = scale_to(image.size, longer, least=4)
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def _search(edges: Field, template: LogoTemplate) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield the likeliest places of each size, the likeliest of all first, a few of them."""
    # A window that lies within the picture is not touched by what wraps around its edges.
    shape = (edges.shape[0], edges.shape[1])
    spectrum = np.fft.fft2(edges, shape)
    sums = _sums(edges)
    found: list[tuple[float, int, tuple[int, int]]] = []
    for size in _sizes():
        scores = _scores(spectrum, sums, template.spectrum(size, shape))
        if scores.size:
            top, left = np.unravel_index(int(scores.argmax()), scores.shape)
            found.append((float(scores[top, left]), size, (int(top), int(left))))
    found.sort(key=lambda item: -item[0])
    for _, size, place in found[:_CANDIDATES]:
        yield size, place


@cache
def _sizes() -> tuple[int, ...]:
    """Longer sides in pixels of the first search."""
    steps = int(math.log(MOST_SHARE / LEAST_SHARE) / math.log(_STEP))
    return tuple(round(LEAST_SHARE * COARSE_SIDE * _STEP**step) for step in range(steps + 1))


def _look_closer(
    grey: Image.Image, template: LogoTemplate, size: int, place: tuple[int, int]
) -> tuple[float, float]:
    """Return the best likeness around a place of the first search, and its share of the side.

    Args:
        grey: The whole picture.
        template: What to look for.
        size: Its longer side in pixels of the first search.
        place: Its upper edge and its left one, likewise.
    """
    # A small logo is made of few pixels: it is looked at more closely.
    times = max(1, min(_FINE, _ENOUGH // size))
    unit = max(grey.size) / COARSE_SIDE
    reach = math.ceil(size * _NEAR_SIZES[-1]) + _REACH
    left, top = max(0, place[1] - _REACH), max(0, place[0] - _REACH)
    right = min(grey.width / unit, place[1] + reach)
    bottom = min(grey.height / unit, place[0] + reach)
    part = grey.resize(
        (round((right - left) * times), round((bottom - top) * times)),
        Image.Resampling.BILINEAR,
        box=(left * unit, top * unit, right * unit, bottom * unit),
    )
    edges = edges_of(part)
    # Few shapes, so that the logo's transforms are kept.
    side = -(-max(edges.shape) // 16) * 16
    spectrum, sums = np.fft.fft2(edges, (side, side)), _sums(edges)
    best = (0.0, 0.0)
    for near in _NEAR_SIZES:
        scaled = template.spectrum(round(size * times * near), (side, side))
        scores = _scores(spectrum, sums, scaled)
        if scores.size:
            best = max(best, (float(scores.max()), size * near / COARSE_SIDE))
    return best


def _sums(edges: Field) -> Floats:
    """Return the summed area table of the edges' energy, with a row and a column of zeros."""
    energy = edges.real**2 + edges.imag**2
    table = np.zeros((edges.shape[0] + 1, edges.shape[1] + 1), np.float32)
    np.cumsum(np.cumsum(energy, axis=0), axis=1, out=table[1:, 1:])
    return table


def _scores(
    spectrum: Field, sums: Floats, template: tuple[Field, tuple[int, int], float]
) -> Floats:
    """Return the correlation of a template with every window that lies within a picture."""
    shown, (high, wide), norm = template
    rows, columns = sums.shape[0] - high, sums.shape[1] - wide
    if rows <= 0 or columns <= 0:
        return np.zeros((0, 0), np.float32)
    product = np.fft.ifft2(spectrum * shown)[:rows, :columns].real
    energy = sums[high:, wide:] - sums[:rows, wide:] - sums[high:, :columns] + sums[:rows, :columns]
    least = _LEAST_ENERGY * norm**2
    return np.asarray(product / (norm * np.sqrt(np.maximum(energy, least))))
