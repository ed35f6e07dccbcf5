"""Draws a simple pack from a product's description, for products without reference images."""

import re

from nbp_dagster.simulator.painting.colour import Colour, Palette, contrast, mix, shade, tint
from nbp_dagster.simulator.painting.figures.traits import COLOUR_WORDS
from nbp_dagster.simulator.painting.pen import Pen

_KINDS = (
    ("bag", r"\bbags?\b|\bpouch|\bsachet"),
    ("bottle", r"\bbottles?\b|\bflask\b|\bserum\b|\bspray\b"),
    ("can", r"\bcans?\b|\btins?\b"),
    ("jar", r"\bjars?\b|\btubs?\b|\bpot\b|\bcandle\b"),
    ("cup", r"\bcups?\b|\bmugs?\b|\btumbler\b"),
    ("box", r"\bbox|\bcarton|\bpack"),
)


def draw_product(pen: Pen, description: str, palette: Palette) -> None:
    """Draw the pack, about 62 units tall, standing at (0, 0)."""
    lowered = description.lower()
    named = [COLOUR_WORDS[word] for word in re.findall(r"[a-z]+", lowered) if word in COLOUR_WORDS]
    body = named[0] if named else palette.deep
    if re.search(r"\bdark\b", lowered):
        body = shade(body, 0.42)
    spot = named[1] if len(named) > 1 else palette.accent
    if contrast(spot, body) < 1.6:
        spot = tint(palette.light, 0.3)
    kind = next((name for name, pattern in _KINDS if re.search(pattern, lowered)), "box")
    pen.glow(2, 0, 34, 5, fill=(20, 16, 28), alpha=0.5)
    _SHAPES[kind](pen, body, spot)
    _draw_emblem(pen, lowered, spot, y=-16.0 if kind == "cup" else -27.0)


def _draw_bag(pen: Pen, body: Colour, spot: Colour) -> None:
    pen.blob([(-22, -56), (22, -56), (24, -30), (23, -2), (0, 0), (-23, -2), (-24, -30)], body)
    pen.box(-22, -62, 22, -50, shade(body, 0.16), radius=1.5)
    pen.shape([(13, -52), (22, -52), (23, -3), (15, -2)], shade(body, 0.14))
    pen.box(-22, -53.5, 22, -51.5, spot)


def _draw_bottle(pen: Pen, body: Colour, spot: Colour) -> None:
    pen.box(-5, -66, 5, -48, shade(body, 0.2), radius=1)
    pen.box(-7, -70, 7, -60, spot, radius=2)
    pen.blob([(-5, -52), (5, -52), (15, -42), (16, -4), (0, 0), (-16, -4), (-15, -42)], body)
    pen.box(-11, -44, -8, -6, tint(body, 0.3), radius=1.5)


def _draw_can(pen: Pen, body: Colour, spot: Colour) -> None:
    pen.box(-17, -54, 17, -2, body, radius=3)
    pen.disc(0, -54, 16, 3, fill=(206, 210, 216))
    pen.box(-17, -48, 17, -45, spot)
    pen.box(-17, -9, 17, -6, spot)
    pen.box(10, -50, 15, -5, shade(body, 0.16))


def _draw_jar(pen: Pen, body: Colour, spot: Colour) -> None:
    pen.box(-21, -42, 21, 0, body, radius=6)
    pen.box(-22, -52, 22, -40, spot, radius=3)
    pen.box(14, -38, 19, -5, shade(body, 0.14), radius=2)


def _draw_cup(pen: Pen, body: Colour, spot: Colour) -> None:
    pen.arc(17, -20, 9, 9, -90, 90, width=4, fill=body)
    pen.box(-17, -38, 17, 0, body, radius=5)
    pen.disc(0, -38, 17, 3.4, fill=mix(spot, (92, 58, 40), 0.7))


def _draw_box(pen: Pen, body: Colour, spot: Colour) -> None:
    pen.box(-22, -58, 16, 0, body, radius=1)
    pen.shape([(16, -58), (27, -63), (27, -6), (16, 0)], shade(body, 0.22))
    pen.shape([(-22, -58), (16, -58), (27, -63), (-11, -63)], tint(body, 0.2))
    pen.box(-22, -52, 16, -48, spot)


_SHAPES = {
    "bag": _draw_bag, "bottle": _draw_bottle, "can": _draw_can, "jar": _draw_jar,
    "cup": _draw_cup, "box": _draw_box,
}  # fmt: skip


def _draw_emblem(pen: Pen, description: str, spot: Colour, y: float) -> None:
    if re.search(r"\bsun\b|\bsunrise\b", description):
        for step in range(12):
            ray = pen.moved(-1, y, lean=step * 30)
            ray.shape([(-1.4, -8.5), (1.4, -8.5), (0, -13)], spot)
        pen.disc(-1, y, 7, fill=spot)
    elif re.search(r"\bleaf\b|\bleaves\b|\bplant\b", description):
        pen.moved(-1, y, lean=24).blob([(0, -11), (6, 0), (0, 11), (-6, 0)], spot)
    else:
        pen.disc(-1, y, 9, fill=spot)
        pen.disc(-1, y, 5.4, fill=tint(spot, 0.5))
