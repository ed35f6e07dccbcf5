"""Runs of a campaign on several machines: Celery workers, each with a home of its own.

PostgreSQL, Redis, an S3 server, the daemon and the workers are real processes, and real ones are
killed; where the kernel allows it each worker has a network of its own, whose cable is cut. What is
held each time: every prompt is made, each is paid once, the budget holds, and one whole set is
written. `make scale-proof` does the same with 1,000 prompts in runs of 100.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from tests.rigs.farm import Site, Work, at_work, open_site
from tests.rigs.postgres import PostgresServer, postgres
from tests.rigs.processes import wait_for
from tests.rigs.workers import BACKEND, Head

__all__ = ["postgres"]

WORK = Work(
    prompts=int(os.environ.get("SCALE_PROMPTS", "24")),
    per_run=int(os.environ.get("SCALE_PER_RUN", "4")),
    # Jobs of 6 s: a run lasts as long as monitors and sensors need to see what became of it.
    latency=6.0,
    # Dead within seconds, and two pictures at a time: runs that take long enough to be disturbed.
    settings=(("NBP_SILENCE_SECONDS", "6"), ("NBP_IN_FLIGHT", "2")),
)
PATIENCE = float(os.environ.get("SCALE_SECONDS", "600"))
pytestmark = pytest.mark.timeout(PATIENCE + 300)


@pytest.fixture
def site(postgres: PostgresServer, tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path, postgres, WORK) as site:
        yield site


def statuses(head: Head, run_ids: set[str]) -> set[str]:
    """How some runs stand."""
    found = head.instance.get_runs(dg.RunsFilter(run_ids=list(run_ids)))
    return {run.status.value for run in found}


def begun_in(head: Head, run_id: str, processes: int) -> bool:
    """Whether so many processes have looked a run up, each to make it."""
    entries = head.instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    began = [entry for entry in entries if "Started process for run" in (entry.message or "")]
    return len(began) >= processes


def failed_as_silent(head: Head, run_ids: set[str]) -> list[str]:
    """The runs that the sensor of silent runs has failed."""
    return [
        run_id
        for run_id in run_ids
        if any(
            "no sign of life from" in (entry.message or "")
            for entry in head.instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        )
    ]


def test_whatever_happens_to_workers_and_broker_every_prompt_is_made_and_paid_once(
    site: Site,
) -> None:
    with ExitStack() as stack:
        head = stack.enter_context(site.farm.dagster())
        north, east, _ = (
            stack.enter_context(site.farm.worker(name)) for name in ("north", "east", "south")
        )
        backfill = site.ask(head)
        began = wait_for(lambda: at_work(head, least=3), what="runs on three workers")
        wait_for(lambda: site.service.bills >= 3, what="first pictures")

        north.kill()
        east.cut_off()
        for run_id in began:
            # Two of them are worked on no more, one is.
            site.farm.deliver_again(head.instance, run_id)
        site.redis.restart()
        wait_for(lambda: len(failed_as_silent(head, began)) >= 2, what="end of what is silent")
        east.reconnect()

        site.wait(head, backfill, seconds=PATIENCE)
        site.require_all_made_once(head)


def test_runs_that_live_are_failed_for_a_lost_result_backend_and_nothing_is_paid_twice(
    site: Site,
) -> None:
    with ExitStack() as stack:
        head = stack.enter_context(site.farm.dagster())
        for name in ("north", "south"):
            stack.enter_context(site.farm.worker(name))
        backfill = site.ask(head)
        began = wait_for(lambda: at_work(head, least=2), what="runs on both workers")
        wait_for(lambda: site.service.bills >= 2, what="first pictures")

        site.redis.flush(BACKEND)
        wait_for(lambda: statuses(head, began) & {"FAILURE"}, what="a living run that is failed")

        site.wait(head, backfill, seconds=PATIENCE)
        site.require_all_made_once(head)


def test_a_run_that_two_workers_take_up_before_it_has_begun_is_paid_once(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """Dagster looks again once the code is loaded, and mostly lets one of them in."""
    work = Work(prompts=6, per_run=6, latency=3.0, settings=(("NBP_IN_FLIGHT", "2"),))
    with open_site(tmp_path, postgres, work) as site, ExitStack() as stack:
        head = stack.enter_context(site.farm.dagster())
        north = stack.enter_context(site.farm.worker("north"))
        stack.enter_context(site.farm.worker("south", queue="again"))
        backfill = site.ask(head)
        [run] = wait_for(head.operator.runs, what="the run")
        wait_for(lambda: begun_in(head, run.id, 1), what="a process that loads the code")
        north.freeze()
        site.farm.deliver_again(head.instance, run.id, queue="again")
        wait_for(lambda: begun_in(head, run.id, 2), what="a second one")
        north.thaw()

        site.wait(head, backfill, seconds=PATIENCE)
        site.require_all_made_once(head)


def test_a_run_that_no_signal_reaches_is_canceled_and_buys_nothing_more(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    settings = (("NBP_SILENCE_SECONDS", "6"), ("NBP_IN_FLIGHT", "1"))
    work = Work(prompts=12, per_run=12, latency=4.0, settings=settings)
    with open_site(tmp_path, postgres, work) as site, ExitStack() as stack:
        head = stack.enter_context(site.farm.dagster())
        stack.enter_context(site.farm.worker("north"))
        site.ask(head)
        [run_id] = wait_for(lambda: at_work(head, least=1), what="the run")
        wait_for(lambda: site.service.bills >= 2, what="first pictures")

        site.redis.stop()
        with pytest.raises(AssertionError, match="PythonError"):
            head.operator.terminate(run_id)
        assert statuses(head, {run_id}) == {"STARTED"}
        site.redis.restart()
        # What is noted, and a message that the broker loses.
        run = head.instance.get_run_by_id(run_id)
        assert run is not None
        head.instance.report_run_canceling(run)

        wait_for(lambda: statuses(head, {run_id}) == {"CANCELED"}, what="the run's end")
        assert site.service.bills < 12
        assert [run.id for run in head.operator.runs()] == [run_id]


def test_a_run_that_is_terminated_on_a_worker_ends_and_the_next_pays_for_the_rest_alone(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    work = Work(prompts=6, per_run=6, latency=2.0, settings=(("NBP_IN_FLIGHT", "2"),))
    with open_site(tmp_path, postgres, work) as site, ExitStack() as stack:
        head = stack.enter_context(site.farm.dagster())
        stack.enter_context(site.farm.worker("north"))
        first, last = work.keys[0], work.keys[-1]
        ended = head.operator.launch(first, last)
        wait_for(lambda: site.service.bills >= 1, what="first pictures")

        head.operator.terminate(ended)
        assert head.operator.wait_for_end(ended).status == "CANCELED"
        bought = site.service.bills
        assert bought < work.prompts, "it was done before"
        again = head.operator.wait_for_end(head.operator.launch(first, last))

        assert again.status == "SUCCESS"
        assert {run.id for run in head.operator.runs()} == {ended, again.id}, "it was retried"
        assert site.service.bills == work.prompts


def test_a_worker_makes_prompts_that_came_since_its_last_run_and_logs_json(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    work = Work(prompts=1, latency=0.1, settings=(("NBP_LOG_FORMAT", "json"),))
    with open_site(tmp_path, postgres, work) as site, ExitStack() as stack:
        head = stack.enter_context(site.farm.dagster())
        worker = stack.enter_context(site.farm.worker("north"))
        [first] = work.keys
        run = head.operator.wait_for_end(head.operator.launch(first, first))
        assert run.status == "SUCCESS"

        more = replace(work, prompts=2)
        for machine in ("head", "north"):
            more.write(site.farm.shell(machine).briefs)
        head.operator.reload()
        run = head.operator.wait_for_end(head.operator.launch(first, more.keys[1]))

        assert run.status == "SUCCESS"
        made = head.instance.get_materialized_partitions(dg.AssetKey("generated_images"))
        assert set(made) == set(more.keys)
        assert site.service.bills == 2
        said = worker.process.output
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    generated = [line for line in lines if line["message"] == "generated: winter/room2/all/1x1/v1"]
    assert len(generated) == 1
    assert generated[0]["run_id"]
    # Celery's own records too, and none of ours within one of its lines.
    assert any(line["logger"].startswith("celery") for line in lines)
    assert "ForkPoolWorker" not in said
