"""Draws the frame around the part of a picture that an edit may change."""

import io
from typing import Final

from PIL import Image, ImageDraw

from nbp_dagster.prompts.edits import Region
from nbp_dagster.studio.imaging.decode import decode_image

_MAGENTA: Final = (255, 0, 255)
# A frame that is seen at any size, as a share of the longer side.
_WIDTH: Final = 0.006
_JPEG_QUALITY: Final = 92


def draw_marked_region(picture: bytes, region: Region) -> bytes:
    """Return a picture as JPEG, RGB, of its own pixels, with a magenta frame around a part.

    Args:
        picture: The picture's bytes.
        region: The part; the frame lies around it, as far as the picture goes.

    Raises:
        UndecodableImage: The bytes are not an accepted image.
    """
    image = decode_image(picture, what="the picture to edit").image.convert("RGB")
    line = max(3, round(_WIDTH * max(image.size)))
    left, top, right, bottom = region
    box = (
        round(left * image.width) - line,
        round(top * image.height) - line,
        round(right * image.width) + line,
        round(bottom * image.height) + line,
    )
    ImageDraw.Draw(image).rectangle(_clip(box, image), outline=_MAGENTA, width=line)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return stream.getvalue()


def _clip(box: tuple[int, int, int, int], image: Image.Image) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    return max(0, left), max(0, top), min(image.width - 1, right), min(image.height - 1, bottom)
