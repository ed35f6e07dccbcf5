"""Which ratio is nearest, and how much of a picture each channel really shows."""

import pytest

from nbp_dagster.briefs.channels import Channel, SafeArea, load_packaged_channels
from nbp_dagster.prompts.aspect_ratio import Margins, find_margins, nearest_ratio
from nbp_dagster.prompts.request import PAGE_CAPABILITIES

CHANNELS = load_packaged_channels()


def make_channel(width: int, height: int, **area: int) -> Channel:
    return Channel(
        id="c",
        name="c",
        width=width,
        height=height,
        ratio="1:1",
        safe_area=SafeArea(**area),
        file_type="png",
        max_bytes=100_000,
        source="test",
    )


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        ("9:16", "9:16"),
        ("4:5", "3:4"),
        ("5:4", "4:3"),
        ("21:9", "16:9"),
        ("1:1", "1:1"),
        ("1200:628", "16:9"),
        ("100:101", "1:1"),
    ],
)
def test_the_nearest_ratio_of_the_models_page(wanted: str, nearest: str) -> None:
    assert nearest_ratio(wanted, PAGE_CAPABILITIES.aspect_ratios) == nearest


def test_auto_is_never_chosen() -> None:
    assert nearest_ratio("1:1", ("auto", "16:9")) == "16:9"
    with pytest.raises(ValueError):
        nearest_ratio("1:1", ("auto",))


def test_wide_and_tall_are_equally_far_and_the_first_wins() -> None:
    assert nearest_ratio("1:1", ("3:2", "2:3")) == "3:2"
    assert nearest_ratio("1:1", ("2:3", "3:2")) == "2:3"


def test_a_safe_area_is_a_share_of_a_picture_of_the_same_ratio() -> None:
    margins = find_margins([make_channel(200, 100, top=10, right=30, left=20)], "2:1")
    assert (margins.top, margins.right, margins.bottom, margins.left) == (0.1, 0.15, 0.0, 0.1)


def test_what_a_channel_crops_counts_as_margin() -> None:
    """A square cut from the middle of 2:1 shows its inner half; its safe area shrinks with it."""
    margins = find_margins([make_channel(100, 100, left=10)], "2:1")
    assert (margins.left, margins.right, margins.top) == pytest.approx((0.30, 0.25, 0.0))


def test_of_several_channels_the_strictest_decides_each_edge() -> None:
    story, cover = CHANNELS["instagram_story"], CHANNELS["tiktok_video_cover"]
    margins = find_margins([story, cover], "9:16")
    assert margins.top == pytest.approx(269 / 1920)
    assert margins.bottom == pytest.approx(672 / 1920)
    assert margins.right == pytest.approx(150 / 1080)
    assert margins.left == pytest.approx(65 / 1080)


def test_a_banner_costs_the_other_channels_of_its_picture_no_margin() -> None:
    feed, banner = make_channel(2100, 900, top=90), make_channel(728, 90, top=8)
    assert find_margins([feed, banner], "21:9") == find_margins([feed], "21:9")
    assert find_margins([banner], "21:9") == Margins(top=0.0, right=0.0, bottom=0.0, left=0.0)


def test_opposite_margins_always_leave_a_strip() -> None:
    left, right = make_channel(100, 100, left=90), make_channel(100, 100, right=90)
    margins = find_margins([left, right], "1:1")
    assert margins.left + margins.right == pytest.approx(0.85)
    assert margins.left == margins.right
