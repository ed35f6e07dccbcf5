"""Renditions and sets follow new images by themselves; paid assets never do."""

from nbp_dagster.assets.names import Names
from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation
from tests.rigs.daemon import (
    GARDEN,
    KITCHEN,
    Follower,
    all_made,
    ask_for_backfill,
    end_backfill,
)

NAMES = Names()
FREE = {"channel_images", "campaign_sets"}


def edit_garden(location: CodeLocation) -> None:
    location.write(
        campaign(
            shot("kitchen"), shot("garden", scene="Ada waters roses"), shot("attic", characters=[])
        )
    )


def followed(location: CodeLocation) -> Follower:
    """Everything made, and the conditions evaluated once."""
    all_made(location)
    follower = Follower(location)
    assert follower.tick() == {}
    return follower


def test_an_image_made_alone_has_its_renditions_and_then_its_set_made(
    location: CodeLocation,
) -> None:
    follower = followed(location)
    edit_garden(location)
    assert location.materialize([NAMES.generated_images], [GARDEN]).success

    assert follower.tick() == {"channel_images": {GARDEN}}

    assert follower.tick() == {}
    assert location.materialize([NAMES.channel_images], [GARDEN]).success
    assert follower.tick() == {"campaign_sets": {"winter"}}
    assert location.materialize([NAMES.campaign_sets]).success
    assert follower.tick() == {}
    assert location.stale(NAMES.channel_images) == set()
    assert location.stale(NAMES.campaign_sets) == set()


def test_a_run_that_made_all_of_it_is_followed_by_nothing(location: CodeLocation) -> None:
    follower = followed(location)
    edit_garden(location)
    all_made(location)

    assert follower.tick() == {}
    assert follower.tick() == {}


def test_a_run_over_the_prompts_is_followed_by_the_set_alone(location: CodeLocation) -> None:
    follower = followed(location)
    edit_garden(location)
    assert location.materialize(PROMPT_ASSETS).success

    assert follower.tick() == {"campaign_sets": {"winter"}}


def test_the_first_campaign_is_followed_from_its_first_image(location: CodeLocation) -> None:
    follower = Follower(location)
    assert follower.tick() == {}
    location.sheets_made()
    assert location.materialize([NAMES.generated_images], [KITCHEN]).success

    assert follower.tick() == {"channel_images": {KITCHEN}}


def test_making_the_same_again_is_followed_by_nothing(location: CodeLocation) -> None:
    follower = followed(location)
    assert location.materialize([NAMES.generated_images]).success

    assert follower.tick() == {}


def test_new_requests_and_sheets_never_have_an_image_bought(location: CodeLocation) -> None:
    follower = followed(location)
    edit_garden(location)
    location.materialize([NAMES.brand_kits])
    location.materialize([NAMES.image_requests])
    assert location.stale(NAMES.generated_images) == {GARDEN}

    assert follower.tick() == {}


def test_conditions_and_their_sensor_are_on_free_assets_only(location: CodeLocation) -> None:
    repository = location.definitions().get_repository_def()
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


def test_a_set_waits_for_the_backfill_that_its_prompts_belong_to(location: CodeLocation) -> None:
    follower = followed(location)
    edit_garden(location)
    backfill = ask_for_backfill(location, PROMPT_ASSETS, [KITCHEN, GARDEN])
    # The first run of two: the second is not even begun.
    tags = {"dagster/backfill": backfill}
    assert location.materialize(PROMPT_ASSETS, [GARDEN], tags=tags).success

    assert follower.tick() == {}

    end_backfill(location, backfill)
    assert follower.tick() == {"campaign_sets": {"winter"}}


def test_a_set_that_a_backfill_is_asked_for_is_left_to_it(location: CodeLocation) -> None:
    follower = followed(location)
    edit_garden(location)
    assets = [*PROMPT_ASSETS, NAMES.campaign_sets]
    backfill = ask_for_backfill(location, assets, [GARDEN])
    assert location.materialize(
        PROMPT_ASSETS, [GARDEN], tags={"dagster/backfill": backfill}
    ).success

    assert follower.tick() == {}


def test_a_set_behind_a_retry_waits_until_its_backfill_has_looked_again(
    location: CodeLocation,
) -> None:
    follower = followed(location)
    edit_garden(location)
    # Over, as a backfill is for Dagster's conditions from a failure to its next look.
    backfill = ask_for_backfill(location, PROMPT_ASSETS, [GARDEN])
    end_backfill(location, backfill)
    tags = {"dagster/backfill": backfill, "dagster/retry_number": "1"}
    assert location.materialize(PROMPT_ASSETS, [GARDEN], tags=tags).success

    assert [follower.tick() for _ in range(3)] == [{}, {}, {}]
    assert follower.tick() == {"campaign_sets": {"winter"}}


def test_a_set_behind_a_retry_of_no_backfill_waits_for_nothing(location: CodeLocation) -> None:
    follower = followed(location)
    edit_garden(location)
    tags = {"dagster/retry_number": "1"}
    assert location.materialize(PROMPT_ASSETS, [GARDEN], tags=tags).success

    assert follower.tick() == {"campaign_sets": {"winter"}}
