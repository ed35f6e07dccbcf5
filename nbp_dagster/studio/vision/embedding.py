"""Describes a face by 128 numbers, for a distance to another: dlib's face ResNet.

These are biometric data where the face is a real person's: whoever gets them keeps them in memory
and lets only distances out.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbp_dagster.studio.vision.faces import Face
from nbp_dagster.studio.vision.network import load_network

Embedding = NDArray[np.float32]

_SIDE: Final = 150  # pixels of the network's input
_MARGIN: Final = 0.25  # of the face, at each side; as dlib cuts faces for this network
# Right eye, left eye, tip of the nose and mouth in dlib's mean face, whose brows and chin span 1.
_PLACES: Final = np.array([[0.2255, 0.216], [0.7548, 0.216], [0.4901, 0.5156], [0.4901, 0.805]])
_SIZES: Final = (0.92, 1.0, 1.09)  # the mean of several cuts is steadier than one


def embed_face(image: Image.Image, face: Face) -> Embedding:
    """Return the mean embedding of four cuts of a face: three sizes and one mirrored.

    Some 25 ms on one core. Distances between two: up to 0.50 mostly the same face, from 0.56 on
    another's.

    Args:
        image: The picture, as it was given to `find_faces`.
        face: One of its faces.

    Raises:
        NetworkMissing: The extra `character` is not installed, or the network's file is spoilt.
    """
    session = load_network("face_resnet")
    part, corner = _crop_around(image, face)
    points = face.points[:4] - corner
    cuts = [_align(part, points, size) for size in _SIZES]
    cuts.append(cuts[1][:, ::-1])
    chips = np.stack(cuts).transpose(0, 3, 1, 2).astype(np.float32)
    found = session.run(["face"], {"chip": np.ascontiguousarray(chips)})[0]
    return np.asarray(found.mean(axis=0), np.float32)


def measure_distance(one: Embedding, other: Embedding) -> float:
    """Return how unlike two faces are, 0 for the same cut."""
    return float(np.linalg.norm(one - other))


def _crop_around(image: Image.Image, face: Face) -> tuple[Image.Image, NDArray[np.float64]]:
    """The face with room around it, reduced where it is large, so that cuts are smooth."""
    left, top, right, bottom = face.box
    room = 1.2 * face.side
    corner = (int(left - room), int(top - room))
    part = image.convert("RGB").crop((*corner, int(right + room), int(bottom + room)))
    return part, np.array(corner, np.float64)


def _align(part: Image.Image, points: NDArray[np.float64], size: float) -> NDArray[np.uint8]:
    """Cut a face so that its points come to their places: turned, moved and scaled alike."""
    middle = np.array([0.5, 0.5])
    places = ((_PLACES + _MARGIN) / (1 + 2 * _MARGIN) - middle) * size + middle
    turn, shift = _fit(places * _SIDE, points)
    scale = float(np.hypot(*turn[0]))
    # A transform takes single pixels: a large face is made smaller first.
    if scale > 2:
        less = (max(1, round(part.width * 2 / scale)), max(1, round(part.height * 2 / scale)))
        stretch = np.array([less[0] / part.width, less[1] / part.height])
        part = part.resize(less, Image.Resampling.BOX)
        turn, shift = turn * stretch[:, None], shift * stretch
    data = (turn[0, 0], turn[0, 1], shift[0], turn[1, 0], turn[1, 1], shift[1])
    cut = part.transform(
        (_SIDE, _SIDE), Image.Transform.AFFINE, data, resample=Image.Resampling.BILINEAR
    )
    return np.asarray(cut)


def _fit(
    source: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The similarity that takes source points to target points with the least squares.

    In the plane a turn with a scale is one complex factor: the projection of one lot on the other.
    """
    one = source - source.mean(axis=0)
    other = target - target.mean(axis=0)
    size = max(float((one**2).sum()), 1e-9)
    along = float((one * other).sum()) / size
    across = float((one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]).sum()) / size
    turn = np.array([[along, -across], [across, along]])
    return turn, target.mean(axis=0) - turn @ source.mean(axis=0)
