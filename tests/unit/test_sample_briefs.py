"""The sample briefs load, are affordable and show what the script draws; knows only `brand`."""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from nbp_dagster.briefs.load import Briefs, load_briefs
from nbp_dagster.prompts.expansion import expand_campaign, sheet_keys

CONFIG = Path(__file__).resolve().parents[2] / "assets_config"
IMAGES = CONFIG / "brands" / "images"

PRICE_USD = 0.15  # what the briefs' own comments reckon with, for a picture of any resolution
MAX_IMAGE_BYTES = 200_000
MARGIN_PIXELS = 8
# Campaign -> its paid pictures, as the comment at the head of its file says.
PICTURES = {"coffee_subscription": 8, "rain_or_shine": 6, "spring_launch": 12}
NAMES = sorted(path.name for path in IMAGES.iterdir())


@pytest.fixture
def drawings(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Callable[[], Image.Image]]:
    """What the script draws, by file name; the script finds its own modules beside itself."""
    monkeypatch.syspath_prepend(str(CONFIG))
    path = CONFIG / "draw_references.py"
    spec = importlib.util.spec_from_file_location("draw_references", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    drawn: Mapping[str, Callable[[], Image.Image]] = script.DRAWINGS
    return drawn


@pytest.fixture(scope="module")
def briefs() -> Briefs:
    return load_briefs(CONFIG)


def open_image(name: str) -> Image.Image:
    with Image.open(IMAGES / name) as image:
        image.load()
        return image


@pytest.mark.parametrize("name", NAMES)
def test_a_drawn_file_is_what_the_script_draws_now(
    drawings: Mapping[str, Callable[[], Image.Image]], name: str
) -> None:
    """Compares pixels: the bytes of a PNG may differ between builds of zlib."""
    drawn, kept = drawings[name](), open_image(name)
    assert (kept.mode, kept.size) == (drawn.mode, drawn.size)
    difference = ImageChops.difference(kept, drawn).getbbox(alpha_only=False)
    assert difference is None, f"{name} differs; run: python assets_config/draw_references.py"


def test_every_drawing_is_kept_and_used_by_a_brand(
    drawings: Mapping[str, Callable[[], Image.Image]], briefs: Briefs
) -> None:
    used = {Path(key).name for key in briefs.files}
    assert set(drawings) == set(NAMES) == used


@pytest.mark.parametrize("name", NAMES)
def test_a_drawing_is_small_and_its_figure_keeps_clear_of_the_border(name: str) -> None:
    """So that the figure can be cut out by filling from the corners."""
    assert (IMAGES / name).stat().st_size < MAX_IMAGE_BYTES
    image = open_image(name).convert("RGBA")
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    outer = (0, 0, *image.size)
    figure = ImageChops.difference(ground.convert("RGB"), Image.new("RGB", image.size, "white"))
    left, top, right, bottom = figure.getbbox() or outer
    assert min(left, top, outer[2] - right, outer[3] - bottom) >= MARGIN_PIXELS


@pytest.mark.parametrize(
    ("brand", "prefixes"), [("solstice", ("solstice",)), ("pennyway", ("pennyway", "pip"))]
)
def test_every_palette_colour_is_in_the_brands_drawings(
    briefs: Briefs, brand: str, prefixes: tuple[str, ...]
) -> None:
    drawn: set[str] = set()
    for name in NAMES:
        if name.startswith(prefixes):
            image = open_image(name).convert("RGB")
            colours = image.getcolors(maxcolors=image.width * image.height) or []
            # Only areas count: mixed tones along an edge are never this many.
            large = [rgb for count, rgb in colours if count > 2000 and isinstance(rgb, tuple)]
            drawn |= {"#" + bytes(rgb).hex().upper() for rgb in large}
    assert set(briefs.brands[brand].palette.values()) <= drawn


def test_the_sample_campaigns_have_the_pictures_their_comments_count(briefs: Briefs) -> None:
    counted = {
        name: len(expand_campaign(campaign, briefs.channels))
        for name, campaign in briefs.campaigns.items()
    }
    assert counted == PICTURES


@pytest.mark.parametrize("name", PICTURES)
def test_a_sample_campaign_costs_less_than_half_of_its_budget(briefs: Briefs, name: str) -> None:
    """Sheets that are not supplied included: there is room for one more round of everything."""
    campaign = briefs.campaigns[name]
    brand = briefs.brands[campaign.brand]
    cast = {character for shot in campaign.shots for character in shot.characters}
    sheets = sum(not brand.characters[character].references for character in cast)
    quote = (len(expand_campaign(campaign, briefs.channels)) + sheets) * PRICE_USD
    assert 0 < 2 * quote < campaign.budget_usd


def test_one_sample_character_is_generated_and_one_is_adopted(briefs: Briefs) -> None:
    supplied = {
        key: len(briefs.brands[key.split("/")[0]].characters[key.split("/")[1]].references)
        for key in sheet_keys(briefs)
    }
    assert supplied == {"pennyway/pip": 3, "solstice/mira": 0}


def test_the_samples_show_every_treatment_of_text(briefs: Briefs) -> None:
    shots = briefs.campaigns["spring_launch"].shots
    assert [shot.text for shot in shots] == ["drawn", "composited", "none"]


def test_the_house_channel_is_there_beside_the_packaged_ones(briefs: Briefs) -> None:
    channel = briefs.channels["shop_window_screen"]
    assert (channel.width, channel.height, channel.ratio) == (1080, 1920, "9:16")
