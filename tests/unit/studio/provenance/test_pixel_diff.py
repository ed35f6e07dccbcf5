"""Two dark pictures are two where what they show differs, however much of both is black."""

import io

import pytest
from PIL import Image, ImageDraw, ImageEnhance

from nbp_dagster.studio.provenance.pixel_diff import pixel_diff


def draw_candle(*, eyes: bool = False) -> Image.Image:
    """A bright flame in the dark, and faint eyes beside it: nine tenths are black."""
    picture = Image.new("RGB", (640, 360), "#050505")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((300, 150, 330, 220), fill="#FFE9A0")
    draw.rectangle((302, 220, 328, 300), fill="#B08050")
    if eyes:
        for left in (120, 190):
            draw.ellipse((left, 170, left + 44, 196), fill="#2C3A14")
            draw.ellipse((left + 18, 172, left + 26, 194), fill="#000000")
    return picture


def send(picture: Image.Image) -> Image.Image:
    out = io.BytesIO()
    picture.resize((320, 180), Image.Resampling.LANCZOS).save(out, "JPEG", quality=60)
    return Image.open(out).convert("RGB")


@pytest.mark.parametrize("eyes", [False, True])
def test_a_dark_picture_is_its_own_copy_and_no_copy_of_another(eyes: bool) -> None:
    copy = send(draw_candle(eyes=eyes))
    assert pixel_diff(copy, draw_candle(eyes=eyes)).is_copy
    other = pixel_diff(copy, draw_candle(eyes=not eyes))
    assert not other.is_copy
    assert other.content < 0.5


def test_a_darkened_copy_of_a_dark_picture_is_one() -> None:
    picture = draw_candle(eyes=True)
    assert pixel_diff(ImageEnhance.Brightness(send(picture)).enhance(0.9), picture).is_copy


def test_a_blank_picture_is_a_copy_of_itself() -> None:
    blank = Image.new("RGB", (200, 100), "#101010")
    assert pixel_diff(blank, blank).is_copy
