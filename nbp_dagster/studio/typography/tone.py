"""Which part of a picture is toned towards the brand's colour, so that type stands out from it."""

from collections.abc import Sequence

from PIL import Image, ImageChops

Box = tuple[int, int, int, int]


def find_toned(words: Sequence[Box], *, air: int, fade: int, size: tuple[int, int]) -> Box:
    """Return the part around some words that must be even enough to read on.

    It reaches to an edge of the frame only where less than the fade would be left of the picture:
    a strip between the tone and the edge looks like a fault.

    Args:
        words: Left, top, right, bottom of each field, in pixels; at least one.
        air: Pixels around the words.
        fade: Pixels over which the tone passes into the picture.
        size: Width and height of the frame in pixels.
    """
    width, height = size
    left = min(box[0] for box in words) - air
    top = min(box[1] for box in words) - air
    right = max(box[2] for box in words) + air
    bottom = max(box[3] for box in words) + air
    return (
        left if left > fade else 0,
        top if top > fade else 0,
        right if width - right > fade else width,
        bottom if height - bottom > fade else height,
    )


def draw_tone_shape(toned: Box, fade: int, size: tuple[int, int]) -> Image.Image:
    """Return a mask, mode L, full on the toned part and fading into the picture around it."""
    left, top, right, bottom = toned
    across = _draw_profile(size[0], left, right, fade)
    down = _draw_profile(size[1], top, bottom, fade)
    wide = Image.frombytes("L", (size[0], 1), across).resize(size)
    high = Image.frombytes("L", (1, size[1]), down).resize(size)
    return ImageChops.multiply(wide, high)


def _draw_profile(length: int, start: int, end: int, fade: int) -> bytes:
    """Return one line of the mask: 255 from start to end, falling smoothly to 0 beyond."""
    values = bytearray()
    for position in range(length):
        outside = max(start - position, position - end + 1, 0)
        left = max(0.0, 1 - outside / max(1, fade))
        values.append(round(255 * left * left * (3 - 2 * left)))
    return bytes(values)
