"""Whatever gets lost and in whatever order, no job has two owners and no request is paid twice."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
from nbp_dagster.oxen.responses import GENERATION_STATUSES
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Order
from nbp_dagster.studio.ledger.owner_leases import OwnerLease
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.purchasing.batch_context import BuyerOptions
from nbp_dagster.studio.purchasing.buyer import Buyer
from nbp_dagster.studio.purchasing.cancellation import CancellableClock, CancellationToken
from nbp_dagster.studio.purchasing.failpoints import FailpointName
from nbp_dagster.studio.purchasing.obtained import Enqueued
from nbp_dagster.studio.purchasing.reconcile import JobLists, find_job, oldest, recognisable
from tests.fakes.clock import FakeClock
from tests.fakes.queue import Fate, MemoryQueue
from tests.rigs.workbench import bind, order

# Requests word for word the same, and one that differs.
ORDERS = ((1, 1), (1, 2), (1, 3), (2, 1))
ROUNDS = 12

_examples = itertools.count(1)


class Died(BaseException):
    """The process of a buyer is gone; nothing catches this on the way."""


class NeverWaiting(CancellableClock):
    """Sleeps without waiting."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        super().__init__(clock or FakeClock(), CancellationToken())

    def sleep(self, seconds: float) -> None:
        """Return at once."""


class NoReferences:
    """Orders without input images."""

    def input_image(self, request: ImageRequest) -> tuple[str, ...]:
        return ()


class StageLease(OwnerLease):
    """A run among others that the test lets live and die."""

    def __init__(self, owner: str, alive: set[str]) -> None:
        super().__init__(owner)
        self._alive = alive

    def require(self) -> None:
        assert self.owner in self._alive

    def _is_locked(self, owner: str) -> bool:
        return owner in self._alive


@dataclass
class Stage:
    """Several runs over one ledger and one queue; at every step another may act or die.

    Attributes:
        moves: What happens at the steps to come: nothing, a death, or another run's turn.
    """

    queue: MemoryQueue
    ledger: Ledger
    orders: tuple[Order, ...]
    moves: Iterator[str]
    alive: set[str] = field(default_factory=set)
    owners: Iterator[int] = field(default_factory=itertools.count)
    depth: int = 0

    def obtain(self, item: Order) -> bool:
        """Have a new run obtain an order; say whether it has a job now."""
        owner = f"{next(self.owners):032x}"
        self.alive.add(owner)
        self.depth += 1
        try:
            with suppress(Died):
                return isinstance(self._buyer(owner).obtain(item), Enqueued)
            self.alive.discard(owner)
            return False
        finally:
            self.depth -= 1

    def act(self, _: FailpointName | None = None) -> None:
        """Let happen what is due at a point where a process may be interrupted."""
        move = next(self.moves, "go on")
        if move == "die":
            raise Died
        if move.isdigit() and self.depth < 4:
            self.obtain(self.orders[int(move)])

    def end_runs(self) -> None:
        """Let every run end; what they left is for those to come."""
        self.alive.clear()

    def rows(self) -> list[Purchase]:
        """Return the rows of this stage's orders."""
        ours = {item.request.fingerprint for item in self.orders}
        return [row for row in self.ledger.rows() if row.fingerprint in ours]

    def _buyer(self, owner: str) -> Buyer:
        clock = NeverWaiting()
        return Buyer(
            client=cast(OxenClient, self.queue),
            ledger=self.ledger,
            clock=clock,
            references=NoReferences(),
            rate_limiter=RateLimiter(clock),
            breaker=OutageBreaker(clock, limit=0.0),
            failpoint=self.act,
            lease=StageLease(owner, self.alive),
            options=BuyerOptions(owner, absence_seconds=0.0),
        )


@pytest.fixture(scope="module")
def new_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Ledger]]:
    """Ledgers that are cheap to make: each is a copy of an empty one."""
    folder = tmp_path_factory.mktemp("ledgers")
    empty = folder / "empty.sqlite"
    open_ledger(empty).dispose()
    ledgers: list[tuple[Ledger, Path]] = []

    def make() -> Ledger:
        _drop(ledgers)
        path = folder / f"{next(_examples)}.sqlite"
        path.write_bytes(empty.read_bytes())
        ledger = Ledger(open_ledger(path), clock=FakeClock())
        ledgers.append((ledger, path))
        return ledger

    yield make
    _drop(ledgers)


def _drop(ledgers: list[tuple[Ledger, Path]]) -> None:
    while ledgers:
        ledger, path = ledgers.pop()
        ledger.close()
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()


FATES = st.lists(
    st.sampled_from(["answered", "lost before", "lost after", "lost after", "turned away"]),
    max_size=10,
)
MOVES = st.lists(st.sampled_from(["go on", "go on", "die", "0", "1", "2", "3"]), max_size=40)


@settings(max_examples=120, deadline=None)
@given(
    fates=FATES,
    moves=MOVES,
    sequence=st.lists(st.integers(0, len(ORDERS) - 1), min_size=1, max_size=6),
    foreign=st.lists(st.sampled_from(GENERATION_STATUSES), max_size=2),
    together=st.booleans(),
)
def test_every_job_has_one_owner_and_every_fingerprint_is_paid_at_most_once(
    new_ledger: Callable[[], Ledger],
    fates: list[Fate],
    moves: list[str],
    sequence: list[int],
    foreign: list[Any],
    together: bool,
) -> None:
    """Runs are nested into one another at every step, and die there; answers cross and get lost.

    The orders of the same words may be companions, which one POST asks for.
    """
    orders = tuple(order(number, variant=variant) for number, variant in ORDERS)
    if together:
        orders = (*bind(*orders[:3]), *orders[3:])
    ledger = new_ledger()
    queue = MemoryQueue(iter(fates))
    stage = Stage(queue, ledger, orders, iter(moves))
    queue.on_billed = stage.act
    queue.on_post = lambda prompt: _assert_nothing_lies_about(stage, prompt)
    for status in foreign:
        _add_twin(queue, orders[0], status)

    for number in sequence:
        stage.obtain(orders[number])
    for _ in range(ROUNDS):
        stage.end_runs()
        # Every order, whatever became of the one before it: no shortcut.
        if all([stage.obtain(item) for item in orders]):
            break

    enqueued = [row for row in stage.rows() if row.generation_id is not None]
    assert sorted(row.fingerprint for row in enqueued) == sorted(
        item.request.fingerprint for item in orders
    )
    assert len({row.generation_id for row in enqueued}) == len(orders)
    for item in orders:
        words = item.request.prompt
        same_words = [other for other in orders if other.request.prompt == words]
        assert queue.billed.count(words) <= len(same_words), "paid twice"
        assert queue.billed.count(words) >= len(same_words) - len(foreign), "not ours"


def _assert_nothing_lies_about(stage: Stage, prompt: str) -> None:
    """At a POST, every job of ours without an owner is one that another open intent is to find."""
    ours = [row for row in stage.rows() if row.request["prompt"] == prompt]
    owned = {row.generation_id for row in ours}
    strays = stage.queue.jobs(prompt) - owned
    waiting = [row for row in ours if row.state == "intended"]
    # One of the intents is the one that is being POSTed; foreign twins may be there as well.
    foreign = len(stage.queue.jobs(prompt)) - stage.queue.billed.count(prompt)
    assert len(strays) <= len(waiting) - 1 + foreign


def _add_twin(queue: MemoryQueue, item: Order, status: Any) -> str:
    request = item.request
    return queue.add_foreign(
        model=request.model,
        prompt=request.prompt,
        parameters=dict(request.parameters),
        status=status,
    )


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_of_all_jobs_the_oldest_that_matches_and_is_free_is_found(
    new_ledger: Callable[[], Ledger], data: st.DataObject
) -> None:
    item = order(1)
    ledger, queue = new_ledger(), MemoryQueue()
    wanted: list[str] = []
    for number in range(data.draw(st.integers(0, 6), label="jobs")):
        kind = data.draw(st.sampled_from(["twin", "owned", "words", "ratio", "model"]))
        status = data.draw(st.sampled_from(GENERATION_STATUSES))
        parameters = dict(item.request.parameters)
        if kind == "ratio":
            parameters["aspect_ratio"] = "16:9"
        generation_id = queue.add_foreign(
            model="another-model" if kind == "model" else item.request.model,
            prompt="other words" if kind == "words" else item.request.prompt,
            parameters=parameters,
            status=status,
            enqueued_at=float(data.draw(st.integers(0, 3))),
        )
        if kind == "owned":
            ledger.record_enqueued(_claim(ledger, order(100 + number)), generation_id)
        elif kind == "twin":
            wanted.append(generation_id)

    lists = JobLists(cast(OxenClient, queue), CancellableClock(FakeClock(), CancellationToken()))
    found = find_job(lists, ledger, _claim(ledger, item)).generation_id

    assert found == oldest(queue.get_generation(name) for name in wanted)
    assert (found is None) == (not wanted)


@given(jobs=st.permutations(range(5)))
def test_the_oldest_is_the_same_for_every_order_of_the_list(jobs: list[int]) -> None:
    """Two of the five are of the same moment: their ids decide."""
    queue = MemoryQueue()
    for number in range(5):
        queue.add_foreign(model="m", prompt="p", parameters={}, enqueued_at=float(9 - number // 2))
    listed = queue.list_generations(status="succeeded")

    assert oldest(listed[number] for number in jobs) == oldest(listed) == "job-000004"


def _claim(ledger: Ledger, item: Order) -> Purchase:
    return ledger.claim(item, owner="a" * 32, run_id="run", request=recognisable(item.request, ()))
