"""Segments a reference: cuts its figures out of a plain background; decodes and scores nothing."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from nbp_dagster.studio.imaging.thumbnails import scale_to
from nbp_dagster.studio.vision.islands import Mask, box_of, label_islands

FIGURE_SIDE: Final = 384
"""Pixels of the longer side a figure is looked at with, at most."""

_PROBE_SIDE: Final = 256
_BACKGROUND_TOLERANCE: Final = 24  # sum over three channels: JPEG noise, not white cloth in shade
_BACKGROUND_SHARE: Final = 0.6  # of the border that has to be one colour
_LEAST_SHARE: Final = 0.01  # of the sheet: a smaller island is a caption, a swatch, a speck
_LEAST_OF_LARGEST: Final = 0.12
_MOST_VIEWS: Final = 6
_WIDEST: Final = 2.5  # width by height; wider is a line of lettering or a strip of colours
_OPAQUE: Final = 100


@dataclass(frozen=True)
class Figure:
    """One view of a character.

    Attributes:
        image: RGB, cut to the figure's box, on white where the figure is not.
        mask: True where the figure is; the shape of the image, height first.
        is_cut: False where no plain background was found: the figure is the whole picture.
    """

    image: Image.Image
    mask: Mask
    is_cut: bool


def cut_figures(image: Image.Image) -> tuple[Figure, ...]:
    """Return the views on a reference, the largest first: one, or several of a sheet.

    What is opaque is the figure where the picture has transparency; else what a flood of the
    background's colour from the border does not reach. Without a plain background the whole picture
    is one view.

    Args:
        image: RGB or RGBA, any size.
    """
    probe = _shrink(image, _PROBE_SIDE)
    mask = _find_foreground(probe)
    islands = _pick_islands(mask) if mask is not None else []
    if not islands:
        whole = _shrink(image.convert("RGB"), FIGURE_SIDE)
        return (Figure(whole, np.ones((whole.height, whole.width), bool), is_cut=False),)
    return tuple(_cut(image, island) for island in islands)


def _find_foreground(probe: Image.Image) -> Mask | None:
    if probe.mode == "RGBA":
        alpha = np.asarray(probe.getchannel("A")) > _OPAQUE
        if not alpha.all():
            return alpha
    pixels = np.asarray(probe.convert("RGB")).astype(np.int16)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    background = np.median(border, axis=0)
    if (
        np.mean(np.abs(border - background).sum(axis=1) <= _BACKGROUND_TOLERANCE)
        < _BACKGROUND_SHARE
    ):
        return None
    plain = np.abs(pixels - background).sum(axis=2) <= _BACKGROUND_TOLERANCE
    return ~_flood_from_border(plain)


def _flood_from_border(open_: Mask) -> Mask:
    """Return what of a mask is joined to its border, by sides."""
    reached = np.zeros_like(open_)
    reached[0], reached[-1], reached[:, 0], reached[:, -1] = (
        open_[0],
        open_[-1],
        open_[:, 0],
        open_[:, -1],
    )
    before = -1
    count = int(reached.sum())
    while count != before:
        before = count
        for axis in (0, 1):
            for flip in (False, True):
                _sweep(reached, open_, axis=axis, backwards=flip)
        count = int(reached.sum())
    return reached


def _sweep(reached: Mask, open_: Mask, *, axis: int, backwards: bool) -> None:
    """Spread along one axis, row by row: a whole straight run in one pass."""
    rows, ways = (reached, open_) if axis == 0 else (reached.T, open_.T)
    order = range(len(rows) - 2, -1, -1) if backwards else range(1, len(rows))
    step = 1 if backwards else -1
    for row in order:
        rows[row] |= rows[row + step] & ways[row]


def _pick_islands(mask: Mask) -> list[Mask]:
    """The figures of a sheet, each with the small parts inside its box."""
    labels = label_islands(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    if sizes.max(initial=0) < _LEAST_SHARE * mask.size:
        return []
    least = max(_LEAST_SHARE * mask.size, _LEAST_OF_LARGEST * sizes.max())
    large = [int(label) for label in np.argsort(-sizes) if sizes[label] >= least][:_MOST_VIEWS]
    islands = [labels == label for label in large]
    upright = [island for island in islands if _ratio(island) <= _WIDEST]
    islands = upright or islands[:1]
    for label in np.flatnonzero((sizes > 2) & (sizes < least)):
        part = labels == label
        home = next((island for island in islands if _is_inside(part, island)), None)
        if home is not None:
            home |= part
    return islands


def _is_inside(part: Mask, island: Mask) -> bool:
    left, top, right, bottom = box_of(part)
    outer = box_of(island)
    return outer[0] <= left and outer[1] <= top and right <= outer[2] and bottom <= outer[3]


def _ratio(mask: Mask) -> float:
    left, top, right, bottom = box_of(mask)
    return (right - left) / (bottom - top)


def _cut(image: Image.Image, island: Mask) -> Figure:
    """The island at full size, its rim left out: there the background shines through."""
    height, width = island.shape
    left, top, right, bottom = box_of(island)
    scale_x, scale_y = image.width / width, image.height / height
    place = (
        round(left * scale_x),
        round(top * scale_y),
        round(right * scale_x),
        round(bottom * scale_y),
    )
    shape = Image.fromarray(island[top:bottom, left:right].astype(np.uint8) * 255)
    crop = _shrink(image.crop(place), FIGURE_SIDE)
    mask = np.asarray(shape.resize(crop.size, Image.Resampling.BILINEAR)) > 160
    if crop.mode == "RGBA":
        mask &= np.asarray(crop.getchannel("A")) > _OPAQUE
    pixels = np.asarray(crop.convert("RGB")).copy()
    pixels[~mask] = 255
    return Figure(Image.fromarray(pixels), mask, is_cut=True)


def _shrink(image: Image.Image, side: int) -> Image.Image:
    if max(image.size) <= side:
        return image
    return image.resize(scale_to(image.size, side), Image.Resampling.BOX)
