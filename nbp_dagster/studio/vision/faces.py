"""Finds faces: BlazeFace (full range) on the whole picture and on overlapping tiles of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbp_dagster.studio.vision.network import load_network

Points = NDArray[np.float64]
Box = tuple[float, float, float, float]

LEAST_SCORE: Final = 0.5
"""Of a face. Of 31 faces of people, painted and modelled figures 29 are found from here on, with 16
false boxes on 57 pictures of the model; from 0.6 on 28, with 5."""

LONGEST: Final = 1400
"""Pixels of the longer side that a picture is looked at with, at most."""

_NETWORK_SIDE: Final = 192  # pixels; its 48 x 48 anchors lie 4 pixels apart, one a place
_ANCHORS: Final = 48
_TILE: Final = 0.62  # of the shorter side: finds the small faces of posters
# Pixels of a tile's side: a smaller one holds no face to be told, and a strip has hundreds of them.
_LEAST_TILE: Final = 16
_STEP: Final = 0.65  # of a tile, from one to the next, at most
_EDGE: Final = 0.01  # of a tile: a box that ends there is cut, and another tile has it whole
_MOST_TURN: Final = 0.9  # distances of the eyes; painted profiles of the model lie at 0.6
_OVERLAP: Final = 0.3  # intersection over union; from here on two boxes are one face


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    Attributes:
        box: Left, top, right, bottom in pixels of the picture, from the brows to the chin; it may
            reach over the picture's edge.
        score: How sure the network is, `LEAST_SCORE` to 1.
        points: Right eye, left eye, tip of the nose, mouth, right ear, left ear: x and y in pixels,
            6 x 2. Right and left are the face's own.
    """

    box: Box
    score: float
    points: Points

    @property
    def side(self) -> float:
        """Pixels of the longer side."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    @property
    def is_turned(self) -> bool:
        """Whether one half is hidden: the nose lies as far beyond an eye as the eyes are apart.

        A three-quarter view or a profile that shows a part of the other eye is compared well.
        """
        right, left, nose = self.points[0], self.points[1], self.points[2]
        between = left - right
        place = float((nose - right) @ between) / max(float(between @ between), 1e-6)
        return not -_MOST_TURN <= place <= 1 + _MOST_TURN


def find_faces(image: Image.Image, *, least: float = LEAST_SCORE) -> list[Face]:
    """Return the faces of a picture, the surest first.

    Some 70 ms on one core, 9 runs of the network for a picture of 16:9. People, painted and
    modelled figures are found; animals, mascots and drawings of few lines are not.

    Args:
        image: Any size and mode.
        least: The least score.

    Raises:
        NetworkMissing: The extra `character` is not installed, or the network's file is spoilt.
    """
    session = load_network("face_detection_full_range")
    picture = image.convert("RGB")
    scale = max(1.0, max(picture.size) / LONGEST)
    if scale > 1:
        size = (max(1, round(picture.width / scale)), max(1, round(picture.height / scale)))
        picture = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    stretch = np.array([image.width / picture.width, image.height / picture.height])
    found: list[Face] = []
    for left, top, side in _windows(picture.size):
        tile = picture.crop((left, top, left + side, top + side))
        tile = tile.resize((_NETWORK_SIDE, _NETWORK_SIDE), Image.Resampling.BILINEAR)
        pixels = np.asarray(tile, np.float32)[None] / 127.5 - 1
        boxes, scores = session.run(["boxes", "scores"], {"picture": pixels})
        for face in _decode(boxes[0], scores[0, :, 0], least):
            if not _is_cut(face, (left, top, side), picture.size):
                found.append(_move(face, side, np.array([left, top]), stretch))
    return _merge(found)


def _windows(size: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """Left, top and side of the whole picture, padded to a square, and of each tile."""
    width, height = size
    side = max(size)
    yield (width - side) // 2, (height - side) // 2, side
    tile = round(_TILE * min(size))
    if tile < _LEAST_TILE:
        return
    for top in _starts(height, tile):
        for left in _starts(width, tile):
            yield left, top, tile


def _starts(length: int, tile: int) -> list[int]:
    count = 1 + int(np.ceil(max(0, length - tile) / (_STEP * tile)))
    return [round(place) for place in np.linspace(0, length - tile, count)]


def _decode(
    rows: NDArray[np.float32], logits: NDArray[np.float32], least: float
) -> Iterator[tuple[Box, float, Points]]:
    """Boxes, scores and points in shares of the window, as MediaPipe's graph decodes them."""
    scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -80, 80)))
    for number in np.flatnonzero(scores >= least):
        anchor = (np.array([number % _ANCHORS, number // _ANCHORS]) + 0.5) / _ANCHORS
        row = rows[number].astype(np.float64) / _NETWORK_SIDE
        middle, half = row[:2] + anchor, row[2:4] / 2
        box = (*(middle - half).tolist(), *(middle + half).tolist())
        yield (
            (box[0], box[1], box[2], box[3]),
            float(scores[number]),
            row[4:].reshape(6, 2) + anchor,
        )


def _is_cut(
    face: tuple[Box, float, Points], window: tuple[int, int, int], size: tuple[int, int]
) -> bool:
    """Whether a box ends at an edge of its tile that is not an edge of the picture."""
    left, top, side = window
    box = face[0]
    inner = (left > 0, top > 0, left + side < size[0], top + side < size[1])
    over = (box[0] < _EDGE, box[1] < _EDGE, box[2] > 1 - _EDGE, box[3] > 1 - _EDGE)
    return any(is_inner and is_over for is_inner, is_over in zip(inner, over, strict=True))


def _move(face: tuple[Box, float, Points], side: int, corner: Points, stretch: Points) -> Face:
    """From shares of a window to pixels of the picture as it was given."""
    box, score, points = face
    ends = (np.array(box).reshape(2, 2) * side + corner) * stretch
    (left, top), (right, bottom) = ends.tolist()
    return Face((left, top, right, bottom), score, (points * side + corner) * stretch)


def _merge(faces: Sequence[Face]) -> list[Face]:
    """Weighted suppression: boxes of one face become their mean, the surer ones counting more."""
    waiting = sorted(faces, key=lambda face: -face.score)
    kept = []
    while waiting:
        first = waiting[0]
        same = [face for face in waiting if face is first or _overlap(first, face) >= _OVERLAP]
        waiting = [face for face in waiting if not any(face is each for each in same)]
        weights = np.array([face.score for face in same])
        box = np.average([face.box for face in same], axis=0, weights=weights).tolist()
        points = np.average([face.points for face in same], axis=0, weights=weights)
        kept.append(Face((box[0], box[1], box[2], box[3]), first.score, points))
    return kept


def _overlap(one: Face, other: Face) -> float:
    a, b = one.box, other.box
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    high = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(each[2] - each[0]) * (each[3] - each[1]) for each in (a, b)]
    return wide * high / max(sum(areas) - wide * high, 1e-9)
