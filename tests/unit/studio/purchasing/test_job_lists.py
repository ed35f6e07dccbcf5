"""Threads that look for their jobs at once read the service's lists together, never stale ones."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import BadResponse, OxenError
from nbp_dagster.oxen.responses import Generation
from nbp_dagster.studio.purchasing.reconcile import STATES, JobLists
from tests.fakes.queue import MemoryQueue

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


def ids(lists: "list[list[Generation]]") -> set[str]:
    return {job.generation_id for jobs in lists for job in jobs}


def read_at_once(queue: SlowQueue, lists: JobLists, pool: ThreadPoolExecutor) -> list[set[str]]:
    """Have the first thread read, a job come meanwhile, and then all others ask."""
    arrived = threading.Barrier(THREADS)

    def ask() -> set[str]:
        arrived.wait(60)
        return ids(cast("list[list[Generation]]", lists.read(MODEL)))

    first = pool.submit(lists.read, MODEL)
    assert queue.is_asked.wait(60)
    job = queue.add_foreign(
        model=MODEL, prompt="p", parameters={}, status=STATES[0], enqueued_at=1.0
    )
    others = [pool.submit(ask) for _ in range(THREADS - 1)]
    arrived.wait(60)
    queue.may_answer.set()
    found = [other.result(60) for other in others]
    assert all(job in jobs for jobs in found), "each asked after the job had come"
    assert job not in ids(cast("list[list[Generation]]", first.result(60)))
    return found


def test_those_who_ask_while_lists_are_read_have_the_next_ones_in_common() -> None:
    queue = SlowQueue()
    lists = JobLists(cast(OxenClient, queue))

    with ThreadPoolExecutor(THREADS) as pool:
        read_at_once(queue, lists, pool)

    # Some may still have been on their way when the second reading began.
    assert 2 * len(STATES) <= queue.asked < THREADS * len(STATES) / 2


def test_a_reading_that_is_over_is_not_given_to_who_asks_later() -> None:
    queue = SlowQueue()
    queue.may_answer.set()
    lists = JobLists(cast(OxenClient, queue))
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
    lists = JobLists(cast(OxenClient, queue))

    with pytest.raises((OxenError, KeyboardInterrupt)):
        lists.read(MODEL)

    assert len(lists.read(MODEL)) == len(STATES)
