"""A drawing pen with its own units, lean and mirror; knows shapes, not what they depict."""

import itertools
import math
from collections.abc import Iterable, Sequence

from PIL import Image, ImageDraw

from nbp_dagster.simulator.painting.colour import Colour, mix

Point = tuple[float, float]

_DISC_STEPS = 48
_CURVE_STEPS = 8


class Pen:
    """Draws on an RGB image in units of its own: y grows downwards, (0, 0) is `origin`.

    Edges are hard: the caller draws at twice the wanted size and reduces, which smooths them.

    Args:
        image: RGB canvas, changed in place.
        unit: pixels per unit.
        origin: pixel position of (0, 0).
        flip: mirror left and right.
        lean: degrees, clockwise, about the origin.
    """

    def __init__(
        self,
        image: Image.Image,
        unit: float,
        *,
        origin: Point = (0.0, 0.0),
        flip: bool = False,
        lean: float = 0.0,
    ) -> None:
        self.image = image
        self.unit = unit
        self.origin = origin
        self.flip = flip
        self.lean = lean
        angle = math.radians(lean)
        self._cos, self._sin = math.cos(angle) * unit, math.sin(angle) * unit
        self._solid = ImageDraw.Draw(image)
        self._glaze = ImageDraw.Draw(image, "RGBA")

    def moved(self, x: float, y: float, scale: float = 1.0, lean: float = 0.0) -> "Pen":
        """A pen on the same canvas with its origin at (x, y) of this one."""
        turn = self.lean + (-lean if self.flip else lean)
        return Pen(self.image, self.unit * scale, origin=self.at(x, y), flip=self.flip, lean=turn)

    def at(self, x: float, y: float) -> Point:
        """Pixel position of a point in this pen's units."""
        if self.flip:
            x = -x
        left, top = self.origin
        return (left + x * self._cos - y * self._sin, top + x * self._sin + y * self._cos)

    def shape(self, points: Iterable[Point], fill: Colour, alpha: float = 1.0) -> None:
        """Fill a polygon."""
        spots = [self.at(x, y) for x, y in points]
        if alpha >= 1.0:
            self._solid.polygon(spots, fill=fill)
        else:
            self._glaze.polygon(spots, fill=(*fill, round(alpha * 255)))

    def blob(self, points: Sequence[Point], fill: Colour, alpha: float = 1.0) -> None:
        """Fill the smooth closed curve through the points."""
        self.shape(smooth(points, closed=True), fill, alpha)

    def disc(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float | None = None,
        *,
        fill: Colour,
        alpha: float = 1.0,
        lean: float = 0.0,
    ) -> None:
        """Fill an ellipse about (x, y)."""
        self.shape(ellipse(x, y, rx, rx if ry is None else ry, lean), fill, alpha)

    def half(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        fill: Colour,
        *,
        start: float = 180.0,
        sweep: float = 180.0,
    ) -> None:
        """Fill a slice of an ellipse; 180..360 degrees is its upper half."""
        angles = [math.radians(start + sweep * step / 32) for step in range(33)]
        self.shape([(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles], fill)

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        fill: Colour,
        *,
        radius: float = 0.0,
        alpha: float = 1.0,
    ) -> None:
        """Fill a rectangle, its corners rounded by `radius` units."""
        radius = min(radius, abs(right - left) / 2, abs(bottom - top) / 2)
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        self.shape(corners if radius <= 0 else round_corners(corners, radius), fill, alpha)

    def stroke(
        self, points: Sequence[Point], width: float, fill: Colour, *, curved: bool = True
    ) -> None:
        """Draw a line with round ends and joints, smooth through its points unless told not to."""
        path = smooth(points, closed=False) if curved and len(points) > 2 else list(points)
        spots = [self.at(x, y) for x, y in path]
        radius = max(0.5, width * self.unit / 2)
        for first, second in itertools.pairwise(spots):
            self._solid.polygon(_segment(first, second, radius), fill=fill)
        for x, y in spots:
            self._solid.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)

    def arc(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        start: float,
        end: float,
        *,
        width: float,
        fill: Colour,
    ) -> None:
        """Stroke part of an ellipse, degrees clockwise from the right."""
        steps = [math.radians(start + (end - start) * step / 20) for step in range(21)]
        points = [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in steps]
        self.stroke(points, width, fill, curved=False)

    def fade(
        self, left: float, top: float, right: float, bottom: float, stops: Sequence[Colour]
    ) -> None:
        """Fill an upright rectangle with a vertical gradient through the colours."""
        x0, y0 = self.at(left, top)
        x1, y1 = self.at(right, bottom)
        rows = max(1, math.ceil(y1 - y0))
        bands = min(rows, 256)
        for band in range(bands):
            share = band / max(1, bands - 1) * (len(stops) - 1)
            index = min(int(share), len(stops) - 2)
            colour = mix(stops[index], stops[index + 1], share - index)
            upper, lower = y0 + rows * band / bands, y0 + rows * (band + 1) / bands
            self._solid.rectangle((min(x0, x1), upper, max(x0, x1), lower), fill=colour)

    def glow(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float | None = None,
        *,
        fill: Colour,
        alpha: float,
    ) -> None:
        """Lay a soft round light or shadow, strongest in its middle, over the canvas."""
        centre_x, centre_y = self.at(x, y)
        half_w = max(2, round(rx * self.unit))
        half_h = max(2, round((rx if ry is None else ry) * self.unit))
        mask = _soft_mask(alpha).resize((half_w * 2, half_h * 2), Image.Resampling.BILINEAR)
        self.image.paste(fill, (round(centre_x) - half_w, round(centre_y) - half_h), mask)


def smooth(points: Sequence[Point], closed: bool) -> list[Point]:
    """Points along a Catmull-Rom curve through the given ones."""
    count = len(points)
    path: list[Point] = []
    for index in range(count if closed else count - 1):
        before, start, end, after = (
            points[_neighbour(index + shift, count, closed)] for shift in (-1, 0, 1, 2)
        )
        for step in range(_CURVE_STEPS):
            t = step / _CURVE_STEPS
            path.append(
                (
                    _catmull(before[0], start[0], end[0], after[0], t),
                    _catmull(before[1], start[1], end[1], after[1], t),
                )
            )
    if not closed:
        path.append(points[-1])
    return path


def ellipse(x: float, y: float, rx: float, ry: float, lean: float = 0.0) -> list[Point]:
    """Points of an ellipse about (x, y), leaning by degrees."""
    turn = math.radians(lean)
    cos, sin = math.cos(turn), math.sin(turn)
    points = []
    for step in range(_DISC_STEPS):
        angle = 2 * math.pi * step / _DISC_STEPS
        dx, dy = rx * math.cos(angle), ry * math.sin(angle)
        points.append((x + dx * cos - dy * sin, y + dx * sin + dy * cos))
    return points


def round_corners(corners: Sequence[Point], radius: float) -> list[Point]:
    """The outline of a convex polygon with its corners rounded."""
    outline: list[Point] = []
    count = len(corners)
    for index, corner in enumerate(corners):
        start = _towards(corner, corners[index - 1], radius)
        end = _towards(corner, corners[(index + 1) % count], radius)
        for step in range(9):
            t = step / 8
            a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
            outline.append(
                (
                    a * start[0] + b * corner[0] + c * end[0],
                    a * start[1] + b * corner[1] + c * end[1],
                )
            )
    return outline


def _towards(origin: Point, target: Point, distance: float) -> Point:
    dx, dy = target[0] - origin[0], target[1] - origin[1]
    share = distance / (math.hypot(dx, dy) or 1.0)
    return (origin[0] + dx * share, origin[1] + dy * share)


def _segment(first: Point, second: Point, radius: float) -> list[Point]:
    dx, dy = second[0] - first[0], second[1] - first[1]
    length = math.hypot(dx, dy) or 1.0
    nx, ny = -dy / length * radius, dx / length * radius
    return [
        (first[0] + nx, first[1] + ny),
        (second[0] + nx, second[1] + ny),
        (second[0] - nx, second[1] - ny),
        (first[0] - nx, first[1] - ny),
    ]


def _neighbour(index: int, count: int, closed: bool) -> int:
    return index % count if closed else min(max(index, 0), count - 1)


def _catmull(before: float, start: float, end: float, after: float, t: float) -> float:
    return 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t * t
        + (3 * start - before - 3 * end + after) * t * t * t
    )


def _soft_mask(alpha: float) -> Image.Image:
    # Pillow's radial gradient is 0 in the middle and 179 at the nearest rim.
    falloff = [round(255 * alpha * max(0.0, 1 - value / 179) ** 1.6) for value in range(256)]
    return Image.radial_gradient("L").point(falloff)
