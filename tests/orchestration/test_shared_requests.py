"""Two prompts that end in the very same request: one purchase, priced and billed once."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from nbp_dagster.assets.names import PROMPT_STEP, Names
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.cli.plan_table import describe_plan
from nbp_dagster.studio.due_reasons import describe_due
from nbp_dagster.studio.ordering.planned_images import Plan
from nbp_dagster.studio.plan import plan_prompts
from tests.rigs.briefs import campaign
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

NAMES = Names()
# The model of the simulator's page lists no 21:9: it is asked as 16:9.
FIRST, SECOND = "winter/kitchen/all/16x9/v1", "winter/kitchen/all/21x9/v1"
BOTH = {FIRST, SECOND}
STRIP = {"name": "Strip", "file_type": "jpeg", "max_bytes": 900_000, "source": "our own"}
STRIPS = {
    "low": {**STRIP, "width": 1600, "height": 400, "ratio": "16:9"},
    "lower": {**STRIP, "width": 1600, "height": 300, "ratio": "21:9"},
}
# No picture has so much of it.
UNREACHABLE = {"palette_targets": {"accent": 0.95}}


def write(
    location: CodeLocation, channels: tuple[str, ...] = ("low", "lower"), **changes: Any
) -> None:
    path = Path(location.settings.config) / "channels.yaml"
    path.write_text(yaml.safe_dump(STRIPS), encoding="utf-8")
    shot = {"id": "kitchen", "scene": "a cup of tea", "text": "none"}
    location.write(campaign(shot, channels=list(channels), **changes))


@pytest.fixture
def strips(location: CodeLocation) -> CodeLocation:
    """A campaign for two strips of two ratios that the model draws as one."""
    write(location)
    return location


def planned(location: CodeLocation, *, fresh: bool = False) -> Plan:
    with open_studio(location.settings) as studio:
        return plan_prompts(studio, studio.prompts, fresh=fresh)


def states(location: CodeLocation) -> list[str]:
    with open_studio(location.settings) as studio:
        return [row.state for row in studio.ledger.rows()]


def originals(location: CodeLocation) -> dict[str, str]:
    """The digest of each prompt's original, by its renditions."""
    with open_studio(location.settings) as studio:
        records = {key: studio.records.read(key) for key in sorted(BOTH)}
    return {
        key: record.pictures[0].original_sha256
        for key, record in records.items()
        if record is not None
    }


def test_the_plan_prices_it_once_and_names_the_prompt_that_pays(strips: CodeLocation) -> None:
    plan = planned(strips)

    first, second = plan.images
    assert (first.fingerprint, second.shared_with) == (second.fingerprint, FIRST)
    assert plan.total_usd == Decimal("0.15")
    table = list(describe_plan(plan, simulated=False))
    assert any(f"the picture of {FIRST} serves it" in line for line in table)
    assert "total: 1 of 2 to buy, 0.15 USD" in table
    assert [row.to_json()["shared_with"] for row in plan.images] == ["", FIRST]
    with open_studio(strips.settings) as studio:
        orders = studio.compile(studio.prompts).orders.values()
        assert describe_due(studio, orders, fresh=False) == "1 to buy: 1 new"


def test_a_run_buys_one_picture_for_both_within_a_budget_for_one(strips: CodeLocation) -> None:
    write(strips, budget_usd=0.15)
    assert planned(strips).over == ()

    assert strips.materialize(PROMPT_ASSETS).success

    assert (strips.service.bills, states(strips)) == (1, ["made"])
    assert strips.materialized(NAMES.channel_images) == BOTH
    found = originals(strips)
    assert found.keys() == BOTH
    assert len(set(found.values())) == 1
    paid = [strips.latest(NAMES.generated_images, key).metadata for key in (FIRST, SECOND)]
    assert sum(float(str(each["price_usd"].value)) for each in paid) == 0.15
    plan = planned(strips)
    assert ({image.standing for image in plan.images}, plan.total_usd) == ({"made"}, 0)
    assert strips.materialize(PROMPT_ASSETS).success
    assert strips.service.bills == 1


def test_what_one_prompt_bought_earlier_serves_the_other(location: CodeLocation) -> None:
    write(location, ("lower",))
    assert location.materialize(PROMPT_ASSETS).success
    write(location)

    assert planned(location).total_usd == 0
    assert location.materialize(PROMPT_ASSETS).success

    assert location.service.bills == 1
    assert len(set(originals(location).values())) == 1


def test_both_are_bought_again_on_purpose_at_once(strips: CodeLocation) -> None:
    assert strips.materialize(PROMPT_ASSETS).success
    assert planned(strips, fresh=True).total_usd == Decimal("0.15")

    config = {PROMPT_STEP: {"config": {"fresh": True}}}
    assert strips.materialize(PROMPT_ASSETS, op_config=config).success

    assert (strips.service.bills, states(strips)) == (2, ["made", "made"])
    assert len(set(originals(strips).values())) == 1


@pytest.mark.parametrize(
    ("fault", "state", "standing"),
    [("fail", "failed", "to_make"), ("refuse", "refused", "refused")],
)
def test_both_end_as_their_one_purchase_ends(
    strips: CodeLocation, fault: str, state: str, standing: str
) -> None:
    strips.service.script({"kind": fault, "times": 1})

    assert not strips.materialize(PROMPT_ASSETS).success

    assert states(strips) == [state]
    assert strips.materialized(NAMES.generated_images) == set()
    assert {image.standing for image in planned(strips).images} == {standing}


def test_a_picture_that_fails_a_check_is_corrected_once_for_both(strips: CodeLocation) -> None:
    """The budget has room for the picture and one correction."""
    correct = {"max_attempts": 1, "checks": ["palette_coverage"]}
    write(strips, budget_usd=0.3, correct=correct, **UNREACHABLE)
    assert planned(strips).corrections == (1, Decimal("0.15"))

    assert strips.materialize(PROMPT_ASSETS).success

    assert (strips.service.bills, states(strips)) == (2, ["made", "made"])
    assert len(set(originals(strips).values())) == 1
    with open_studio(strips.settings) as studio:
        assert len(studio.regenerations.log.all()) == 1
    assert strips.materialize(PROMPT_ASSETS).success
    assert strips.service.bills == 2
