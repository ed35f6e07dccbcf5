"""The stage every scene is painted on: its size, its quiet parts, its light; holds no scenery."""

import random
from dataclasses import dataclass
from typing import Literal

from nbp_dagster.simulator.painting.colour import WARM, Colour, Palette, mix, shade, tint
from nbp_dagster.simulator.painting.pen import Pen

Hour = Literal["morning", "day", "evening", "night"]


@dataclass(frozen=True)
class Box:
    """An upright rectangle, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Horizontal extent."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Vertical extent."""
        return self.bottom - self.top

    def scaled(self, factor: float) -> "Box":
        """The same rectangle in another unit."""
        return Box(self.left * factor, self.top * factor, self.right * factor, self.bottom * factor)


@dataclass(frozen=True)
class Stage:
    """What a scene painter may use.

    Attributes:
        pen: draws in canvas pixels.
        width, height: canvas pixels.
        view: the part no text lies on; scenery worth seeing goes here, in canvas pixels.
        floor: y of the line where wall or sky meets the ground.
        rest: y on which figures stand, or the counter's top edge that hides their legs.
        figure: pixels per figure unit (a person is 200 units tall), so that props fit people.
        hour: time of day.
    """

    pen: Pen
    width: float
    height: float
    view: Box
    floor: float
    rest: float
    figure: float
    palette: Palette
    hour: Hour
    rng: random.Random

    def x(self, share: float) -> float:
        """A position across the view, 0 left to 1 right."""
        return self.view.left + self.view.width * share

    def y(self, share: float) -> float:
        """A position down the view, 0 top to 1 bottom."""
        return self.view.top + self.view.height * share

    def prop(self, x: float, y: float, scale: float = 1.0) -> Pen:
        """A pen in figure units whose (0, 0) is the canvas point (x, y)."""
        return self.pen.moved(x, y, self.figure * scale)

    @property
    def dark(self) -> bool:
        """Whether the scene is lit by lamps rather than daylight."""
        return self.hour == "night"


def sky_stops(palette: Palette, hour: Hour) -> tuple[Colour, ...]:
    """Sky colours from the top of the picture down to the horizon."""
    if hour == "night":
        night = mix(palette.deep, (16, 22, 56), 0.45)
        return (shade(night, 0.35), night, mix(night, palette.second, 0.28))
    if hour == "evening":
        dusk = mix(palette.second, (236, 120, 104), 0.55)
        return (
            mix(dusk, palette.deep, 0.18),
            dusk,
            mix(WARM, palette.accent, 0.25),
            tint(WARM, 0.35),
        )
    if hour == "morning":
        return (
            mix(palette.light, (176, 214, 232), 0.55),
            palette.light,
            mix(WARM, palette.light, 0.45),
        )
    return (mix((128, 190, 226), palette.light, 0.2), mix((196, 226, 238), palette.light, 0.45),
            tint(palette.light, 0.3))  # fmt: skip


def wall_colour(palette: Palette, hour: Hour, choice: int) -> Colour:
    """A painted wall in one of four moods that stay close to the brand's light colour."""
    if hour == "night":
        return mix(palette.deep, palette.light, 0.14)
    base = (
        mix(palette.light, palette.second, 0.26),
        mix(palette.light, palette.accent, 0.28),
        mix(palette.light, palette.leaf, 0.3),
        mix(palette.light, palette.deep, 0.14),
    )[choice % 4]
    return mix(base, WARM, 0.22) if hour == "evening" else base
