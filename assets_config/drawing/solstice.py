"""Solstice Coffee: its logo and the bag of House Blend; knows nothing of files."""

import math

from PIL import Image

from drawing.canvas import Canvas, Pen
from drawing.lettering import write
from drawing.shapes import Point, curve, oval, slab

# As the palette in brands/solstice.yaml, and one darker tone of the green for edges and shade.
GREEN, SUN, PAPER = "#0B3D2E", "#F2B705", "#F7F3EA"
GREEN_SHADE, GREEN_LIGHT, SUN_SHADE = "#072B20", "#14513E", "#D49E00"


def draw_logo() -> Image.Image:
    """Draw the badge: the sun rises out of a cup, over the name. Transparent around it."""
    canvas = Canvas(800, transparent=True)
    pen = Pen(canvas, (400, 400), ink=GREEN_SHADE)
    pen.patch(oval(0, 0, 388, 388), GREEN)
    pen.line(oval(0, 0, 362, 362), SUN, 6)
    _draw_rising_sun(pen, (0, -40), 96)
    cup = [*oval(0, -24, 132, 118, 0, 180), (-132, -24)]
    pen.line(oval(118, 22, 58, 36, -74, 90), PAPER, 18)
    pen.patch(cup, PAPER)
    pen.line([(-150, 116), (150, 116)], PAPER, 14)
    write(pen, "SOLSTICE", (0, 184), height=62, colour=PAPER)
    write(pen, "COFFEE", (0, 264), height=34, colour=SUN, tracking=0.6)
    return canvas.finish()


def draw_house_blend() -> Image.Image:
    """Draw the bag of House Blend, standing, from the front."""
    canvas = Canvas(1024)
    pen = Pen(canvas, (512, 0), ink=GREEN_SHADE)
    pen.part(
        slab([(-228, 178), (228, 178), (272, 560), (262, 944), (-262, 944), (-272, 560)], 26),
        GREEN,
        GREEN_SHADE,
        depth=34,
    )
    pen.line(curve([(-214, 240), (-232, 520), (-226, 900)]), GREEN_LIGHT, 8)
    pen.part(slab([(-236, 88), (236, 88), (246, 226), (-246, 226)], 16), GREEN, GREEN_SHADE)
    pen.line([(-236, 134), (236, 134)], GREEN_LIGHT, 5)
    pen.part(slab([(-262, 164), (262, 164), (262, 206), (-262, 206)], 12), SUN, SUN_SHADE, depth=8)
    pen.line(oval(0, 286, 17, 17), GREEN_LIGHT, 6)
    _draw_rising_sun(pen, (0, 560), 112)
    pen.line([(-186, 574), (186, 574)], SUN, 11)
    write(pen, "SOLSTICE", (0, 652), height=62, colour=PAPER)
    write(pen, "HOUSE BLEND", (0, 738), height=36, colour=SUN, tracking=0.42)
    write(pen, "WHOLE BEAN", (0, 862), height=22, colour=PAPER, tracking=0.6)
    return canvas.finish()


def _draw_rising_sun(pen: Pen, middle: Point, radius: float) -> None:
    """Draw half a disc over its horizon, with seven rays."""
    pen.patch(oval(*middle, radius, radius, 180, 360), SUN)
    for ray in range(7):
        angle = math.radians(180 + 12 + ray * 26)
        towards = math.cos(angle), math.sin(angle)
        ends = [
            (middle[0] + reach * towards[0], middle[1] + reach * towards[1])
            for reach in (1.32 * radius, 1.72 * radius)
        ]
        pen.line(ends, SUN, 0.15 * radius)
