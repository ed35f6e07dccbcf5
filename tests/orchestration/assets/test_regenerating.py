"""Pictures that fail a check and are asked for once more: what is bought, kept, recorded, told."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from nbp_dagster.assets.names import PROMPT_STEP, Names
from nbp_dagster.automation.stale_partitions import outdated_prompts, owed_corrections
from nbp_dagster.cli.ledger_table import describe_accounts
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.correction_log import Correction
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.ledger_report import read_accounts
from nbp_dagster.studio.ordering.planned_images import Plan
from nbp_dagster.studio.plan import plan_campaigns
from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation
from tests.rigs.service import ServiceProbe

NAMES = Names()
KITCHEN, GARDEN, ATTIC = (f"winter/{name}/all/1x1/v1" for name in ("kitchen", "garden", "attic"))
ALL = {KITCHEN, GARDEN, ATTIC}
CORRECT = {"max_attempts": 1, "checks": ["copy_paste_rate"]}
# The first picture of the kitchen is its reference sent back; no later one is.
COPIED_ONCE = {"kind": "copy_paste", "prompt": "kitchen", "times": 1}


def shots() -> list[dict[str, Any]]:
    return [shot("kitchen"), shot("garden"), shot("attic")]


@pytest.fixture
def painted(location: CodeLocation) -> Iterator[CodeLocation]:
    """A location whose service paints whoever is asked for, with both sheets made."""
    with SimulatorServer(SimulatorOptions(latency=0.02)) as server:
        update = {"oxen_base_url": server.url, "character_scorer": "colour", "ocr": "off"}
        painted = replace(
            location,
            settings=location.settings.model_copy(update=update),
            service=ServiceProbe(server.url),
        )
        painted.write(campaign(*shots(), correct=CORRECT))
        painted.sheets_made()
        yield painted


def due(location: CodeLocation) -> list[str]:
    """What `nbp run` would take up."""
    with open_studio(location.settings) as studio:
        compiled = studio.compile(studio.prompts)
        return outdated_prompts(
            location.instance, studio, NAMES, prompts=studio.prompts, compiled=compiled
        )


def purchases(location: CodeLocation) -> dict[str, list[Purchase]]:
    """The ledger's rows of each prompt, oldest first."""
    with open_studio(location.settings) as studio:
        found: dict[str, list[Purchase]] = {}
        for row in studio.ledger.rows():
            found.setdefault(row.key, []).append(row)
        return found


def corrections(location: CodeLocation) -> dict[str, Correction]:
    """What was asked for again, by prompt; at most once each."""
    with open_studio(location.settings) as studio:
        rows = studio.regenerations.log.all()
    assert len({row.key for row in rows}) == len(rows)
    return {row.key: row for row in rows}


def planned(location: CodeLocation) -> Plan:
    with open_studio(location.settings) as studio:
        return plan_campaigns(studio, ["winter"])


def books(location: CodeLocation) -> list[str]:
    """What `nbp ledger` prints."""
    with open_studio(location.settings) as studio:
        accounts = read_accounts(studio.ledger, corrections=studio.regenerations.log)
        return list(describe_accounts(accounts))


def owed(location: CodeLocation) -> list[str]:
    """What `nbp run` says it did not ask for again."""
    with open_studio(location.settings) as studio:
        return owed_corrections(studio, studio.compile(studio.prompts))


def metadata_of(location: CodeLocation, key: str) -> dict[str, Any]:
    found = location.latest(NAMES.generated_images, key).metadata
    return {name: value.value for name, value in found.items()}


def shown(location: CodeLocation) -> dict[str, str]:
    """The digest that each prompt's original is recorded with."""
    return {key: metadata_of(location, key)["sha256"] for key in ALL}


def test_what_fails_a_check_is_asked_for_again_and_the_better_picture_kept(
    painted: CodeLocation,
) -> None:
    """The kitchen's second picture is right, the garden's no better, the attic's refused."""
    painted.service.script(
        # First, because a fault behind one that strikes does not count the call.
        {"kind": "refuse", "prompt": "attic", "nth": 2},
        COPIED_ONCE,
        {"kind": "copy_paste", "prompt": "garden"},
        {"kind": "copy_paste", "prompt": "attic"},
    )
    sheets = painted.service.bills

    result = painted.materialize(PROMPT_ASSETS)

    assert result.success
    assert painted.service.bills == sheets + 5
    rows, asked = purchases(painted), corrections(painted)
    assert {key: row.kept for key, row in asked.items()} == {
        KITCHEN: "correction",
        GARDEN: "first",
        ATTIC: "first",
    }
    assert asked[ATTIC].reason
    assert {key: [row.state for row in rows[key]] for key in ALL} == {
        KITCHEN: ["made", "made"],
        GARDEN: ["made", "made"],
        ATTIC: ["made", "refused"],
    }
    for key in ALL:
        first, second = rows[key]
        assert (second.parent, second.fingerprint) == (first.fingerprint, asked[key].fingerprint)
        # The sheet went with it, and the failed picture did not.
        assert second.request["references"] == first.request["references"]
        stands = second if key == KITCHEN else first
        assert stands.image is not None
        assert shown(painted)[key] == stands.image.sha256
    assert metadata_of(painted, KITCHEN)["fingerprint"] == asked[KITCHEN].fingerprint
    # Both pictures were paid for this one.
    assert [metadata_of(painted, key)["price_usd"] for key in (KITCHEN, GARDEN)] == [0.3, 0.3]
    failed = {
        item.partition: item.passed
        for item in result.get_asset_check_evaluations()
        if item.check_name == "copy_paste_rate" and item.partition
    }
    assert failed == {GARDEN: False, ATTIC: False}
    made = painted.instance.get_records_for_run(
        result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ).records
    places = [(item.asset_key, item.partition_key) for item in made]
    assert len(places) == len(set(places)) == 9
    assert [painted.stale(asset) for asset in PROMPT_ASSETS] == [set(), set(), set()]
    assert due(painted) == []


def test_what_was_decided_holds_whatever_is_lost_or_judged_otherwise(painted: CodeLocation) -> None:
    painted.service.script(COPIED_ONCE)
    painted.materialize(PROMPT_ASSETS)
    before, bills = shown(painted), painted.service.bills
    for record in (painted.settings.home / "records").rglob("*.json"):
        record.unlink()
    # Nobody can tell any more which of the two is a copy.
    painted.settings = painted.settings.model_copy(update={"character_scorer": "off"})

    assert painted.materialize(PROMPT_ASSETS).success

    assert painted.service.bills == bills
    assert shown(painted) == before
    assert metadata_of(painted, KITCHEN)["price_usd"] == 0.0


def test_opting_in_late_and_a_cap_leave_the_correction_due_until_it_is_made(
    painted: CodeLocation,
) -> None:
    painted.write(campaign(*shots()))
    painted.service.script(COPIED_ONCE)
    sheets = painted.service.bills
    assert painted.materialize(PROMPT_ASSETS).success
    assert painted.service.bills == sheets + 3
    assert due(painted) == []

    painted.write(campaign(*shots(), correct=CORRECT))
    assert due(painted) == [KITCHEN]
    assert planned(painted).corrections == (1, Decimal("0.15"))
    assert planned(painted).total_usd == 0
    budget = {PROMPT_STEP: {"config": {"budget_usd": 0.1}}}
    assert painted.materialize(PROMPT_ASSETS, op_config=budget).success
    assert painted.service.bills == sheets + 3
    assert due(painted) == owed(painted) == [KITCHEN]

    assert painted.materialize(PROMPT_ASSETS).success
    assert painted.service.bills == sheets + 4
    assert owed(painted) == []
    correction = corrections(painted)[KITCHEN]
    assert correction.kept == "correction"
    assert due(painted) == []
    assert planned(painted).corrections == (0, 0)
    [image] = [image for image in planned(painted).images if image.key == KITCHEN]
    assert image.prompt == correction.prompt
    [line] = [line for line in books(painted) if "instead of" in line]
    assert line.split("  ")[1:3] == [KITCHEN, "copy_paste_rate"]
    assert "the new picture is kept" in line


def test_fresh_starts_with_the_first_wording_again(painted: CodeLocation) -> None:
    painted.service.script(COPIED_ONCE)
    painted.materialize(PROMPT_ASSETS)
    bills = painted.service.bills

    fresh = {PROMPT_STEP: {"config": {"fresh": True}}}
    assert painted.materialize(PROMPT_ASSETS, op_config=fresh).success

    first, correction, anew = purchases(painted)[KITCHEN]
    assert painted.service.bills == bills + 3
    assert (first.fingerprint, correction.parent) == (anew.fingerprint, first.fingerprint)
    assert metadata_of(painted, KITCHEN)["fingerprint"] == first.fingerprint
    assert due(painted) == []
