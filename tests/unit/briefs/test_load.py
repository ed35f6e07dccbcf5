"""What a folder of good briefs becomes."""

import hashlib
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.briefs.load import BriefError, Briefs, load_briefs
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs
from tests.rigs.prompt_goldens import GOOD_BRIEFS
from tests.rigs.unprivileged import open_folder, ordinary_user

CHANNEL = """
poster_screen:
  name: Screen in the shop
  width: 1080
  height: 1920
  ratio: "9:16"
  file_type: webp
  max_bytes: 900000
  source: our own screens
"""


def test_brands_campaigns_and_shots_keep_their_order(briefs: Briefs) -> None:
    assert list(briefs.brands) == ["solstice", "tidal"]
    assert list(briefs.campaigns) == ["spring_launch", "tidal_always"]
    assert [shot.id for shot in briefs.campaigns["spring_launch"].shots] == [
        "kitchen",
        "window",
        "still_life",
    ]


def test_defaults_fill_what_a_short_brief_leaves_out(briefs: Briefs) -> None:
    campaign = briefs.campaigns["tidal_always"]

    assert (campaign.resolution, campaign.variants) == ("2K", 1)
    assert campaign.model == "google-nano-banana-pro"
    assert campaign.shots[0].text == "drawn"
    assert briefs.brands["tidal"].logo is None


def test_local_references_are_kept_with_their_digest_by_path_below_the_folder(
    briefs: Briefs,
) -> None:
    path = GOOD_BRIEFS / "brands" / "images" / "logo.png"
    file = briefs.files["brands/images/logo.png"]

    assert file.path == path
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file.bytes == path.stat().st_size


def test_a_brief_knows_its_file_its_digest_and_its_lines(briefs: Briefs) -> None:
    path = GOOD_BRIEFS / "campaigns" / "spring_launch.yaml"
    source = briefs.source_of("campaign", "spring_launch")

    assert source.path == path
    assert source.file == "campaigns/spring_launch.yaml"
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert source.line_of(("shots", 1, "scene")) == 24
    assert source.line_of(("shots", 9)) is None


def test_a_folder_without_briefs_is_empty_but_has_the_packaged_channels(tmp_path: Path) -> None:
    briefs = load_briefs(tmp_path)

    assert (dict(briefs.brands), dict(briefs.campaigns), dict(briefs.files)) == ({}, {}, {})
    assert "instagram_feed" in briefs.channels


def test_a_byte_order_mark_and_windows_line_ends_are_read(config_dir: Path) -> None:
    path = config_dir / "brands" / "tidal.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())

    assert load_briefs(config_dir).brands["tidal"].voice == "dry and short"


def test_text_is_kept_as_written(config_dir: Path) -> None:
    path = config_dir / "campaigns" / "tidal_always.yaml"
    text = path.read_text(encoding="utf-8")
    scene = "a »single« wave, 100 % {blue} – 🌊 \\ 'quoted' \"twice\""
    path.write_text(
        text.replace("scene: a single wave", f"scene: >-\n      {scene}"), encoding="utf-8"
    )

    assert load_briefs(config_dir).campaigns["tidal_always"].shots[0].scene == scene


def test_a_path_may_climb_as_long_as_it_stays_in_the_folder(config_dir: Path) -> None:
    (config_dir / "shared").mkdir()
    (config_dir / "brands" / "images" / "logo.png").rename(config_dir / "shared" / "logo.png")
    path = config_dir / "brands" / "solstice.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("images/logo.png", "../shared/logo.png"), encoding="utf-8")

    assert "shared/logo.png" in load_briefs(config_dir).files


def test_an_https_reference_is_taken_without_being_fetched(config_dir: Path) -> None:
    path = config_dir / "brands" / "solstice.yaml"
    text = path.read_text(encoding="utf-8")
    address = "https://cdn.example.com/logo.png?v=2"
    path.write_text(text.replace("images/logo.png", address), encoding="utf-8")

    briefs = load_briefs(config_dir)

    assert briefs.brands["solstice"].logo == address
    assert address not in briefs.files


def test_hidden_files_are_no_briefs(config_dir: Path) -> None:
    (config_dir / "brands" / ".#tidal.yaml").write_text("editor's lock", encoding="utf-8")

    assert list(load_briefs(config_dir).brands) == ["solstice", "tidal"]


def test_another_models_parameters_are_left_to_the_service(config_dir: Path) -> None:
    path = config_dir / "campaigns" / "tidal_always.yaml"
    extra = "model: other-model\nparameters: {seed: 7}\n"
    path.write_text(path.read_text(encoding="utf-8") + extra, encoding="utf-8")

    assert load_briefs(config_dir).campaigns["tidal_always"].parameters == {"seed": 7}


def load_with(config_dir: Path, extra: str) -> Briefs:
    path = config_dir / "campaigns" / "tidal_always.yaml"
    path.write_text(path.read_text(encoding="utf-8") + extra, encoding="utf-8")
    return load_briefs(config_dir)


@pytest.mark.parametrize(
    ("extra", "chain"),
    [
        ("", ("google-nano-banana-pro",)),
        ("model: other\n", ("other",)),
        ("models: [nano-banana-2-1, other]\nfall_back: shot\n", ("nano-banana-2-1", "other")),
        ("models: [other]\n", ("other",)),
    ],
)
def test_a_campaigns_models_are_a_chain_led_by_the_first(
    config_dir: Path, extra: str, chain: tuple[str, ...]
) -> None:
    campaign = load_with(config_dir, extra).campaigns["tidal_always"]

    assert campaign.chain == chain
    assert campaign.model == chain[0]


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("model: a\nmodels: [b]\n", "models: given beside model; keep one of the two"),
        ("models: []\n", "models: names no model; name at least one, or remove it"),
        ("models: [a, b, a]\n", "models[2]: 'a' - given twice; keep one"),
        ("models: [a, '?']\n", "models[1]: '?' - accepted: the id of a model"),
        ("models: a\n", "models: 'a' - accepted: a list of model ids"),
        ("models: [a]\nfall_back: shot\n", "fall_back: 'shot' - there is no model to fall back to"),
        ("fall_back: prompt\n", "fall_back: 'prompt' - there is no model to fall back to"),
        ("models: [a, b]\nfall_back: yes\n", "accepted: never, shot, prompt"),
        (
            "models: [google-nano-banana-pro, nano-banana-2-1]\n"
            "parameters: {thinking_level: low}\n",
            "parameters.thinking_level: 'low' - not a parameter of google-nano-banana-pro",
        ),
        (
            "model: nano-banana-2-1\nparameters: {thinking_level: low}\n",
            'accepted: "minimal", "medium", "high"',
        ),
        (
            "models: [nano-banana-2-1, google-nano-banana-pro]\n"
            "parameters: {thinking_level: low, google_search: true}\n",
            'accepted: "minimal", "medium", "high"',
        ),
    ],
)
def test_a_chain_that_makes_no_sense_is_one_error(config_dir: Path, extra: str, words: str) -> None:
    with pytest.raises(BriefError) as caught:
        load_with(config_dir, extra)

    assert len(caught.value.problems) == 1
    assert words in str(caught.value)


def test_a_folder_adds_channels_its_campaigns_may_use(config_dir: Path) -> None:
    (config_dir / "channels.yaml").write_text(CHANNEL, encoding="utf-8")
    path = config_dir / "campaigns" / "tidal_always.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("x_post", "poster_screen"), encoding="utf-8")

    briefs = load_briefs(config_dir)

    assert briefs.channels["poster_screen"].file_type == "webp"
    assert briefs.campaigns["tidal_always"].channels == ("poster_screen",)


def test_a_folder_replaces_a_packaged_channel_only_when_it_says_so(config_dir: Path) -> None:
    path = config_dir / "channels.yaml"
    path.write_text(CHANNEL.replace("poster_screen", "x_post"), encoding="utf-8")
    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)
    assert [str(problem) for problem in caught.value.problems] == [
        "channels.yaml:2: x_post: already a packaged channel; choose another id or add "
        "override: true"
    ]

    path.write_text(
        CHANNEL.replace("poster_screen", "x_post") + "  override: true\n", encoding="utf-8"
    )
    assert load_briefs(config_dir).channels["x_post"].name == "Screen in the shop"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'ratio: "9:16"',
            "ratio: 4:5",
            "channels.yaml:6: poster_screen.ratio: 4:5 - accepted: 1:1, 16:9, 9:16, 4:3, 3:4, 3:2, "
            "2:3, 4:5, 5:4, 21:9; put it in quotes",
        ),
        (
            'ratio: "9:16"',
            'ratio: "16:9"',
            "channels.yaml:2: poster_screen: the ratio 16:9 lies across 1080x1920 pixels; use one "
            "of the same orientation",
        ),
        (
            "file_type: webp",
            "file_type: jpg",
            "channels.yaml:7: poster_screen.file_type: 'jpg' - accepted: jpeg, png, webp, avif; "
            "did you mean jpeg?",
        ),
        (
            "file_type: webp",
            "file_type: webp\n  safe_area: {top: 1900, bottom: 20}",
            "channels.yaml:2: poster_screen: the safe area leaves nothing of 1080x1920 pixels; "
            "shrink it",
        ),
        (
            "file_type: webp",
            "file_type: webp\n  safe_area: {above: 10}",
            "channels.yaml:8: poster_screen.safe_area.above: unknown key; accepted: top, right, "
            "bottom, left",
        ),
        (
            "  name: Screen",
            "  id: poster_screen\n  name: Screen",
            "channels.yaml:3: poster_screen.id: unknown key; a channel's id is the key it stands "
            "under",
        ),
    ],
)
def test_a_fault_in_a_channel_is_told_in_one_whole_line(
    config_dir: Path, old: str, new: str, problem: str
) -> None:
    """The campaign that uses the faulty channel is not blamed as well."""
    (config_dir / "channels.yaml").write_text(CHANNEL.replace(old, new), encoding="utf-8")
    campaign = config_dir / "campaigns" / "tidal_always.yaml"
    text = campaign.read_text(encoding="utf-8")
    campaign.write_text(text.replace("x_post", "poster_screen"), encoding="utf-8")

    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)

    assert [str(problem) for problem in caught.value.problems] == [problem]


def test_a_resolution_in_small_letters_is_told_with_what_was_meant(config_dir: Path) -> None:
    path = config_dir / "campaigns" / "tidal_always.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("channels:", "resolution: 4k\nchannels:"), encoding="utf-8")

    with pytest.raises(BriefError, match="'4k' - accepted: 1K, 2K, 4K; did you mean 4K"):
        load_briefs(config_dir)


def test_an_override_of_nothing_is_refused(config_dir: Path) -> None:
    text = CHANNEL.replace("poster_screen", "x_posts") + "  override: true\n"
    (config_dir / "channels.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)

    (problem,) = caught.value.problems
    assert str(problem).startswith("channels.yaml:2: x_posts: overrides no packaged channel; ")
    assert str(problem).endswith("; did you mean x_post?")


BROKEN = {
    "campaigns/broken.yaml": "id: broken\nobjective: [\n",
    "campaigns/wrong.yaml": "id: wrong\nbrand: hilltop\nchannels: [instagram_squar]\n",
    "campaigns/other.yaml": "id: other\n",
    "brands/other.yaml": "id: other\npalette: red\n",
    "brands/link.yaml": "a: &a [*a]\n",
}


@pytest.mark.parametrize("broken", [*BROKEN, ""])
def test_a_broken_brief_does_not_stop_a_campaign_that_does_not_need_it(
    tmp_path: Path, broken: str
) -> None:
    write_briefs(tmp_path, campaign(shot("kitchen")), campaign(shot("hall"), id="summer"))
    for file in [broken] if broken else BROKEN:
        (tmp_path / file).write_text(BROKEN[file], encoding="utf-8")

    briefs = load_briefs(tmp_path, wanted=["winter"])

    assert list(briefs.campaigns) == ["summer", "winter"]
    assert list(briefs.brands) == ["hilltop"]
    assert {problem.file for problem in briefs.set_aside} == ({broken} if broken else set(BROKEN))
    with pytest.raises(BriefError):
        load_briefs(tmp_path)


@pytest.mark.parametrize(
    "broken", ["campaigns/winter.yaml", "brands/hilltop.yaml", "channels.yaml"]
)
def test_what_a_wanted_campaign_needs_must_be_sound(tmp_path: Path, broken: str) -> None:
    write_briefs(tmp_path, campaign(shot("kitchen")))
    (tmp_path / "campaigns/other.yaml").write_text("id: other\n", encoding="utf-8")
    (tmp_path / broken).write_text("- 1\n", encoding="utf-8")

    with pytest.raises(BriefError) as caught:
        load_briefs(tmp_path, wanted=["winter"])

    assert {"campaigns/other.yaml", broken} <= {problem.file for problem in caught.value.problems}


def test_whatever_is_broken_is_left_out_while_a_campaign_is_left(tmp_path: Path) -> None:
    write_briefs(tmp_path, campaign(shot("kitchen")))
    for file, text in BROKEN.items():
        (tmp_path / file).write_text(text, encoding="utf-8")

    briefs = load_briefs(tmp_path, leaves_out=True)

    assert (list(briefs.brands), list(briefs.campaigns)) == (["hilltop"], ["winter"])
    assert {problem.file for problem in briefs.set_aside} == set(BROKEN)


@pytest.mark.parametrize("broken", ["channels.yaml", "brands/hilltop.yaml", "disclosure.yaml"])
def test_what_every_campaign_needs_is_never_left_out(tmp_path: Path, broken: str) -> None:
    write_briefs(tmp_path, campaign(shot("kitchen")))
    (tmp_path / broken).write_text("- 1\n", encoding="utf-8")

    with pytest.raises(BriefError):
        load_briefs(tmp_path, leaves_out=True)


STRIP = """strip:
  name: Strip
  width: 1600
  height: 400
  ratio: "16:9"
  file_type: jpeg
  max_bytes: 900000
  source: our own
"""
# A row of channels.yaml with a problem, and the channel that it is of.
BROKEN_ROWS = {
    "a field that is wrong": (STRIP.replace("1600", "wide"), "strip"),
    "a field that is written twice": (STRIP + "  width: 1600\n", "strip"),
    "a row that is no mapping": ("strip: wide\n", "strip"),
    "a row that is written twice": (STRIP + STRIP, "strip"),
    "a packaged channel without override": (STRIP.replace("strip", "x_post"), "x_post"),
}


@pytest.mark.parametrize("row", BROKEN_ROWS)
@pytest.mark.parametrize("options", [{"wanted": ["winter"]}, {"leaves_out": True}])
def test_a_broken_row_of_channels_stops_the_campaigns_that_name_it_and_no_other(
    tmp_path: Path, row: str, options: dict[str, Any]
) -> None:
    written, name = BROKEN_ROWS[row]
    others = [
        campaign(shot("hall"), id=each, channels=["instagram_square", name])
        for each in ("autumn", "summer")
    ]
    write_briefs(tmp_path, campaign(shot("kitchen")), *others)
    (tmp_path / "channels.yaml").write_text(written, encoding="utf-8")

    briefs = load_briefs(tmp_path, **options)

    assert list(briefs.campaigns) == ["winter"]
    [problem] = briefs.set_aside
    assert (problem.file, problem.key.partition(".")[0]) == ("channels.yaml", name)
    for each in ("autumn", "summer"):
        assert briefs.find_faults("campaign", each) == (problem,)
        with pytest.raises(BriefError) as caught:
            load_briefs(tmp_path, wanted=["winter", each])
        assert caught.value.problems == (problem,)
    assert not briefs.find_faults("campaign", "winter")
    with pytest.raises(BriefError):
        load_briefs(tmp_path)


def test_a_broken_row_that_no_campaign_names_stops_none_but_is_told(tmp_path: Path) -> None:
    write_briefs(tmp_path, campaign(shot("kitchen")))
    path = tmp_path / "channels.yaml"
    path.write_text(STRIP.replace("1600", "wide") + STRIP.replace("strip", "low"), "utf-8")

    briefs = load_briefs(tmp_path, leaves_out=True)

    assert list(briefs.campaigns) == ["winter"]
    assert "low" in briefs.channels
    assert "strip" not in briefs.channels
    assert [problem.key for problem in briefs.set_aside] == ["strip.width"]


def test_a_campaign_whose_brand_is_broken_is_left_out_with_it(tmp_path: Path) -> None:
    write_briefs(tmp_path, campaign(shot("kitchen")))
    write_briefs(
        tmp_path,
        campaign(shot("hall", characters=[]), id="spring", brand="valley"),
        brand={**BRAND, "id": "valley", "logo": "missing.png"},
    )

    briefs = load_briefs(tmp_path, wanted=["winter"])

    assert (list(briefs.brands), list(briefs.campaigns)) == (["hilltop"], ["winter"])
    assert [problem.file for problem in briefs.set_aside] == ["brands/valley.yaml"]


LETTERED = {
    **shot("sign"),
    "text": "composited",
    "copy": {"headline": {"en": "Warm up"}},
}
LONG = "s" * 30
# What a brand's file writes, the campaign that can't take it, and how that is told.
WRONG_FOR_ONE: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "file names that collide": (
        {"file_names": "{channel}_{locale}"},
        campaign(shot("pier"), shot("beach"), id="summer"),
        "file_names: '{channel}_{locale}' - gives several pictures of campaign summer one name",
    ),
    "file names that are too long": (
        {"file_names": "{shot}_{channel}_{locale}_{variant}" + "{campaign}" * 10},
        campaign(shot("pier"), id=LONG),
        f"file_names: gives shot pier of campaign {LONG} a name of ",
    ),
    "a disclaimer of missing letters": (
        {"disclaimers": {"en": "含咖啡因"}},
        campaign(LETTERED, id="summer"),
        "disclaimers.en: '含咖啡因' - for campaign summer: no glyph for 含 ",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_FOR_ONE)
@pytest.mark.parametrize("options", [{"wanted": ["winter"]}, {"leaves_out": True}])
def test_what_a_brand_writes_wrong_for_one_campaign_stops_that_one_alone(
    tmp_path: Path, wrong: str, options: dict[str, Any]
) -> None:
    written, broken, told = WRONG_FOR_ONE[wrong]
    write_briefs(tmp_path, campaign(shot("kitchen")), broken, brand={**BRAND, **written})

    briefs = load_briefs(tmp_path, **options)

    assert (list(briefs.brands), list(briefs.campaigns)) == (["hilltop"], ["winter"])
    [problem] = briefs.set_aside
    lines = (tmp_path / "brands/hilltop.yaml").read_text(encoding="utf-8").splitlines()
    key = f"{problem.key.rpartition('.')[2]}: "
    [place] = [at for at, line in enumerate(lines, 1) if line.strip().startswith(key)]
    assert (problem.file, problem.line) == ("brands/hilltop.yaml", place)
    assert told in str(problem)
    assert briefs.find_faults("campaign", broken["id"]) == (problem,)
    assert not briefs.find_faults("campaign", "winter")
    assert not briefs.find_faults("brand", "hilltop")


@pytest.mark.parametrize("wrong", WRONG_FOR_ONE)
def test_what_a_brand_writes_wrong_for_all_its_campaigns_stops_each(
    tmp_path: Path, wrong: str
) -> None:
    written, broken, _ = WRONG_FOR_ONE[wrong]
    sound = campaign(shot("kitchen", characters=[]), id="spring", brand="valley")
    write_briefs(tmp_path, sound, brand={**BRAND, "id": "valley"})
    other = {**broken, "id": broken["id"][:-1] + "2"}
    write_briefs(tmp_path, broken, other, brand={**BRAND, **written})

    briefs = load_briefs(tmp_path, leaves_out=True)

    assert list(briefs.campaigns) == ["spring"]
    for each in (broken, other):
        [problem] = briefs.find_faults("campaign", each["id"])
        assert each["id"] in problem.message
    with pytest.raises(BriefError) as caught:
        load_briefs(tmp_path, wanted=[other["id"]])
    assert len({str(problem) for problem in caught.value.problems}) == 2, "once a campaign"


def test_a_campaign_that_is_not_there_leaves_nothing_out(tmp_path: Path) -> None:
    write_briefs(tmp_path, campaign(shot("kitchen")))
    (tmp_path / "campaigns/other.yaml").write_text("id: other\n", encoding="utf-8")

    with pytest.raises(BriefError):
        load_briefs(tmp_path, wanted=["wintre"])


@pytest.mark.parametrize(
    "written", ["010", "0x10", "0b11", "1:30", "1_000", "1_", "1.5e+1", "01.5"]
)
@pytest.mark.parametrize("field", ["budget_usd", "max_references", "prompts_per_run", "variants"])
def test_a_number_in_an_odd_notation_is_never_read_as_another(
    config_dir: Path, field: str, written: str
) -> None:
    path = config_dir / "campaigns" / "tidal_always.yaml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(f"{field}:")]
    path.write_text(f"{field}: {written}\n" + "".join(kept), encoding="utf-8")

    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)

    [problem] = [str(problem) for problem in caught.value.problems]
    assert problem.startswith(f"campaigns/tidal_always.yaml:1: {field}: {written} - YAML reads")
    assert "accepted: plain decimals such as 20 or 0.5" in problem


@pytest.mark.parametrize(
    ("written", "advice"),
    [('"20"', "remove the quotes"), ("08", "plain decimals"), ("２０", "plain decimals")],
)
def test_text_in_place_of_a_number_is_told_what_to_do(
    config_dir: Path, written: str, advice: str
) -> None:
    path = config_dir / "campaigns" / "spring_launch.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("budget_usd: 20", f"budget_usd: {written}"), encoding="utf-8")

    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)

    [problem] = [str(problem) for problem in caught.value.problems]
    assert advice in problem
    assert ("quotes" in problem) == (written[0] == '"')


def rename_to_length(config_dir: Path, length: int) -> None:
    """Give a brand, its campaign and a shot of it ids of one length; the shot has one channel."""
    brand, name, shot = "b" * length, "c" * length, "s" * length
    for folder, old, new in (("brands", "tidal", brand), ("campaigns", "tidal_always", name)):
        path = config_dir / folder / f"{old}.yaml"
        path.rename(path.with_name(f"{new}.yaml"))
    path = config_dir / "campaigns" / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"^brand: .*", f"brand: {brand}", text, flags=re.MULTILINE)
    text = re.sub(r"^  - id: .*", f"  - id: {shot}", text, count=1, flags=re.MULTILINE)
    path.write_text(re.sub(r"^id: .*", f"id: {name}", text, flags=re.MULTILINE), encoding="utf-8")
    path = config_dir / "brands" / f"{brand}.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"^id: .*", f"id: {brand}", text, flags=re.MULTILINE), encoding="utf-8")


def test_a_name_on_delivery_that_no_file_can_have_is_told_before_anything_is_bought(
    config_dir: Path,
) -> None:
    rename_to_length(config_dir, 100)

    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)

    [problem] = [str(problem) for problem in caught.value.problems]
    assert problem.startswith(f"campaigns/{'c' * 100}.yaml:1: id: gives shot {'s' * 100} of ")
    assert "accepted: at most 255; shorten the ids or the brand's file_names" in problem


def test_names_on_delivery_that_files_can_have_are_left_alone(config_dir: Path) -> None:
    rename_to_length(config_dir, 70)

    assert "c" * 70 in load_briefs(config_dir).campaigns


def test_a_brand_s_pattern_that_makes_too_long_a_name_is_told_in_the_brand(
    config_dir: Path,
) -> None:
    rename_to_length(config_dir, 20)
    path = config_dir / "brands" / f"{'b' * 20}.yaml"
    text = path.read_text(encoding="utf-8")
    pattern = "{shot}_{channel}_{locale}_{variant}" + "{campaign}" * 14
    path.write_text(f'{text}\nfile_names: "{pattern}"\n', encoding="utf-8")

    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)

    [problem] = caught.value.problems
    assert (problem.file, problem.key) == (f"brands/{path.name}", "file_names")
    assert "characters; accepted: at most 255" in problem.message


@pytest.mark.parametrize(
    ("private", "told"),
    [
        ("campaigns", "campaigns: the folder cannot be read (Permission denied)"),
        ("brands", "brands: the folder cannot be read (Permission denied)"),
        (".", "briefs: the folder cannot be read (Permission denied)"),
        ("..", "briefs: the folder cannot be read (Permission denied)"),
        ("brands/pictures", "logo: 'pictures/a.png' - cannot be read; check the file"),
    ],
)
def test_a_folder_that_may_not_be_read_is_a_problem(private: str, told: str) -> None:
    with open_folder() as outer:
        folder = outer / "outer" / "briefs"
        write_briefs(folder, campaign(shot("kitchen")), brand={**BRAND, "logo": "pictures/a.png"})
        (folder / "brands" / "pictures").mkdir()
        with suppress(BriefError):
            # What it imports late may lie where the ordinary user can't read.
            load_briefs(folder)
        closed = folder / private
        closed.chmod(0)
        try:
            with ordinary_user(), pytest.raises(BriefError) as refused:
                load_briefs(folder)
        finally:
            closed.chmod(0o700)

    assert told in str(refused.value)
