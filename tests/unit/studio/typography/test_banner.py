"""Extreme shapes: copy legible and inside the safe area, logo seen, figure beside them."""

from collections.abc import Mapping
from itertools import combinations

import pytest
from PIL import Image, ImageDraw

from nbp_dagster.briefs.channels import SafeArea, is_banner, load_packaged_channels
from nbp_dagster.studio.typography.banner import (
    Plan,
    check_banner,
    draw_banner,
    plan_banner,
)
from nbp_dagster.studio.typography.banner_logo import trim_logo
from nbp_dagster.studio.typography.blocks import Box
from nbp_dagster.studio.typography.contrast import LEGIBLE, choose_scheme, parse_colour
from nbp_dagster.studio.typography.legibility import measure_text_contrast
from nbp_dagster.studio.typography.letters.typeface import can_shape
from nbp_dagster.studio.typography.text_block import TextDoesNotFit, TypesetPicture

PALETTES = {
    "dark": {"primary": "#0B3D2E", "accent": "#F2B705", "neutral": "#F7F3EA"},
    "middle": {"primary": "#E4572E", "accent": "#17BEBB"},
    "light": {"primary": "#F9D7E0", "accent": "#5B2A86"},
}
COPY = {
    "headline": "Slow mornings win",
    "sub": "Fresh spring roast, every week.",
    "call_to_action": "Shop the roast",
    "disclaimer": "Contains caffeine.",
}
SIZES = ((728, 90), (160, 600), (320, 50), (970, 250), (120, 600), (468, 60))
AREA = SafeArea(top=4, right=6, bottom=4, left=6)
ROSE = (200, 40, 90)


def plan(
    size: tuple[int, int],
    texts: Mapping[str, str] = COPY,
    *,
    logo: tuple[int, int] | None = (100, 100),
    language: str = "en",
) -> Plan:
    return plan_banner(texts, size=size, safe_area=AREA, language=language, logo=logo)


def draw(
    found: Plan, *, palette: Mapping[str, str] = PALETTES["dark"], logo: Image.Image | None = None
) -> TypesetPicture:
    left, top, right, bottom = found.figure
    picture = Image.new("RGB", (right - left, bottom - top), ROSE)
    return draw_banner(found, picture, palette=palette, logo=logo)


def boxes_of(found: Plan) -> dict[str, Box]:
    boxes = {block.field: block.box for group in found.groups for block in group.blocks}
    return boxes if found.logo is None else {**boxes, "logo": found.logo}


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_leaderboards_and_skyscrapers_are_banners_and_stories_are_not() -> None:
    channels = load_packaged_channels().values()
    assert {item.id for item in channels if is_banner(item.width, item.height)} == {
        "display_728x90",
        "display_160x600",
        "display_970x250",
        "display_970x90",
        "display_320x50",
    }


@pytest.mark.parametrize("size", SIZES)
def test_everything_has_a_place_of_its_own_inside_the_safe_area(size: tuple[int, int]) -> None:
    found = plan(size)
    boxes = boxes_of(found)
    assert {"headline", "call_to_action", "disclaimer"} <= set(boxes)
    for left, top, right, bottom in boxes.values():
        assert left >= AREA.left
        assert top >= AREA.top
        assert right <= size[0] - AREA.right
        assert bottom <= size[1] - AREA.bottom
    for one, other in combinations([*boxes.values(), found.figure], 2):
        assert not overlap(one, other)


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
@pytest.mark.parametrize("size", [(728, 90), (160, 600)])
def test_copy_is_legible_on_the_brands_colour(
    size: tuple[int, int], palette: Mapping[str, str]
) -> None:
    done = draw(plan(size), palette=palette)
    assert min(done.contrasts.values()) >= LEGIBLE
    assert measure_text_contrast(done.image, done.boxes["headline"]) >= LEGIBLE
    ends = done.image.getpixel((1, 1)), done.image.getpixel((size[0] - 2, size[1] - 2))
    # Heads are at the top of a figure: where it is above its copy, it fades below them.
    assert ends == (choose_scheme(palette).background, ROSE)[:: 1 if size[0] > size[1] else -1]


def test_where_room_is_short_sub_goes_first_and_the_logo_before_the_copy() -> None:
    long = {**COPY, "headline": "Slow mornings win, and so do you"}
    found = plan((320, 50), long)
    assert found.left_out == ("sub",)
    assert found.logo is None
    assert plan((728, 90), COPY).logo is not None


def test_copy_without_room_is_told_with_field_and_size() -> None:
    copy = {"headline": "word " * 60}
    with pytest.raises(TextDoesNotFit, match=r"headline 'word .*no room at 10 px.*320x50"):
        check_banner(copy, size=(320, 50), safe_area=AREA, language="en")
    check_banner(COPY, size=(320, 50), safe_area=AREA, language="en")


def test_a_letter_without_a_glyph_is_told() -> None:
    with pytest.raises(TextDoesNotFit, match="no glyph"):
        check_banner({"headline": "ゆっくり"}, size=(728, 90), safe_area=AREA, language="ja")


def test_without_copy_there_are_figure_colour_and_logo() -> None:
    found = plan((728, 90), {})
    assert found.groups == ()
    assert found.logo is not None
    assert found.logo[2] < found.figure[0]


@pytest.mark.skipif(not can_shape(), reason="no FriBiDi here")
def test_from_right_to_left_the_figure_stands_at_the_left() -> None:
    found = plan((728, 90), {"headline": "Solstice", "call_to_action": "Go"}, language="he")
    boxes = boxes_of(found)
    assert found.figure[0] == 0
    assert boxes["call_to_action"][0] < boxes["headline"][0] < boxes["logo"][0]
    for one, other in combinations([*boxes.values(), found.figure], 2):
        assert not overlap(one, other)


def draw_sign(colour: str) -> Image.Image:
    """A logo of three bars on nothing."""
    sign = Image.new("RGBA", (90, 90), (0, 0, 0, 0))
    for top in (10, 40, 70):
        ImageDraw.Draw(sign).rectangle((5, top, 85, top + 8), fill=colour)
    return sign


@pytest.mark.parametrize(
    ("colour", "has_plate"),
    [("#F7F3EA", False), ("#0B3D2E", True)],
    ids=["light", "as the background"],
)
def test_a_logo_that_the_ground_would_hide_gets_a_plate(colour: str, has_plate: bool) -> None:
    found = plan((728, 90))
    assert found.logo is not None
    done = draw(found, logo=draw_sign(colour))
    left, top, right, _ = found.logo
    behind = done.image.getpixel(((left + right) // 2, top + 2))
    background = parse_colour(PALETTES["dark"]["primary"])
    assert (behind != background) is has_plate
    part = done.image.crop(found.logo).convert("L").getextrema()
    assert part[1] - part[0] > 60


def test_a_leaderboard_s_button_is_no_larger_than_its_headline() -> None:
    blocks = {block.field: block for group in plan((728, 90)).groups for block in group.blocks}
    assert blocks["call_to_action"].font.size <= 0.5 * blocks["headline"].font.size
    assert blocks["call_to_action"].height <= 1.2 * blocks["headline"].font.size


@pytest.mark.parametrize(
    ("ground", "size"),
    [((0, 0, 0, 0), (90, 90)), ((255, 255, 255, 255), (112, 112))],
    ids=["transparent", "white"],
)
def test_margins_of_a_logo_are_trimmed(ground: tuple[int, ...], size: tuple[int, int]) -> None:
    logo = Image.new("RGBA", (400, 300), ground)
    logo.paste((11, 61, 46, 255), (200, 50, 290, 140))
    assert trim_logo(logo).size == size


def test_a_logo_that_fills_its_picture_stays_as_it_is() -> None:
    logo = Image.new("RGBA", (40, 30), "white")
    logo.paste((11, 61, 46, 255), (0, 0, 20, 30))
    assert trim_logo(logo).size == (40, 30)
