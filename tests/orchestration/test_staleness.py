"""After an edit exactly the pictures it touches show as stale."""

from nbp_dagster.assets.names import Names
from tests.fakes.briefs import BRAND, campaign, shot
from tests.orchestration.conftest import PROMPT_ASSETS, House

NAMES = Names()


def all_made(house: House) -> None:
    house.sheets_made()
    assert house.materialize(PROMPT_ASSETS).success
    assert house.materialize([NAMES.campaign_sets]).success


def test_nothing_is_stale_after_everything_was_made(house: House) -> None:
    all_made(house)

    for asset in (*PROMPT_ASSETS, NAMES.character_sheets, NAMES.campaign_sets):
        assert house.stale(asset) == set()


def test_making_everything_again_leaves_everything_fresh(house: House) -> None:
    all_made(house)
    all_made(house)

    for asset in (*PROMPT_ASSETS, NAMES.character_sheets, NAMES.campaign_sets):
        assert house.stale(asset) == set()


def test_an_edited_scene_makes_its_own_picture_stale_and_no_other(house: House) -> None:
    all_made(house)
    house.write(
        campaign(
            shot("kitchen"), shot("garden", scene="Ada waters roses"), shot("attic", characters=[])
        )
    )

    house.materialize([NAMES.image_requests])

    assert house.stale(NAMES.generated_images) == {"winter/garden/all/1x1/v1"}


def test_an_edited_trait_makes_stale_what_shows_the_character(house: House) -> None:
    all_made(house)
    ada = {**BRAND["characters"]["ada"], "traits": ["woman in her sixties", "white bob"]}
    brand = {**BRAND, "characters": {**BRAND["characters"], "ada": ada}}
    house.write(brand=brand)

    house.materialize([NAMES.brand_kits])
    house.materialize([NAMES.character_sheets])
    house.materialize([NAMES.image_requests])

    assert house.stale(NAMES.generated_images) == {
        "winter/kitchen/all/1x1/v1",
        "winter/garden/all/1x1/v1",
    }


def test_a_stale_picture_is_fresh_after_it_was_made_again(house: House) -> None:
    all_made(house)
    house.write(campaign(shot("kitchen", scene="Ada sleeps"), shot("garden"), shot("attic")))
    bills = house.service.bills

    house.materialize(PROMPT_ASSETS)

    assert house.stale(NAMES.generated_images) == set()
    assert house.service.bills > bills
