"""A third that is asked to stay calm has no detail, whatever the scene, and no logo."""

import io
import random

import pytest
from PIL import Image

from nbp_dagster.simulator.painting.lettering.layout import plan_layout
from nbp_dagster.simulator.painting.painter import paint
from nbp_dagster.simulator.painting.prompt import read_prompt
from nbp_dagster.studio.checks.original_checks import measure_structure

PROMPT = """Create a poster in #14707A, #FFC53D, #EE7B30, #FFF1DD and #4A2A22.

The scene: a courier with red hair, {scene}.

The picture works entirely without lettering. The {third} third of the frame is a calm, evenly lit
area with little detail, because the copy is set there afterwards.

Image 1: logo of Pennyway. It decides the drawing of the logo."""
SCENES = ("a city street", "a forest path", "a rooftop under stars", "a kitchen", "a beach")
SIZES = {"upper": (464, 576), "left": (688, 384)}


def draw_logo() -> bytes:
    out = io.BytesIO()
    logo = Image.new("RGBA", (80, 80), (0, 0, 0, 0))
    logo.paste((220, 30, 30, 255), (10, 10, 70, 70))
    logo.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("third", ["upper", "left"])
@pytest.mark.parametrize("scene", SCENES)
def test_a_third_that_is_asked_to_stay_calm_is(scene: str, third: str) -> None:
    width, height = SIZES[third]
    prompt = PROMPT.format(scene=scene, third=third)
    picture = paint(prompt, [draw_logo()], width=width, height=height)
    box = (0, 0, width, height // 3) if third == "upper" else (0, 0, width // 3, height)
    # One headline alone has 2 %.
    assert measure_structure(picture.crop(box)) < 0.02
    assert measure_structure(picture) > 0.1, "the scene is there"


@pytest.mark.parametrize("size", [(1024, 1024), (928, 1152), (1376, 768), (384, 3072), (3072, 384)])
def test_the_logo_stands_beside_the_mark_and_leaves_the_lower_left_to_copy(
    size: tuple[int, int],
) -> None:
    reading = read_prompt("A kitchen. The upper third of the frame is a calm area.", 0)
    layout = plan_layout(reading, *size, random.Random(1))

    assert layout.logo.right < layout.mark[0]
    assert layout.logo.left > size[0] / 4
    assert layout.logo.bottom <= size[1]
