"""A canvas with smooth edges and a pen for outlined flat figures; knows nothing of any brand."""

import math

from PIL import Image, ImageChops, ImageDraw

from drawing.shapes import Point, Shape, moved

# Painted this many times too large and reduced at the end: that is what smooths the edges.
OVERSAMPLE = 4
WHITE = "#FFFFFF"


class Canvas:
    """A square picture of `size` pixels a side: RGB on plain white, or RGBA on nothing."""

    def __init__(self, size: int, *, transparent: bool = False) -> None:
        side = size * OVERSAMPLE
        self._image = (
            Image.new("RGBA", (side, side), (255, 255, 255, 0))
            if transparent
            else Image.new("RGB", (side, side), WHITE)
        )
        self._draw = ImageDraw.Draw(self._image)

    def fill(self, shape: Shape, colour: str, inside: Shape | None = None) -> None:
        """Fill a shape, or only what of it lies inside another."""
        if inside is None:
            self._draw.polygon(_enlarged(shape), fill=colour)
            return
        bounds = _bounds(inside)
        mask = ImageChops.logical_and(_mask(shape, bounds), _mask(inside, bounds))
        self._image.paste(colour, bounds, mask)

    def shade(self, shape: Shape, colour: str, depth: float) -> None:
        """Darken the edge of a shape that faces away from the light at the upper left."""
        bounds = _bounds(shape)
        lit = _mask(moved(shape, (-depth, -0.6 * depth)), bounds)
        mask = ImageChops.logical_and(_mask(shape, bounds), ImageChops.invert(lit))
        self._image.paste(colour, bounds, mask)

    def stroke(self, line: Shape, colour: str, width: float, inside: Shape | None = None) -> None:
        """Draw a line with round ends and joints, or only what of it lies inside a shape."""
        if inside is None:
            _stroke(self._draw, _enlarged(line), colour, width)
            return
        bounds = _bounds(inside)
        mask = Image.new("1", _size(bounds))
        _stroke(ImageDraw.Draw(mask), _enlarged(line, bounds), "white", width)
        mask = ImageChops.logical_and(mask, _mask(inside, bounds))
        self._image.paste(colour, bounds, mask)

    def finish(self) -> Image.Image:
        """Return the picture at its final size."""
        return self._image.reduce(OVERSAMPLE)


class Pen:
    """Draws a figure, given in its own coordinates, onto a canvas with one weight of line.

    Args:
        canvas: Where it draws.
        at: Where the figure's (0, 0) lies on the canvas.
        scale: Size of the figure and of its lines.
        tilt: Degrees the figure is turned clockwise.
        slope: How far a step to the right leads down: the sides of a box seen from its corner.
        line: Weight of the outlines in the figure's own units.
        ink: Colour of the outlines.
    """

    def __init__(
        self,
        canvas: Canvas,
        at: Point = (0, 0),
        *,
        ink: str,
        scale: float = 1,
        tilt: float = 0,
        slope: float = 0,
        line: float = 7,
    ) -> None:
        self._canvas = canvas
        self._at = at
        self._scale = scale
        self._tilt = tilt
        self._slope = slope
        self._line = line
        self._ink = ink

    def part(
        self, shape: Shape, colour: str, shade: str | None = None, *, depth: float = 16
    ) -> None:
        """Draw a filled, optionally shaded shape with an outline."""
        placed = self._place(shape)
        self._canvas.fill(placed, colour)
        if shade is not None:
            self._canvas.shade(placed, shade, depth * self._scale)
        self._canvas.stroke([*placed, placed[0]], self._ink, self._line * self._scale)

    def patch(self, shape: Shape, colour: str, inside: Shape | None = None) -> None:
        """Draw a filled shape without an outline, or what of it lies inside another."""
        within = None if inside is None else self._place(inside)
        self._canvas.fill(self._place(shape), colour, within)

    def line(
        self,
        points: Shape,
        colour: str | None = None,
        width: float | None = None,
        *,
        inside: Shape | None = None,
    ) -> None:
        """Draw a line, by default of the outlines' colour and weight."""
        within = None if inside is None else self._place(inside)
        weight = (self._line if width is None else width) * self._scale
        self._canvas.stroke(self._place(points), colour or self._ink, weight, within)

    def tube(self, points: Shape, colour: str, width: float, *, end: float = 1) -> None:
        """Draw a thick outlined line whose part from the share `end` of its points on is ink."""
        self.line(points, width=width + 2 * self._line)
        self.line(points, colour, width)
        if end < 1:
            self.line(points[int(end * len(points)) :], width=width)

    def _place(self, shape: Shape) -> Shape:
        slanted = [(x, y + self._slope * x) for x, y in shape]
        return moved(slanted, self._at, self._scale, self._tilt)


Bounds = tuple[int, int, int, int]


def _enlarged(shape: Shape, bounds: Bounds = (0, 0, 0, 0)) -> Shape:
    """Return the shape in painted pixels, counted from the corner of a part of the picture."""
    return [(x * OVERSAMPLE - bounds[0], y * OVERSAMPLE - bounds[1]) for x, y in shape]


def _bounds(shape: Shape) -> Bounds:
    xs, ys = zip(*_enlarged(shape), strict=True)
    low, high = (math.floor(min(xs)), math.floor(min(ys))), (math.ceil(max(xs)), math.ceil(max(ys)))
    return low[0], low[1], high[0] + 1, high[1] + 1


def _size(bounds: Bounds) -> tuple[int, int]:
    return bounds[2] - bounds[0], bounds[3] - bounds[1]


def _mask(shape: Shape, bounds: Bounds) -> Image.Image:
    mask = Image.new("1", _size(bounds))
    ImageDraw.Draw(mask).polygon(_enlarged(shape, bounds), fill="white")
    return mask


def _stroke(draw: ImageDraw.ImageDraw, points: Shape, colour: str, width: float) -> None:
    radius = width * OVERSAMPLE / 2
    draw.line(points, fill=colour, width=round(2 * radius))
    joint = radius - 0.5  # Pillow's ellipse includes both edges of its box: it is one wider
    for x, y in points:
        draw.ellipse((x - joint, y - joint, x + joint, y + joint), fill=colour)
