"""What failed too often is left alone by the plan as it is by the run, until somebody allows it."""

from pathlib import Path

import dagster as dg
import pytest

from nbp_dagster.assets.names import PROMPT_STEP, Names
from nbp_dagster.automation.schedules import find_due
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.cli.plan_table import describe_plan, plan_json
from nbp_dagster.clock import SystemClock
from nbp_dagster.studio.due_reasons import describe_due
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.reopening import reopen
from nbp_dagster.studio.ordering.planned_images import Plan, PlannedImage
from nbp_dagster.studio.plan import plan_prompts
from tests.rigs.briefs import BRAND, campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

NAMES = Names()
KITCHEN, GARDEN = "winter/kitchen/all/1x1/v1", "winter/garden/all/1x1/v1"
ADA = "hilltop/ada"
WORDS = "the flux capacitor is out of range"


def write(location: CodeLocation, *, scene: str = "a cup on a table in the garden") -> None:
    """Two shots without a character, so that no sheet is needed."""
    location.write(
        campaign(
            shot("kitchen", scene="a cup by the stove", characters=[]),
            shot("garden", scene=scene, characters=[]),
        )
    )


@pytest.fixture
def failing(location: CodeLocation) -> CodeLocation:
    """The kitchen is made, the garden has failed in two runs with the same words."""
    write(location)
    location.service.script({"kind": "fail", "prompt": "garden", "message": WORDS})
    for _ in range(2):
        location.materialize(PROMPT_ASSETS)
    return location


def planned(location: CodeLocation, *, fresh: bool = False) -> Plan:
    with open_studio(location.settings) as studio:
        return plan_prompts(studio, studio.prompts, fresh=fresh)


def row(location: CodeLocation, key: str = GARDEN, *, fresh: bool = False) -> PlannedImage:
    return next(item for item in planned(location, fresh=fresh).images if item.key == key)


def due(location: CodeLocation, *, fresh: bool = False) -> str:
    with open_studio(location.settings) as studio:
        orders = studio.compile(studio.prompts, fresh=fresh).orders.values()
        return describe_due(studio, orders, fresh=fresh)


def run(location: CodeLocation, *, fresh: bool = False) -> int:
    """Run all prompts once; returns how many the service was asked for."""
    before = posts(location)
    location.materialize(PROMPT_ASSETS, op_config={PROMPT_STEP: {"config": {"fresh": fresh}}})
    return posts(location) - before


def posts(location: CodeLocation) -> int:
    entries = location.service.requests("/api/ai/queue")
    return sum(entry["method"] == "POST" for entry in entries)


def test_the_plan_says_left_alone_with_what_allows_it_again_and_counts_no_money(
    failing: CodeLocation,
) -> None:
    plan = planned(failing)

    left = row(failing)
    assert (left.standing, left.price_usd, left.may_correct) == ("left_alone", 0, 0)
    table = list(describe_plan(plan, simulated=False))
    assert "left alone" in next(line for line in table if line.startswith(GARDEN))
    [advice] = [line for line in table if line.startswith(f"{GARDEN}: ")]
    assert f"failed 2 times with the same words (the service failed the job: {WORDS})" in advice
    assert f"`nbp ledger reopen {(left.fingerprint or '')[:12]} --reason TEXT`" in advice
    assert "total: 0 of 2 to buy, 0.00 USD" in table
    images = plan_json(plan)["images"]
    found = {item["key"]: (item["standing"], item["price_usd"]) for item in images}
    assert found[GARDEN] == ("left_alone", "0")
    assert due(failing) == ""
    assert run(failing) == 0


def test_after_one_failure_it_is_still_to_be_made(location: CodeLocation) -> None:
    write(location)
    location.service.script({"kind": "fail", "prompt": "garden", "message": WORDS})
    location.materialize(PROMPT_ASSETS)

    assert row(location).standing == "to_make"
    assert run(location) == 1


def test_fresh_plans_and_buys_it(failing: CodeLocation) -> None:
    assert row(failing, fresh=True).standing == "to_make"
    assert sum(item.is_due for item in planned(failing, fresh=True).images) == 2
    assert run(failing, fresh=True) == 2


def test_an_edited_brief_plans_and_buys_it(failing: CodeLocation) -> None:
    write(failing, scene="a cup on a bench in the garden")

    edited = row(failing)
    assert (edited.standing, edited.is_due) == ("to_make", True)
    assert due(failing).startswith("1 to buy: ")
    assert run(failing) == 1


def test_once_reopened_it_is_planned_and_bought(failing: CodeLocation) -> None:
    database = open_ledger(Path(failing.settings.home) / "ledger.sqlite")
    reopen(database, GARDEN, clock=SystemClock(), who="jo@desk", reason="they mended it")
    database.dispose()

    assert row(failing).standing == "to_make"
    assert run(failing) == 1


def test_it_takes_no_room_under_a_budget_from_what_is_bought(failing: CodeLocation) -> None:
    """Three failed or made so far; one more fits, and it and the one left alone would not."""
    failing.write(
        campaign(
            shot("kitchen", scene="a cup by the stove", characters=[]),
            shot("garden", scene="a cup on a table in the garden", characters=[]),
            shot("attic", scene="a cup under the roof", characters=[]),
            budget_usd=0.60,
        )
    )

    plan = planned(failing)
    assert (str(plan.total_usd), plan.over) == ("0.15", ())
    assert run(failing) == 1
    assert "winter/attic/all/1x1/v1" in failing.materialized(NAMES.generated_images)


def test_it_alone_is_no_reason_for_a_scheduled_run(failing: CodeLocation) -> None:
    with open_studio(failing.settings) as studio:
        instance: dg.DagsterInstance = failing.instance
        found = find_due(studio, instance, NAMES, campaign_id="winter")

    assert not found.ranges
    assert "0 of 2 prompts are due, 1 more can't be made until the brief is edited" in found.reason


def test_a_sheet_that_is_left_alone_leaves_its_pictures_alone_too(location: CodeLocation) -> None:
    location.write(campaign(shot("kitchen"), shot("garden", characters=[])), brand=BRAND)
    location.service.script({"kind": "fail", "prompt": "silver bob", "message": WORDS})
    assert location.materialize([NAMES.brand_kits]).success
    for _ in range(2):
        location.materialize([NAMES.character_sheets], [ADA])

    plan = {item.key: item for item in planned(location).images}

    assert (plan[ADA].standing, plan[ADA].price_usd) == ("left_alone", 0)
    assert (plan[KITCHEN].standing, plan[KITCHEN].price_usd) == ("left_alone", 0)
    assert plan[KITCHEN].reason.startswith(f"its sheet {ADA}: failed 2 times")
    assert (plan[GARDEN].standing, plan[GARDEN].is_due) == ("to_make", True)
    before = posts(location)
    location.materialize([NAMES.character_sheets], [ADA])
    assert posts(location) == before
