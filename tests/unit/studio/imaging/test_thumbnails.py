"""Small pictures stay small, whatever is on them."""

import base64
import io
import re

import pytest
from PIL import Image

from nbp_dagster.studio.imaging.thumbnails import (
    DIALOG_LIMIT,
    INLINE_LIMIT,
    dialog_preview,
    inline_preview,
    thumbnail,
)
from tests.rigs.pictures import draw_noise, draw_scene

PICTURES = {
    "scene": draw_scene(900, 500),
    "noise": draw_noise(512, 512),
    "noise that is not shrunk": draw_noise(64, 64),
    "one pixel": draw_noise(1, 1),
    "a line down": draw_noise(1, 5000),
    "a line across": draw_noise(5000, 1),
    "transparent": Image.new("RGBA", (80, 60), (255, 0, 0, 0)),
    "grey": Image.new("L", (80, 60), 90),
}


def open_inline(markdown: str) -> Image.Image:
    found = re.fullmatch(r"!\[preview\]\(data:image/webp;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert found is not None
    return Image.open(io.BytesIO(base64.b64decode(found[1])))


@pytest.mark.parametrize("image", PICTURES.values(), ids=PICTURES)
def test_a_preview_is_one_picture_under_a_thousand_characters(image: Image.Image) -> None:
    markdown = inline_preview(image)
    assert len(markdown) < INLINE_LIMIT == 1000
    small = open_inline(markdown)
    assert small.format == "WEBP"
    assert max(small.size) <= 64


@pytest.mark.parametrize("seed", range(12))
def test_noise_of_any_seed_fits(seed: int) -> None:
    loud = draw_noise(64, 64, seed=seed).point(lambda value: 255 if value > 127 else 0)
    markdown = inline_preview(loud)
    assert len(markdown) < INLINE_LIMIT
    open_inline(markdown).load()


def test_an_ordinary_picture_keeps_its_64_pixels_and_its_colours() -> None:
    small = open_inline(inline_preview(Image.new("RGB", (800, 400), (200, 40, 40)))).convert("RGB")
    assert small.size == (64, 32)
    red, green, _ = small.getpixel((30, 15))
    assert red - green > 130


def test_what_is_transparent_is_shown_on_white() -> None:
    small = open_inline(inline_preview(PICTURES["transparent"])).convert("RGB")
    assert min(small.getpixel((5, 5))) > 245


@pytest.mark.parametrize(
    ("size", "px", "expected"),
    [
        ((1600, 900), 640, (534, 300)),
        ((1080, 1080), 640, (540, 540)),
        ((1920, 1080), 640, (640, 360)),
        ((1080, 1350), 640, (512, 640)),
        ((728, 90), 640, (640, 79)),
        ((1600, 900), 100, (100, 57)),
    ],
)
def test_a_thumbnail_is_light_and_nearly_as_large_as_asked(
    size: tuple[int, int], px: int, expected: tuple[int, int]
) -> None:
    data = thumbnail(draw_scene(*size), px)
    found = Image.open(io.BytesIO(data))
    assert (found.format, found.size) == ("JPEG", expected)
    assert len(data) < 60_000


def test_a_thumbnail_shows_on_white_what_is_transparent() -> None:
    clear = Image.new("RGBA", (1280, 1280), (255, 0, 0, 0))
    for px in (640, 500):
        found = Image.open(io.BytesIO(thumbnail(clear, px)))
        assert min(found.getpixel((200, 200))) > 245


def test_a_small_picture_is_not_enlarged() -> None:
    assert Image.open(io.BytesIO(thumbnail(draw_scene(40, 30)))).size == (40, 30)


@pytest.mark.parametrize("px", [320, 640])
def test_a_picture_for_the_dialog_has_the_pixels_asked_for_and_little_weight(px: int) -> None:
    markdown = dialog_preview(draw_scene(1080, 1350), px)

    head, _, text = markdown.partition("base64,")
    assert head == "![preview](data:image/webp;"
    with Image.open(io.BytesIO(base64.b64decode(text.removesuffix(")")))) as picture:
        assert picture.size == (round(px * 0.8), px)
    assert len(markdown) < DIALOG_LIMIT


def test_detail_costs_pixels_and_not_the_event_log() -> None:
    noise = draw_noise(1200, 1200)

    assert len(dialog_preview(noise, 640)) < DIALOG_LIMIT
    assert DIALOG_LIMIT < len(dialog_preview(noise, 640, limit=120_000)) < 120_000
