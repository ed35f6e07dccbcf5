"""An edit and its original are alike whatever a model does by the way, and new parts are found."""

import io
import random

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from nbp_dagster.studio.checks.edits.edit_checks import MOST_CHANGED
from nbp_dagster.studio.checks.edits.picture_difference import measure_difference

SIZE = (900, 720)
# Where the fakes below put something new: left, top, right and bottom in shares.
SPOT = (0.6, 0.15, 0.82, 0.42)


def draw_scene(seed: int = 3) -> Image.Image:
    """A busy picture: discs and boxes of many sizes on a gradient, with a little grain."""
    dice = random.Random(seed)
    picture = Image.linear_gradient("L").resize(SIZE).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for _ in range(140):
        x, y, reach = dice.uniform(0, 900), dice.uniform(0, 720), dice.uniform(6, 70)
        fill = (dice.randrange(256), dice.randrange(256), dice.randrange(256))
        shape = draw.ellipse if dice.random() < 0.5 else draw.rectangle
        shape((x - reach, y - reach, x + reach, y + reach), fill=fill)
    grain = np.random.default_rng(seed).normal(0, 4, (720, 900, 3))
    cells = np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8)
    return Image.fromarray(cells).filter(ImageFilter.GaussianBlur(1))


SCENE = draw_scene()


def as_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(io.BytesIO(stream.getvalue())).convert("RGB")


def moved(picture: Image.Image, x: int, y: int) -> Image.Image:
    """Moved to the right and down; what comes in is mirrored."""
    cells = np.pad(np.asarray(picture), ((40, 40), (40, 40), (0, 0)), mode="reflect")
    return Image.fromarray(cells[40 - y : 760 - y, 40 - x : 940 - x])


def zoomed(picture: Image.Image, factor: float) -> Image.Image:
    wide, high = picture.size
    gap = (1 - 1 / factor) / 2
    box = (gap * wide, gap * high, wide - gap * wide, high - gap * high)
    return picture.resize(picture.size, Image.Resampling.BICUBIC, box=box)


def relit(picture: Image.Image) -> Image.Image:
    cells = np.asarray(picture, np.float32) * (1.05, 1.02, 0.98) + 4
    return ImageEnhance.Color(Image.fromarray(np.clip(cells, 0, 255).astype(np.uint8))).enhance(
        1.05
    )


def spot_of(picture: Image.Image) -> tuple[int, int, int, int]:
    wide, high = picture.size
    return (
        round(SPOT[0] * wide), round(SPOT[1] * high), round(SPOT[2] * wide), round(SPOT[3] * high),
    )  # fmt: skip


def with_other_part(picture: Image.Image) -> Image.Image:
    changed, box = picture.copy(), spot_of(picture)
    changed.paste(draw_scene(8).crop(box), box[:2])
    return changed


def with_part_gone(picture: Image.Image) -> Image.Image:
    changed, box = picture.copy(), spot_of(picture)
    changed.paste(picture.crop(box).filter(ImageFilter.GaussianBlur(30)), box[:2])
    return changed


def recoloured(picture: Image.Image) -> Image.Image:
    changed, box = picture.copy(), spot_of(picture)
    red, green, blue = picture.crop(box).split()
    changed.paste(Image.merge("RGB", (blue, red, green)), box[:2])
    return changed


ALIKE = {
    "as it is": lambda picture: picture,
    "jpeg of quality 60": lambda picture: as_jpeg(picture, 60),
    "3 % larger": lambda picture: picture.resize((927, 742), Image.Resampling.BICUBIC),
    "3 % smaller": lambda picture: picture.resize((873, 698), Image.Resampling.BICUBIC),
    "moved by a few pixels": lambda picture: moved(picture, 7, -5),
    "zoomed by 3 %": lambda picture: zoomed(picture, 1.03),
    "in a little other light": relit,
    "sharpened": lambda picture: picture.filter(ImageFilter.UnsharpMask(2, 120, 0)),
    "all at once": lambda picture: as_jpeg(relit(zoomed(moved(picture, 3, 4), 1.01)), 80),
}


@pytest.mark.parametrize("way", ALIKE)
def test_what_a_model_does_by_the_way_is_no_difference(way: str) -> None:
    found = measure_difference(SCENE, ALIKE[way](SCENE), apart_from=())
    assert found.changed <= MOST_CHANGED / 2, found
    assert found.compared == 1.0


@pytest.mark.parametrize("change", [with_other_part, with_part_gone, recoloured])
@pytest.mark.parametrize("way", ["as it is", "all at once"])
def test_a_part_that_is_new_is_found_at_its_place(change, way: str) -> None:
    found = measure_difference(SCENE, ALIKE[way](change(SCENE)), apart_from=())
    assert 3 * MOST_CHANGED < found.changed < 0.08
    assert found.place is not None
    assert found.place == pytest.approx(SPOT, abs=0.04)


@pytest.mark.parametrize("change", [with_other_part, with_part_gone, recoloured])
def test_a_part_that_was_to_change_does_not_count(change) -> None:
    found = measure_difference(SCENE, change(SCENE), apart_from=[SPOT])
    assert found.changed == 0.0
    assert found.place is None
    assert 0.88 < found.compared < 0.95


def test_another_picture_differs_nearly_everywhere() -> None:
    found = measure_difference(SCENE, draw_scene(11), apart_from=())
    assert found.changed > 0.5


def test_an_edit_without_anything_left_to_compare_says_so() -> None:
    found = measure_difference(SCENE, draw_scene(11), apart_from=[(0, 0, 1, 1)])
    assert (found.compared, found.changed) == (0.0, 0.0)


def test_two_flat_pictures_are_compared_by_their_colour() -> None:
    grey, red = Image.new("RGB", SIZE, (128, 128, 128)), Image.new("RGB", SIZE, (180, 90, 90))
    assert measure_difference(grey, grey, apart_from=()).changed == 0.0
    assert measure_difference(grey, red, apart_from=()).changed == 1.0
