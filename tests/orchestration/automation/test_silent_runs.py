"""The sensor of silent runs: it fails what is dead, and leaves what lives alone."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nbp_dagster.assets.names import POOL, Names
from nbp_dagster.project import open_instance
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.schema import run_signs
from nbp_dagster.studio.runs.run_log import RunLog
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation
from tests.rigs.daemon import KITCHEN, BriefsSensor
from tests.rigs.dagster_private import JobFailureData, RunFailureReason
from tests.rigs.processes import wait_for

NAMES = Names()


@pytest.fixture
def log(location: CodeLocation, tmp_path: Path) -> Iterator[RunLog]:
    """The table of runs of the location's ledger; the instance is one in files."""
    engine = open_ledger(location.settings.home / "ledger.sqlite")
    with open_instance(tmp_path / "dagster") as instance:
        location.instance = instance
        yield RunLog(engine)
    engine.dispose()


def start_run(location: CodeLocation, **tags: str) -> str:
    """Have a run over prompts begun whose process is nobody's."""
    repository = location.definitions().get_repository_def()
    job = repository.get_implicit_job_def_for_assets(PROMPT_ASSETS)
    assert job is not None
    run = location.instance.create_run_for_job(
        job, asset_selection=frozenset(PROMPT_ASSETS), tags=tags
    )
    location.instance.handle_new_event(
        dg.EventLogEntry(
            error_info=None,
            level=20,
            user_message="",
            run_id=run.run_id,
            timestamp=1_800_000_000.0,
            job_name=run.job_name,
            dagster_event=dg.DagsterEvent("PIPELINE_START", run.job_name),
        )
    )
    assert status_of(location, run.run_id) is dg.DagsterRunStatus.STARTED
    return run.run_id


def status_of(location: CodeLocation, run_id: str) -> dg.DagsterRunStatus:
    run = location.instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def tags_of(location: CodeLocation, run_id: str) -> dict[str, str]:
    run = location.instance.get_run_by_id(run_id)
    assert run is not None
    return run.tags


def fail_in_a_step(location: CodeLocation, run_id: str) -> None:
    """Have the run end as Dagster's executor ends it after a failed step."""
    run = location.instance.get_run_by_id(run_id)
    assert run is not None
    location.instance.report_run_failed(
        run, job_failure_data=JobFailureData(None, RunFailureReason.STEP_FAILURE)
    )


def failures_of(location: CodeLocation, run_id: str) -> int:
    return len(location.instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE))


def fall_silent(log: RunLog, run_id: str, seconds: float) -> None:
    with log._database.begin() as connection:
        connection.execute(
            run_signs.update()
            .where(run_signs.c.run_id == run_id)
            .values(beat_at=run_signs.c.beat_at - seconds)
        )


class Ticks:
    """The sensor, tick by tick."""

    def __init__(self, location: CodeLocation) -> None:
        self._sensor = BriefsSensor(location)

    def be_later(self, seconds: float) -> None:
        """Have the ticks so far be so much longer ago."""
        seen = json.loads(self._sensor.cursor or "{}")
        moved = {run_id: [sign, since - seconds] for run_id, (sign, since) in seen.items()}
        self._sensor.cursor = json.dumps(moved)

    def tick(self) -> Any:
        repository = self._sensor.definitions.get_repository_def()
        return self._sensor.tick(repository.get_sensor_def("silent_runs"))


def test_a_run_that_is_silent_for_too_long_is_failed_with_its_machine_named(
    location: CodeLocation, log: RunLog
) -> None:
    run_id, ticks = start_run(location), Ticks(location)
    log.begin(run_id, host="north", pid=4711)
    location.instance.event_log_storage.set_concurrency_slots(POOL, 1)
    location.instance.event_log_storage.claim_concurrency_slot(POOL, run_id, "prompt_images")
    fall_silent(log, run_id, 400)

    first = ticks.tick()
    assert status_of(location, run_id) is dg.DagsterRunStatus.STARTED, first
    told = ticks.tick()

    assert status_of(location, run_id) is dg.DagsterRunStatus.FAILURE
    assert "no sign of life from north (process 4711) for 4" in told
    info = location.instance.event_log_storage.get_concurrency_info(POOL)
    assert info.active_slot_count == 0
    assert tags_of(location, run_id)["dagster/will_retry"] == "true"


def test_a_run_that_was_failed_as_silent_is_started_anew_though_a_step_of_it_fails_later(
    location: CodeLocation, log: RunLog
) -> None:
    run_id, ticks = start_run(location), Ticks(location)
    log.begin(run_id, host="north", pid=4711)
    fall_silent(log, run_id, 400)
    ticks.tick()
    ticks.tick()

    # It lives, and what it does next raises what nobody has foreseen.
    fail_in_a_step(location, run_id)

    assert tags_of(location, run_id)["dagster/failure_reason"] == "STEP_FAILURE"
    assert tags_of(location, run_id)["dagster/will_retry"] == "true"


def test_a_run_that_gives_signs_is_left_alone(location: CodeLocation, log: RunLog) -> None:
    run_id, ticks = start_run(location), Ticks(location)
    row = log.begin(run_id, host="north", pid=4711)
    fall_silent(log, run_id, 400)
    ticks.tick()
    # Its machine has woken up: a sign between two ticks.
    log.beat(row)
    fall_silent(log, run_id, 190)

    assert ticks.tick() == "1 runs in progress, none silent for too long"
    assert status_of(location, run_id) is dg.DagsterRunStatus.STARTED


def test_a_machine_that_wakes_up_and_ticks_before_its_runs_give_a_sign_fails_none(
    location: CodeLocation, log: RunLog
) -> None:
    run_id, ticks = start_run(location), Ticks(location)
    log.begin(run_id, host="laptop", pid=4711)
    # Before it fell asleep; no sign came between that tick and the sleep.
    ticks.tick()
    fall_silent(log, run_id, 400)

    ticks.tick()

    assert status_of(location, run_id) is dg.DagsterRunStatus.STARTED


def test_a_run_that_was_failed_and_lives_is_told_to_buy_nothing_more(
    location: CodeLocation, log: RunLog
) -> None:
    run_id, ticks = start_run(location), Ticks(location)
    row = log.begin(run_id, host="north", pid=4711)
    fall_silent(log, run_id, 400)
    ticks.tick()
    ticks.tick()

    assert log.beat(row) is False


def test_a_run_between_two_steps_that_waits_for_its_place_is_left_alone(
    location: CodeLocation, log: RunLog
) -> None:
    run_id, ticks = start_run(location), Ticks(location)
    silent_from_the_start = start_run(location)
    # Each step is a process: the first has ended, and the next one waits.
    log.end(log.begin(run_id, host="north", pid=4711))
    storage = location.instance.event_log_storage
    storage.set_concurrency_slots(POOL, 1)
    storage.claim_concurrency_slot(POOL, "another run", "prompt_images")
    for waiting in (run_id, silent_from_the_start):
        storage.claim_concurrency_slot(POOL, waiting, "prompt_images")
    fall_silent(log, run_id, 400)

    for _ in range(3):
        ticks.tick()
        ticks.be_later(400)

    for waiting in (run_id, silent_from_the_start):
        assert status_of(location, waiting) is dg.DagsterRunStatus.STARTED
    # Dead between two steps, it waits for no place.
    storage.free_concurrency_slots_for_run(run_id)
    ticks.tick()
    assert status_of(location, run_id) is dg.DagsterRunStatus.FAILURE


def test_a_run_that_never_gave_a_sign_is_failed_after_as_long(
    location: CodeLocation, log: RunLog
) -> None:
    run_id, ticks = start_run(location), Ticks(location)
    by_command = start_run(location, **{"nbp/command": "somebody"})

    ticks.tick()
    ticks.tick()
    assert status_of(location, run_id) is dg.DagsterRunStatus.STARTED
    ticks.be_later(400)
    ticks.tick()

    assert status_of(location, run_id) is dg.DagsterRunStatus.FAILURE
    assert status_of(location, by_command) is dg.DagsterRunStatus.STARTED


def test_a_retry_that_does_not_come_is_asked_for_again(location: CodeLocation, log: RunLog) -> None:
    run_id, ticks = start_run(location), Ticks(location)
    run = location.instance.get_run_by_id(run_id)
    assert run is not None
    # Dagster says by a tag that it starts the run anew; nothing does here.
    location.instance.report_run_failed(run)
    ticks.tick()
    ticks.be_later(100)
    assert ticks.tick() == "1 runs in progress, none silent for too long"
    ticks.be_later(100)

    assert "told again that this run has failed" in ticks.tick()
    assert failures_of(location, run_id) == 2
    location.instance.add_run_tags(run_id, {"dagster/auto_retry_run_id": "its successor"})
    ticks.be_later(400)
    assert ticks.tick() == "no run is in progress"


def test_a_retry_that_never_comes_is_asked_for_three_times(
    location: CodeLocation, log: RunLog
) -> None:
    run_id, ticks = start_run(location), Ticks(location)
    run = location.instance.get_run_by_id(run_id)
    assert run is not None
    location.instance.report_run_failed(run)

    for _ in range(9):
        ticks.tick()
        ticks.be_later(400)

    assert failures_of(location, run_id) == 1 + 3


def test_runs_of_other_assets_are_nobodys_business(location: CodeLocation, log: RunLog) -> None:
    @dg.op
    def wait() -> None: ...

    @dg.job
    def their_job() -> None:
        wait()

    location.instance.create_run_for_job(their_job, status=dg.DagsterRunStatus.STARTED)

    assert Ticks(location).tick() == "no run is in progress"


def test_a_real_run_gives_signs_and_an_end(location: CodeLocation, log: RunLog) -> None:
    location.sheets_made()

    result = location.materialize(PROMPT_ASSETS, [KITCHEN])

    assert result.success
    with log._database.connect() as connection:
        found = [
            row for row in connection.execute(run_signs.select()) if row.run_id == result.run_id
        ]
    assert [row.ended_at is not None for row in found] == [True]


def test_a_run_that_is_given_up_collects_what_it_has_paid_and_buys_no_more(
    location: CodeLocation, log: RunLog
) -> None:
    location.settings = location.settings.model_copy(
        update={"silence_seconds": 1.0, "in_flight": 1}
    )
    location.sheets_made()
    bills = location.service.bills
    location.service.script({"kind": "slow_job", "seconds": 3})

    def give_up() -> None:
        """Give up the run over prompts as soon as it has bought something."""
        wait_for(lambda: location.service.bills > bills, what="first picture")
        with log._database.connect() as connection:
            query = run_signs.select().where(run_signs.c.ended_at.is_(None))
            at_work = [row.run_id for row in connection.execute(query)]
        for run_id in at_work:
            log.give_up(run_id)
            run = location.instance.get_run_by_id(run_id)
            assert run is not None
            location.instance.report_run_failed(run)

    with ThreadPoolExecutor(1) as pool:
        given_up = pool.submit(give_up)
        result = location.materialize(PROMPT_ASSETS)
        given_up.result()

    assert not result.success
    assert location.service.bills == bills + 1
    assert len(location.materialized(NAMES.generated_images)) == 1
    [failure] = [event for event in result.all_events if event.is_step_failure]
    described = failure.step_failure_data.user_failure_data
    assert described is not None
    assert "it buys nothing more" in str(described.description)
    # The run that was promised in its place still is, whatever this one fails of.
    assert tags_of(location, result.run_id)["dagster/failure_reason"] == "STEP_FAILURE"
    assert tags_of(location, result.run_id)["dagster/will_retry"] == "true"
