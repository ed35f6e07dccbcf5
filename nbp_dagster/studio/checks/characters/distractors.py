"""Draws distractors: figures of no brand that a character's score is compared with."""

import random
from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from nbp_dagster.studio.checks.characters.figures import Figure

COUNT: Final = 24
"""How many there are: enough for a mean and a spread, few enough for a model to score."""

_SIDE: Final = 224
_Oval = Callable[[float, float, float, float, str], None]
_SEED: Final = 20261122  # another one makes other distractors: scorers' versions go with it

_TONES: Final = (
    *("#F6D3B8", "#E2AE84", "#B97D55", "#7C4A2D", "#3F2417"),  # skin
    *("#2A211C", "#6B3F22", "#B5632B", "#D9A441", "#8C8C90", "#E9E4DA"),  # hair and fur
    *("#C0392B", "#E67E22", "#F1C40F", "#7CB342", "#1E8449", "#148F8B"),  # cloth
    *("#2E86C1", "#1B3A6B", "#6C3483", "#C2478A", "#F4B6C2", "#5D6D3A"),
)


@cache
def draw_distractors() -> tuple[Figure, ...]:
    """Return the figures, the same in every process."""
    return tuple(_draw(random.Random(f"{_SEED}/{number}")) for number in range(COUNT))


def _draw(rng: random.Random) -> Figure:
    """A person or a creature of plain shapes: body, head, limbs, and what is worn."""
    image = Image.new("RGB", (_SIDE, _SIDE), "white")
    pen = ImageDraw.Draw(image)
    colours = rng.sample(_TONES, 5)
    line = rng.choice(("#1C1714", "#4A2A22", colours[0]))
    wide, tall = rng.uniform(0.16, 0.3) * _SIDE, rng.uniform(0.24, 0.36) * _SIDE
    head = rng.uniform(0.11, 0.21) * _SIDE
    centre, hip = _SIDE / 2, _SIDE * 0.8

    def oval(x: float, y: float, across: float, high: float, fill: str) -> None:
        box = (x - across, y - high, x + across, y + high)
        pen.ellipse(box, fill=fill, outline=line, width=rng.choice((0, 2, 3)))

    for side in (-1, 1):
        swing = rng.uniform(0.5, 1.3)
        foot = (centre + side * wide * 0.6, _SIDE * 0.96)
        hand = (centre + side * wide * (1 + swing * 0.5), hip - tall * rng.uniform(0.1, 1.1))
        pen.line((centre + side * wide * 0.4, hip - 8, *foot), fill=colours[1], width=16)
        pen.line((centre + side * wide * 0.7, hip - tall, *hand), fill=colours[2], width=13)
        oval(*foot, 15, 9, colours[3])
        oval(*hand, 10, 10, colours[0])
    oval(centre, hip - tall / 2, wide, tall * 0.62, colours[2])
    if rng.random() < 0.6:
        oval(centre, hip - tall * 0.4, wide * 0.6, tall * 0.36, colours[4])
    top = hip - tall - head * 0.75
    _draw_head(oval, rng, colours, place=(centre, top, head))
    mask = (np.asarray(image) != 255).any(axis=2)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return Figure(image.crop(box), mask[box[1] : box[3], box[0] : box[2]], is_cut=True)


def _draw_head(
    oval: _Oval, rng: random.Random, colours: list[str], *, place: tuple[float, float, float]
) -> None:
    x, y, head = place
    ears = rng.choice(("none", "round", "long"))
    if ears != "none":
        reach = 1.3 if ears == "long" else 0.6
        for side in (-1, 1):
            oval(
                x + side * head * 0.7, y - head * reach, head * 0.3, head * reach * 0.6, colours[1]
            )
    oval(x, y, head, head * rng.uniform(0.85, 1.1), colours[0])
    if rng.random() < 0.6:
        oval(x, y - head * 0.8, head * 0.95, head * 0.4, colours[3])
    for side in (-1, 1):
        oval(x + side * head * 0.36, y - head * 0.05, head * 0.13, head * 0.18, "#FDFDFD")
        oval(x + side * head * 0.36, y, head * 0.07, head * 0.09, "#111111")
    oval(x, y + head * 0.45, head * rng.uniform(0.2, 0.45), head * 0.12, colours[4])
