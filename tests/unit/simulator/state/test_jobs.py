"""The queue that takes jobs from queued to done."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from nbp_dagster.simulator.catalogue import NANO_BANANA_PRO, Catalogue
from nbp_dagster.simulator.state.job_plans import Plan
from nbp_dagster.simulator.state.jobs import ACTIVE, Job, JobQueue, read_job

CATALOGUE = Catalogue("page")


def make_job(order: int, **changes: Any) -> Job:
    spec = CATALOGUE.find(NANO_BANANA_PRO)
    assert spec is not None
    fields: dict[str, Any] = {
        "generation_id": f"g{order}",
        "order": order,
        "spec": spec,
        "prompt": "a cup",
        "parameters": {"resolution": "1K"},
        "namespace": "acme",
        "variant": 0,
        "plan": Plan(),
        "usd": None,
        "origin": "http://127.0.0.1:1",
        "listed": True,
        "enqueued_at": 1000.0,
    }
    return Job(**{**fields, **changes})


class Bench:
    """A board whose ended jobs are recorded, and a way to wait for them."""

    def __init__(self, *, slots: int = 4, latency: float = 0.0) -> None:
        self.ended: list[tuple[str, str]] = []
        self._news = asyncio.Event()
        self.board = JobQueue(
            slots=slots,
            latency=latency,
            now=lambda: 1000.0,
            judge=lambda job: job.plan.message,
            on_end=self._record,
        )

    def status(self, generation_id: str) -> str:
        job = self.board.find(generation_id)
        assert job is not None
        return job.status

    async def wait_for_ended(self, count: int) -> None:
        while len(self.ended) < count:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 5)

    def _record(self, job: Job) -> None:
        self.ended.append((job.generation_id, job.status))
        self._news.set()


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def test_no_more_jobs_than_slots_are_processed_and_the_rest_keep_their_order() -> None:
    async def scenario() -> None:
        bench = Bench(slots=2)
        for order in range(5):
            bench.board.add(make_job(order))
        assert bench.board.counts()["processing"] == 2
        assert bench.board.counts()["queued"] == 3

        await bench.wait_for_ended(5)

        assert [name for name, _ in bench.ended] == ["g0", "g1", "g2", "g3", "g4"]
        assert bench.board.peak_processing == 2
        assert bench.board.counts()["succeeded"] == 5

    run(scenario)


def test_a_stuck_job_holds_its_slot_until_it_is_cancelled() -> None:
    async def scenario() -> None:
        bench = Bench(slots=1)
        stuck = make_job(0, plan=Plan(outcome="stuck"))
        bench.board.add(stuck)
        bench.board.add(make_job(1))
        assert (bench.status("g0"), bench.status("g1")) == ("processing", "queued")

        found = bench.board.find("g0")
        assert found is not None
        bench.board.cancel(found)
        await bench.wait_for_ended(2)

        assert bench.ended == [("g0", "cancelled"), ("g1", "succeeded")]

    run(scenario)


def test_cancelling_a_finished_job_changes_nothing() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.board.add(make_job(0))
        await bench.wait_for_ended(1)

        found = bench.board.find("g0")
        assert found is not None
        bench.board.cancel(found)

        assert bench.ended == [("g0", "succeeded")]

    run(scenario)


def test_a_judged_job_fails_with_the_verdict() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.board.add(make_job(0, plan=Plan(outcome="fail", message="no power")))
        await bench.wait_for_ended(1)

        job = bench.board.find("g0")
        assert job is not None
        assert (job.status, job.error) == ("failed", "no power")
        assert not job.has_picture

    run(scenario)


def test_a_restored_job_has_only_the_rest_of_its_time_to_wait() -> None:
    async def scenario() -> None:
        bench = Bench(latency=3600.0)
        bench.board.restore(make_job(0, enqueued_at=1000.0 - 3601.0))
        bench.board.restore(make_job(1, enqueued_at=1000.0))
        bench.board.resume()
        await bench.wait_for_ended(1)

        assert bench.ended == [("g0", "succeeded")]
        assert bench.status("g1") == "processing"
        bench.board.stop()

    run(scenario)


def test_a_restored_end_replaces_the_restored_start() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.board.restore(make_job(0))
        bench.board.restore(make_job(0, status="cancelled"))
        bench.board.resume()

        assert list(bench.board.with_status(ACTIVE)) == []
        assert bench.board.counts()["cancelled"] == 1
        assert bench.board.next_order == 1

    run(scenario)


def test_a_job_survives_its_journal_record() -> None:
    plan = Plan(outcome="no_image", latency=2.0, flaws=("off_palette",))
    job = make_job(3, plan=plan, status="processing")

    assert read_job(json.loads(json.dumps(job.to_record())), CATALOGUE) == job
