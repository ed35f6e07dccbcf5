"""Whatever the ratio of its frame, a thumbnail keeps the heads."""

import io

import pytest
from PIL import Image, ImageDraw

from nbp_dagster.studio.imaging.thumbnail_crop import crop_to_ratio
from tests.rigs.sets import CHANNELS, draw_picture

RATIOS = [1.0, 4 / 3, 2 / 3]
FACE = (255, 0, 255)


def draw_figure(size: tuple[int, int], head: tuple[float, float]) -> Image.Image:
    """A standing figure: a head at a place in shares of the sides, a body below to the floor."""
    width, height = size
    image = Image.new("RGB", size, "#C8D2DC")
    draw = ImageDraw.Draw(image)
    x, y, unit = head[0] * width, head[1] * height, min(size) * 0.07
    draw.rectangle((x - unit * 1.6, y + unit, x + unit * 1.6, height), fill="#26466B")
    draw.ellipse((x - unit, y - unit, x + unit, y + unit), fill=FACE)
    return image


def count_face(image: Image.Image) -> int:
    return sum(count for count, pixel in image.getcolors(1 << 20) or () if pixel == FACE)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("size", [(360, 640), (640, 360), (400, 500), (300, 900)])
@pytest.mark.parametrize("head", [(0.5, 0.12), (0.2, 0.2), (0.8, 0.3)])
def test_the_head_of_a_standing_figure_is_whole(
    ratio: float, size: tuple[int, int], head: tuple[float, float]
) -> None:
    image = draw_figure(size, head)
    cut = crop_to_ratio(image, ratio)
    assert cut.width / cut.height == pytest.approx(ratio, rel=0.02)
    assert count_face(cut) == count_face(image) > 0


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("channel", CHANNELS[:3], ids=lambda channel: channel.id)
def test_words_at_the_foot_do_not_cost_the_head(ratio: float, channel: object) -> None:
    """Her hair, which is drawn in one colour, is all there."""
    data = draw_picture("kitchen", channel, locale="en", scale=0.4)  # type: ignore[arg-type]
    image = Image.open(io.BytesIO(data)).convert("RGB")
    assert _hair(crop_to_ratio(image, ratio)) == pytest.approx(_hair(image), rel=0.02)


def _hair(image: Image.Image) -> int:
    hair = (0x9A, 0x4A, 0x22)
    return sum(
        count
        for count, pixel in image.getcolors(1 << 24) or ()
        if max(abs(a - b) for a, b in zip(pixel, hair, strict=True)) < 24  # type: ignore[arg-type]
    )


def test_a_picture_of_that_ratio_is_left_whole() -> None:
    image = draw_figure((400, 300), (0.5, 0.5))
    assert crop_to_ratio(image, 4 / 3).size == image.size


def test_an_even_picture_is_cut_to_the_ratio_too() -> None:
    assert crop_to_ratio(Image.new("RGB", (90, 160), "#888"), 1).size == (90, 90)


def test_what_is_transparent_is_white() -> None:
    cut = crop_to_ratio(Image.new("RGBA", (90, 160), (0, 0, 0, 0)), 1)
    assert cut.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1)])
@pytest.mark.parametrize("ratio", RATIOS)
def test_the_least_picture_still_has_a_thumbnail(size: tuple[int, int], ratio: float) -> None:
    cut = crop_to_ratio(Image.new("RGB", size), ratio)
    assert min(cut.size) >= 1
