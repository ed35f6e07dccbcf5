"""Cuts a picture to the ratio of a small frame, around what stands out in it."""

from PIL import Image

from nbp_dagster.studio.imaging.crop import Subject, choose_filling_crop
from nbp_dagster.studio.imaging.saliency import find_saliency
from nbp_dagster.studio.imaging.thumbnails import make_opaque


def crop_to_ratio(image: Image.Image, ratio: float) -> Image.Image:
    """Return the part of a picture that a frame of a ratio shows, so that heads stay on it.

    A frame that cuts at the middle instead shows the belly of a standing figure.

    Args:
        image: Any size and mode; what is transparent is shown on white.
        ratio: Width over height of the frame, above 0.
    """
    opaque = make_opaque(image)
    # Only the ratio of the frame decides the box.
    width, height = round(ratio * 1000), 1000
    subject = Subject(find_saliency(opaque))
    crop = choose_filling_crop(opaque.size, width=width, height=height, subject=subject)
    left, top, right, bottom = crop.facts.box
    return opaque.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
