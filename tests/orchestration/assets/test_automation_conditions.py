"""Renditions and sets follow new images by themselves; paid assets never do."""

from nbp_dagster.assets.names import Names
from tests.fakes.briefs import campaign, shot
from tests.orchestration.conftest import PROMPT_ASSETS, House
from tests.rigs.daemon import GARDEN, KITCHEN, Follower, all_made

NAMES = Names()
FREE = {"channel_images", "campaign_sets"}


def edit_garden(house: House) -> None:
    house.write(
        campaign(
            shot("kitchen"), shot("garden", scene="Ada waters roses"), shot("attic", characters=[])
        )
    )


def followed(house: House) -> Follower:
    """Everything made, and the conditions evaluated once."""
    all_made(house)
    follower = Follower(house)
    assert follower.tick() == {}
    return follower


def test_an_image_made_alone_has_its_renditions_and_then_its_set_made(house: House) -> None:
    follower = followed(house)
    edit_garden(house)
    assert house.materialize([NAMES.generated_images], [GARDEN]).success

    assert follower.tick() == {"channel_images": {GARDEN}}

    assert follower.tick() == {}
    assert house.materialize([NAMES.channel_images], [GARDEN]).success
    assert follower.tick() == {"campaign_sets": {"winter"}}
    assert house.materialize([NAMES.campaign_sets]).success
    assert follower.tick() == {}
    assert house.stale(NAMES.channel_images) == set()
    assert house.stale(NAMES.campaign_sets) == set()


def test_a_run_that_made_all_of_it_is_followed_by_nothing(house: House) -> None:
    follower = followed(house)
    edit_garden(house)
    all_made(house)

    assert follower.tick() == {}
    assert follower.tick() == {}


def test_a_run_over_the_prompts_is_followed_by_the_set_alone(house: House) -> None:
    follower = followed(house)
    edit_garden(house)
    assert house.materialize(PROMPT_ASSETS).success

    assert follower.tick() == {"campaign_sets": {"winter"}}


def test_the_first_campaign_is_followed_from_its_first_image(house: House) -> None:
    follower = Follower(house)
    assert follower.tick() == {}
    house.sheets_made()
    assert house.materialize([NAMES.generated_images], [KITCHEN]).success

    assert follower.tick() == {"channel_images": {KITCHEN}}


def test_making_the_same_again_is_followed_by_nothing(house: House) -> None:
    follower = followed(house)
    assert house.materialize([NAMES.generated_images]).success

    assert follower.tick() == {}


def test_new_requests_and_sheets_never_have_an_image_bought(house: House) -> None:
    follower = followed(house)
    edit_garden(house)
    house.materialize([NAMES.brand_kits])
    house.materialize([NAMES.image_requests])
    assert house.stale(NAMES.generated_images) == {GARDEN}

    assert follower.tick() == {}


def test_conditions_and_their_sensor_are_on_free_assets_only(house: House) -> None:
    repository = house.definitions().get_repository_def()
    graph = repository.asset_graph
    with_condition = {
        key.to_user_string()
        for key in graph.get_all_asset_keys()
        if graph.get(key).automation_condition is not None
    }
    sensor = repository.get_sensor_def("free_assets_follow")
    target = sensor.asset_selection
    assert target is not None

    assert with_condition == FREE
    assert {key.to_user_string() for key in target.resolve(graph)} == FREE
