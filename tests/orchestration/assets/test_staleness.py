"""After an edit exactly the pictures it touches show as stale."""

import os

import dagster as dg

from nbp_dagster.assets.names import Names
from tests.rigs.briefs import BRAND, campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation
from tests.rigs.pictures import draw_noise, encode

NAMES = Names()


def all_made(location: CodeLocation) -> None:
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    assert location.materialize([NAMES.campaign_sets]).success


def test_nothing_is_stale_after_everything_was_made(location: CodeLocation) -> None:
    all_made(location)

    for asset in (*PROMPT_ASSETS, NAMES.character_sheets, NAMES.campaign_sets):
        assert location.stale(asset) == set()


def test_making_everything_again_leaves_everything_fresh(location: CodeLocation) -> None:
    all_made(location)
    all_made(location)

    for asset in (*PROMPT_ASSETS, NAMES.character_sheets, NAMES.campaign_sets):
        assert location.stale(asset) == set()


def test_an_edited_scene_makes_its_own_picture_stale_and_no_other(location: CodeLocation) -> None:
    all_made(location)
    location.write(
        campaign(
            shot("kitchen"), shot("garden", scene="Ada waters roses"), shot("attic", characters=[])
        )
    )

    location.materialize([NAMES.image_requests])

    assert location.stale(NAMES.generated_images) == {"winter/garden/all/1x1/v1"}


def test_an_edited_trait_makes_stale_what_shows_the_character(location: CodeLocation) -> None:
    all_made(location)
    ada = {**BRAND["characters"]["ada"], "traits": ["woman in her sixties", "white bob"]}
    brand = {**BRAND, "characters": {**BRAND["characters"], "ada": ada}}
    location.write(brand=brand)

    location.materialize([NAMES.brand_kits])
    location.materialize([NAMES.character_sheets])
    location.materialize([NAMES.image_requests])

    assert location.stale(NAMES.generated_images) == {
        "winter/kitchen/all/1x1/v1",
        "winter/garden/all/1x1/v1",
    }
    # And exactly those are bought again, though the run is over all of them.
    bills = location.service.bills
    location.materialize(PROMPT_ASSETS)
    assert location.service.bills == bills + 2
    assert location.stale(NAMES.generated_images) == set()


def recorded(location: CodeLocation) -> None:
    """What the sensor does after an edit, and the people who make the sheets."""
    assert location.materialize([NAMES.brand_kits]).success
    assert location.materialize([NAMES.character_sheets]).success
    assert location.materialize([NAMES.image_requests]).success


def test_an_edited_palette_makes_every_picture_of_the_brand_stale(location: CodeLocation) -> None:
    all_made(location)
    location.write(brand={**BRAND, "palette": {**BRAND["palette"], "primary": "#AA1122"}})

    recorded(location)

    assert location.stale(NAMES.generated_images) == set(location.prompts())


def test_other_bytes_in_a_reference_make_stale_what_shows_the_character(
    location: CodeLocation,
) -> None:
    image = location.settings.config / "brands" / "images" / "ada.png"
    image.parent.mkdir(parents=True)
    image.write_bytes(encode(draw_noise(512, 512, seed=1)))
    # Supplied images need no pin.
    ada = {**BRAND["characters"]["ada"], "references": ["images/ada.png"], "auto_pin": False}
    location.write(brand={**BRAND, "characters": {**BRAND["characters"], "ada": ada}})
    all_made(location)
    image.write_bytes(encode(draw_noise(512, 512, seed=2)))

    recorded(location)

    assert location.stale(NAMES.generated_images) == {
        "winter/kitchen/all/1x1/v1",
        "winter/garden/all/1x1/v1",
    }


def test_another_model_makes_the_pictures_of_its_campaign_stale(location: CodeLocation) -> None:
    location.write(campaign(shot("porch", characters=[]), id="summer"))
    all_made(location)
    location.write(
        campaign(shot("porch", characters=[]), id="summer", model="nano-banana-2"),
    )

    recorded(location)

    assert location.stale(NAMES.generated_images) == {"summer/porch/all/1x1/v1"}


def test_a_new_code_version_makes_every_partition_of_its_asset_stale(
    location: CodeLocation,
) -> None:
    """Prompt template and renderer are in those of `image_requests` and `channel_images`."""
    all_made(location)

    def revise(spec: dg.AssetSpec) -> dg.AssetSpec:
        version = "next" if spec.key == NAMES.channel_images else spec.code_version
        return spec.replace_attributes(code_version=version)

    revised = location.definitions().map_resolved_asset_specs(func=revise)

    assert location.stale(NAMES.channel_images, revised) == set(location.prompts())
    assert location.stale(NAMES.generated_images, revised) == set()


def test_what_decides_no_picture_makes_nothing_stale(location: CodeLocation) -> None:
    """Budget, rhythm, owner's comments and the time of a file."""
    all_made(location)
    shots = (shot("kitchen"), shot("garden"), shot("attic", characters=[]))
    location.write(campaign(*shots, budget_usd=99, refresh="0 6 * * 1", time_zone="Europe/Berlin"))
    brief = location.settings.config / "campaigns" / "winter.yaml"
    brief.write_text(f"# Ask Mona first.\n{brief.read_text('utf-8')}", "utf-8")
    os.utime(location.settings.config / "brands" / "hilltop.yaml", (1, 1))

    recorded(location)

    for asset in (*PROMPT_ASSETS, NAMES.character_sheets, NAMES.campaign_sets):
        assert location.stale(asset) == set()


def test_a_stale_picture_is_fresh_after_it_was_made_again(location: CodeLocation) -> None:
    all_made(location)
    location.write(campaign(shot("kitchen", scene="Ada sleeps"), shot("garden"), shot("attic")))
    bills = location.service.bills

    location.materialize(PROMPT_ASSETS)

    assert location.stale(NAMES.generated_images) == set()
    assert location.service.bills > bills
