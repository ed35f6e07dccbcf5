"""Perceptual descriptors, which find a picture again after resizing, recompression or cropping.

A picture's descriptor is its luminance on a grid of 32x32 cells, whatever its shape, and its
colours on one of 8x8: 1,152 bytes. A query is compared with windows of every descriptor, because a
cropped copy is a window of the picture. Low frequencies are subtracted from both first: a bright
sky alone does not make two pictures similar. Colours only lower a score: the same scene in other
colours is another picture. Must not know: databases.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

GRID_SIDE: Final = 32  # cells
# Correlation from which one picture is taken for a copy of another; measured in docs/marking.md.
MIN_SIMILARITY: Final = 0.84
# Share of a side that may be cut off at one edge; what was cut off the other comes on top.
_MOST_CUT: Final = 0.10
# Natural logarithm of how far two shapes may differ: 10 % cut off one side alone is 0.105.
SHAPE_SLACK: Final = 0.13
_COLOUR_SIDE: Final = 8  # cells
DESCRIPTOR_BYTES: Final = GRID_SIDE**2 + 2 * _COLOUR_SIDE**2
# Levels of Cb and Cr, of 255, by which a copy may differ on average: 5 % cut off moves the cells.
# Each further level lowers the similarity by the weight.
_COLOUR_SLACK: Final = 6.0
_COLOUR_WEIGHT: Final = 0.03
_CELL_PIXELS: Final = 4  # to a side of a cell, at least, of the image that is described
_COARSE_SIDE: Final = 16  # cells
_FINE_SIDE: Final = 24  # cells
_COARSE_CUTS: Final = ((0.0, 0.0), (0.05, 0.0), (0.0, 0.05), (0.05, 0.05), (0.025, 0.025))
_FINE_STEPS: Final = 9
_FINALISTS: Final = 64
_ROUNDS: Final = 2
_BLUR: Final = 2  # cells to either side
# Grey levels (standard deviation) of detail below which a picture can not be recognised.
_LEAST_DETAIL: Final = 0.75
_CHUNK: Final = 8192  # descriptors that are floats at one time
_PAIRED: Final = 512  # descriptors that are compared with all before them at one time
_EVEN: Final = 4.0
"""Levels of detail in a cell that count half as much as any number of them: a candle in the dark is
a hundred times as strong as a pair of eyes beside it, and no more of a picture."""

LEAST_EVEN: Final = 0.91
"""Correlation of two pictures, all their detail counted alike, below which they are two, however
similar the strongest detail is; measured in docs/checks.md."""

# Decimals of a score. Products of the same numbers differ in the seventh with the place of a
# descriptor among others; rounded, pictures that fit equally well keep the order of their rows.
_DECIMALS: Final = 5

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class PictureDescriptors:
    """Descriptors of many pictures.

    Attributes:
        cells: uint8 of shape (pictures, 1152): luminance, then Cb, then Cr.
        shapes: Width over height of each picture, float of shape (pictures,).
    """

    cells: npt.NDArray[np.uint8]
    shapes: npt.NDArray[np.float64]

    @classmethod
    def of(cls, rows: Sequence[tuple[bytes, float]]) -> "PictureDescriptors":
        """Return the descriptors of (bytes, width over height) pairs, in their order."""
        cells = np.frombuffer(b"".join(descriptor for descriptor, _ in rows), np.uint8)
        shapes = np.array([shape for _, shape in rows], np.float64)
        return cls(cells.reshape(len(rows), DESCRIPTOR_BYTES), shapes)


@dataclass(frozen=True)
class Similarity:
    """How similar a query is to one descriptor: 1 for the same picture, about 0 for any other."""

    index: int
    score: float


def describe_picture(image: Image.Image) -> bytes:
    """Return a picture's descriptor: 1,152 bytes, rows of luminance, then Cb, then Cr."""
    factor = min(image.size) // (_CELL_PIXELS * GRID_SIDE)
    if factor > 1:
        # Means of means are the same means, in an eighth of the time.
        image = image.reduce(factor)
    return _shrink(image, GRID_SIDE).tobytes() + _colours(image).tobytes()


def find_similar(image: Image.Image, descriptors: PictureDescriptors) -> tuple[Similarity, ...]:
    """Return the pictures that an image is a copy of, the most similar first, then in their order.

    An image without detail, such as one of a single colour, is similar to none.

    Args:
        image: RGB; transparent parts count as their colour.
        descriptors: The pictures to search.
    """
    near = np.abs(np.log(descriptors.shapes * image.height / image.width)) <= SHAPE_SLACK
    rows = np.flatnonzero(near)
    query = _high_pass(_floats(image, _FINE_SIDE))
    if not rows.size or query.std() < _LEAST_DETAIL:
        return ()
    light = descriptors.cells[:, : GRID_SIDE**2]
    coarse = _score_coarsely(_floats(image, _COARSE_SIDE), light, rows)
    rows = rows[np.argsort(-coarse, kind="stable")[:_FINALISTS]]
    fine = _score_finely(query, light[rows])
    fine = fine - _colour_penalty(image, descriptors.cells[rows, GRID_SIDE**2 :])
    scores = np.round(fine.astype(np.float64), _DECIMALS)
    found = [Similarity(int(row), float(score)) for row, score in zip(rows, scores, strict=True)]
    found.sort(key=lambda item: (-item.score, item.index))
    return tuple(item for item in found if item.score >= MIN_SIMILARITY)


def find_earlier(
    cells: npt.NDArray[np.uint8], least: float, accepts: Callable[[int, int], bool]
) -> Iterator[tuple[int, int, float]]:
    """Yield for each descriptor the first before it of the same whole picture, and the similarity.

    Unlike `find_similar` this allows for no crop, so that ten thousand are compared with each other
    in seconds. Colours only lower a score, so they are compared only where luminance is similar.
    Few strong spots do not make two similar: two dark pictures with one candle are two.

    Args:
        cells: Descriptors of pictures of one shape, uint8 of shape (n, 1152).
        least: The similarity from which two are the same.
        accepts: Whether a descriptor and an earlier one, by their places, may be yielded.
    """
    detail = _detail(cells[:, : GRID_SIDE**2])
    for start in range(0, len(cells), _PAIRED):
        # The later ones are compared with these in a later round.
        similar = detail[start : start + _PAIRED] @ detail[: start + _PAIRED].T
        for row, scores in enumerate(similar, start):
            found = _first_similar(scores[:row], cells, row, least, accepts)
            if found is not None:
                yield row, *found


def _first_similar(
    scores: Floats,
    cells: npt.NDArray[np.uint8],
    row: int,
    least: float,
    accepts: Callable[[int, int], bool],
) -> tuple[int, float] | None:
    """Return the first row that one may be the same as, and the similarity."""
    for place in np.flatnonzero(scores >= least).tolist():
        if accepts(row, place):
            light, colours = np.split(
                cells[[row, place]].astype(np.float32), [GRID_SIDE**2], axis=1
            )
            apart = float(np.abs(colours[0] - colours[1]).mean())
            score = float(scores[place]) - _COLOUR_WEIGHT * max(apart - _COLOUR_SLACK, 0.0)
            if score >= least and correlate_evenly(*light) >= LEAST_EVEN:
                return place, score
    return None


def correlate_evenly(first: Floats, second: Floats) -> float:
    """Return the correlation of two grids' detail, where faint detail counts nearly as strong.

    Args:
        first: Luminance on the grid of a descriptor, 1,024 values.
        second: The same of the other picture.
    """
    return float(_even_vector(first) @ _even_vector(second))


def _even_vector(light: Floats) -> Floats:
    detail = _high_pass(light.reshape(GRID_SIDE, GRID_SIDE)).ravel()
    detail = detail - detail.mean()
    even: Floats = detail / (np.abs(detail) + _EVEN)
    return even / max(float(np.linalg.norm(even)), _LEAST_DETAIL)


def _detail(cells: npt.NDArray[np.uint8]) -> Floats:
    """Return high-pass luminance as vectors of length 1; zeros where there is no detail."""
    grids = cells.astype(np.float32).reshape(-1, GRID_SIDE, GRID_SIDE)
    flat = _high_pass(grids).reshape(len(cells), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    detail: Floats = np.where(norms < _LEAST_DETAIL * GRID_SIDE, 0, flat / np.maximum(norms, 1))
    return detail


def _shrink(image: Image.Image, side: int) -> Image.Image:
    return image.convert("L").resize((side, side), Image.Resampling.BOX)


def _floats(image: Image.Image, side: int) -> Floats:
    cells: Floats = np.asarray(_shrink(image, side)).astype(np.float32)
    return cells


def _colours(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return Cb and Cr of a picture on 8x8 cells each, one after the other."""
    small = image.convert("RGB").resize((_COLOUR_SIDE, _COLOUR_SIDE), Image.Resampling.BOX)
    return np.asarray(small.convert("YCbCr"))[:, :, 1:].transpose(2, 0, 1).ravel()


def _colour_penalty(image: Image.Image, colours: npt.NDArray[np.uint8]) -> Floats:
    """Return by how much the colours of a query lower its similarity to each descriptor."""
    apart = np.abs(colours.astype(np.float32) - _colours(image).astype(np.float32)).mean(axis=1)
    penalty: Floats = _COLOUR_WEIGHT * np.maximum(apart - _COLOUR_SLACK, 0)
    return penalty


def _high_pass(cells: Floats) -> Floats:
    """Subtract from each cell of (..., n, n) the mean of its neighbourhood."""
    matrix = _blur_matrix(cells.shape[-1])
    high: Floats = cells - matrix @ cells @ matrix.T
    return high


@cache
def _blur_matrix(side: int) -> Floats:
    """A mean over the cells within `_BLUR`, fewer at the edges."""
    places = np.arange(side)
    near = (np.abs(places[:, None] - places[None, :]) <= _BLUR).astype(np.float32)
    matrix: Floats = near / near.sum(axis=1, keepdims=True)
    return matrix


@cache
def _window_matrix(side: int, before: float, after: float) -> Floats:
    """Return the (side, 32) matrix that resamples a row, without its ends, to `side` cells.

    Args:
        side: Cells of the result.
        before: Share of the row that is left out at its beginning.
        after: Share of the row that is left out at its end.
    """
    edges = np.linspace(before, 1 - after, side + 1) * GRID_SIDE
    cells = np.arange(GRID_SIDE)
    upper = np.minimum(edges[1:, None], cells[None, :] + 1)
    lower = np.maximum(edges[:-1, None], cells[None, :])
    shares = np.clip(upper - lower, 0, None)
    matrix: Floats = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


def _score_coarsely(
    query: Floats, cells: npt.NDArray[np.uint8], rows: npt.NDArray[np.intp]
) -> Floats:
    """Correlate the query with 25 windows of each descriptor, roughly; return the best of each.

    The windows are applied to the query, once, so that a descriptor costs one row of one product.
    """
    plain = _high_pass(query)
    matrix = _blur_matrix(_COARSE_SIDE)
    target = plain - matrix.T @ plain @ matrix
    windows = [_window_matrix(_COARSE_SIDE, *cuts) for cuts in _COARSE_CUTS]
    probes = np.stack([(y.T @ target @ x).ravel() for y in windows for x in windows], axis=1)
    whole = _window_matrix(_COARSE_SIDE, 0.025, 0.025)
    scores = np.empty(rows.size, np.float32)
    for start in range(0, rows.size, _CHUNK):
        part = cells[rows[start : start + _CHUNK]].astype(np.float32)
        shown = _shrink_all(part.reshape(-1, GRID_SIDE, GRID_SIDE), whole)
        detail = (shown - _shrink_all(shown, matrix).transpose(0, 2, 1)).reshape(len(part), -1)
        norms = np.maximum(np.sqrt(np.einsum("ij,ij->i", detail, detail)), 1.0)
        scores[start : start + _CHUNK] = (part @ probes).max(axis=1) / norms
    return scores / max(float(np.linalg.norm(plain)), 1.0)


def _shrink_all(grids: Floats, matrix: Floats) -> Floats:
    """Apply a matrix to both sides of many grids, in two large products; the result is transposed.

    Many small products of the same size would take ten times as long.
    """
    count, side, _ = grids.shape
    cells = len(matrix)
    across = (grids.reshape(-1, side) @ matrix.T).reshape(count, side, cells)
    both: Floats = across.transpose(0, 2, 1).reshape(-1, side) @ matrix.T
    return both.reshape(count, cells, cells)


def _score_finely(query: Floats, cells: npt.NDArray[np.uint8]) -> Floats:
    """Return the correlation of the query with the best-fitting window of each descriptor."""
    grids = cells.reshape(-1, GRID_SIDE, GRID_SIDE).astype(np.float32)
    windows = _fine_windows()
    rows = np.broadcast_to(
        _window_matrix(_FINE_SIDE, 0.025, 0.025), (len(grids), _FINE_SIDE, GRID_SIDE)
    )
    columns = rows
    best = np.zeros(len(grids), np.float32)
    for _ in range(_ROUNDS):
        columns, best = _choose_windows(query, rows @ grids, windows)
        rows, best = _choose_windows(query.T, columns @ grids.transpose(0, 2, 1), windows)
    return best


def _choose_windows(query: Floats, halves: Floats, windows: Floats) -> tuple[Floats, Floats]:
    """Return the best windows along the last axis of `halves` (n, 24, 32), and their scores."""
    chosen = np.empty(len(halves), np.intp)
    best = np.empty(len(halves), np.float32)
    flat = query.ravel() - query.mean()
    flat = flat / np.linalg.norm(flat)
    for index, half in enumerate(halves):
        shown = _high_pass(half @ windows.transpose(0, 2, 1)).reshape(len(windows), -1)
        shown = shown - shown.mean(axis=1, keepdims=True)
        weak = _LEAST_DETAIL * _FINE_SIDE
        scores = shown @ flat / np.maximum(np.linalg.norm(shown, axis=1), weak)
        chosen[index] = scores.argmax()
        best[index] = scores[chosen[index]]
    return windows[chosen], best


@cache
def _fine_windows() -> Floats:
    cuts = [step * _MOST_CUT / (_FINE_STEPS - 1) for step in range(_FINE_STEPS)]
    windows = [_window_matrix(_FINE_SIDE, before, after) for before in cuts for after in cuts]
    return np.stack(windows)


def describe_score(score: float) -> str:
    """Return a similarity in words such as "97 % alike"."""
    return f"{math.floor(score * 100)} % alike"
