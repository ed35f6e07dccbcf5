"""Registers an edit with the picture it was made from, by phase correlation: shift and scale.

The model draws an edit anew, now and then a few pixels further along or a percent larger. Phase
correlation (Kuglin and Hines 1975) of parts of the picture finds how far each was moved; a straight
line through what the parts say, by the median of slopes (Theil 1950, Sen 1968), leaves out the
parts that show something else. Must not know what is checked.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.floating[Any]]

_PARTS: Final = 5  # along each side; they overlap by half
_MOST_SHIFT: Final = 0.04  # of a side
_MOST_SCALE: Final = 0.04
_LEAST_PEAK: Final = 0.08  # of a correlation of 1, below which a part says nothing
_LEAST_PARTS: Final = 5
_LEAST_COMPARED: Final = 0.7  # of a part
_LEAST_MOVE: Final = 0.25  # pixels
_EMPTY: Final = 1e-6


def register(
    picture: Image.Image, edited: Image.Image, compared: npt.NDArray[np.bool_]
) -> Image.Image | None:
    """Return a picture moved and scaled so that it lies on its edit; None where it need not move.

    What a moved picture lacks at its edges is repeated.

    Args:
        picture: RGB, of the edit's size.
        edited: RGB.
        compared: Where both are to be alike.
    """
    first, second = (np.asarray(each.convert("L"), np.float32) for each in (picture, edited))
    found = list(_measure_shifts(first, second, compared))
    if len(found) < _LEAST_PARTS:
        return None
    wide, high = picture.size
    scale_x, move_x = _fit_line([(x, dx) for x, _, dx, _ in found], wide)
    scale_y, move_y = _fit_line([(y, dy) for _, y, _, dy in found], high)
    ends = (move_x, move_x + scale_x * wide, move_y, move_y + scale_y * high)
    if max(map(abs, ends)) < _LEAST_MOVE:
        return None
    # Where each pixel of the edit is found on the picture.
    return _transform(picture, (1 - scale_x, 0.0, -move_x, 0.0, 1 - scale_y, -move_y))


def _transform(
    picture: Image.Image, where: tuple[float, float, float, float, float, float]
) -> Image.Image:
    """Move a picture; beyond its edges the outermost pixels go on."""
    wide, high = picture.size
    pad = round(max(picture.size) * (_MOST_SHIFT + _MOST_SCALE)) + 1
    cells = np.pad(np.asarray(picture), ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    a, b, c, d, e, f = where
    return Image.fromarray(cells).transform(
        (wide, high),
        Image.Transform.AFFINE,
        (a, b, c + pad, d, e, f + pad),
        Image.Resampling.BICUBIC,
    )


def _measure_shifts(
    first: Floats, second: Floats, compared: npt.NDArray[np.bool_]
) -> Iterator[tuple[float, float, float, float]]:
    """Yield the middle of each part, and how far it was moved from one picture to the other."""
    high, wide = first.shape
    tall, broad = high * 2 // (_PARTS + 1), wide * 2 // (_PARTS + 1)
    window = np.outer(np.hanning(tall), np.hanning(broad)).astype(np.float32)
    for row in range(_PARTS):
        for column in range(_PARTS):
            top, left = row * tall // 2, column * broad // 2
            part = (slice(top, top + tall), slice(left, left + broad))
            if float(compared[part].mean()) < _LEAST_COMPARED:
                continue
            shift = _correlate(first[part], second[part], window)
            if shift is None:
                continue
            dx, dy = shift
            if abs(dx) <= wide * _MOST_SHIFT and abs(dy) <= high * _MOST_SHIFT:
                yield left + broad / 2, top + tall / 2, dx, dy


def _correlate(first: Floats, second: Floats, window: Floats) -> tuple[float, float] | None:
    """Return by how many pixels a part was moved to the right and down; None if it does not say."""
    one = np.fft.rfft2((first - first.mean()) * window)
    other = np.fft.rfft2((second - second.mean()) * window)
    cross = other * np.conj(one)
    size = np.abs(cross)
    if float(size.max()) < _EMPTY:
        return None
    surface = np.fft.irfft2(cross / np.maximum(size, _EMPTY), s=first.shape)
    row, column = np.unravel_index(int(surface.argmax()), surface.shape)
    if float(surface[row, column]) < _LEAST_PEAK:
        return None
    down = _peak_of(surface[:, column], int(row))
    along = _peak_of(surface[row, :], int(column))
    return along, down


def _peak_of(line: Floats, at: int) -> float:
    """Return where a line of a correlation has its peak, between two pixels; it wraps around."""
    before, peak, after = (float(line[(at + step) % len(line)]) for step in (-1, 0, 1))
    # The peak of a shift between two pixels lies nearer to the higher neighbour (Foroosh 2002).
    high, way = (after, 1.0) if after > before else (before, -1.0)
    part = way * high / (high + peak) if high > 0 else 0.0
    place = at + part
    return place - len(line) if place > len(line) / 2 else place


def _fit_line(points: Sequence[tuple[float, float]], length: int) -> tuple[float, float]:
    """Return the slope and the height at 0 of shifts along a side; 0 where there is no line."""
    slopes = [
        (shift - other) / (place - further)
        for number, (place, shift) in enumerate(points)
        for further, other in points[:number]
        if abs(place - further) > length / _PARTS
    ]
    slope = float(np.median(slopes)) if slopes else 0.0
    if abs(slope) > _MOST_SCALE:
        slope = 0.0
    return slope, float(np.median([shift - slope * place for place, shift in points]))
