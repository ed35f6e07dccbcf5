"""Threads that look for their jobs at once read the service's lists together, never stale ones."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import BadResponse, OxenError, RateLimited
from nbp_dagster.oxen.responses import Generation
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Order
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.purchasing.absence import JobFinder, TurnedAway
from nbp_dagster.studio.purchasing.cancellation import (
    CancellableClock,
    CancellationToken,
    Cancelled,
)
from nbp_dagster.studio.purchasing.obtained import Enqueued, Unproven
from nbp_dagster.studio.purchasing.reconcile import STATES, JobLists, recognisable
from tests.fakes.clock import FakeClock
from tests.fakes.queue import MemoryQueue
from tests.rigs.processes import wait_for
from tests.rigs.workbench import HastyClock

MODEL, THREADS = "model", 12


class SlowQueue(MemoryQueue):
    """Holds the first answer back until it is let go; counts what it is asked."""

    def __init__(self, *, fault: Callable[[], BaseException] | None = None) -> None:
        super().__init__()
        self.asked = 0
        self.is_asked, self.may_answer = threading.Event(), threading.Event()
        self._fault = fault

    def list_generations(
        self, *, status: str, model: str | None = None, require_complete: bool = False
    ) -> tuple[Generation, ...]:
        self.asked += 1
        if self.asked == 1:
            # What it knows is what it knew when it was asked.
            known = super().list_generations(status=status, model=model)
            self.is_asked.set()
            assert self.may_answer.wait(60)
            if self._fault is not None:
                raise self._fault()
            return known
        return super().list_generations(status=status, model=model)


def endless() -> CancellableClock:
    return CancellableClock(FakeClock(), CancellationToken())


def ids(lists: "list[list[Generation]]") -> set[str]:
    return {job.generation_id for jobs in lists for job in jobs}


class WatchedName(str):
    """A model's name that counts how often it was looked up: whoever asks does so once."""

    looked_up = 0

    def __hash__(self) -> int:
        self.looked_up += 1
        return super().__hash__()


def test_those_who_ask_while_lists_are_read_have_the_next_ones_in_common() -> None:
    queue, model = SlowQueue(), WatchedName(MODEL)
    lists = JobLists(cast(OxenClient, queue), endless())

    def ask() -> set[str]:
        return ids(cast("list[list[Generation]]", lists.read(model)))

    with ThreadPoolExecutor(THREADS) as pool:
        first = pool.submit(ask)
        assert queue.is_asked.wait(60)
        job = queue.add_foreign(
            model=MODEL, prompt="p", parameters={}, status=STATES[0], enqueued_at=1.0
        )
        before = model.looked_up
        others = [pool.submit(ask) for _ in range(THREADS - 1)]
        wait_for(lambda: model.looked_up == before + len(others), what="question of all")
        queue.may_answer.set()
        found = [other.result(60) for other in others]

    assert job not in first.result(60)
    assert all(job in jobs for jobs in found), "each asked after the job had come"
    assert queue.asked == 2 * len(STATES)


def test_a_reading_that_is_over_is_not_given_to_who_asks_later() -> None:
    queue = SlowQueue()
    queue.may_answer.set()
    lists = JobLists(cast(OxenClient, queue), endless())
    lists.read(MODEL)
    job = queue.add_foreign(
        model=MODEL, prompt="p", parameters={}, status=STATES[2], enqueued_at=1.0
    )

    assert job in ids(cast("list[list[Generation]]", lists.read(MODEL)))


@pytest.mark.parametrize(
    "fault", [lambda: BadResponse("cut", endpoint="GET queue"), KeyboardInterrupt]
)
def test_lists_that_cannot_be_read_stop_no_later_reading(
    fault: Callable[[], BaseException],
) -> None:
    queue = SlowQueue(fault=fault)
    queue.may_answer.set()
    lists = JobLists(cast(OxenClient, queue), endless())

    with pytest.raises((OxenError, KeyboardInterrupt)):
        lists.read(MODEL)

    assert len(lists.read(MODEL)) == len(STATES)


def test_threads_that_wait_for_their_turn_ask_nothing_once_the_run_is_to_end() -> None:
    queue, clock = SlowQueue(), endless()
    lists = JobLists(cast(OxenClient, queue), clock)

    with ThreadPoolExecutor(THREADS) as pool:
        reading = [pool.submit(lists.read, MODEL) for _ in range(THREADS)]
        assert queue.is_asked.wait(60)
        clock.token.cancel()
        queue.may_answer.set()

    assert {type(thread.exception()) for thread in reading} == {Cancelled}
    assert queue.asked == 1


class LongLists(MemoryQueue):
    """Has lists that take their time, in which a job comes into one that is read already."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self.seconds = 0.0

    def list_generations(
        self, *, status: str, model: str | None = None, require_complete: bool = False
    ) -> tuple[Generation, ...]:
        known = super().list_generations(status=status, model=model)
        if self.seconds and status == STATES[0] and not known:
            self.add_foreign(
                model=MODEL, prompt="a kite", parameters={}, status=STATES[0], enqueued_at=1.0
            )
        self._clock.advance(self.seconds)
        return known


@dataclass(frozen=True)
class Bench:
    """A request without an answer, and who looks for its job."""

    queue: LongLists
    ledger: Ledger
    finder: JobFinder
    order: Order
    row: Purchase


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    clock = FakeClock()
    queue, waits = LongLists(clock), HastyClock(clock)
    ledger = Ledger(open_ledger(tmp_path / "ledger.sqlite"), clock=clock)
    request = ImageRequest("k", "oxen", MODEL, "a kite", {}, (), 1, "2")
    wanted = Order(request=request, price=Decimal("0.15"), scope="spring")
    lists = JobLists(cast(OxenClient, queue), waits)
    finder = JobFinder(lists, ledger, waits, absence_seconds=120.0, post_seconds=150.0)
    row = ledger.claim(wanted, owner="a" * 32, run_id="run", request=recognisable(request, ()))
    finder.record_lost(row)
    yield Bench(queue, ledger, finder, wanted, row)
    ledger.close()


def test_a_job_that_comes_while_long_lists_are_read_is_not_taken_for_absent(bench: Bench) -> None:
    assert isinstance(bench.finder.resume(bench.order, bench.row), Unproven)

    bench.queue.seconds = 31.0
    late = bench.finder.resume(bench.order, bench.row)
    found = bench.finder.resume(bench.order, bench.row)

    assert isinstance(late, Unproven), "155 s after the request"
    assert isinstance(found, Enqueued)


@pytest.mark.parametrize(("seconds", "is_sent"), [(1.0, True), (31.0, False)])
def test_a_request_is_not_repeated_so_late_that_another_run_may_have_taken_it_over(
    bench: Bench, seconds: float, is_sent: bool
) -> None:
    bench.queue.seconds = seconds
    turned_away = RateLimited("slow down", endpoint="POST queue", status=429)

    with nullcontext() if is_sent else pytest.raises(RateLimited):
        TurnedAway(bench.finder).before_repeat(bench.row)(turned_away)
