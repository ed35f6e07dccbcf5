"""Pictures that fail a check and are asked for once more: what is bought, kept, recorded, told."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from nbp_dagster.assets.names import PROMPT_STEP, Names
from nbp_dagster.assets.outdated import outdated_prompts
from nbp_dagster.project import open_studio
from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.correction_log import Correction
from nbp_dagster.studio.ledger import Purchase
from tests.fakes.briefs import campaign, shot
from tests.orchestration.conftest import PROMPT_ASSETS, House

NAMES = Names()
KITCHEN, GARDEN = "winter/kitchen/all/1x1/v1", "winter/garden/all/1x1/v1"
# The first picture of the kitchen is its reference sent back; no later one is.
COPIED_ONCE = {"kind": "copy_paste", "prompt": "kitchen", "times": 1}
CORRECT = {"max_attempts": 1, "checks": ["copy_paste_rate"]}


@pytest.fixture
def painted(house: House) -> Iterator[House]:
    """A house whose service paints whoever is asked for, with both sheets made."""
    with SimulatorServer(SimulatorOptions(latency=0.02)) as server:
        update = {"oxen_base_url": server.url, "nbp_character_scorer": "colour"}
        painted = replace(house, settings=house.settings.model_copy(update=update))
        painted = replace(painted, service=replace(house.service, url=server.url))
        painted.write(campaign(shot("kitchen"), shot("garden"), correct=CORRECT))
        painted.sheets_made()
        yield painted


def due(house: House) -> list[str]:
    """What `nbp run` would take up."""
    with open_studio(house.settings) as studio:
        compiled = studio.compile(studio.prompts)
        return outdated_prompts(
            house.instance, studio, NAMES, prompts=studio.prompts, compiled=compiled
        )


def books(house: House) -> tuple[list[Purchase], list[Correction]]:
    """The purchases of prompts, and the corrections."""
    with open_studio(house.settings) as studio:
        rows = [row for row in studio.ledger.rows() if row.shot]
        return rows, list(studio.corrections.log.all())


def told(result: dg.ExecuteInProcessResult) -> list[str]:
    return [event.message or "" for event in result.all_events]


def metadata_of(house: House, key: str) -> dict[str, Any]:
    found = house.latest(NAMES.generated_images, key).metadata
    return {name: value.value for name, value in found.items()}


def test_a_picture_that_fails_a_check_is_asked_for_again_and_the_better_one_kept(
    painted: House,
) -> None:
    painted.service.script(COPIED_ONCE)
    bills = painted.service.bills

    result = painted.materialize(PROMPT_ASSETS)

    assert result.success
    assert painted.service.bills == bills + 3
    rows, [correction] = books(painted)
    first, second = [row for row in rows if row.key == KITCHEN]
    assert (second.parent, second.fingerprint) == (first.fingerprint, correction.fingerprint)
    assert (correction.kept, correction.checks) == ("correction", ("copy_paste_rate",))
    assert first.image is not None
    assert second.image is not None
    shown = metadata_of(painted, KITCHEN)
    assert shown["sha256"] == second.image.sha256
    assert shown["fingerprint"] == second.fingerprint
    # Both were paid for this picture.
    assert shown["price_usd"] == 0.3
    # The sheet went with it, and the failed picture did not.
    assert [item["digest"] for item in second.request["references"]] == [
        item["digest"] for item in first.request["references"]
    ]
    for asset in PROMPT_ASSETS:
        assert painted.materialized(asset) == set(painted.prompts())
        assert painted.stale(asset) == set()
    assert due(painted) == []


def test_a_second_run_buys_nothing_and_shows_the_same(painted: House) -> None:
    painted.service.script(COPIED_ONCE)
    painted.materialize(PROMPT_ASSETS)
    before, bills = metadata_of(painted, KITCHEN), painted.service.bills

    result = painted.materialize(PROMPT_ASSETS)

    after = metadata_of(painted, KITCHEN)
    assert result.success
    assert painted.service.bills == bills
    assert (after["sha256"], after["price_usd"]) == (before["sha256"], 0.0)


def test_an_event_is_logged_once_an_asset_and_prompt(painted: House) -> None:
    painted.service.script(COPIED_ONCE)

    result = painted.materialize(PROMPT_ASSETS)

    seen = [
        (event.asset_key, event.partition)
        for event in result.all_events
        if event.is_step_materialization
    ]
    assert len(seen) == len(set(seen)) == 6


def test_a_correction_that_is_no_better_leaves_the_first_and_is_not_tried_again(
    painted: House,
) -> None:
    painted.service.script({**COPIED_ONCE, "times": 9})
    painted.materialize(PROMPT_ASSETS)
    bills = painted.service.bills
    rows, [correction] = books(painted)

    result = painted.materialize(PROMPT_ASSETS)

    first, second = [row for row in rows if row.key == KITCHEN]
    assert second.image is not None
    assert first.image is not None
    assert correction.kept == "first"
    assert metadata_of(painted, KITCHEN)["sha256"] == first.image.sha256
    assert result.success
    assert painted.service.bills == bills
    assert due(painted) == []


def test_a_refused_correction_leaves_the_first_and_its_failed_check(painted: House) -> None:
    painted.service.script(
        COPIED_ONCE, {"kind": "refuse", "prompt": "points before all", "times": 1}
    )

    result = painted.materialize(PROMPT_ASSETS)

    rows, [correction] = books(painted)
    assert result.success
    assert correction.kept == "first"
    assert correction.reason
    assert [row.state for row in rows if row.key == KITCHEN] == ["made", "refused"]
    failed = [
        item.partition
        for item in result.get_asset_check_evaluations()
        if item.check_name == "copy_paste_rate" and item.partition
    ]
    assert failed == [KITCHEN]
    assert due(painted) == []


def test_a_correction_over_the_cap_waits_and_the_first_picture_is_shown(painted: House) -> None:
    painted.service.script(COPIED_ONCE)
    bills = painted.service.bills
    config = {PROMPT_STEP: {"config": {"budget_usd": 0.3}}}

    result = painted.materialize(PROMPT_ASSETS, op_config=config)

    assert result.success
    assert painted.service.bills == bills + 2
    assert painted.materialized(NAMES.generated_images) == set(painted.prompts())
    assert due(painted) == [KITCHEN]
    assert painted.materialize(PROMPT_ASSETS).success
    rows, [correction] = books(painted)
    assert painted.service.bills == bills + 3
    assert correction.kept == "correction"
    assert due(painted) == []
    assert sum((row.price_usd for row in rows), Decimal(0)) == Decimal("0.45")


def test_lost_records_and_judgements_change_nothing_about_what_is_kept(painted: House) -> None:
    painted.service.script(COPIED_ONCE)
    painted.materialize(PROMPT_ASSETS)
    bills = painted.service.bills
    for record in (painted.settings.nbp_home / "records").rglob("*.json"):
        record.unlink()
    # Nobody can tell any more which of the two is like its sheet.
    painted.settings = painted.settings.model_copy(update={"nbp_character_scorer": "off"})

    assert painted.materialize(PROMPT_ASSETS).success

    _, [correction] = books(painted)
    assert painted.service.bills == bills
    assert metadata_of(painted, KITCHEN)["fingerprint"] == correction.fingerprint


def test_fresh_starts_with_the_first_wording_again(painted: House) -> None:
    painted.service.script(COPIED_ONCE)
    painted.materialize(PROMPT_ASSETS)
    bills = painted.service.bills

    config = {PROMPT_STEP: {"config": {"fresh": True}}}
    result = painted.materialize(PROMPT_ASSETS, op_config=config)

    rows, _ = books(painted)
    kitchen = [row for row in rows if row.key == KITCHEN]
    assert result.success
    assert painted.service.bills == bills + 2
    assert [row.parent is None for row in kitchen] == [True, False, True]
    assert metadata_of(painted, KITCHEN)["fingerprint"] == kitchen[0].fingerprint
    assert due(painted) == []


def test_without_the_brief_s_word_nothing_is_asked_for_again(painted: House) -> None:
    painted.write(campaign(shot("kitchen"), shot("garden")))
    painted.service.script(COPIED_ONCE)
    bills = painted.service.bills

    assert painted.materialize(PROMPT_ASSETS).success

    assert painted.service.bills == bills + 2
    assert due(painted) == []
    # Opting in later makes exactly the one that falls short due.
    painted.write(campaign(shot("kitchen"), shot("garden"), correct=CORRECT))
    assert due(painted) == [KITCHEN]
