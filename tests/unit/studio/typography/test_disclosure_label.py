"""The label is legible, in the safe area, and keeps clear of what it must not cover."""

import pytest
from PIL import Image, ImageDraw

from nbp_dagster.briefs.channels import Channel, SafeArea, load_packaged_channels
from nbp_dagster.disclosure.need import LabelSpec
from nbp_dagster.disclosure.table import Icon
from nbp_dagster.studio.imaging.boxes import overlap_of
from nbp_dagster.studio.typography.disclosure_label import (
    Obstacles,
    PlacedLabel,
    draw_label,
    place_label,
)
from nbp_dagster.studio.typography.legibility import measure_text_contrast
from nbp_dagster.studio.typography.text_layout import Box

CHANNELS = load_packaged_channels()
NOTHING = Obstacles({})
EVERY_EDGE = SafeArea(top=40, right=40, bottom=40, left=40)


def spec(
    words: str = "AI-generated", *, language: str = "en", icon: Icon | None = "fully_generated"
) -> LabelSpec:
    return LabelSpec(
        words=words,
        fallback="AI-generated",
        language=language,
        icon=icon,
        least_px=10,
        least_share=0.02,
        least_contrast=4.5,
    )


def place(
    size: tuple[int, int] = (1000, 1000),
    *,
    asked: LabelSpec | None = None,
    obstacles: Obstacles = NOTHING,
    safe_area: SafeArea = EVERY_EDGE,
    ground: str = "#7799AA",
) -> tuple[Image.Image, PlacedLabel]:
    picture = Image.new("RGB", size, ground)
    label = place_label(picture, asked or spec(), safe_area=safe_area, obstacles=obstacles)
    return draw_label(picture, label), label


@pytest.mark.parametrize("channel", CHANNELS.values(), ids=CHANNELS.keys())
@pytest.mark.parametrize("words", ["AI-generated", "Wygenerowane przez AI"])
def test_it_fits_into_the_safe_area_of_every_channel(channel: Channel, words: str) -> None:
    frame = (channel.width, channel.height)
    picture, label = place(frame, asked=spec(words), safe_area=channel.safe_area)
    left, top, right, bottom = label.box

    assert left >= channel.safe_area.left
    assert top >= channel.safe_area.top
    assert right <= channel.width - channel.safe_area.right
    assert bottom <= channel.height - channel.safe_area.bottom
    assert label.size >= spec().least_size(frame)
    assert measure_text_contrast(picture, label.text_box) >= 4.5


@pytest.mark.parametrize("ground", ["#000000", "#FFFFFF", "#777777", "#F2B705", "#0B3D2E"])
def test_it_stands_out_on_any_ground(ground: str) -> None:
    picture, label = place(ground=ground)

    assert measure_text_contrast(picture, label.text_box) >= 4.5
    inside = picture.getpixel((label.box[2] - 4, (label.box[1] + label.box[3]) // 2))
    assert inside != Image.new("RGB", (1, 1), ground).getpixel((0, 0))


def test_it_stands_out_from_a_noisy_ground() -> None:
    picture = Image.effect_noise((800, 800), 90).convert("RGB")
    label = place_label(picture, spec(), safe_area=EVERY_EDGE, obstacles=NOTHING)

    assert measure_text_contrast(draw_label(picture, label), label.text_box) >= 4.5


@pytest.mark.parametrize(
    "free", [(0, 0), (1, 0), (0, 1), (1, 1)], ids=["top left", "top right", "low left", "low right"]
)
def test_every_corner_is_tried(free: tuple[int, int]) -> None:
    corners: dict[str, Box] = {
        f"copy {x}{y}": (x * 500, y * 500, x * 500 + 500, y * 500 + 500)
        for x in (0, 1)
        for y in (0, 1)
        if (x, y) != free
    }
    _, label = place(obstacles=Obstacles(corners))

    assert label.is_free
    assert all(overlap_of(label.box, box) == 0 for box in corners.values())


def test_an_edge_is_tried_where_every_corner_is_taken() -> None:
    corners: dict[str, Box] = {
        f"copy {x}{y}": (x * 600, y * 600, x * 600 + 400, y * 600 + 400)
        for x in (0, 1)
        for y in (0, 1)
    }
    _, label = place(obstacles=Obstacles(corners))

    assert label.is_free
    assert 40 in label.box or 960 in label.box


def test_no_face_is_covered_and_hair_only_where_nothing_else_is_free() -> None:
    head: Box = (100, 0, 1000, 1000)
    _, label = place(obstacles=Obstacles({}, heads=(head,)))

    assert label.is_free
    assert overlap_of(label.box, (217, 200, 883, 920)) == 0


def test_the_subject_is_left_free_where_a_corner_is() -> None:
    _, label = place(obstacles=Obstacles({}, subject=(0, 300, 700, 1000)))

    assert overlap_of(label.box, (0, 300, 700, 1000)) == 0


def test_quiet_ground_is_preferred() -> None:
    picture = Image.new("RGB", (1000, 1000), "#99AABB")
    pen = ImageDraw.Draw(picture)
    for x in range(0, 700, 8):
        pen.line((x, 0, x, 1000), fill="black", width=4)
    label = place_label(picture, spec(), safe_area=EVERY_EDGE, obstacles=NOTHING)

    assert label.box[0] > 690


def test_where_nothing_is_free_it_is_set_all_the_same_and_says_what_it_covers() -> None:
    picture, label = place(obstacles=Obstacles({"headline": (0, 0, 1000, 1000)}))

    assert label.covers == ("headline",)
    assert not label.is_free
    assert measure_text_contrast(picture, label.text_box) >= 4.5


def test_it_is_broken_where_one_line_has_no_room() -> None:
    walls: dict[str, Box] = {"copy": (0, 0, 820, 1000)}
    _, label = place(asked=spec(icon=None), obstacles=Obstacles(walls))

    assert label.is_free
    assert len(label.lines) == 2


@pytest.mark.parametrize("icon", ["basic", "fully_generated", "partially_modified"])
def test_an_icon_alone_has_letters_of_the_least_size(icon: Icon) -> None:
    picture, label = place(asked=spec("", icon=icon))

    assert label.words == ""
    assert label.box[3] - label.box[1] >= 2 * label.size
    assert measure_text_contrast(picture, label.text_box) >= 4.5


def test_the_three_icons_look_different() -> None:
    kinds: tuple[Icon, ...] = ("basic", "fully_generated", "partially_modified")
    drawn = {place(asked=spec("", icon=icon))[0].tobytes() for icon in kinds}

    assert len(drawn) == 3


def test_words_that_no_font_has_are_english() -> None:
    _, label = place(asked=spec("AI生成", language="ja"))

    assert (label.words, label.language) == ("AI-generated", "en")


def test_an_equal_picture_has_an_equal_label() -> None:
    assert place()[0].tobytes() == place()[0].tobytes()
