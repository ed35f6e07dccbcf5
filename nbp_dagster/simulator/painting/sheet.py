"""Paints a character sheet: three full views and a close-up on a plain ground."""

from PIL import Image, ImageDraw

from nbp_dagster.simulator.painting.colour import Colour, shade, tint
from nbp_dagster.simulator.painting.figures.cast import draw_figure
from nbp_dagster.simulator.painting.figures.person import Pose
from nbp_dagster.simulator.painting.figures.traits import Traits
from nbp_dagster.simulator.painting.pen import Pen, Point

# Light, even greys; each sheet takes the one its figure stands out from best, so that the figure
# can be cut out again where the sheet is used as a reference.
_GROUNDS: tuple[Colour, ...] = ((214, 219, 225), (204, 210, 217), (226, 223, 217), (200, 200, 203))

_VIEWS = (Pose(0.0), Pose(0.5), Pose(1.0))


def paint_sheet(canvas: Image.Image, traits: Traits) -> None:
    """Fill the canvas with the sheet of one character; wide sheets get one row, tall ones two."""
    width, height = canvas.size
    ground = _choose_ground(traits)
    canvas.paste(ground, (0, 0, width, height))
    person = traits.species == "person"
    wide, nudge = (98.0, 0.0) if person else (150.0, 10.0)  # a tail sticks out to the left
    tall = 212.0
    if width >= height * 1.15:
        unit = min(height * 0.84 / tall, width * 0.96 / (wide * 4.35))
        feet = height * 0.5 + tall * unit * 0.49
        step = wide * unit
        left = (width - step * 4.35) / 2
        spots = [(left + step * (index + 0.5) + nudge * unit, feet) for index in range(3)]
        close = (left + step * 3.72, height * 0.5)
        room = step * 1.2
    else:
        unit = min(height * 0.46 / tall, width * 0.94 / (wide * 3))
        feet = height * 0.06 + tall * unit
        spots = [(width * (index + 0.5) / 3 + nudge * unit, feet) for index in range(3)]
        close = (width * 0.5, feet + (height * 0.93 - feet) * 0.54)
        room = min(width * 0.44, (height * 0.93 - feet) * 0.78)
    for pose, spot in zip(_VIEWS, spots, strict=True):
        draw_figure(Pen(canvas, unit, origin=spot), traits, pose)
    _draw_close_up(canvas, traits, ground, centre=close, room=room)


def _choose_ground(traits: Traits) -> Colour:
    worn = (traits.body, traits.belly, traits.under, traits.cloth, traits.legs, traits.hair)
    shown = [shade(colour, share) for colour in worn for share in (0.0, 0.08, 0.14)]

    def distance(ground: Colour) -> int:
        return min(sum(abs(a - b) for a, b in zip(ground, colour, strict=True)) for colour in shown)

    return max(_GROUNDS, key=distance)


def _draw_close_up(
    canvas: Image.Image, traits: Traits, ground: Colour, *, centre: Point, room: float
) -> None:
    """Draw head and shoulders in a disc of `room` pixels about the centre."""
    head, span = (-168.0, 92.0) if traits.species == "person" else (-132.0, 172.0)
    side = round(room)
    tile = Image.new("RGB", (side, side), tint(ground, 0.55))
    unit = side / span
    pen = Pen(tile, unit, origin=(side / 2, side * 0.55 - head * unit))
    draw_figure(pen, traits, Pose(0.0))
    mask = Image.new("L", (side, side), 0)
    ImageDraw.Draw(mask).ellipse((0, 0, side - 1, side - 1), fill=255)
    canvas.paste(tile, (round(centre[0] - side / 2), round(centre[1] - side / 2)), mask)
