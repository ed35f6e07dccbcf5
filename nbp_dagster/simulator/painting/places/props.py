"""Small pieces of scenery in figure units: plants, windows, trees, cups; places nothing itself."""

import random

from nbp_dagster.simulator.painting.colour import Colour, mix, shade, tint
from nbp_dagster.simulator.painting.pen import Pen
from nbp_dagster.simulator.painting.places.stage import Stage, sky_stops

_CHINA: Colour = (251, 247, 240)
_BROWN: Colour = (96, 62, 44)


def draw_plant(pen: Pen, leaf: Colour, pot: Colour, rng: random.Random) -> None:
    """A potted plant about 70 units tall, its pot standing at (0, 0)."""
    style = rng.choice(("fan", "round", "spikes"))
    if style == "fan":
        for step, lean in enumerate((-58, -30, -6, 20, 46)):
            stem = pen.moved(0, -24, lean=lean)
            stem.blob([(0, 0), (-8, -24), (0, -52), (8, -24)], shade(leaf, 0.08 * (step % 3)))
            stem.stroke([(0, 0), (0, -44)], 1.2, tint(leaf, 0.25))
    elif style == "round":
        for x, y, size in ((-12, -38, 15), (13, -36, 14), (0, -54, 17), (-4, -36, 14)):
            pen.disc(x, y, size, fill=shade(leaf, 0.03 * abs(x) / 4))
        for x, y in ((-12, -42), (4, -60), (12, -40)):
            pen.disc(x, y, 4, fill=tint(leaf, 0.2))
    else:
        for step, lean in enumerate((-34, -16, 2, 18, 36)):
            blade = pen.moved(0, -22, lean=lean)
            blade.shape([(-5, 0), (0, -46 - 6 * (step % 2)), (5, 0)], shade(leaf, 0.1 * (step % 2)))
    pen.shape([(-14, -26), (14, -26), (10, 0), (-10, 0)], pot)
    pen.box(-16, -30, 16, -23, shade(pot, 0.12), radius=2)


def draw_window(stage: Stage, left: float, top: float, right: float, bottom: float) -> None:
    """A sash window onto the sky of the hour, in canvas pixels."""
    pen, palette = stage.pen, stage.palette
    frame = tint(palette.light, 0.5) if not stage.dark else mix(palette.deep, palette.light, 0.35)
    bar = stage.figure * 4
    pen.box(
        left - bar * 1.6, top - bar * 1.6, right + bar * 1.6, bottom + bar * 1.6, frame, radius=bar
    )
    pen.fade(left, top, right, bottom, sky_stops(palette, stage.hour))
    width, height = right - left, bottom - top
    hill = mix(palette.leaf, sky_stops(palette, stage.hour)[-1], 0.35)
    if stage.dark:
        hill = shade(palette.deep, 0.25)
        pen.disc(left + width * 0.7, top + height * 0.26, width * 0.08, fill=(250, 240, 205))
    else:
        sun = left + width * 0.68
        pen.disc(
            sun, top + height * 0.42, min(width, height) * 0.17, fill=tint(palette.accent, 0.35)
        )
    pen.shape(
        [(left, bottom), (left, bottom - height * 0.3), (left + width * 0.3, bottom - height * 0.4),
         (left + width * 0.65, bottom - height * 0.2), (right, bottom - height * 0.28),
         (right, bottom)],
        hill,
    )  # fmt: skip
    middle = (left + right) / 2
    pen.box(middle - bar / 2, top, middle + bar / 2, bottom, frame)
    pen.box(left, top + height * 0.4, right, top + height * 0.4 + bar, frame)
    pen.box(
        left - bar * 3,
        bottom + bar,
        right + bar * 3,
        bottom + bar * 2.6,
        shade(frame, 0.1),
        radius=bar / 2,
    )


def draw_light_beam(stage: Stage, left: float, top: float, right: float, bottom: float) -> None:
    """Slanting window light over the wall below a window, in canvas pixels."""
    if stage.dark:
        return
    slide = (bottom - top) * 0.7
    reach = stage.height
    glow = (255, 246, 214) if stage.hour != "evening" else (255, 205, 140)
    for start, end in ((0.02, 0.46), (0.54, 0.98)):
        x0, x1 = left + (right - left) * start, left + (right - left) * end
        stage.pen.shape(
            [(x0, bottom), (x1, bottom), (x1 - slide * 1.6, reach), (x0 - slide * 1.6, reach)],
            glow,
            alpha=0.2,
        )


def draw_pendant(pen: Pen, length: float, shade_colour: Colour, lit: bool) -> None:
    """A hanging lamp on a cord; (0, 0) is the ceiling."""
    if lit:
        pen.glow(0, length + 26, 70, fill=(255, 226, 160), alpha=0.5)
    pen.stroke([(0, 0), (0, length)], 1.8, (60, 52, 52))
    pen.half(0, length + 22, 22, 24, shade_colour)
    pen.half(0, length + 22, 9, 7, (255, 240, 200), start=0)


def draw_shelf(pen: Pen, width: float, colours: tuple[Colour, ...], rng: random.Random) -> None:
    """A wall shelf with jars, books and cups; (0, 0) is the middle of the board."""
    pen.box(-width / 2, 0, width / 2, 5, (150, 104, 70), radius=1)
    pen.box(-width / 2 + 2, 5, width / 2 - 2, 8, (112, 76, 52))
    x = -width / 2 + 8
    while x < width / 2 - 18:
        kind, colour = rng.choice(("jar", "books", "cup", "vase")), rng.choice(colours)
        if kind == "jar":
            pen.box(x, -22, x + 15, 0, tint(colour, 0.35), radius=3)
            pen.box(x, -12, x + 15, 0, colour, radius=3)
            pen.box(x + 1, -27, x + 14, -21, (150, 104, 70), radius=2)
            x += 20
        elif kind == "books":
            for step in range(3):
                tall = 22 + 5 * ((step * 2 + len(colours)) % 3)
                pen.box(x, -tall, x + 5.4, 0, mix(colour, _CHINA, 0.3 * step), radius=0.8)
                x += 6
            x += 5
        elif kind == "cup":
            pen.arc(x + 13, -8, 4, 4, -90, 90, width=2, fill=_CHINA)
            pen.box(x, -15, x + 13, 0, _CHINA, radius=3)
            x += 23
        else:
            pen.blob([(x + 7, -26), (x + 13, -12), (x + 10, 0), (x + 4, 0), (x + 1, -12)], colour)
            x += 20


def draw_cup(pen: Pen, colour: Colour = _CHINA, steam: bool = True) -> None:
    """A cup on its saucer standing at (0, 0)."""
    pen.disc(0, -1, 17, 3, fill=shade(colour, 0.14))
    pen.arc(11, -12, 6, 6, -90, 90, width=2.8, fill=colour)
    pen.half(0, -19, 12, 18, colour, start=0)
    pen.disc(0, -19, 12, 3, fill=_BROWN)
    if steam:
        for shift in (-4, 4):
            pen.stroke(
                [(shift, -26), (shift + 3, -32), (shift, -38), (shift + 2, -44)],
                1.8,
                (255, 255, 255),
            )


def draw_fruit_bowl(pen: Pen, bowl: Colour, fruit: Colour) -> None:
    """A bowl of fruit standing at (0, 0)."""
    for x, y in ((-12, -17), (12, -17), (0, -24)):
        pen.disc(x, y, 9, fill=shade(fruit, 0.05 * abs(x) / 12))
        pen.disc(x - 3, y - 3, 2.4, fill=tint(fruit, 0.4))
    pen.half(0, -15, 25, 16, bowl, start=0)
    pen.box(-9, -3, 9, 0, shade(bowl, 0.2), radius=1)


def draw_laptop(pen: Pen, colour: Colour) -> None:
    """The back of an open laptop standing at (0, 0)."""
    pen.shape([(-34, -42), (34, -42), (38, -2), (-38, -2)], colour)
    pen.disc(0, -22, 5, fill=tint(colour, 0.5))
    pen.box(-44, -3, 44, 1, shade(colour, 0.3), radius=2)


def draw_tree(pen: Pen, leaf: Colour, rng: random.Random) -> None:
    """A broad-leaved tree about 190 units tall standing at (0, 0)."""
    trunk = mix(_BROWN, leaf, 0.15)
    pen.shape([(-8, 0), (-5, -90), (5, -90), (9, 0)], trunk)
    crown = [(-34, -108, 34), (34, -110, 36), (0, -142, 42), (-18, -128, 38), (18, -122, 38)]
    for x, y, size in crown:
        pen.disc(x + rng.uniform(-4, 4), y, size, fill=leaf)
    pen.disc(-14, -150, 22, fill=tint(leaf, 0.1))
    pen.disc(26, -118, 16, fill=tint(leaf, 0.08))
    pen.disc(-34, -96, 14, fill=shade(leaf, 0.1))


def draw_pine(pen: Pen, leaf: Colour) -> None:
    """A fir about 180 units tall standing at (0, 0)."""
    pen.box(-6, -26, 6, 0, _BROWN)
    for step, (low, high, wide) in enumerate(((-20, -92, 44), (-62, -132, 35), (-102, -176, 25))):
        pen.shape([(-wide, low), (0, high), (wide, low)], tint(leaf, 0.06 * step))


def draw_cloud(pen: Pen, colour: Colour) -> None:
    """A flat-bottomed cloud about 100 units wide, resting on (0, 0)."""
    for x, y, size in ((-28, -12, 15), (-6, -22, 22), (20, -14, 17), (36, -8, 10)):
        pen.disc(x, y, size, fill=colour)
    pen.box(-42, -14, 45, 2, colour, radius=9)


def draw_lamp_post(pen: Pen, lit: bool) -> None:
    """A street lamp about 230 units tall standing at (0, 0)."""
    iron: Colour = (58, 58, 70)
    if lit:
        pen.glow(22, -216, 80, fill=(255, 226, 150), alpha=0.6)
    pen.box(-7, -14, 7, 0, iron, radius=2)
    pen.stroke([(0, -8), (0, -212), (10, -226), (22, -224)], 4, iron)
    pen.half(22, -214, 13, 11, iron)
    pen.half(22, -214, 8, 7, (255, 240, 190), start=0)


def draw_bush(pen: Pen, leaf: Colour, bloom: Colour | None) -> None:
    """A low bush about 80 units wide standing at (0, 0), with flowers if a colour is given."""
    for x, y, size in ((-28, -14, 18), (0, -22, 24), (28, -15, 19), (12, -12, 16)):
        pen.disc(x, y, size, fill=shade(leaf, 0.03 * (abs(x) % 5)))
    pen.box(-44, -14, 44, 2, leaf, radius=8)
    if bloom is not None:
        for x, y in ((-30, -20), (-12, -32), (6, -22), (22, -28), (34, -14), (-20, -10)):
            pen.disc(x, y, 4.4, fill=bloom)
            pen.disc(x, y, 1.6, fill=tint(bloom, 0.65))


def draw_parasol(pen: Pen, first: Colour, second: Colour) -> None:
    """A beach parasol about 190 units tall, planted at (0, 0)."""
    pen.stroke([(0, 0), (-8, -180)], 4, (250, 244, 232))
    top = pen.moved(-7, -146, lean=-4)
    top.half(0, 0, 84, 46, first)
    for left, right in ((-56, -20), (20, 56)):
        top.shape([(left, 0), (0, -46), (right, 0)], second)
    top.disc(0, -47, 4, fill=second)
