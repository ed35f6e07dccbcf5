"""Paints open places: park, forest, street, beach, mountains, night, party; places no figures."""

import math

from nbp_dagster.simulator.painting.colour import WHITE, Colour, luminance, mix, shade, tint
from nbp_dagster.simulator.painting.pen import Point, smooth
from nbp_dagster.simulator.painting.places.props import (
    draw_bush,
    draw_cloud,
    draw_lamp_post,
    draw_parasol,
    draw_pine,
    draw_tree,
)
from nbp_dagster.simulator.painting.places.stage import Stage, sky_stops


def paint_park(stage: Stage) -> None:
    """Sun, hills, trees and a path through a meadow."""
    _paint_sky(stage)
    leaf = _daylit(stage, stage.palette.leaf)
    haze = sky_stops(stage.palette, stage.hour)[-1]
    _paint_hills(stage, mix(leaf, haze, 0.6), lift=0.2)
    _paint_hills(stage, mix(leaf, haze, 0.3), lift=0.09)
    fit = min(1.0, stage.view.width * 0.6 / (190 * stage.figure))
    for share, size in ((0.08, 0.95), (0.93, 1.05), (0.74, 0.6), (0.27, 0.55)):
        draw_tree(
            stage.prop(stage.x(share), stage.floor + stage.figure * 8, size * fit),
            shade(leaf, 0.1),
            stage.rng,
        )
    stage.pen.fade(0, stage.floor, stage.width, stage.height, (tint(leaf, 0.12), shade(leaf, 0.05)))
    path = mix((236, 214, 176), leaf, 0.12)
    x, spread = stage.x(0.5), stage.view.width
    drop = max(stage.view.bottom, stage.rest) - stage.floor + stage.figure * 8
    left = ((0.05, 0.0), (0.05, 0.3), (-0.06, 0.65), (-0.26, 1.0))
    right = ((0.3, 1.0), (0.16, 0.65), (0.12, 0.3), (0.08, 0.0))
    outline: list[Point] = []
    for side in (left, right):
        points = [(x + spread * across, stage.floor + drop * down) for across, down in side]
        outline += smooth(points, closed=False)
    stage.pen.shape(outline, path)


def front_meadow(stage: Stage) -> None:
    """Flowering bushes in the lower corners."""
    leaf = shade(_daylit(stage, stage.palette.leaf), 0.14)
    low = stage.view.bottom + stage.figure * 6
    draw_bush(stage.prop(stage.x(0.03), low), leaf, stage.palette.accent)
    draw_bush(stage.prop(stage.x(0.97), low), leaf, stage.palette.second)


def paint_forest(stage: Stage) -> None:
    """Rows of firs going pale with distance."""
    _paint_sky(stage)
    leaf = _daylit(stage, stage.palette.leaf)
    haze = sky_stops(stage.palette, stage.hour)[-1]
    for row, (fade, size, count) in enumerate(((0.66, 0.8, 9), (0.4, 1.0, 7), (0.14, 1.25, 5))):
        for step in range(count + 1):
            x = stage.width * (step + 0.5 * (row % 2)) / count
            pen = stage.prop(
                x, stage.floor + stage.figure * row * 7, size * stage.rng.uniform(0.9, 1.12)
            )
            draw_pine(pen, mix(leaf, haze, fade))
    stage.pen.fade(0, stage.floor + stage.figure * 10, stage.width, stage.height,
                   (tint(leaf, 0.08), shade(leaf, 0.16)))  # fmt: skip


def paint_street(stage: Stage) -> None:
    """House fronts with awnings, a lamp post and a pavement."""
    palette, unit = stage.palette, stage.figure
    _paint_sky(stage)
    _paint_skyline(stage, mix(sky_stops(palette, stage.hour)[-1], palette.deep, 0.22), 0.55)
    tones = (
        mix(palette.light, palette.second, 0.55),
        mix(palette.light, palette.accent, 0.5),
        mix(palette.light, palette.deep, 0.35),
        mix(palette.second, palette.deep, 0.3),
    )
    x, index = -unit * stage.rng.uniform(0, 40), stage.rng.randrange(4)
    while x < stage.width:
        width = unit * stage.rng.choice((96, 112, 128))
        tall = min(unit * stage.rng.choice((190, 220, 250)), (stage.floor - stage.view.top) * 0.92)
        tone = mix(tones[index % 4], palette.deep, 0.6) if stage.dark else tones[index % 4]
        _draw_house(stage, x, width, tall, tone, index)
        x, index = x + width, index + 1
    ground = mix(palette.light, palette.deep, 0.24 if not stage.dark else 0.7)
    stage.pen.fade(
        0, stage.floor, stage.width, stage.height, (shade(ground, 0.08), tint(ground, 0.1))
    )
    stage.pen.box(0, stage.floor, stage.width, stage.floor + unit * 4, tint(ground, 0.35))
    draw_lamp_post(
        stage.prop(stage.x(0.13), stage.floor + unit * 14), lit=stage.hour in {"night", "evening"}
    )


def paint_beach(stage: Stage) -> None:
    """Sea, sand, a parasol and a low sun."""
    palette, unit = stage.palette, stage.figure
    _paint_sky(stage)
    horizon = stage.floor - unit * 46
    sea = mix((62, 148, 176), palette.second, 0.25)
    sea = mix(sea, palette.deep, 0.6) if stage.dark else sea
    stage.pen.fade(0, horizon, stage.width, stage.floor + unit * 6, (sea, tint(sea, 0.3)))
    for row in range(5):
        y = horizon + unit * (7 + row * 8)
        for _ in range(4):
            x, reach = stage.rng.uniform(0, stage.width), unit * stage.rng.uniform(10, 30)
            stage.pen.stroke([(x, y), (x + reach, y)], unit * 1.4, tint(sea, 0.5))
    sand = mix((244, 220, 172), palette.light, 0.2)
    sand = mix(sand, palette.deep, 0.55) if stage.dark else sand
    shore: list[Point] = [
        (0, stage.floor + unit * 3),
        (stage.width * 0.3, stage.floor - unit * 4),
        (stage.width * 0.65, stage.floor + unit * 5),
        (stage.width, stage.floor - unit * 2),
    ]
    edge = smooth(shore, closed=False)
    stage.pen.shape(
        [(x, y - unit * 5) for x, y in edge] + [(stage.width, stage.height), (0, stage.height)],
        tint(sea, 0.78),
    )
    stage.pen.shape([*edge, (stage.width, stage.height), (0, stage.height)], sand)
    for _ in range(26):
        x, y = (
            stage.rng.uniform(0, stage.width),
            stage.rng.uniform(stage.floor + unit * 12, stage.height),
        )
        stage.pen.disc(x, y, unit * 1.2, unit * 0.7, fill=shade(sand, 0.12))
    share = stage.rng.choice((0.12, 0.88))
    draw_parasol(
        stage.prop(stage.x(share), stage.floor + unit * 24),
        palette.accent,
        tint(palette.light, 0.5),
    )


def paint_mountain(stage: Stage) -> None:
    """Snow-capped ridges, firs and a slope."""
    palette = stage.palette
    _paint_sky(stage)
    haze = sky_stops(palette, stage.hour)[-1]
    rock = mix(palette.deep, (96, 118, 150), 0.5)
    _paint_ridge(stage, mix(rock, haze, 0.62), 0.62, 3)
    _paint_ridge(stage, mix(rock, haze, 0.3), 0.44, 4)
    leaf = _daylit(stage, palette.leaf)
    _paint_hills(stage, mix(leaf, haze, 0.2), lift=0.08)
    for share in (0.04, 0.12, 0.9, 0.98, 0.82):
        pen = stage.prop(
            stage.x(share), stage.floor + stage.figure * 9, stage.rng.uniform(0.55, 0.85)
        )
        draw_pine(pen, shade(leaf, 0.24))
    stage.pen.fade(0, stage.floor, stage.width, stage.height, (tint(leaf, 0.16), shade(leaf, 0.06)))


def paint_night(stage: Stage) -> None:
    """Moon, stars and a lit skyline over a roof terrace."""
    palette, unit = stage.palette, stage.figure
    _paint_sky(stage)
    far = mix(sky_stops(palette, "night")[-1], palette.second, 0.14)
    _paint_skyline(stage, far, 0.5)
    _paint_skyline(
        stage, shade(palette.deep, 0.3), 0.34, lit=mix((255, 214, 130), palette.accent, 0.3)
    )
    ground = mix(palette.deep, palette.second, 0.3)
    stage.pen.fade(0, stage.floor, stage.width, stage.height, (shade(ground, 0.3), ground))
    stage.pen.box(0, stage.floor - unit * 6, stage.width, stage.floor, tint(ground, 0.14))
    _draw_lights(stage)


def paint_party(stage: Stage) -> None:
    """Bunting, balloons and confetti."""
    palette, unit = stage.palette, stage.figure
    wall = (
        mix(palette.deep, palette.second, 0.25)
        if stage.dark
        else mix(palette.light, palette.second, 0.4)
    )
    stage.pen.fade(0, 0, stage.width, stage.floor, (wall, tint(wall, 0.15)))
    ground = shade(wall, 0.2)
    stage.pen.fade(0, stage.floor, stage.width, stage.height, (ground, tint(ground, 0.1)))
    colours = (
        palette.accent,
        palette.second,
        palette.deep if not stage.dark else palette.light,
        palette.leaf,
    )
    count = 12
    for step in range(count + 1):
        share = step / count
        x, y = stage.width * share, stage.y(0.05) + unit * 26 * math.sin(math.pi * (share * 2 % 1))
        pen = stage.prop(x, y)
        pen.shape([(-11, 0), (11, 0), (0, 24)], colours[step % 4])
    for share, level in ((0.07, 0.42), (0.16, 0.3), (0.85, 0.28), (0.94, 0.4)):
        pen = stage.prop(stage.x(share), stage.y(level))
        pen.stroke([(0, 26), (4, 60), (-2, 100)], 1.2, tint(wall, 0.5))
        colour = stage.rng.choice(colours[:3])
        pen.disc(0, 0, 20, 25, fill=colour)
        pen.disc(-7, -9, 4, 6, fill=tint(colour, 0.45), lean=25)
    for _ in range(70):
        pen = stage.prop(
            stage.rng.uniform(0, stage.width), stage.rng.uniform(stage.y(0), stage.height)
        )
        pen.moved(0, 0, lean=stage.rng.uniform(0, 90)).box(
            -3, -1.5, 3, 1.5, stage.rng.choice(colours)
        )


def _paint_sky(stage: Stage) -> None:
    palette, unit = stage.palette, stage.figure
    stops = sky_stops(palette, stage.hour)
    stage.pen.fade(0, 0, stage.width, stage.floor + unit * 12, stops)
    x = stage.x(stage.rng.choice((0.2, 0.8)))
    if stage.dark:
        for _ in range(70):
            spot = (stage.rng.uniform(0, stage.width), stage.rng.uniform(0, stage.floor * 0.9))
            stage.pen.disc(*spot, unit * stage.rng.choice((0.7, 1.0, 1.6)), fill=(255, 250, 226))
        moon = stage.prop(x, stage.y(0.16))
        moon.glow(0, 0, 70, fill=(255, 246, 214), alpha=0.35)
        moon.disc(0, 0, 20, fill=(252, 242, 208))
        moon.disc(9, -6, 16.5, fill=mix(stops[0], stops[1], 0.5))
        return
    y = stage.y(0.17) if stage.hour != "evening" else stage.y(0.4)
    sun = mix(palette.accent, (255, 214, 120), 0.5)
    stage.pen.glow(x, y, unit * 110, fill=(255, 242, 200), alpha=0.7)
    stage.pen.disc(x, y, unit * 27, fill=tint(sun, 0.15))
    cloud = tint(stops[-1], 0.6)
    for share, level, size in ((0.16, 0.3, 0.7), (0.62, 0.1, 1.0), (0.9, 0.34, 0.6)):
        draw_cloud(stage.prop(stage.x(share), stage.y(level), size), cloud)


def _daylit(stage: Stage, colour: Colour) -> Colour:
    if stage.dark:
        return mix(mix(colour, stage.palette.deep, 0.3), (16, 34, 62), 0.5)
    if stage.hour == "evening":
        return mix(colour, (214, 110, 70), 0.22)
    return tint(colour, 0.06) if luminance(colour) < 0.25 else colour


def _paint_hills(stage: Stage, colour: Colour, *, lift: float) -> None:
    top = stage.floor - stage.view.height * lift
    swell = stage.view.height * lift * 0.55
    points: list[Point] = []
    for step in range(7):
        points.append((stage.width * (step - 0.5) / 5, top + stage.rng.uniform(-swell, swell)))
    low = stage.floor + stage.figure * 8
    stage.pen.shape(
        [*smooth(points, closed=False), (stage.width * 1.1, low), (-stage.width * 0.1, low)], colour
    )


def _paint_ridge(stage: Stage, colour: Colour, lift: float, peaks: int) -> None:
    span = stage.width / peaks
    tall = min(stage.view.height * lift, stage.floor - stage.view.top)
    for step in range(peaks + 1):
        x = span * (step + stage.rng.uniform(-0.2, 0.2))
        top = stage.floor - tall * stage.rng.uniform(0.72, 1.0)
        half = span * 0.72
        low = stage.floor + stage.figure * 6
        stage.pen.shape([(x - half, low), (x, top), (x + half, low)], colour)
        stage.pen.shape([(x, top), (x + half, low), (x + half * 0.2, low)], shade(colour, 0.1))
        snow = (low - top) * 0.24
        lean = half * 0.24
        stage.pen.shape(
            [
                (x, top),
                (x + lean, top + snow),
                (x + lean * 0.3, top + snow * 0.72),
                (x, top + snow * 1.1),
                (x - lean * 0.4, top + snow * 0.75),
                (x - lean, top + snow),
            ],
            mix(WHITE, colour, 0.12),
        )


def _paint_skyline(stage: Stage, colour: Colour, lift: float, lit: Colour | None = None) -> None:
    unit, x = stage.figure, 0.0
    while x < stage.width:
        width = unit * stage.rng.uniform(34, 66)
        tall = stage.view.height * lift * stage.rng.uniform(0.55, 1.0)
        top = stage.floor - tall
        stage.pen.box(x, top, x + width, stage.floor + 2, colour)
        if lit is not None:
            for row in range(int(tall / (unit * 15))):
                for column in range(int(width / (unit * 11))):
                    if stage.rng.random() < 0.42:
                        left, y = x + unit * (4 + column * 11), top + unit * (6 + row * 15)
                        stage.pen.box(left, y, left + unit * 5, y + unit * 7, lit)
        x += width


def _draw_house(
    stage: Stage, x: float, width: float, tall: float, tone: Colour, index: int
) -> None:
    unit = stage.figure
    top = stage.floor - tall
    stage.pen.box(x, top, x + width, stage.floor, tone)
    stage.pen.box(
        x - unit * 2, top - unit * 6, x + width + unit * 2, top + unit * 3, shade(tone, 0.2)
    )
    glass = _window_glass(stage)
    y = top + unit * 16
    while y < stage.floor - unit * 104:
        for share in (0.27, 0.73):
            middle = x + width * share
            stage.pen.box(
                middle - unit * 13,
                y,
                middle + unit * 13,
                y + unit * 32,
                tint(tone, 0.55),
                radius=unit * 2,
            )
            stage.pen.box(
                middle - unit * 10, y + unit * 3, middle + unit * 10, y + unit * 29, glass
            )
        y += unit * 46
    _draw_shop_front(stage, x, width, tone, index)


def _window_glass(stage: Stage) -> Colour:
    if stage.hour in {"evening", "night"}:
        return (255, 222, 150)
    return mix((196, 220, 228), stage.palette.light, 0.3)


def _draw_shop_front(stage: Stage, x: float, width: float, tone: Colour, index: int) -> None:
    unit, palette = stage.figure, stage.palette
    glass = _window_glass(stage)
    shop = stage.floor - unit * 66
    stage.pen.box(x + unit * 9, shop, x + width - unit * 9, stage.floor, shade(tone, 0.3))
    stage.pen.box(x + unit * 14, shop + unit * 10, x + width * 0.6, stage.floor - unit * 16, glass)
    stage.pen.box(
        x + width * 0.66, shop + unit * 12, x + width - unit * 13, stage.floor, shade(tone, 0.5)
    )
    stripe = (palette.accent, palette.second, palette.deep)[index % 3]
    count = 7
    step = (width - unit * 8) / count
    for column in range(count):
        left = x + unit * 4 + column * step
        colour = stripe if column % 2 == 0 else tint(palette.light, 0.4)
        stage.pen.box(left, shop - unit * 8, left + step, shop + unit * 8, colour)
        stage.pen.disc(left + step / 2, shop + unit * 8, step / 2, unit * 4.5, fill=colour)


def _draw_lights(stage: Stage) -> None:
    unit, palette = stage.figure, stage.palette
    sag = [(stage.width * step / 12, stage.y(0.06) + unit * 22 * math.sin(math.pi * (step / 6 % 1)))
           for step in range(13)]  # fmt: skip
    stage.pen.stroke(sag, unit * 1.4, shade(palette.deep, 0.4))
    for step, (x, y) in enumerate(sag):
        colour = (255, 226, 150) if step % 2 else tint(palette.accent, 0.25)
        stage.pen.glow(x, y + unit * 6, unit * 18, fill=colour, alpha=0.55)
        stage.pen.disc(x, y + unit * 6, unit * 4.4, fill=colour)
