"""Draws the SIMULATED watermark on a rendition of the simulator's picture, clear of its copy.

The simulator's own watermark, on the original, may be cropped off or covered.
"""

from collections.abc import Iterable, Mapping

from PIL import Image, ImageDraw

from nbp_dagster.studio.imaging.boxes import overlap_of
from nbp_dagster.studio.typography.blocks import Box
from nbp_dagster.studio.typography.letters.typeface import SizedFont

WATERMARK_TEXT = "SIMULATED"

# Share of the picture's shorter side; never smaller than type that can be read.
_SIZE_SHARE = 0.028
_LEAST_PIXELS = 10
_INK = (255, 255, 255)
_PLATE = (32, 32, 32)


def draw_watermark(
    image: Image.Image, boxes: Mapping[str, Box], *, low: bool = False
) -> Image.Image:
    """Return the picture with `WATERMARK_TEXT` on a dark plate in a corner free of copy and heads.

    Copy tones the picture under it, and with it the watermark that the simulator drew.

    Args:
        image: RGB, at its channel's size.
        boxes: Copy, heads and lettering, in pixels; the plate is in the corner with least of them.
        low: Try the lower corners first: on a low frame a face reaches the upper ones.
    """
    picture = image.copy()
    font, pad = _choose_font(picture.size)
    left, top, _, _ = font.find_ink(WATERMARK_TEXT)
    plate = find_plate(picture.size, boxes, low=low)
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle(plate, radius=(plate[3] - plate[1]) / 2, fill=_PLATE)
    font.draw(picture, (plate[0] + pad - left, plate[1] + 0.7 * pad - top), WATERMARK_TEXT, _INK)
    return picture


def find_plate(frame: tuple[int, int], boxes: Mapping[str, Box], *, low: bool = False) -> Box:
    """Return where the watermark's plate stands on a frame; arguments as for `draw_watermark`."""
    font, pad = _choose_font(frame)
    left, top, right, bottom = font.find_ink(WATERMARK_TEXT)
    return _choose_corner(
        frame,
        (round(right - left + 2 * pad), round(bottom - top + 1.4 * pad)),
        margin=font.size // 2 if low else font.size,
        taken=boxes.values(),
        low=low,
    )


def _choose_font(frame: tuple[int, int]) -> tuple[SizedFont, float]:
    """The font of the watermark, and the space around its letters."""
    size = max(_LEAST_PIXELS, round(min(frame) * _SIZE_SHARE))
    return SizedFont(size, 700, language=None), size * 0.55


def _choose_corner(
    frame: tuple[int, int],
    size: tuple[int, int],
    margin: int,
    *,
    taken: Iterable[Box],
    low: bool,
) -> Box:
    """The first free corner, top right first; else the one that covers least.

    Of equal ones it is the bottom right one.
    """
    right, bottom = frame[0] - margin - size[0], frame[1] - margin - size[1]
    corners = [(right, margin), (right, bottom), (margin, bottom), (margin, margin)]
    if low:
        corners = [corners[1], corners[0], *corners[2:]]
    plates = [(x, y, x + size[0], y + size[1]) for x, y in corners]
    boxes = tuple(taken)
    covered = [sum(overlap_of(plate, box) for box in boxes) for plate in plates]
    if min(covered) == 0 or low:
        return plates[covered.index(min(covered))]
    order = (1, 0, 2, 3)
    return plates[min(order, key=lambda place: covered[place])]
