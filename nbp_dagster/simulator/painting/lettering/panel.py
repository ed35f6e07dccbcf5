"""Grounds for copy: a curved block of brand colour, or a soft veil over the sky; sets no type."""

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageFilter

from nbp_dagster.simulator.painting.colour import (
    Colour,
    Palette,
    contrast,
    mix,
    readable_on,
    shade,
    tint,
)
from nbp_dagster.simulator.painting.lettering.layout import Layout
from nbp_dagster.simulator.painting.pen import Pen, Point
from nbp_dagster.simulator.painting.prompt import Quiet

# Strongest cover of the veil behind copy that stands on the scene itself.
_VEIL = 0.8
# Where a calm third is calm altogether, and where it has passed into the scene.
_CALM, _SCENE = 0.29, 0.34


@dataclass(frozen=True)
class Inks:
    """The colours copy is set in."""

    text: Colour
    pill: Colour
    pill_text: Colour


def paint_panel(
    canvas: Image.Image, layout: Layout, *, palette: Palette, factor: float, rng: random.Random
) -> Inks:
    """Paint what the copy stands on, and say which inks read on it.

    Args:
        canvas: RGB, changed in place.
        layout: in output pixels; its mode decides what is painted.
        factor: canvas pixels per output pixel.
    """
    if layout.mode in {"footer", "side"}:
        ground = rng.choice((palette.deep, palette.deep, palette.light, palette.second))
        if contrast(readable_on(ground, palette), ground) < 4.5:
            ground = palette.deep
        trim = palette.accent if contrast(palette.accent, ground) > 1.5 else palette.second
        edge = _edge(canvas, layout, factor, rng.choice((-1, 1)))
        pen = Pen(canvas, 1.0)
        pen.shape(_shifted(edge, canvas, layout, 0.012), trim)
        pen.shape(edge, ground)
        return _inks(ground, palette)
    if layout.mode == "crown":
        return _paint_veil(canvas, layout, palette, factor)
    return _inks(palette.light, palette)


def paint_calm(canvas: Image.Image, quiet: Quiet) -> None:
    """Take all detail out of the third that is asked to stay calm: the mean colour of each row.

    Args:
        canvas: RGB, changed in place.
        quiet: Which third.
    """
    if not quiet:
        return
    width, height = canvas.size
    along = width if quiet == "left" else height
    share = Image.linear_gradient("L").resize((1, along), Image.Resampling.BILINEAR)
    # 255 up to where it is calm, 0 from where the scene begins.
    slope = 1 / (_SCENE - _CALM)
    levels = [round(255 * min(1.0, max(0.0, (_SCENE - at / 255) * slope))) for at in range(256)]
    mask = share.point(levels)
    if quiet == "left":
        mask = mask.transpose(Image.Transpose.ROTATE_90)
    area = (
        (0, 0, max(1, round(width * _SCENE)), height) if quiet == "left" else (0, 0, width, height)
    )
    rows = canvas.crop(area).resize((1, height), Image.Resampling.BOX)
    # Wide, so that the blur has the row's own colour at either side.
    rows = rows.resize((height, height), Image.Resampling.NEAREST)
    rows = rows.filter(ImageFilter.GaussianBlur(height * 0.06)).crop((0, 0, 1, height))
    canvas.paste(rows.resize(canvas.size), (0, 0), mask.resize(canvas.size))


def weaken(inks: Inks, ground: Colour) -> Inks:
    """Inks so close to the ground that the copy can hardly be read."""
    return Inks(
        mix(inks.text, ground, 0.78),
        mix(inks.pill, ground, 0.78),
        mix(inks.pill_text, ground, 0.78),
    )


def _inks(ground: Colour, palette: Palette) -> Inks:
    text = readable_on(ground, palette)
    options = [
        c for c in (palette.accent, palette.second, palette.deep) if contrast(c, ground) >= 1.7
    ]
    pill = options[0] if options else text
    return Inks(text, pill, readable_on(pill, palette))


def _paint_veil(canvas: Image.Image, layout: Layout, palette: Palette, factor: float) -> Inks:
    column = layout.column.scaled(factor)
    area = (round(column.left), 0, round(column.right), max(1, round(column.bottom)))
    mean = canvas.crop(area).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    if not isinstance(mean, tuple):
        raise TypeError("the canvas is not RGB")
    sky = (int(mean[0]), int(mean[1]), int(mean[2]))
    dark_text = contrast(palette.deep, sky) >= contrast(palette.light, sky)
    veil, strength = sky, 0.1
    while strength < 0.8:
        veil = tint(sky, strength) if dark_text else shade(sky, strength)
        ground = mix(sky, veil, _VEIL)
        if max(contrast(palette.deep, ground), contrast(palette.light, ground)) >= 5.5:
            break
        strength += 0.08
    solid, end = round(column.bottom), round(column.bottom + (column.bottom - column.top) * 0.4)
    mask = Image.new("L", (1, end), round(255 * _VEIL))
    for row in range(solid, end):
        mask.putpixel((0, row), round(255 * _VEIL * (1 - (row - solid) / (end - solid)) ** 1.5))
    canvas.paste(veil, (0, 0), mask.resize((canvas.width, end), Image.Resampling.NEAREST))
    return _inks(mix(sky, veil, _VEIL), palette)


def _edge(canvas: Image.Image, layout: Layout, factor: float, turn: int) -> list[Point]:
    """Outline of the block: straight on three sides, a slow wave towards the scene."""
    width, height = canvas.size
    steps = 40
    if layout.mode == "footer":
        base = layout.column.top * factor - height * 0.045
        swing = height * 0.014 * turn
        wave = [
            (width * s / steps, base + swing * math.sin(math.pi * 2 * s / steps))
            for s in range(steps + 1)
        ]
        return [*wave, (width, height), (0, height)]
    column = layout.column.scaled(factor)
    bulge = width * 0.022
    if layout.mirrored:
        base = column.left - width * 0.045
        curve = [
            (base + bulge * (2 * s / steps - 1) ** 2, height * s / steps) for s in range(steps + 1)
        ]
        return [*curve, (width, height), (width, 0)]
    base = column.right + width * 0.045
    curve = [
        (base - bulge * (2 * s / steps - 1) ** 2, height * s / steps) for s in range(steps + 1)
    ]
    return [*curve, (0, height), (0, 0)]


def _shifted(edge: list[Point], canvas: Image.Image, layout: Layout, share: float) -> list[Point]:
    step = share * min(canvas.size)
    if layout.mode == "footer":
        return [(x, y - step) for x, y in edge[:-2]] + edge[-2:]
    move = -step if layout.mirrored else step
    return [(x + move, y) for x, y in edge[:-2]] + edge[-2:]
