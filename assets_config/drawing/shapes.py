"""Points and outlines in a picture's pixels, y downwards; knows nothing of colour or images."""

import math
from collections.abc import Sequence

Point = tuple[float, float]
Shape = list[Point]


def curve(points: Sequence[Point], steps: int = 16) -> Shape:
    """Return a smooth open line (Catmull-Rom) through every point."""
    padded = [points[0], *points, points[-1]]
    line: Shape = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(steps):
            t = step / steps
            line.append((_spline(a[0], b[0], c[0], d[0], t), _spline(a[1], b[1], c[1], d[1], t)))
    return [*line, points[-1]]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def outline(*pieces: Sequence[Point]) -> Shape:
    """Return a closed shape of smooth pieces; where one ends and the next begins is a corner."""
    return [point for piece in pieces for point in curve(piece)]


def both(half: Sequence[Point]) -> list[Point]:
    """Return a right half, given from top to bottom, and its mirror image back to the top."""
    return [*half, *[(-x, y) for x, y in reversed(half)]]


def oval(x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360) -> Shape:
    """Return an ellipse or its arc from `start` to `end`, degrees clockwise from the right."""
    steps = max(64, round(1.2 * max(rx, ry)))
    angles = [math.radians(start + (end - start) * step / steps) for step in range(steps + 1)]
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


def slab(corners: Sequence[Point], radius: float) -> Shape:
    """Return a polygon with rounded corners."""
    shape: Shape = []
    around = zip([corners[-1], *corners], corners, [*corners[1:], corners[0]], strict=False)
    for before, corner, after in around:
        start, end = _towards(corner, before, radius), _towards(corner, after, radius)
        for t in (step / 24 for step in range(25)):
            u = 1 - t
            shape.append(
                (
                    u * u * start[0] + 2 * u * t * corner[0] + t * t * end[0],
                    u * u * start[1] + 2 * u * t * corner[1] + t * t * end[1],
                )
            )
    return shape


def _towards(start: Point, goal: Point, distance: float) -> Point:
    share = min(0.5, distance / math.dist(start, goal))
    return start[0] + share * (goal[0] - start[0]), start[1] + share * (goal[1] - start[1])


def box(x: float, y: float, width: float, height: float, radius: float) -> Shape:
    """Return a rounded rectangle given by its upper left corner."""
    right, bottom = x + width, y + height
    return slab([(x, y), (right, y), (right, bottom), (x, bottom)], radius)


def moved(points: Sequence[Point], by: Point, scale: float = 1, tilt: float = 0) -> Shape:
    """Return points scaled, turned by `tilt` degrees clockwise, then shifted."""
    cos, sin = math.cos(math.radians(tilt)) * scale, math.sin(math.radians(tilt)) * scale
    return [(by[0] + x * cos - y * sin, by[1] + x * sin + y * cos) for x, y in points]
