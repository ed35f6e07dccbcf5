"""Colours of type on a picture, what toning costs it, and which part is toned."""

import pytest
from PIL import Image

from nbp_dagster.studio.typography.contrast import (
    Box,
    draw_tone_shape,
    find_toned,
    list_schemes,
    measure_contrast,
)
from nbp_dagster.studio.typography.toning import Toning
from tests.rigs.pictures import draw_noise

SIZE = (1000, 2000)
MIDDLE = (60, 1200, 400, 1240)


@pytest.mark.parametrize(
    ("words", "toned"),
    [
        ([MIDDLE], (0, 1180, 420, 1260)),
        ([MIDDLE, (60, 1300, 300, 1330)], (0, 1180, 420, 1350)),
        ([(400, 900, 600, 950)], (380, 880, 620, 970)),
        ([(60, 1880, 400, 1900)], (0, 1860, 420, 2000)),
        ([(600, 60, 940, 90)], (580, 0, 1000, 110)),
    ],
)
def test_what_is_toned_holds_the_words_with_air(words: list[Box], toned: Box) -> None:
    assert find_toned(words, air=20, fade=100, size=SIZE) == toned


def test_a_foot_far_above_the_edge_leaves_what_is_below_as_it_is() -> None:
    toned = find_toned([MIDDLE], air=20, fade=100, size=SIZE)

    shape = draw_tone_shape(toned, 100, SIZE)

    assert shape.getpixel((200, 1220)) == 255, "under the words"
    assert shape.getpixel((200, 1260 + 150)) == 0, "below them"
    assert shape.getpixel((800, 1220)) == 0, "beside them"
    half = shape.getpixel((200, 1260 + 50))
    assert isinstance(half, int)
    assert 100 < half < 155, "between"


PALETTE = {"primary": "#0B3D2E", "accent": "#F2B705", "neutral": "#F7F3EA"}
WORDS = [(20, 20, 180, 80)]


@pytest.mark.parametrize(
    "palette",
    [PALETTE, {"primary": "#E4572E", "accent": "#17BEBB"}, {"night": "#101020"}],
    ids=["dark", "middle", "one colour"],
)
def test_a_dark_brand_has_an_inverse_for_light_pictures(palette: dict[str, str]) -> None:
    usual, inverse = list_schemes(palette)
    assert inverse.ink == usual.background
    assert measure_contrast(inverse.ink, inverse.background) >= 7
    assert measure_contrast(inverse.button, inverse.label) >= 4.5
    assert measure_contrast(inverse.button, inverse.background) >= 1.6


def test_a_light_brand_has_its_one_scheme() -> None:
    assert len(list_schemes({"primary": "#F9D7E0", "accent": "#5B2A86"})) == 1


def test_type_costs_a_picture_least_in_the_colours_that_suit_it() -> None:
    usual, inverse = list_schemes(PALETTE)
    white, black = (Image.new("RGB", (200, 100), colour) for colour in ("white", "black"))
    assert Toning(white, inverse).measure(WORDS) == 0
    assert Toning(white, usual).measure(WORDS) > 0.3
    assert Toning(black, usual).measure(WORDS) == 0
    assert Toning(black, inverse).measure(WORDS) > 0.3


def test_a_restless_picture_costs_more_than_a_calm_one() -> None:
    usual, _ = list_schemes(PALETTE)
    calm = Image.new("RGB", (200, 100), (90, 90, 90))
    assert Toning(draw_noise(200, 100), usual).measure(WORDS) > Toning(calm, usual).measure(WORDS)
