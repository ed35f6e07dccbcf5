"""Draws a brand's logo on a colour, on a plate where it would not stand out from it."""

from collections.abc import Mapping
from typing import Final

from PIL import Image, ImageChops, ImageDraw

from nbp_dagster.studio.typography.blocks import Box
from nbp_dagster.studio.typography.contrast import (
    BLACK,
    WHITE,
    Colour,
    Scheme,
    measure_contrast,
    measure_luminance,
    parse_colour,
)

# A logo's own shape covers at least this share of its box where it has its own background: a badge.
_BADGE: Final = 0.6
_SEEN: Final = 2.5  # contrast with the background from which a part of a logo counts as seen
_SEEN_OF_BADGE: Final = 0.08  # shares of a logo that must be seen, or it gets a plate
_SEEN_OF_SIGN: Final = 0.7
_PLATE_PAD: Final = 0.12
_OPAQUE: Final = 8  # of 255, from which a pixel is seen
_SAME: Final = 16  # of 255, up to which two colours are one: what JPEG makes of one


def draw_logo(
    frame: Image.Image,
    logo: Image.Image,
    box: Box,
    scheme: Scheme,
    palette: Mapping[str, str],
) -> None:
    """Draw a logo; on a light plate where it does not stand out from the background."""
    mark = logo.convert("RGBA")
    wide, high = box[2] - box[0], box[3] - box[1]
    left, top = box[:2]
    if not is_seen(mark, scheme.background):
        pad = max(2, round(min(wide, high) * _PLATE_PAD))
        pen = ImageDraw.Draw(frame)
        fill = choose_plate(mark, scheme.background, palette)
        pen.rounded_rectangle((left, top, box[2] - 1, box[3] - 1), radius=pad, fill=fill)
        size = fit_within(mark.size, (wide - 2 * pad, high - 2 * pad))
        left, top = left + (wide - size[0]) // 2, top + (high - size[1]) // 2
        wide, high = size
    # Colours of what is transparent must not shine through at the edges.
    small = mark.convert("RGBa").resize((wide, high), Image.Resampling.LANCZOS).convert("RGBA")
    frame.paste(small.convert("RGB"), (left, top), small.getchannel("A"))


def trim_logo(logo: Image.Image) -> Image.Image:
    """Return a logo without the margins that would make it smaller than its place.

    What is transparent goes; of an opaque one also what has the colour of all four corners, but
    for a little air, as it is the logo's own ground.

    Args:
        logo: RGBA.
    """
    seen = logo.getchannel("A").point([0] * _OPAQUE + [255] * (256 - _OPAQUE)).getbbox()
    mark = logo.crop(seen) if seen else logo
    ground = Image.new("RGBA", mark.size, mark.getpixel((0, 0)))
    change = ImageChops.difference(mark, ground).convert("RGB").convert("L")
    change = change.point([0] * _SAME + [255] * (256 - _SAME))
    drawn, last = change.getbbox(), (mark.width - 1, mark.height - 1)
    corners = ((0, 0), (last[0], 0), (0, last[1]), last)
    is_opaque = min(mark.getchannel("A").tobytes()) >= _OPAQUE
    if drawn is None or not is_opaque or any(map(change.getpixel, corners)):
        return mark
    air = round(min(drawn[2] - drawn[0], drawn[3] - drawn[1]) * _PLATE_PAD)
    left, top, right, bottom = drawn
    return mark.crop(
        (
            max(0, left - air),
            max(0, top - air),
            min(mark.width, right + air),
            min(mark.height, bottom + air),
        )
    )


def choose_plate(logo: Image.Image, background: Colour, palette: Mapping[str, str]) -> Colour:
    """Return the brand's lightest colour that a logo stands out from; else white or black."""
    brand = sorted(map(parse_colour, palette.values()), key=measure_luminance, reverse=True)
    colours = [*brand, WHITE, BLACK]
    fit = (colour for colour in colours if colour != background and is_seen(logo, colour))
    return next(fit, WHITE)


def is_seen(logo: Image.Image, background: Colour) -> bool:
    """Return whether enough of a logo stands out from a colour; a badge has its own background."""
    small = logo.resize((64, 64), Image.Resampling.BOX)
    opaque = small.getchannel("A").point([0] * 128 + [255] * 128)
    data, mask = small.convert("RGB").tobytes(), opaque.tobytes()
    seen = shown = 0
    for place, value in enumerate(mask):
        if value:
            shown += 1
            red, green, blue = data[3 * place : 3 * place + 3]
            seen += measure_contrast((red, green, blue), background) >= _SEEN
    needed = _SEEN_OF_BADGE if shown >= _BADGE * len(mask) else _SEEN_OF_SIGN
    return shown > 0 and seen >= needed * shown


def fit_within(shape: tuple[int, int], room: tuple[float, float]) -> tuple[int, int]:
    """Return the largest size of a shape that has room, in whole pixels."""
    scale = min(room[0] / shape[0], room[1] / shape[1])
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))
