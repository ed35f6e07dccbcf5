"""Detects a logo by template matching: normalised edge cross-correlation over sizes; no verdicts.

Must not know brands. The pass threshold is `LEAST_LIKE_LOGO` in `original_checks`.
"""

import math
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from nbp_dagster.studio.imaging.thumbnails import scale_to

LEAST_SHARE: Final = 0.025
MOST_SHARE: Final = 0.75
"""Longer side of a logo that is looked for, as a share of the picture's longer side."""

_STEP: Final = 1.22  # from one size of the first search to the next
_COARSE: Final = 16
"""Pixels of a logo's longer side in the first search: the picture is reduced until a logo of the
share that is looked for has them. At more of them a size wrong by a tenth has no edge in place."""

_FINE: Final = 56  # pixels at least in the second, around what the first found
_REACH: Final = 2  # pixels of the first search that it may be off
_CANDIDATES: Final = 4
# Sizes of the second search around one of the first, half a step to either side.
_NEAR_SIZES: Final = (0.88, 0.92, 0.96, 1.0, 1.04, 1.08, 1.13)
_SIDE_STEP: Final = 16  # pixels: few shapes, so that the logo's transforms are kept
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
        picture: RGB; with 1,024 pixels of the longer side small logos have enough of them.
        template: What to look for.

    Returns:
        Likeness, 1 for the same edges and about 0 for none of them, and the longer side as a share
        of the picture's.
    """
    grey = picture.convert("L")
    found = (_look_closer(grey, template, place) for place in _search(grey, template))
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


@dataclass(frozen=True, order=True)
class _Place:
    """Where a logo may be.

    Attributes:
        score: Its likeness there.
        side: Longer side of the reduced picture, in pixels.
        size: Longer side of the logo on it, likewise.
        top: Its upper edge there.
        left: Its left edge there.
    """

    score: float
    side: int
    size: int
    top: int
    left: int


def _search(grey: Image.Image, template: LogoTemplate) -> list[_Place]:
    """Return the likeliest places over all sizes, the likeliest first, a few of them."""
    found: list[_Place] = []
    for share in _shares():
        side = min(max(grey.size), round(_COARSE / share))
        edges = edges_of(_resize(grey, side))
        size = max(4, round(share * side))
        # A window that lies within the picture is not touched by what wraps around its edges.
        shape = _round_up(edges.shape)
        scores = _scores(*_transform(edges, shape), template.spectrum(size, shape))
        if scores.size:
            top, left = np.unravel_index(int(scores.argmax()), scores.shape)
            found.append(_Place(float(scores[top, left]), side, size, int(top), int(left)))
    return sorted(found, reverse=True)[:_CANDIDATES]


@cache
def _shares() -> tuple[float, ...]:
    """Shares of the picture's longer side that the first search tries."""
    steps = int(math.log(MOST_SHARE / LEAST_SHARE) / math.log(_STEP))
    return tuple(LEAST_SHARE * _STEP**step for step in range(steps + 1))


def _look_closer(grey: Image.Image, template: LogoTemplate, place: _Place) -> tuple[float, float]:
    """Return the best likeness around a place of the first search, and its share of the side."""
    times = max(1.0, _FINE / place.size)
    unit = max(grey.size) / place.side
    reach = math.ceil(place.size * _NEAR_SIZES[-1]) + _REACH
    left, top = max(0, place.left - _REACH), max(0, place.top - _REACH)
    right = min(grey.width / unit, place.left + reach)
    bottom = min(grey.height / unit, place.top + reach)
    part = grey.resize(
        (max(1, round((right - left) * times)), max(1, round((bottom - top) * times))),
        Image.Resampling.BILINEAR,
        box=(left * unit, top * unit, right * unit, bottom * unit),
    )
    edges = edges_of(part)
    shape = _round_up((max(edges.shape),) * 2)
    spectrum, sums = _transform(edges, shape)
    best = (0.0, 0.0)
    for near in _NEAR_SIZES:
        scaled = template.spectrum(round(place.size * times * near), shape)
        scores = _scores(spectrum, sums, scaled)
        if scores.size:
            best = max(best, (float(scores.max()), place.size * near / place.side))
    return best


def _round_up(shape: tuple[int, ...]) -> tuple[int, int]:
    high, wide = (-(-side // _SIDE_STEP) * _SIDE_STEP for side in shape)
    return high, wide


def _transform(edges: Field, shape: tuple[int, int]) -> tuple[Field, Floats]:
    """Return a picture's edges as `_scores` takes them, for templates of any size."""
    return np.fft.fft2(edges, shape), _sums(edges)


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
