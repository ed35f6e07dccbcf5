"""A refused prompt with a milder wording to try is quoted, counted and due: a run buys it."""

from decimal import Decimal
from typing import Any

import pytest

from nbp_dagster.assets.names import Names
from nbp_dagster.automation.schedules import find_due
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.studio.due_reasons import MILDER, describe_due
from nbp_dagster.studio.ordering.planned_images import Plan
from nbp_dagster.studio.plan import plan_prompts
from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

NAMES = Names()
GARDEN = "winter/garden/all/1x1/v1"
PRICE = Decimal("0.15")


def write(location: CodeLocation, **changes: Any) -> None:
    garden = shot("garden", scene="a cup on a table in the garden", characters=[])
    location.write(campaign(garden, **changes))


def plan(location: CodeLocation) -> Plan:
    with open_studio(location.settings) as studio:
        return plan_prompts(studio, studio.prompts)


def posts(location: CodeLocation) -> int:
    return sum(entry["method"] == "POST" for entry in location.service.requests("/api/ai/queue"))


@pytest.fixture
def refused(location: CodeLocation) -> CodeLocation:
    """One prompt that was refused while the brief had no milder wording for it."""
    write(location)
    location.service.script({"kind": "refuse", "prompt": "garden"})
    location.materialize(PROMPT_ASSETS)
    return location


def test_a_milder_wording_that_the_brief_allows_since_is_quoted_and_bought(
    refused: CodeLocation,
) -> None:
    assert (plan(refused).images[0].standing, plan(refused).total_usd) == ("refused", 0)
    write(refused, on_refusal="soften", soften_tries=1)

    [row] = plan(refused).images

    assert (row.key, row.standing, row.price_usd, row.why) == (GARDEN, "to_make", PRICE, (MILDER,))
    assert "suitable for every audience" in row.prompt
    with open_studio(refused.settings) as studio:
        orders = studio.compile(studio.prompts).orders.values()
        assert describe_due(studio, orders, fresh=False) == f"1 to buy: 1 {MILDER}"
    before = posts(refused)
    refused.materialize(PROMPT_ASSETS)
    assert posts(refused) - before == 1
    assert (plan(refused).images[0].standing, plan(refused).total_usd) == ("refused", 0)


def test_a_schedule_makes_it_and_names_its_quote(refused: CodeLocation) -> None:
    write(refused, on_refusal="soften", soften_tries=1)

    with open_studio(refused.settings) as studio:
        due = find_due(studio, refused.instance, NAMES, campaign_id="winter")

    assert due.ranges == ((GARDEN,),)
    assert "1 of 1 prompts are due, quote 0.15 USD" in due.reason


def test_a_cap_without_room_for_it_is_told_and_holds(refused: CodeLocation) -> None:
    write(refused, on_refusal="soften", soften_tries=1, budget_usd=0.20)

    [over] = plan(refused).over
    before = posts(refused)
    refused.materialize(PROMPT_ASSETS)

    assert "winter" in over
    assert posts(refused) == before


def test_a_cap_between_refusal_and_milder_wording_leaves_it_to_be_bought(
    location: CodeLocation,
) -> None:
    soft = {"on_refusal": "soften", "soften_tries": 1}
    write(location, **soft, budget_usd=0.20)
    location.service.script({"kind": "refuse", "prompt": "garden", "times": 1})
    location.materialize(PROMPT_ASSETS)

    [row] = plan(location).images
    assert (row.standing, row.price_usd) == ("to_make", PRICE)
    write(location, **soft)
    assert location.materialize(PROMPT_ASSETS).success
    assert [item.standing for item in plan(location).images] == ["made"]
