"""Places are found once an original, kept in its record, and not looked for on the simulator's."""

from dataclasses import replace
from decimal import Decimal

import pytest
from PIL import Image, ImageDraw

from nbp_dagster.prompts.request import ImageRequest, Provider
from nbp_dagster.studio.imaging.places import Places, can_find_places
from nbp_dagster.studio.imaging.resize import Pyramid, build_pyramid
from nbp_dagster.studio.ledger.orders import KeptImage, Receipt, Reused
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.renditions.original_places import settle_places

RECEIPT = Receipt("f" * 64, "key", "g1", Decimal("0.15"), 1, None, None, None, None, None)
MADE = Reused("key", KeptImage("a" * 64, 600, 400, "png", 1), RECEIPT)
KNOWN = Places(original="a" * 64, heads=((0.1, 0.1, 0.2, 0.2),))


def request(provider: Provider) -> ImageRequest:
    return ImageRequest("key", provider, "model", "a ball", {}, (), 1, "1")


def record(places: Places | None) -> PromptRecord:
    return PromptRecord(
        prompt_key="key", fingerprint="f", recipe="r", pictures=(), preview="", places=places
    )


@pytest.fixture(scope="module")
def picture() -> Pyramid:
    ball = Image.new("RGB", (600, 400), (220, 225, 230))
    ImageDraw.Draw(ball).ellipse((380, 120, 500, 240), fill=(190, 20, 40))
    return build_pyramid(ball)


@pytest.mark.parametrize("provider", ["oxen", "simulator"])
def test_what_was_found_is_kept(provider: Provider, picture: Pyramid) -> None:
    assert settle_places(request(provider), MADE, picture, record(KNOWN)) is KNOWN


def test_the_simulator_s_pictures_are_not_looked_at(picture: Pyramid) -> None:
    assert settle_places(request("simulator"), MADE, picture, None) is None


@pytest.mark.skipif(not can_find_places(), reason="the extra `character` is missing")
def test_the_simulator_s_pictures_are_looked_at_where_that_is_asked_for(picture: Pyramid) -> None:
    found = settle_places(request("simulator"), MADE, picture, None, when="on")
    assert found is not None
    assert found.subject is not None


def test_nothing_is_looked_for_where_that_is_off(picture: Pyramid) -> None:
    assert settle_places(request("oxen"), MADE, picture, None, when="off") is None
    assert settle_places(request("oxen"), MADE, picture, record(KNOWN), when="off") is KNOWN


@pytest.mark.skipif(not can_find_places(), reason="the extra `character` is missing")
@pytest.mark.parametrize(
    "earlier",
    [replace(KNOWN, original="b" * 64), replace(KNOWN, version="0"), None],
    ids=["of another original", "of an earlier version", "never looked for"],
)
def test_places_are_found_anew(earlier: Places | None, picture: Pyramid) -> None:
    found = settle_places(request("oxen"), MADE, picture, record(earlier))
    assert found is not None
    assert found.original == "a" * 64
    assert found.heads != KNOWN.heads
    assert found.subject is not None
