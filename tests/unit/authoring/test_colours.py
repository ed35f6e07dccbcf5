"""Colours of style sheets, against an independent implementation of CSS Color."""

import pytest
from coloraide import Color
from PIL import ImageColor

from nbp_dagster.authoring.colours import measure_chroma, measure_difference, read_colour


@pytest.mark.parametrize(
    "text",
    [
        "#0B3D2E", "#abc", "#abcf", "rebeccapurple", "Teal", "rgb(10 20 30)",
        "rgba(10, 20, 30, 0.9)",
        "rgb(10% 20% 30% / 80%)", "hsl(186 72% 28%)", "hsl(0.5turn, 40%, 60%)",
        "hsla(-30deg 40% 60% / 1)",
        "oklch(49.7% 0.084 206)", "oklch(0.85 0.15 84 / 0.9)", "oklab(0.6 0.1 -0.05)",
        "oklch(60% 30% 120)",
    ],
)  # fmt: skip
def test_a_colour_is_read_as_css_defines_it(text: str) -> None:
    read = read_colour(text)
    meant = Color(text.lower()).convert("srgb").clip()

    assert read is not None
    for ours, theirs in zip(read, meant.coords(), strict=True):
        assert ours == pytest.approx(255 * theirs, abs=0.51)


def test_a_name_is_read_whoever_has_asked_pillow_for_it_before() -> None:
    assert ImageColor.getrgb("teal") == (0, 128, 128)

    assert read_colour("teal") == read_colour("Teal") == (0, 128, 128)


@pytest.mark.parametrize(
    "text",
    [
        "transparent",
        "inherit",
        "var(--x)",
        "#12345",
        "rgba(0,0,0,.2)",
        "url(x)",
        "12px",
        "hsl(1)",
        "",
    ],
)
def test_what_is_no_colour_or_lets_the_ground_through_is_none(text: str) -> None:
    assert read_colour(text) is None


@pytest.mark.parametrize("pair", [((20, 112, 122), (255, 197, 61)), ((0, 0, 0), (255, 255, 255))])
def test_distance_and_chroma_are_those_of_oklab(pair: tuple[tuple[int, int, int], ...]) -> None:
    one, other = (Color("srgb", [value / 255 for value in colour]) for colour in pair)

    assert measure_difference(*pair) == pytest.approx(one.distance(other, space="oklab"), abs=2e-3)
    assert measure_chroma(pair[0]) == pytest.approx(one.convert("oklch")["chroma"], abs=2e-3)
