"""The packaged channels: figures that hang together, documented one by one."""

import re
from pathlib import Path

import pytest

from nbp_dagster.briefs.channels import find_meant_channels, load_packaged_channels
from nbp_dagster.briefs.load import BriefError, load_briefs
from nbp_dagster.briefs.models import DEFAULT_MODEL
from nbp_dagster.prompts.aspect_ratio import find_margins, measure_ratio, nearest_ratio, ratio_of
from tests.rigs.prompt_goldens import ROOT

CHANNELS = load_packaged_channels()
RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9")
PAGE = (ROOT / "docs" / "channels.md").read_text(encoding="utf-8")

every_channel = pytest.mark.parametrize("name", CHANNELS)


def test_the_usual_placements_are_there() -> None:
    assert {
        "instagram_feed",
        "instagram_square",
        "instagram_story",
        "facebook_feed",
        "facebook_story",
        "linkedin_post",
        "x_post",
        "youtube_thumbnail",
        "pinterest_pin",
        "tiktok_video_cover",
        "display_300x250",
        "display_336x280",
        "display_728x90",
        "display_160x600",
        "display_300x600",
        "display_970x250",
        "email_header",
        "print_a4",
    } <= set(CHANNELS)


@every_channel
def test_a_channel_asks_for_the_nearest_ratio_the_model_has(name: str) -> None:
    channel = CHANNELS[name]
    assert channel.id == name
    assert channel.ratio == nearest_ratio(f"{channel.width}:{channel.height}", RATIOS)


@every_channel
def test_a_channel_leaves_room_to_compose_in(name: str) -> None:
    channel = CHANNELS[name]
    margins = find_margins([channel], channel.ratio)
    assert margins.top + margins.bottom < 0.8
    assert margins.left + margins.right < 0.6


@every_channel
def test_a_channel_says_where_its_figures_come_from(name: str) -> None:
    assert "house default" in CHANNELS[name].source


@every_channel
def test_the_channel_page_has_each_figure(name: str) -> None:
    channel = CHANNELS[name]
    area = channel.safe_area
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    figures = [cell.strip() for cell in row.strip("|").split("|")]
    assert figures[1:7] == [
        channel.name,
        f"{channel.width} x {channel.height}",
        channel.ratio,
        f"{area.top} {area.right} {area.bottom} {area.left}",
        channel.file_type,
        f"{channel.max_bytes:,}".replace(",", " "),
    ]
    assert f"**`{name}`**: {channel.source}" in re.sub(r"\n(?!\n|\*\*)", " ", PAGE)


def test_display_sizes_are_what_their_names_say() -> None:
    for name, channel in CHANNELS.items():
        if name.startswith("display_"):
            assert name == f"display_{channel.width}x{channel.height}"


@every_channel
def test_each_says_when_its_figures_were_compared_or_that_they_were_not(name: str) -> None:
    channel = CHANNELS[name]

    assert channel.platform
    assert (channel.checked_on is None) == ("Not compared lately" in channel.source)
    assert channel.checked_on is None or f"| {channel.checked_on} |" in PAGE


def test_a_channel_is_drawn_by_what_decides_its_pixels_alone() -> None:
    story = CHANNELS["instagram_story"]
    older = story.model_copy(update={"checked_on": None, "platform": None, "former_safe_areas": ()})

    assert older.drawn == story.drawn
    assert story.model_copy(update={"height": 1800}).drawn != story.drawn


def test_a4_is_a4_at_300_dots_an_inch() -> None:
    channel = CHANNELS["print_a4"]
    assert (channel.width, channel.height) == (round(210 / 25.4 * 300), round(297 / 25.4 * 300))
    assert measure_ratio("2480:3508") == pytest.approx(210 / 297, abs=0.001)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("leaderboard", ("display_728x90", "display_970x90", "display_320x50")),
        ("skyscraper", ("display_160x600",)),
        ("skyscrapers", ("display_160x600",)),
        ("half-page", ("display_300x600",)),
        ("billboard", ("display_970x250",)),
        ("728x90", ("display_728x90",)),
        ("reel", ("instagram_reel", "facebook_reel")),
        ("instagram_reels", ("instagram_reel",)),
        ("stories", ("instagram_story", "facebook_story")),
        ("Instagram Story", ("instagram_story",)),
        ("instagram_stories", ("instagram_story",)),
        ("instagram", tuple(name for name in CHANNELS if name.startswith("instagram"))),
        ("pmax", ("google_square", "google_landscape", "google_portrait")),
        ("tweet", ("x_post",)),
        ("newsletter", ("email_header",)),
        ("A4", ("print_a4",)),
        ("fax", ()),
        ("", ()),
        ("ad", ()),
    ],
)
def test_a_word_of_the_trade_leads_to_its_channels(word: str, meant: tuple[str, ...]) -> None:
    names = {channel.id: channel.name for channel in load_packaged_channels().values()}

    assert find_meant_channels(word, names) == meant


_FIELDS = (
    "name: P, width: 100, height: 100, ratio: '1:1', file_type: png, max_bytes: 9000, source: s"
)


@pytest.mark.parametrize("name", ["a[0]", "[key]", "[]", "a.b", "", "Poster", "a b", "x" * 101])
@pytest.mark.parametrize("fields", [_FIELDS, "name: P"])
def test_an_id_that_can_t_be_one_is_told_with_its_line(
    config_dir: Path, name: str, fields: str
) -> None:
    text = f"good: {{{_FIELDS}}}\n'{name}': {{{fields}}}\n"
    (config_dir / "channels.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)

    lines = [str(problem) for problem in caught.value.problems]
    assert all(line.startswith("channels.yaml:2: ") for line in lines), lines
    [told] = [line for line in lines if "missing" not in line]
    assert "accepted: small letters a-z, digits" in told or "accepted: at most 100" in told


def test_a_field_of_the_name_of_pydantic_s_mark_is_an_unknown_key(config_dir: Path) -> None:
    path = config_dir / "channels.yaml"
    path.write_text(f"good: {{{_FIELDS}, '[key]': 5}}\n", encoding="utf-8")

    with pytest.raises(BriefError, match=r"good\.'\[key\]': unknown key; accepted: "):
        load_briefs(config_dir)


@every_channel
@pytest.mark.parametrize("model", [DEFAULT_MODEL, "somebody-elses"])
def test_models_without_panoramas_are_asked_in_the_channels_own_ratio(
    name: str, model: str
) -> None:
    assert ratio_of(CHANNELS[name], model) == CHANNELS[name].ratio


def test_banners_are_asked_in_panoramas_where_the_model_draws_them() -> None:
    asked = {name: ratio_of(channel, "nano-banana-2-1") for name, channel in CHANNELS.items()}

    assert {name: ratio for name, ratio in asked.items() if ratio != CHANNELS[name].ratio} == {
        "display_728x90": "8:1",
        "display_970x90": "8:1",
        "display_320x50": "8:1",
        "display_970x250": "4:1",
        "display_160x600": "1:4",
    }
