"""Measures the copy-paste rate: how much of a reference returns as the picture itself."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from nbp_dagster.studio.checks.characters.figures import Figure

Grey = NDArray[np.float32]

_SIDE: Final = 64  # pixels a picture and a reference are compared with
_BLOCK: Final = 8
_DETAIL: Final = 4.0  # standard deviation of grey levels; plain background proves nothing
_SAME: Final = 0.8  # correlation of two blocks that show one thing
_LEAST_BLOCKS: Final = 6


def prepare_picture(picture: Image.Image) -> Grey:
    """Return a picture's blocks, ready for `copied_share`."""
    return _blocks(picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX))


def prepare_reference(
    image: Image.Image, figures: Sequence[Figure], ratio: float
) -> tuple[Grey, ...]:
    """Return the ways a reference would fill a picture: whole, cut to its ratio, or one figure.

    Args:
        image: The reference, RGB or RGBA.
        figures: Its views.
        ratio: Width by height of the picture.
    """
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image.convert("RGB"), mask=image.getchannel("A") if image.mode == "RGBA" else None)
    shape = (max(8, round(256 * min(1.0, ratio))), max(8, round(256 * min(1.0, 1 / ratio))))
    ways = [flat, ImageOps.fit(flat, shape, Image.Resampling.BOX)]
    ways += [ImageOps.fit(figure.image, shape, Image.Resampling.BOX) for figure in figures]
    ways += [figure.image for figure in figures]
    return tuple(
        _blocks(way.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)) for way in ways
    )


def copied_share(picture: Grey, references: Iterable[Grey]) -> float:
    """Return the share of a reference's detailed blocks that the picture has in their places.

    A figure cut out of its reference and set into another place is not found by this.

    Returns:
        0 to 1, the largest over the references.
    """
    return max((_share(picture, reference) for reference in references), default=0.0)


def _blocks(grey: Image.Image) -> Grey:
    """8 by 8 blocks of 8 by 8 pixels, one a row, each less its mean."""
    count = _SIDE // _BLOCK
    pixels = np.asarray(grey, np.float32).reshape(count, _BLOCK, count, _BLOCK)
    rows = pixels.transpose(0, 2, 1, 3).reshape(count * count, -1)
    return np.asarray(rows - rows.mean(axis=1, keepdims=True), np.float32)


def _share(picture: Grey, reference: Grey) -> float:
    spread = np.linalg.norm(reference, axis=1)
    detailed = spread / _BLOCK > _DETAIL
    if int(detailed.sum()) < _LEAST_BLOCKS:
        return 0.0
    ours = picture[detailed]
    size = spread[detailed] * np.maximum(np.linalg.norm(ours, axis=1), 1e-6)
    alike = (ours * reference[detailed]).sum(axis=1) / size
    return round(float((alike > _SAME).mean()), 4)
