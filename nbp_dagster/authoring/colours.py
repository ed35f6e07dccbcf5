"""Colours as style sheets write them, and how alike two look; must not know what one is for."""

import colorsys
import math
import re
from typing import Final

from PIL import ImageColor

Colour = tuple[int, int, int]
"""Red, green, blue from 0 to 255."""

_LEAST_ALPHA: Final = 0.5  # more transparent, it is a tint of what lies below
_FUNCTION: Final = re.compile(r"(rgba?|hsla?|oklch|oklab)\(([^()]{1,80})\)")
_NUMBER: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(%|deg|turn|rad)?")
_TRIPLET: Final = re.compile(r"[\d.]{1,8}(?:deg)?[ ,]+[\d.]{1,8}%[ ,]+[\d.]{1,8}%")
_HEX: Final = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")


def read_colour(text: str) -> Colour | None:
    """Return the colour that a value of a style sheet is; None for anything else.

    Hex, names, `rgb()`, `hsl()`, `oklch()`, `oklab()`, and the bare three numbers of hue,
    saturation and lightness that some frameworks keep in variables. A colour that shows more of
    what is below it than of itself is none.

    Example:
        >>> read_colour("hsl(0 100% 50%)")
        (255, 0, 0)
    """
    text = text.strip().lower()
    if _HEX.fullmatch(text):
        digits = text[1:] if len(text) > 5 else "".join(sign * 2 for sign in text[1:])
        if len(digits) == 8 and int(digits[6:], 16) < 255 * _LEAST_ALPHA:
            return None
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    if text in ImageColor.colormap:
        # Its table holds text at first, and numbers once a name was asked for.
        red, green, blue, *_ = ImageColor.getrgb(text)
        return red, green, blue
    if _TRIPLET.fullmatch(text):
        return read_colour(f"hsl({text})")
    found = _FUNCTION.fullmatch(text)
    return _read_function(found[1].rstrip("a"), found[2]) if found else None


def write_colour(colour: Colour) -> str:
    """Return a colour as `#RRGGBB`."""
    return "#{:02X}{:02X}{:02X}".format(*colour)


def measure_chroma(colour: Colour) -> float:
    """Return how far from grey a colour is, in OKLCH: 0 for greys, some 0.3 for the purest."""
    _, a, b = _to_oklab(colour)
    return math.hypot(a, b)


def measure_lightness(colour: Colour) -> float:
    """Return the lightness of a colour in OKLCH, 0 (black) to 1 (white)."""
    return _to_oklab(colour)[0]


def measure_difference(one: Colour, other: Colour) -> float:
    """Return how unlike two colours look: distance in OKLab, from 0 to 1; 0.02 is just seen."""
    return math.dist(_to_oklab(one), _to_oklab(other))


def _read_function(name: str, arguments: str) -> Colour | None:
    parts = [_NUMBER.fullmatch(part) for part in re.split(r"[\s,/]+", arguments.strip())]
    values = [(float(part[1]), part[2] or "") for part in parts if part]
    if len(parts) not in (3, 4) or len(values) != len(parts):
        return None
    if len(values) == 4 and _share(values[3], 1) < _LEAST_ALPHA:
        return None
    first, second, third = values[:3]
    if name == "rgb":
        return _round(*(_share(value, 255) for value in (first, second, third)))
    if name == "hsl":
        lightness, saturation = _share(third, 100), _share(second, 100)
        return _round(*colorsys.hls_to_rgb(_turn(first), lightness, saturation))
    if name == "oklab":
        return _from_oklab(_share(first, 1), second[0], third[0])
    # A percentage of chroma is one of 0.4 (CSS Color 4).
    chroma = second[0] * 0.004 if second[1] == "%" else second[0]
    hue = _turn(third) * math.tau
    return _from_oklab(_share(first, 1), chroma * math.cos(hue), chroma * math.sin(hue))


def _share(value: tuple[float, str], whole: float) -> float:
    number, unit = value
    return number / (100 if unit == "%" else whole)


def _turn(value: tuple[float, str]) -> float:
    number, unit = value
    whole = {"turn": 1.0, "rad": math.tau}.get(unit, 360.0)
    return number / whole % 1.0


def _round(red: float, green: float, blue: float) -> Colour:
    red, green, blue = (min(max(round(255 * value), 0), 255) for value in (red, green, blue))
    return red, green, blue


def _to_oklab(colour: Colour) -> tuple[float, float, float]:
    """Return OKLab; the figures of both ways are those of its definition by Ottosson, 2020."""
    red, green, blue = (_linear(value / 255) for value in colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def _from_oklab(lightness: float, a: float, b: float) -> Colour:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return _round(
        _gamma(4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short),
        _gamma(-1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short),
        _gamma(-0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short),
    )


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
