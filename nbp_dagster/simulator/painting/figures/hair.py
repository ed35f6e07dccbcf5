"""Draws a person's hair and hats; the head they sit on is drawn elsewhere."""

import math
from collections.abc import Callable, Mapping, Sequence

from nbp_dagster.simulator.painting.colour import Colour, shade, tint
from nbp_dagster.simulator.painting.figures.traits import Traits
from nbp_dagster.simulator.painting.pen import Pen, Point

_CAP: tuple[Point, ...] = (
    (-19.5, -168), (-21, -182), (-14, -196), (1, -202), (14, -197), (21, -182), (19.5, -170),
    (16.5, -181), (8, -187), (-6, -184), (-15, -180),
)  # fmt: skip
_PARTED: tuple[Point, ...] = (
    (-19.8, -166), (-21.5, -181), (-14, -197), (2, -202), (15, -197), (21.5, -181), (19.8, -166),
    (17.5, -178), (9, -189), (0, -185), (-10, -181), (-17, -176),
)  # fmt: skip


def draw_back_hair(pen: Pen, traits: Traits, turn: float) -> None:
    """Draw what lies behind the head and shoulders."""
    draw = _BACKS.get(traits.hair_style)
    if draw is not None:
        draw(pen, traits.hair, turn)


def draw_front_hair(pen: Pen, traits: Traits, turn: float) -> None:
    """Draw crown and fringe over the face; for a turned head the back of it too."""
    hair, style = traits.hair, traits.hair_style
    if style == "bald":
        pen.disc(5, -191, 5, 2, fill=tint(traits.body, 0.4), lean=20)
        return
    if turn >= 0.4:
        ear = 12.5 * turn - 19
        pen.blob([(-13, -197), (4, -197), (ear + 3, -184), (ear, -166), (ear - 5, -159),
                  (-22, -166), (-23, -184)], hair)  # fmt: skip
    if style in {"curly", "curls", "afro"}:
        _draw_curls(pen, hair, turn, big=style == "afro")
        return
    if style == "buzz":
        pen.blob([(x * 0.97, -188 + (y + 188) * 0.72) for x, y in _CAP], hair)
        return
    outline = _CAP if style in {"bob", "braids", "short"} else _PARTED
    pen.blob([(x * (1 - 0.1 * turn) - 2 * turn, y) for x, y in outline], hair)
    if style == "short":
        pen.blob([(-16 - turn * 2, -192), (-4, -206), (14, -204), (19, -194), (6, -191)], hair)
    shine = tint(hair, 0.16)
    pen.stroke([(-13 - turn * 2, -189), (-8, -194.5), (-1, -197)], 1.8, shine)


def draw_hat(pen: Pen, traits: Traits, turn: float) -> None:
    """Draw the hat over the crown."""
    colour, dark = traits.hat_colour, shade(traits.hat_colour, 0.18)
    if traits.hat == "beanie":
        pen.half(0, -186, 22, 24, colour)
        pen.box(-23, -191, 23, -181, dark, radius=5)
        pen.disc(0, -211, 5.5, fill=tint(colour, 0.5))
    elif traits.hat == "cap":
        pen.half(0, -185, 21.5, 20, colour)
        pen.blob([(-8 + 14 * turn, -188), (14 + 12 * turn, -189), (27 + 10 * turn, -184),
                  (10 + 12 * turn, -182)], dark)  # fmt: skip
    else:
        pen.disc(0, -187, 34, 6, fill=dark)
        pen.half(0, -187, 20, 22, colour)
        pen.box(-20, -193, 20, -187, dark)


def _draw_curls(pen: Pen, hair: Colour, turn: float, big: bool) -> None:
    reach, puff = (21.0, 8.2) if big else (17.0, 6.6)
    _fluff(pen, hair, centre=(-5 * turn, -181), reach=reach, puff=puff, start=185,
           sweep=170 - 45 * turn)  # fmt: skip
    pen.disc(-5 * turn, -190, 13, 8.5, fill=hair)
    light = tint(hair, 0.14)
    for x, y in ((-11, -192), (0, -197), (9, -191)):
        pen.arc(x - 2 * turn, y, 3, 2.6, 200, 330, width=1.3, fill=light)


def _fluff(
    pen: Pen, fill: Colour, *, centre: Point, reach: float, puff: float, start: float, sweep: float
) -> None:
    count = max(5, round(sweep / 24))
    for step in range(count + 1):
        angle = math.radians(start + sweep * step / count)
        size = puff * (1.0 if step % 2 else 0.88)
        pen.disc(centre[0] + reach * math.cos(angle), centre[1] + reach * math.sin(angle), size,
                 fill=fill)  # fmt: skip


def _locks(pen: Pen, fill: Colour, x: float) -> None:
    for step in range(5):
        pen.disc(x + (2.5 if step % 2 else -1.5), -168 + step * 9, 7.5, fill=fill)


def _back_afro(pen: Pen, hair: Colour, turn: float) -> None:
    dark, x = shade(hair, 0.18), -6 * turn
    _fluff(pen, dark, centre=(x, -181), reach=26, puff=9, start=150, sweep=240)
    pen.disc(x, -181, 28, fill=dark)


def _back_curly(pen: Pen, hair: Colour, turn: float) -> None:
    dark, x = shade(hair, 0.18), -6 * turn
    pen.disc(x - 2 * turn, -180, 23 - 3 * turn, 22, fill=dark)
    sweep = 240 - 95 * turn
    _fluff(pen, dark, centre=(x, -177), reach=21, puff=7, start=150, sweep=sweep)


def _back_curls(pen: Pen, hair: Colour, turn: float) -> None:
    _back_curly(pen, hair, turn)
    for side in (-1, 1) if turn < 1 else (-1,):
        _locks(pen, shade(hair, 0.18), x=20 * side - 6 * turn)


def _back_long(pen: Pen, hair: Colour, turn: float) -> None:
    half = ((0, -200), (19, -188), (26, -150), (24, -122), (0, -126))
    _mirrored_blob(pen, half, shade(hair, 0.18), shift=-6 * turn)


def _back_bob(pen: Pen, hair: Colour, turn: float) -> None:
    half = ((0, -200), (19, -190), (26, -165), (23, -149), (0, -150))
    _mirrored_blob(pen, half, shade(hair, 0.18), shift=-6 * turn)


def _back_ponytail(pen: Pen, hair: Colour, turn: float) -> None:
    x = -22 if turn >= 0.4 else 24
    tail = ((0.6, -195), (1.25, -190), (1.4, -165), (1.1, -145), (0.95, -168))
    pen.blob([(x * share, y) for share, y in tail], shade(hair, 0.18))


def _back_bun(pen: Pen, hair: Colour, turn: float) -> None:
    pen.disc(-12 * turn, -205, 10, fill=shade(hair, 0.18))
    pen.disc(-12 * turn + 2, -207, 6, fill=hair)


def _back_braids(pen: Pen, hair: Colour, turn: float) -> None:
    for side in (-1, 1) if turn < 1 else (-1,):
        for step in range(5):
            x = 21 * side - 6 * turn
            pen.disc(x, -163 + step * 9, 5.4 - step * 0.4, fill=shade(hair, 0.18))


def _mirrored_blob(pen: Pen, half: Sequence[Point], fill: Colour, *, shift: float) -> None:
    """The shape whose right half runs from the top to the bottom of the middle line."""
    left = [(-x, y) for x, y in reversed(half[1:-1])]
    pen.blob([(x + shift, y) for x, y in (*half, *left)], fill)


_BACKS: Mapping[str, Callable[[Pen, Colour, float], None]] = {
    "afro": _back_afro,
    "curly": _back_curly,
    "curls": _back_curls,
    "long": _back_long,
    "bob": _back_bob,
    "ponytail": _back_ponytail,
    "bun": _back_bun,
    "braids": _back_braids,
}
