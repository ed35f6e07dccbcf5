"""Edits in Dagster: made after what they start from, due when that changes, paid once."""

from collections.abc import Iterator
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import pytest

from nbp_dagster.assets.names import PROMPT_STEP, Names
from nbp_dagster.assets.step_failures import WITHOUT_IMAGE
from nbp_dagster.automation.stale_partitions import outdated_prompts
from nbp_dagster.cli.openings import create_access_rules, open_review, open_studio
from nbp_dagster.prompts.request import Reference
from nbp_dagster.studio.asking.asker import Asker, CannotAsk, Change
from nbp_dagster.studio.ordering.planned_images import PlannedImage
from nbp_dagster.studio.plan import plan_prompts
from nbp_dagster.studio.review.reviews import Reviews, Seen
from tests.rigs.briefs import campaign
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

NAMES = Names()
EN, DE = "winter/menu/en/1x1/v1", "winter/menu/de/1x1/v1"
PARK, SNOW = "winter/park/all/1x1/v1", "winter/snow/all/1x1/v1"
MENU = {
    "id": "menu",
    "scene": "a cup of tea",
    "text": "drawn",
    "localize": "edit",
    "copy": {"headline": {"en": "Stay warm", "de": "Bleib warm"}},
}
SHOTS: tuple[dict[str, Any], ...] = (
    MENU,
    {"id": "park", "scene": "a bench", "text": "none"},
    {
        "id": "snow",
        "scene": "a bench in snow",
        "text": "none",
        "from": "park",
        "instruction": "make it winter",
    },
)


def write(location: CodeLocation, *shots: dict[str, Any], **changes: Any) -> None:
    location.write(campaign(*(shots or SHOTS), locales=["en", "de"], **changes))


@pytest.fixture
def edits(location: CodeLocation) -> CodeLocation:
    """Two pictures that are drawn, and an edit of each."""
    write(location)
    return location


def planned(location: CodeLocation) -> dict[str, PlannedImage]:
    with open_studio(location.settings) as studio:
        return {row.key: row for row in plan_prompts(studio, studio.prompts).images}


def outdated(location: CodeLocation) -> list[str]:
    with open_studio(location.settings) as studio:
        return outdated_prompts(
            location.instance,
            studio,
            NAMES,
            prompts=studio.prompts,
            compiled=studio.compile(studio.prompts),
        )


def originals(location: CodeLocation) -> dict[str, str]:
    """The digest of each prompt's present original."""
    with open_studio(location.settings) as studio:
        orders = studio.compile(studio.prompts).orders.values()
        made = studio.find_made(orders)
        return {each.key: each.image.sha256 for each in made if hasattr(each, "image")}


def first_reference(location: CodeLocation, key: str) -> Reference:
    with open_studio(location.settings) as studio:
        return studio.compile(studio.prompts).orders[key].request.references[0]


def test_one_run_makes_edits_after_what_they_start_from(edits: CodeLocation) -> None:
    result = edits.materialize(PROMPT_ASSETS)

    assert result.success
    assert edits.service.bills == 4
    assert edits.materialized(NAMES.channel_images) == {EN, DE, PARK, SNOW}
    made = originals(edits)
    for key, base in ((DE, EN), (SNOW, PARK)):
        assert first_reference(edits, key) == Reference(
            "original", base.split("/")[1], f"original:{base}", made[base]
        )
    assert edits.stale(NAMES.generated_images) == set()
    links = edits.latest(NAMES.generated_images, SNOW).metadata["made_from"]
    assert "winter%2Fpark" in str(links.value)
    assert edits.materialize(PROMPT_ASSETS).success
    assert edits.service.bills == 4


def test_the_plan_prices_edits_before_their_start_is_made_and_says_what_they_wait_for(
    edits: CodeLocation,
) -> None:
    before = planned(edits)

    assert {key: row.standing for key, row in before.items()} == {
        EN: "to_make",
        DE: "waits_for_original",
        PARK: "to_make",
        SNOW: "waits_for_original",
    }
    assert before[SNOW].reason == f"an edit of {PARK}, made first"
    assert (before[SNOW].fingerprint, before[SNOW].price_usd) == (None, Decimal("0.15"))
    assert before[SNOW].prompt.startswith("Edit Image 1, a finished picture of Hilltop Tea: make")
    assert edits.materialize(PROMPT_ASSETS).success
    after = planned(edits)
    assert {row.standing for row in after.values()} == {"made"}


def test_an_edit_is_due_again_when_its_start_changes_and_nothing_else_is(
    edits: CodeLocation,
) -> None:
    assert edits.materialize(PROMPT_ASSETS).success
    before = originals(edits)
    write(edits, MENU, {**SHOTS[1], "scene": "a bench by a lake"}, SHOTS[2])

    assert planned(edits)[SNOW].standing == "waits_for_original"
    assert outdated(edits) == [PARK, SNOW]
    assert edits.materialize(PROMPT_ASSETS).success

    assert edits.service.bills == 6
    after = originals(edits)
    assert {key for key in after if after[key] != before[key]} == {PARK, SNOW}
    assert first_reference(edits, SNOW).digest == after[PARK]


def test_what_is_bought_again_on_purpose_is_edited_again_in_the_same_run(
    edits: CodeLocation,
) -> None:
    assert edits.materialize(PROMPT_ASSETS).success

    fresh = {PROMPT_STEP: {"config": {"fresh": True}}}
    assert edits.materialize(PROMPT_ASSETS, [PARK, SNOW], op_config=fresh).success

    assert edits.service.bills == 6
    assert first_reference(edits, SNOW).digest == originals(edits)[PARK]
    assert edits.stale(NAMES.generated_images) == set()


def test_an_edit_of_what_is_refused_is_not_bought_and_says_why(edits: CodeLocation) -> None:
    edits.service.script({"kind": "refuse", "times": 1, "prompt": "a bench"})

    result = edits.materialize(PROMPT_ASSETS, [PARK, SNOW])

    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    table = failure.step_failure_data.user_failure_data.metadata[WITHOUT_IMAGE]
    reasons = {row.data["prompt"]: row.data["reason"] for row in table.records}
    assert reasons[SNOW] == f"it is an edit, and {PARK} has no picture yet"
    assert edits.materialized(NAMES.generated_images) == set()


def test_an_edit_alone_asks_for_what_it_starts_from(edits: CodeLocation) -> None:
    result = edits.materialize(PROMPT_ASSETS, [SNOW])

    assert not result.success
    assert edits.service.bills == 0


def test_requests_alone_are_recorded_as_far_as_they_are_known(edits: CodeLocation) -> None:
    assert edits.materialize([NAMES.image_requests]).success
    assert edits.materialized(NAMES.image_requests) == {EN, PARK}

    assert edits.materialize(PROMPT_ASSETS).success
    assert edits.materialized(NAMES.image_requests) == {EN, DE, PARK, SNOW}


@pytest.fixture
def reviews(location: CodeLocation) -> Iterator[Reviews]:
    access = create_access_rules(location.settings, listen="127.0.0.1", default_name="ada")
    with open_review(location.settings, access) as context:
        yield context.reviews


def test_where_approval_is_required_an_edit_waits_for_it_and_no_run_fails(
    edits: CodeLocation, reviews: Reviews
) -> None:
    write(edits, require_approval=True)
    assert planned(edits)[SNOW].standing == "waits_for_approval"
    assert planned(edits)[SNOW].price_usd == 0

    assert edits.materialize(PROMPT_ASSETS).success
    assert edits.service.bills == 2
    assert planned(edits)[SNOW].reason == f"{PARK} waits for approval (`nbp review`)"
    assert outdated(edits) == []

    assert edits.materialize([NAMES.campaign_sets]).success
    for row in reviews.open("winter").rows:
        if row.picture.prompt_key == PARK:
            seen = Seen(row.picture.file, row.picture.sha256, 0)
            reviews.decide("winter", seen, "approved", who="ada")
    assert planned(edits)[SNOW].standing == "to_make"
    assert outdated(edits) == [SNOW]
    assert edits.materialize(PROMPT_ASSETS).success
    assert edits.service.bills == 3
    assert edits.materialized(NAMES.generated_images) == {EN, PARK, SNOW}


def test_edits_of_a_picture_that_is_at_the_service_have_their_price_in_the_plan(
    edits: CodeLocation,
) -> None:
    """A portal's page came in place of the result: the next run fetches it, and buys the edit."""
    edits.service.script({"kind": "html", "times": 50})
    assert not edits.materialize(PROMPT_ASSETS, [PARK, SNOW]).success
    assert edits.service.bills == 1

    found = planned(edits)

    assert found[PARK].standing == "open"
    assert found[SNOW].standing == "waits_for_original"
    assert found[SNOW].price_usd == Decimal("0.15")


def ask_again(location: CodeLocation, key: str) -> None:
    with open_studio(location.settings) as studio:
        asker = Asker(lambda: nullcontext(studio))
        asker.ask(key, Change("More snow"), price_usd=Decimal("0.15"))


def test_no_edit_is_bought_of_a_picture_that_another_one_is_asked_for(
    edits: CodeLocation,
) -> None:
    assert edits.materialize(PROMPT_ASSETS).success
    ask_again(edits, PARK)

    assert planned(edits)[SNOW].standing == "waits_for_original"
    assert not edits.materialize(PROMPT_ASSETS, [SNOW]).success
    assert edits.service.bills == 4
    with pytest.raises(CannotAsk, match="is asked for; it is made first"):
        ask_again(edits, SNOW)

    assert edits.materialize(PROMPT_ASSETS, [PARK, SNOW]).success
    assert edits.service.bills == 6
    assert first_reference(edits, SNOW).digest == originals(edits)[PARK]
    assert outdated(edits) == []


def test_the_quote_of_another_picture_names_the_edits_that_are_due_after_it(
    edits: CodeLocation,
) -> None:
    assert edits.materialize(PROMPT_ASSETS).success
    with open_studio(edits.settings) as studio:
        asker = Asker(lambda: nullcontext(studio))

        assert asker.quote(PARK, Change("More snow")).follows == 1
        assert asker.quote(SNOW, Change("More snow")).follows == 0


def test_a_picture_that_may_be_corrected_counts_the_edits_that_would_follow(
    edits: CodeLocation,
) -> None:
    assert edits.materialize(PROMPT_ASSETS).success
    # No picture has so much of it.
    targets = {"palette_targets": {"accent": 0.95}}
    write(edits, correct={"max_attempts": 1, "checks": ["palette_coverage"]}, **targets)
    with open_studio(edits.settings) as studio:
        prompts = studio.prompts
        orders = studio.compile(prompts).orders
        postprocessor = studio.postprocessor({p.key: p for p in prompts}, orders, renders=True)
        for _ in studio.postprocess_made(orders.values(), postprocessor):
            pass

    found = planned(edits)

    assert (found[PARK].standing, found[PARK].may_correct) == ("made", 2)
    assert found[SNOW].may_correct == 1


def test_edits_behind_a_sheet_are_priced_after_their_approval(location: CodeLocation) -> None:
    shots = tuple({**each, "characters": ["ada"]} for each in SHOTS)
    write(location, *shots, require_approval=True)

    found = planned(location)

    assert found[PARK].standing == "waits_for_sheet"
    assert (found[SNOW].standing, found[SNOW].price_usd) == ("waits_for_approval", 0)
