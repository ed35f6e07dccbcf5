"""Paints rooms: kitchen, café, shop, office, home, gym, studio; figures are placed by others."""

from nbp_dagster.simulator.painting.colour import Colour, mix, shade, tint
from nbp_dagster.simulator.painting.places.props import (
    draw_cup,
    draw_fruit_bowl,
    draw_laptop,
    draw_light_beam,
    draw_pendant,
    draw_plant,
    draw_shelf,
    draw_window,
)
from nbp_dagster.simulator.painting.places.stage import Stage, wall_colour

_WOOD: Colour = (178, 124, 82)


def paint_kitchen(stage: Stage) -> None:
    """A window, shelves and a tiled strip behind the counter."""
    wall = _paint_wall(stage)
    tile = tint(wall, 0.28)
    top = stage.floor - stage.figure * 36
    stage.pen.box(0, top, stage.width, stage.height, tile)
    step = stage.figure * 18
    for column in range(round(stage.width / step) + 1):
        stage.pen.box(
            column * step - 1.5, top, column * step + 1.5, stage.floor + step, shade(tile, 0.07)
        )
    stage.pen.box(0, top + step - 1.5, stage.width, top + step + 1.5, shade(tile, 0.07))
    _window_and_shelves(stage, top)


def front_kitchen(stage: Stage) -> None:
    """The counter with panelled doors and what stands on it."""
    palette = stage.palette
    front = palette.deep if stage.rng.random() < 0.55 else mix(palette.second, palette.deep, 0.25)
    _draw_counter(stage, slab=tint(palette.light, 0.4), front=front)
    draw_fruit_bowl(
        stage.prop(stage.x(0.1), _on_counter(stage), 0.8), tint(palette.second, 0.2), palette.accent
    )
    draw_cup(stage.prop(stage.x(0.9), _on_counter(stage), 0.74), tint(palette.accent, 0.1))


def paint_cafe(stage: Stage) -> None:
    """A menu board, pendant lamps and jars on shelves."""
    wall = _paint_wall(stage)
    stage.pen.box(0, stage.floor - stage.figure * 70, stage.width, stage.height, shade(wall, 0.16))
    board = stage.figure
    _draw_menu_board(stage, stage.x(0.2), stage.y(0.1) + board * 20)
    for share in (0.5, 0.68, 0.86):
        pen = stage.prop(stage.x(share), stage.view.top if stage.view.top < 2 else stage.y(-0.06))
        draw_pendant(pen, 20 + 14 * (share == 0.68), stage.palette.accent, lit=stage.hour != "day")
    for row in (0, 1):
        pen = stage.prop(stage.x(0.82), stage.y(0.34) + stage.figure * row * 48)
        draw_shelf(pen, 110, _jar_colours(stage), stage.rng)


def front_cafe(stage: Stage) -> None:
    """A wooden bar with a cake stand and cups."""
    palette = stage.palette
    _draw_counter(stage, slab=tint(_WOOD, 0.15), front=mix(palette.deep, _WOOD, 0.12), slats=True)
    top = _on_counter(stage)
    draw_cup(stage.prop(stage.x(0.12), top, 0.74), tint(palette.accent, 0.05))
    stand = stage.prop(stage.x(0.9), top)
    stand.box(-3, -18, 3, 0, (240, 236, 228))
    stand.half(0, -18, 26, 20, mix(palette.second, (250, 226, 196), 0.45))
    stand.disc(0, -39, 3.4, fill=palette.accent)
    stand.disc(0, -18, 30, 4, fill=(248, 244, 236))


def paint_shop(stage: Stage) -> None:
    """Rows of shelves full of goods."""
    wall = _paint_wall(stage)
    unit = stage.figure
    rows = max(2, round((stage.floor - stage.y(0.1)) / (unit * 50)))
    for column in (0.16, 0.5, 0.84):
        width = stage.view.width / unit * 0.29
        back = stage.prop(stage.x(column), stage.y(0.08))
        low = (stage.floor - stage.y(0.08)) / unit
        back.box(-width / 2 - 5, 0, width / 2 + 5, low, shade(wall, 0.1), radius=4)
        for row in range(rows):
            draw_shelf(stage.prop(stage.x(column), stage.y(0.08) + unit * (40 + row * 48)), width,
                       _jar_colours(stage), stage.rng)  # fmt: skip
    for share in (0.33, 0.67):
        stage.pen.glow(stage.x(share), stage.y(0.05), unit * 90, fill=(255, 244, 214), alpha=0.4)


def front_shop(stage: Stage) -> None:
    """A striped shop counter with a plant."""
    palette = stage.palette
    _draw_counter(stage, slab=tint(_WOOD, 0.1), front=palette.second, slats=True)
    draw_plant(
        stage.prop(stage.x(0.09), _on_counter(stage)), palette.leaf, palette.accent, stage.rng
    )


def paint_office(stage: Stage) -> None:
    """A big window over the city, a shelf and a floor lamp."""
    _paint_wall(stage)
    _window_and_shelves(stage, stage.floor)
    pen = stage.prop(stage.x(0.5), stage.y(-0.05))
    draw_pendant(pen, 12, stage.palette.deep, lit=stage.dark)


def front_office(stage: Stage) -> None:
    """A desk with a laptop, a mug and a plant."""
    palette = stage.palette
    _draw_counter(stage, slab=tint(_WOOD, 0.22), front=tint(_WOOD, 0.05))
    top = _on_counter(stage)
    draw_laptop(stage.prop(stage.x(0.84), top), mix(palette.deep, (214, 220, 228), 0.72))
    draw_plant(stage.prop(stage.x(0.08), top, 0.85), palette.leaf, palette.accent, stage.rng)
    draw_cup(stage.prop(stage.x(0.25), top, 0.7), palette.second)


def paint_home(stage: Stage) -> None:
    """A living room: sofa, framed prints, a tall plant and a rug."""
    palette, unit = stage.palette, stage.figure
    wall = _paint_wall(stage)
    _paint_floor(stage, tint(_WOOD, 0.2))
    left, top = stage.x(0.56), stage.y(0.12)
    right, bottom = stage.x(0.92), min(stage.y(0.5), stage.floor - unit * 70)
    draw_window(stage, left, top, right, bottom)
    draw_light_beam(stage, left, top, right, bottom)
    for share, colour in ((0.14, palette.accent), (0.32, palette.second)):
        frame = stage.prop(stage.x(share), stage.y(0.24))
        frame.box(-24, -30, 24, 30, tint(wall, 0.6), radius=2)
        frame.disc(0, 2, 14, fill=colour)
        frame.half(0, 20, 19, 22, shade(palette.leaf, 0.1))
    sofa = stage.prop(stage.x(0.34), stage.floor + unit * 16)
    cloth = mix(palette.deep, palette.second, 0.45)
    sofa.box(-92, -86, 92, -20, cloth, radius=18)
    sofa.box(-106, -58, -80, 0, shade(cloth, 0.12), radius=12)
    sofa.box(80, -58, 106, 0, shade(cloth, 0.12), radius=12)
    sofa.box(-84, -42, 84, -6, tint(cloth, 0.12), radius=9)
    sofa.moved(-50, -56, lean=-10).box(-18, -18, 18, 18, palette.accent, radius=6)
    draw_plant(
        stage.prop(stage.x(0.93), stage.floor + unit * 18, 1.9),
        palette.leaf,
        palette.accent,
        stage.rng,
    )
    stage.pen.disc(
        stage.x(0.5), stage.rest, stage.view.width * 0.4, unit * 17, fill=tint(palette.second, 0.3)
    )
    stage.pen.disc(
        stage.x(0.5),
        stage.rest,
        stage.view.width * 0.35,
        unit * 13.5,
        fill=tint(palette.second, 0.5),
    )


def paint_gym(stage: Stage) -> None:
    """A bright hall with wall bars, a rack of weights and a mat."""
    palette, unit = stage.palette, stage.figure
    wall = _paint_wall(stage)
    _paint_floor(stage, mix(palette.deep, palette.light, 0.58))
    stripe = stage.y(0.3)
    stage.pen.box(0, stripe, stage.width, stripe + unit * 16, palette.accent)
    stage.pen.box(0, stripe + unit * 20, stage.width, stripe + unit * 25, tint(palette.accent, 0.4))
    bars = stage.prop(stage.x(0.14), stage.floor)
    for side in (-32, 32):
        bars.box(side - 3, -190, side + 3, 0, _WOOD)
    for row in range(9):
        bars.box(-32, -184 + row * 21, 32, -180 + row * 21, shade(_WOOD, 0.12), radius=2)
    rack = stage.prop(stage.x(0.84), stage.floor + unit * 8)
    rack.box(-66, -46, 66, -40, shade(wall, 0.55), radius=2)
    rack.box(-66, -14, 66, -8, shade(wall, 0.55), radius=2)
    for side in (-60, 60):
        rack.box(side - 3, -54, side + 3, 0, shade(wall, 0.6))
    for row in (-46, -14):
        for step, colour in zip(
            (-38, 0, 38), (palette.second, palette.deep, palette.accent), strict=True
        ):
            rack.stroke([(step - 12, row - 8), (step + 12, row - 8)], 4, (70, 72, 84))
            for end in (-14, 14):
                rack.box(step + end - 4, row - 17, step + end + 4, row, colour, radius=2)
    mat = mix(palette.second, palette.light, 0.15)
    stage.pen.disc(stage.x(0.5), stage.rest, stage.view.width * 0.42, unit * 15, fill=mat)


def paint_studio(stage: Stage) -> None:
    """A seamless paper ground with bold round shapes."""
    palette = stage.palette
    base = (
        tint(palette.accent, 0.35),
        tint(palette.second, 0.4),
        mix(palette.light, palette.deep, 0.1),
    )
    wall = stage.rng.choice(base) if not stage.dark else palette.deep
    stage.pen.fade(0, 0, stage.width, stage.floor, (wall, tint(wall, 0.16)))
    stage.pen.fade(0, stage.floor, stage.width, stage.height, (shade(wall, 0.07), tint(wall, 0.05)))
    reach = min(stage.view.width * 0.46, stage.view.height * 0.44)
    middle = (stage.x(0.5), stage.y(0.5))
    stage.pen.disc(*middle, reach, fill=tint(wall, 0.34))
    stage.pen.disc(*middle, reach * 0.78, fill=mix(palette.accent, wall, 0.35))
    for share, level, size, colour in (
        (0.1, 0.2, 0.1, palette.second),
        (0.92, 0.32, 0.06, palette.deep),
        (0.88, 0.12, 0.13, palette.leaf),
        (0.06, 0.6, 0.05, palette.accent),
    ):
        stage.pen.disc(
            stage.x(share), stage.y(level), reach * size * 1.4, fill=mix(colour, wall, 0.25)
        )
    draw_plant(
        stage.prop(stage.x(0.08), stage.rest - stage.figure * 4, 1.3),
        palette.leaf,
        palette.deep,
        stage.rng,
    )


def _paint_wall(stage: Stage) -> Colour:
    wall = wall_colour(stage.palette, stage.hour, stage.rng.randrange(4))
    stage.pen.fade(0, 0, stage.width, stage.height, (tint(wall, 0.12), wall, shade(wall, 0.06)))
    return wall


def _paint_floor(stage: Stage, colour: Colour) -> None:
    floor = mix(colour, stage.palette.deep, 0.55) if stage.dark else colour
    stage.pen.fade(
        0, stage.floor, stage.width, stage.height, (shade(floor, 0.08), tint(floor, 0.08))
    )
    skirting = stage.figure * 7
    stage.pen.box(0, stage.floor - skirting, stage.width, stage.floor, tint(floor, 0.55))


def _window_and_shelves(stage: Stage, low: float) -> None:
    """A window to one side and shelves to the other; which side is which varies."""
    unit = stage.figure
    flip = stage.rng.random() < 0.5
    top, bottom = stage.y(0.07), max(stage.y(0.07) + unit * 40, min(stage.y(0.52), low - unit * 26))
    left, right = (0.54, 0.95) if flip else (0.05, 0.46)
    draw_light_beam(stage, stage.x(left), top, stage.x(right), bottom)
    draw_window(stage, stage.x(left), top, stage.x(right), bottom)
    middle = stage.x(0.22 if flip else 0.78)
    width = stage.view.width / unit * 0.36
    for row in (0, 1):
        level = top + unit * (34 + row * 52)
        if level < low - unit * 20:
            draw_shelf(stage.prop(middle, level), width, _jar_colours(stage), stage.rng)
    sill = stage.prop(
        stage.x((left + right) / 2 + (0.1 if flip else -0.1)), bottom + unit * 4, 0.55
    )
    draw_plant(sill, stage.palette.leaf, stage.palette.accent, stage.rng)


def _draw_menu_board(stage: Stage, x: float, y: float) -> None:
    pen = stage.prop(x, y)
    pen.box(-46, -8, 46, 84, (150, 104, 70), radius=3)
    pen.box(-41, -3, 41, 79, (46, 52, 50), radius=2)
    for row, width in enumerate((46, 60, 52, 62, 40)):
        pen.stroke([(-31, 14 + row * 13), (-31 + width, 14 + row * 13)], 2.6, (214, 214, 204))
    pen.disc(24, 10, 6, fill=stage.palette.accent)


def _draw_counter(stage: Stage, *, slab: Colour, front: Colour, slats: bool = False) -> None:
    unit, top = stage.figure, stage.rest
    stage.pen.fade(0, top, stage.width, stage.height, (shade(front, 0.16), front))
    step = unit * (26 if slats else 74)
    for column in range(int(stage.width / step) + 1):
        left = column * step
        if slats:
            stage.pen.box(left, top, left + unit * 2.4, stage.height, shade(front, 0.2))
        else:
            stage.pen.box(
                left + unit * 6,
                top + unit * 22,
                left + step - unit * 6,
                stage.height + unit * 20,
                tint(front, 0.08),
                radius=unit * 4,
            )
            stage.pen.disc(
                left + step - unit * 13, top + unit * 34, unit * 2.6, fill=tint(front, 0.5)
            )
    stage.pen.box(0, top + unit * 9, stage.width, top + unit * 14, shade(front, 0.34))
    stage.pen.box(0, top - unit * 2, stage.width, top + unit * 10, slab)
    stage.pen.box(0, top - unit * 2, stage.width, top + unit * 1, tint(slab, 0.45))


def _on_counter(stage: Stage) -> float:
    return stage.rest + stage.figure * 3


def _jar_colours(stage: Stage) -> tuple[Colour, ...]:
    palette = stage.palette
    return (palette.accent, palette.second, palette.leaf, mix(palette.deep, palette.light, 0.3))
