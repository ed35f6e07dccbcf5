"""Pennyway Couriers: its colours, wheel, logo and Loop Box; knows nothing of files or the fox."""

import math

from PIL import Image

from drawing.canvas import Canvas, Pen
from drawing.lettering import write
from drawing.shapes import Point, Shape, box, curve, oval, slab

# As the palette in brands/pennyway.yaml, and one darker tone of each for the side in shade.
TEAL, YELLOW, CREAM, COCOA = "#14707A", "#FFC53D", "#FFF1DD", "#4A2A22"
TEAL_SHADE, YELLOW_SHADE, CREAM_SHADE = "#0E555D", "#E8A51F", "#F3DCBC"


def draw_wheel(pen: Pen, middle: Point, radius: float, *, colour: str, width: float) -> None:
    """Draw Pennyway's sign: a wheel of eight spokes."""
    pen.line(oval(*middle, radius, radius), colour, width)
    for spoke in range(4):
        angle = math.radians(45 * spoke)
        x, y = radius * math.cos(angle), radius * math.sin(angle)
        ends = [(middle[0] - x, middle[1] - y), (middle[0] + x, middle[1] + y)]
        pen.line(ends, colour, 0.5 * width)
    pen.patch(oval(*middle, 0.13 * radius, 0.13 * radius), colour)


def draw_logo() -> Image.Image:
    """Draw the badge: a penny-farthing over the name. Transparent around it."""
    canvas = Canvas(800, transparent=True)
    pen = Pen(canvas, ink=COCOA)
    pen.patch(box(14, 14, 772, 772, 170), TEAL)
    draw_wheel(pen, (346, 308), 172, colour=YELLOW, width=20)
    draw_wheel(pen, (604, 420), 60, colour=YELLOW, width=15)
    pen.line(curve([(340, 92), (470, 124), (564, 240), (604, 420)]), CREAM, 18)
    pen.line([(340, 92), (346, 308)], CREAM, 18)
    pen.line(curve([(340, 92), (296, 84), (272, 112)]), CREAM, 18)
    pen.line([(404, 84), (480, 92)], CREAM, 30)
    write(pen, "PENNYWAY", (400, 574), height=80, colour=CREAM)
    write(pen, "COURIERS", (400, 678), height=38, colour=YELLOW, tracking=0.62)
    return canvas.finish()


def draw_loop_box() -> Image.Image:
    """Draw the Loop Box, closed, seen from a corner and a little from above."""
    canvas = Canvas(1024)
    front = Pen(canvas, (120, 372), ink=COCOA, slope=0.2)
    side = Pen(canvas, (620, 472), ink=COCOA, slope=-0.42)
    top = Pen(canvas, ink=COCOA)
    front.part(box(20, 60, 480, 380, 6), TEAL)
    side.part(box(0, 60, 264, 380, 6), TEAL_SHADE)
    front.part(box(0, 0, 500, 92, 6), CREAM)
    side.part(box(0, 0, 284, 92, 6), CREAM_SHADE)
    top.part(_cover(0, 1, 0, 1), CREAM)
    front.part(box(60, 0, 56, 440, 2), YELLOW)
    side.part(box(184, 0, 48, 440, 2), YELLOW_SHADE)
    top.part(_cover(0, 1, 184 / 284, 232 / 284), YELLOW)
    top.part(_cover(60 / 500, 116 / 500, 0, 1), YELLOW)
    draw_wheel(front, (308, 212), 76, colour=YELLOW, width=12)
    write(front, "PENNYWAY", (308, 352), height=40, colour=CREAM)
    return canvas.finish()


def _cover(left: float, right: float, near: float, far: float) -> Shape:
    """Return a part of the box's lid, in shares of its width and depth."""
    corners = [(left, near), (left, far), (right, far), (right, near)]
    return slab([(120 + 500 * u + 284 * v, 372 + 100 * u - 119 * v) for u, v in corners], 4)
