"""A run whose service goes away: what it says, and whether Dagster may retry it by itself."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from nbp_dagster.assets.names import PROMPT_STEP, Names
from nbp_dagster.assets.step import wait_reason
from nbp_dagster.assets.step_failures import BatchLog, fail_step, plain_failure
from nbp_dagster.oxen.rate_limit.outage_breaker import Outage
from nbp_dagster.project import open_instance
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Failed, OutcomeCounts
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import order, workbench

NAMES = Names()
RETRY_TAG = "dagster/retry_on_asset_or_op_failure"


def run_in_outage(location: CodeLocation, **config: object) -> dg.ExecuteInProcessResult:
    """Run the prompts while the queue answers 503, for longer than the run waits."""
    location.settings = location.settings.model_copy(update={"outage_minutes": 0.02})
    location.service.script({"kind": "status", "path": "/api/ai/queue", "status": 503})
    return location.materialize(PROMPT_ASSETS, op_config={PROMPT_STEP: {"config": config}})


def failure_of(result: dg.ExecuteInProcessResult) -> Any:
    [event] = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data.user_failure_data


def may_retry(location: CodeLocation, result: dg.ExecuteInProcessResult) -> bool:
    """What `run_retries` of Dagster goes by."""
    run = location.instance.get_run_by_id(result.run_id)
    assert run is not None
    return {"true": True, "false": False}[run.tags[RETRY_TAG]]


def test_an_outage_fails_the_run_as_one_to_retry_and_the_retry_pays_the_rest(
    location: CodeLocation,
) -> None:
    location.sheets_made()

    result = run_in_outage(location)
    location.service.heal()
    retried = location.materialize(PROMPT_ASSETS)

    assert not result.success
    assert may_retry(location, result)
    [row, *_] = failure_of(result).metadata["without_image"].records
    assert row.data["state"] == "failed (unreachable)"
    assert "503" in row.data["reason"]
    assert retried.success
    assert location.service.bills == 5


AGAIN = "Run the same partitions again to ask only for "


def test_where_some_are_asked_for_again_a_failed_run_says_how_many(
    location: CodeLocation,
) -> None:
    location.sheets_made()
    location.service.script(
        {"kind": "refuse", "prompt": "kitchen"},
        {"kind": "fail", "message": "out of range", "prompt": "garden"},
    )

    first = failure_of(location.materialize(PROMPT_ASSETS)).description
    second = failure_of(location.materialize(PROMPT_ASSETS)).description

    counted = "2 of 3 prompts have no image; the others are recorded."
    assert first == f"{counted} {AGAIN}1 of these."
    # It failed twice in the same words: the third run leaves it alone.
    assert second == counted


def test_where_all_are_asked_for_again_a_failed_run_says_so(location: CodeLocation) -> None:
    location.sheets_made()
    location.service.script(
        {"kind": "fail", "message": "out of range", "prompt": "kitchen"},
        {"kind": "fail", "message": "out of memory", "prompt": "garden"},
    )

    assert failure_of(location.materialize(PROMPT_ASSETS)).description.endswith(f"{AGAIN}these.")


def test_where_all_are_refused_no_other_run_is_advised(location: CodeLocation) -> None:
    location.sheets_made()
    location.service.script(
        {"kind": "refuse", "prompt": "kitchen", "message": "Content policy violation: a duel"},
        {"kind": "refuse", "prompt": "garden", "message": "Content policy violation: a crown"},
    )

    said = failure_of(location.materialize(PROMPT_ASSETS)).description

    assert said == "2 of 3 prompts have no image; the others are recorded."


def test_a_step_that_asks_for_nothing_is_not_advised_to_ask_again(location: CodeLocation) -> None:
    problems = [Failed(f"winter/{why}/all/1x1/v1", "f", why, "service") for why in ("one", "two")]

    @dg.asset
    def images(context: dg.AssetExecutionContext) -> None:
        fail_step(context, problems, total=2, what="prompts")

    result = dg.materialize([images], instance=location.instance, raise_on_error=False)

    assert failure_of(result).description == "2 of 2 prompts have no image."


def test_a_refused_prompt_is_not_to_be_retried(location: CodeLocation) -> None:
    location.write(campaign(shot("kitchen"), shot("garden", scene="[[sim:refuse]] a duel")))
    location.sheets_made()

    result = location.materialize(PROMPT_ASSETS)

    assert not result.success
    assert not may_retry(location, result)


def test_a_picture_that_was_billed_for_nothing_is_not_retried_by_itself(
    location: CodeLocation,
) -> None:
    location.service.script({"kind": "no_image", "prompt": "kitchen"})
    location.sheets_made()

    result = location.materialize(PROMPT_ASSETS)

    assert not result.success
    assert not may_retry(location, result)


def test_a_fresh_run_and_one_with_a_budget_are_retried_because_a_retry_goes_on_with_them(
    location: CodeLocation,
) -> None:
    location.sheets_made()

    assert may_retry(location, run_in_outage(location, fresh=True))
    assert may_retry(location, run_in_outage(location, budget_usd=1.0))


def test_a_wrong_key_is_not_to_be_retried(location: CodeLocation) -> None:
    location.sheets_made()
    location.service.script({"kind": "status", "method": "POST", "status": 401})

    result = location.materialize(PROMPT_ASSETS)

    assert not result.success
    assert not may_retry(location, result)


def test_a_service_that_is_away_when_a_run_begins_has_it_retried(location: CodeLocation) -> None:
    location.sheets_made()
    location.service.script({"kind": "status", "path": "/api/ai/models", "status": 503})

    result = location.materialize(PROMPT_ASSETS)

    assert not result.success
    assert may_retry(location, result)
    assert location.service.bills == 2


@pytest.mark.parametrize(("inherited", "left"), [("true", "false"), (None, None)])
def test_a_fault_of_the_code_is_not_retried_because_the_run_before_was_to_be(
    tmp_path: Path, inherited: str | None, left: str | None
) -> None:
    @dg.op
    def fail() -> None: ...

    @dg.job
    def made() -> None:
        fail()

    # Dagster copies the tag of the run that this one follows.
    tags = {} if inherited is None else {RETRY_TAG: inherited}
    with open_instance(tmp_path) as instance:
        run = instance.create_run_for_job(made, tags=tags)
        context: Any = SimpleNamespace(instance=instance, run=run)

        with pytest.raises(ZeroDivisionError), plain_failure(context):
            _ = 1 / 0

        found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.tags.get(RETRY_TAG) == left


@dataclass
class Step:
    """As much of a step's context as a log of a batch needs."""

    lines: list[str] = field(default_factory=list)

    @property
    def log(self) -> "Step":
        return self

    @property
    def instance(self) -> "Step":
        return self

    @property
    def run(self) -> "Step":
        return self

    run_id = "a run"

    def info(self, text: str, *values: object) -> None:
        self.lines.append(text % values)

    def add_run_tags(self, run_id: str, tags: dict[str, str]) -> None:
        assert run_id == self.run_id


def test_in_an_outage_the_log_says_what_is_waited_for_and_no_speed() -> None:
    step, now = Step(), [0.0]
    log = BatchLog(step, total=120, monotonic=lambda: now[0])
    tally = OutcomeCounts(generated=30)

    now[0] = 60.0
    log.advance(tally)
    for now[0] in (61.0, 72.0):
        log.advance(tally, Outage("connection refused", now[0] - 60.0, 588.0).in_words())
    for now[0] in (360.0, 371.0):
        log.advance(OutcomeCounts(generated=31))

    assert step.lines == [
        "30 of 120 prompts done (30 made, 0.00 USD), 30 a minute, about 3 min left",
        "30 of 120 prompts done (30 made, 0.00 USD), waiting for the service: connection refused "
        "for 12 s, gives up in 9 min",
        "31 of 120 prompts done (31 made, 0.00 USD), 30 a minute, about 3 min left",
        "31 of 120 prompts done (31 made, 0.00 USD), 26 a minute, about 3 min left",
    ]


def test_before_anything_is_done_the_log_forecasts_nothing() -> None:
    step, now = Step(), [0.0]
    log = BatchLog(step, total=3, monotonic=lambda: now[0])

    now[0] = 12.0
    log.advance(OutcomeCounts())

    assert step.lines == ["0 of 3 prompts done (nothing made, 0.00 USD), after 12 s"]


def test_the_log_of_a_run_that_makes_sheets_says_what_is_waited_for(
    location: CodeLocation,
) -> None:
    location.settings = location.settings.model_copy(update={"outage_minutes": 0.05})
    assert location.materialize([NAMES.brand_kits]).success
    location.service.script({"kind": "status", "path": "/api/ai/queue", "status": 503})

    result = location.materialize([NAMES.character_sheets])

    logs = [entry.user_message for entry in location.instance.all_logs(result.run_id)]
    [told] = [text for text in logs if text.startswith("waiting for the service")]
    assert "it answers 503" in told


def test_a_lost_answer_that_is_looked_for_is_said_like_an_outage(
    simulator: SimulatorServer, home: Path
) -> None:
    late = {"kind": "late_list", "path": "/queue", "seconds": 1.5}
    lost = {"kind": "reset_after", "method": "POST", "path": "/queue", "times": 1}
    ServiceProbe(simulator.url).script(lost, late)
    with workbench(simulator.url, home) as bench:
        said = [
            wait_reason(bench.studio) for _ in replace(bench, absence_seconds=30.0).batches(order())
        ]

    assert set(said) == {"", "looking for a lost answer, 120 s each"}


def test_jobs_that_fail_are_said_like_an_outage(simulator: SimulatorServer, home: Path) -> None:
    ServiceProbe(simulator.url).script({"kind": "no_image"})
    with workbench(simulator.url, home, limits=EngineLimits(in_flight=4)) as bench:
        orders = [order(number) for number in range(12)]
        said = {wait_reason(bench.studio) for _ in bench.batches(*orders)}

    lines = said - {""}
    assert lines
    for line in lines:
        assert line.startswith("nothing more is bought: ")
        assert "succeeded without an image" in line
