"""Finds what a picture is about: a map of importance from the weights of the extra `character`."""

import threading
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbp_dagster.studio.vision.img_focus import IMPORTANCE, prepare_pixels, read_weights
from nbp_dagster.studio.vision.network import open_session

_LOADING: Final = threading.Lock()


def find_importance(image: Image.Image) -> NDArray[np.float32]:
    """Return how much each part of a picture is its subject.

    Some 0.2 s on one core. People, animals, mascots and products are found; of a pattern or an
    empty room most of the picture is.

    Args:
        image: RGB; a reduced copy of some 224 pixels does.

    Returns:
        Rows by columns over the whole picture, 0 to 1; 224 along its longer side.

    Raises:
        NetworkMissing: The extra is not installed, or its weights are not those that were tried.
    """
    side = max(image.size)
    left, top = (side - image.width) // 2, (side - image.height) // 2
    square = Image.new("RGB", (side, side))
    square.paste(image, (left, top))
    with _LOADING:
        session = _load()
    feed = {session.get_inputs()[0].name: prepare_pixels(square)}
    found = np.asarray(session.run([IMPORTANCE], feed)[0][0, 0], np.float32)
    rows, columns = found.shape
    across = slice(round(left / side * columns), round((left + image.width) / side * columns))
    down = slice(round(top / side * rows), round((top + image.height) / side * rows))
    return found[down, across]


@cache
def _load() -> Any:
    return open_session(*read_weights())
