"""Colours and brand palettes of the painted pictures; knows no shapes, prompts or files."""

import colorsys
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
INK: Colour = (24, 26, 34)
WARM: Colour = (255, 196, 122)

_HEX = re.compile(r"#([0-9a-fA-F]{6})\b")

# Hand-picked quartets (deep, accent, light, second) for prompts that name no colours.
_HOUSE_QUARTETS = (
    ("#12355B", "#F4A259", "#FBF5EC", "#5B8E7D"),
    ("#3D2C5E", "#F2789F", "#FDF3EE", "#6FB7C8"),
    ("#0F4C4A", "#F2B84B", "#F6F3E7", "#E2725B"),
    ("#5A2A27", "#EE9B5E", "#FCF2E4", "#7FA37A"),
    ("#1F3B73", "#FF7F6B", "#F4F6FB", "#F6C85F"),
    ("#28402F", "#E3B23C", "#F5F3E8", "#C8553D"),
    ("#433A5B", "#7BC4A4", "#F7F4F0", "#F0A58F"),
)


@dataclass(frozen=True)
class Palette:
    """The five colours every picture is mixed from.

    Attributes:
        deep: darkest; text, night skies, furniture.
        accent: most saturated; sun, buttons, cushions.
        light: lightest; walls, paper.
        second: a companion to the accent.
        leaf: plants and hills.
    """

    deep: Colour
    accent: Colour
    light: Colour
    second: Colour
    leaf: Colour


def parse_hex(text: str) -> Colour:
    """Turn `#RRGGBB` into channel values."""
    return (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16))


def find_hexes(text: str) -> tuple[Colour, ...]:
    """Every `#RRGGBB` of the text, in order and without repeats."""
    found = [parse_hex("#" + match) for match in _HEX.findall(text)]
    return tuple(dict.fromkeys(found))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Blend two colours; `share` 0 gives the first, 1 the second."""
    return (
        round(first[0] + (second[0] - first[0]) * share),
        round(first[1] + (second[1] - first[1]) * share),
        round(first[2] + (second[2] - first[2]) * share),
    )


def shade(colour: Colour, share: float) -> Colour:
    """Move towards black (a little blue kept, so that shadows stay lively)."""
    return mix(colour, (14, 12, 30), share)


def tint(colour: Colour, share: float) -> Colour:
    """Move towards white."""
    return mix(colour, WHITE, share)


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 to 1, as WCAG 2 defines it."""
    linear = [
        channel / 12.92 if channel <= 0.03928 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (value / 255 for value in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: Colour, second: Colour) -> float:
    """WCAG 2 contrast ratio, 1 to 21."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def saturation(colour: Colour) -> float:
    """Chroma as a share of the full range: 0 for greys, 1 for a pure hue."""
    return (max(colour) - min(colour)) / 255


def readable_on(ground: Colour, palette: Palette) -> Colour:
    """The palette's own dark or light if it reads at 4.5:1 on the ground, else ink or white."""
    wanted = sorted((palette.deep, palette.light), key=lambda c: contrast(c, ground), reverse=True)
    if contrast(wanted[0], ground) >= 4.5:
        return wanted[0]
    return max((INK, WHITE), key=lambda c: contrast(c, ground))


def rotate_hue(colour: Colour, degrees: float) -> Colour:
    """Turn the hue, keeping lightness and saturation."""
    hue, light, strength = colorsys.rgb_to_hls(*(value / 255 for value in colour))
    red, green, blue = colorsys.hls_to_rgb((hue + degrees / 360) % 1.0, light, strength)
    return (round(red * 255), round(green * 255), round(blue * 255))


def build_palette(colours: Sequence[Colour], rng: random.Random) -> Palette:
    """Give brand colours their parts, and fill the parts they leave open.

    Args:
        colours: the brand's colours in the order given; may be empty.
        rng: picks a house quartet when there are no colours.
    """
    house = [parse_hex(code) for code in rng.choice(_HOUSE_QUARTETS)]
    if not colours:
        deep, accent, light, second = house
    else:
        deep, accent, light, second = _assign_parts(colours)
    return Palette(deep, accent, light, second, leaf=_find_leaf((deep, second, accent, *colours)))


def shift_palette(palette: Palette) -> Palette:
    """A palette that plainly is not the brand's: every hue turned to loud magenta and lime."""
    return Palette(
        deep=mix(rotate_hue(palette.deep, 150), (122, 0, 122), 0.7),
        accent=(170, 255, 0),
        light=(255, 214, 250),
        second=(255, 0, 170),
        leaf=(0, 190, 255),
    )


def pick_swatches(image: Image.Image, limit: int = 6) -> tuple[Colour, ...]:
    """The main colours of a card of flat fields in reading order; pixels between two fields count
    for neither."""
    small = image.convert("RGB").resize((64, 64), Image.Resampling.NEAREST)
    raw = small.quantize(12).convert("RGB").tobytes()
    pixels = [(raw[at], raw[at + 1], raw[at + 2]) for at in range(0, len(raw), 3)]
    ranked: list[Colour] = []
    for colour, count in Counter(pixels).most_common():
        if count >= 40 and all(_distance(colour, other) > 30 for other in ranked):
            ranked.append(colour)
    return tuple(sorted(ranked[:limit], key=pixels.index))


def _assign_parts(colours: Sequence[Colour]) -> tuple[Colour, Colour, Colour, Colour]:
    by_light = sorted(colours, key=luminance)
    darkest, lightest = by_light[0], by_light[-1]
    deep = darkest if luminance(darkest) < 0.2 else shade(darkest, 0.62)
    light = lightest if luminance(lightest) > 0.6 else tint(lightest, 0.86)
    vivid = [c for c in colours if c not in (deep, light)] or [darkest]
    accent = max(vivid, key=saturation)
    if saturation(accent) < 0.2 or (accent == darkest and luminance(accent) < 0.05):
        accent = _lift(accent)
    rest = [c for c in vivid if c != accent]
    second = rest[0] if rest else mix(rotate_hue(accent, -28), deep, 0.25)
    return deep, accent, light, second


def _lift(colour: Colour) -> Colour:
    hue, _, strength = colorsys.rgb_to_hls(*(value / 255 for value in colour))
    red, green, blue = colorsys.hls_to_rgb((hue + 0.08) % 1, 0.6, max(0.5, strength))
    return (round(red * 255), round(green * 255), round(blue * 255))


def _find_leaf(candidates: Sequence[Colour]) -> Colour:
    greenish = [c for c in candidates if c[1] >= max(c[0], c[2]) and saturation(c) > 0.08]
    if greenish:
        return mix(greenish[0], (96, 156, 96), 0.35)
    return mix((92, 146, 104), candidates[0], 0.16)


def _distance(first: Colour, second: Colour) -> float:
    return sum(abs(a - b) for a, b in zip(first, second, strict=True))
