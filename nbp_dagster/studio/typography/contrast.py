"""Makes type stand out: WCAG contrast, legible colours of a palette, the part that is toned.

A part of a picture is toned towards the brand's colour where its own pixels would hide the words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from PIL import Image, ImageChops

Box = tuple[int, int, int, int]
Colour = tuple[int, int, int]

# WCAG 2.2, 1.4.3: text of any size is legible from this ratio up.
LEGIBLE: Final = 4.5
WHITE: Final[Colour] = (255, 255, 255)
BLACK: Final[Colour] = (17, 17, 17)

_COMFORTABLE: Final = 7.0  # WCAG 1.4.6; aimed at where we choose the background ourselves
_LIGHT_BACKGROUND: Final = 0.4  # relative luminance from which a brand colour calls for dark type
_SHADE_STEP: Final = 0.92
_VISIBLE_SHAPE: Final = 1.6  # a button this close to what it lies on would not look like one


@dataclass(frozen=True)
class Scheme:
    """The colours of a picture's copy, all legible on each other.

    Attributes:
        background: What the picture is toned towards under the text.
        ink: Type on the background.
        button: Fill of the call to action.
        label: Type on the button.
    """

    background: Colour
    ink: Colour
    button: Colour
    label: Colour


def parse_colour(text: str) -> Colour:
    """Return a `#RRGGBB` colour as red, green, blue from 0 to 255."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def measure_luminance(colour: Colour) -> float:
    """Return WCAG relative luminance, 0 (black) to 1 (white)."""
    red, green, blue = (_LINEAR[value] for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def measure_contrast(one: Colour, other: Colour) -> float:
    """Return the WCAG contrast ratio of two colours, 1 to 21."""
    return ratio_of(measure_luminance(one), measure_luminance(other))


def measure_worst_contrast(image: Image.Image, ink: Colour) -> float:
    """Return the contrast of ink with the pixel of a picture it is hardest to tell from.

    Every pixel counts. The answer is never above the true ratio, and below it by a tenth at
    most: luminances are rounded towards the ink's.

    Args:
        image: RGB, without the text; at least one pixel.
        ink: Colour of the text.
    """
    ink_luminance = measure_luminance(ink)
    low = max(0.0, (min(_linearise(image, upwards=False)) - 1) / 255)
    high = min(1.0, (max(_linearise(image, upwards=True)) + 1) / 255)
    if low <= ink_luminance <= high:
        return 1.0
    return min(ratio_of(ink_luminance, low), ratio_of(ink_luminance, high))


def choose_scheme(palette: Mapping[str, str]) -> Scheme:
    """Choose the colours of copy from a brand's palette.

    `primary`, else the first colour, is the background, darkened where light type needs
    it; `accent`, else the second colour, is the button. Black and white serve where the palette
    has no ink.

    Args:
        palette: Names and `#RRGGBB` colours in the brand's order; at least one.
    """
    colours = {name: parse_colour(text) for name, text in palette.items()}
    listed = list(colours.values())
    background = colours.get("primary", listed[0])
    if measure_luminance(background) >= _LIGHT_BACKGROUND:
        ink = _pick_ink(background, listed, fallback=BLACK)
    else:
        while measure_contrast(background, WHITE) < _COMFORTABLE:
            background = _shade(background)
        ink = _pick_ink(background, listed, fallback=WHITE)
    button = colours.get("accent", listed[1] if len(listed) > 1 else ink)
    if measure_contrast(button, background) < _VISIBLE_SHAPE:
        button = ink
    label = max(
        (background, ink, BLACK, WHITE), key=lambda colour: measure_contrast(colour, button)
    )
    return Scheme(background=background, ink=ink, button=button, label=label)


def list_schemes(palette: Mapping[str, str]) -> tuple[Scheme, ...]:
    """Return the schemes that copy on a picture may have: the usual one, and its inverse.

    On a light picture the usual background would be a dark patch; there type has its colour, and
    the lightest of the brand's colours, or white, is the background. The button stays as it is, if
    it can be told from that.
    """
    usual = choose_scheme(palette)
    if measure_luminance(usual.background) > measure_luminance(usual.ink):
        return (usual,)
    listed = [*map(parse_colour, palette.values()), WHITE]
    light = next(
        colour
        for colour in sorted(listed, key=measure_luminance, reverse=True)
        if measure_contrast(colour, usual.background) >= _COMFORTABLE
    )
    inverse = replace(usual, background=light, ink=usual.background)
    if measure_contrast(inverse.button, light) < _VISIBLE_SHAPE:
        inverse = replace(inverse, button=inverse.ink, label=light)
    return usual, inverse


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


def _pick_ink(background: Colour, listed: list[Colour], *, fallback: Colour) -> Colour:
    """Prefer a brand colour as far from the background as black or white nearly is."""
    best = max(listed, key=lambda colour: measure_contrast(colour, background))
    return best if measure_contrast(best, background) >= _COMFORTABLE else fallback


def _shade(colour: Colour) -> Colour:
    red, green, blue = (int(value * _SHADE_STEP) for value in colour)
    return red, green, blue


def ratio_of(one: float, other: float) -> float:
    """Return the WCAG contrast ratio of two relative luminances, 1 to 21."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def _to_linear(value: int) -> float:
    share = value / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def _linearise(image: Image.Image, *, upwards: bool) -> bytes:
    """Return luminance of every pixel in 255ths, its channels rounded up or down."""
    table = _LINEAR_UP if upwards else _LINEAR_DOWN
    return image.point(table * 3).convert("L", (0.2126, 0.7152, 0.0722, 0)).tobytes()


def _draw_profile(length: int, start: int, end: int, fade: int) -> bytes:
    """Return one line of the mask: 255 from start to end, falling smoothly to 0 beyond."""
    values = bytearray()
    for position in range(length):
        outside = max(start - position, position - end + 1, 0)
        left = max(0.0, 1 - outside / max(1, fade))
        values.append(round(255 * left * left * (3 - 2 * left)))
    return bytes(values)


_LINEAR: Final = [_to_linear(value) for value in range(256)]
_LINEAR_DOWN: Final = [int(255 * value) for value in _LINEAR]
_LINEAR_UP: Final = [min(255, int(255 * value) + 1) for value in _LINEAR]
