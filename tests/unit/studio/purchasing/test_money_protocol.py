"""Runs of two accounts over one ledger, in any order: each picture is paid once, no cap is passed.

`MONEY_EXAMPLES=2000` plays so many games, as `make crash` does.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast, get_args

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.engine import Engine

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import AmbiguousPost, ConnectionFailed, RateLimited
from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
from nbp_dagster.oxen.responses import Generation, QueuedGeneration
from nbp_dagster.studio.ledger.accounts import Account
from nbp_dagster.studio.ledger.budget import campaign_cap, run_cap
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.ledger import Ledger, OverCap
from nbp_dagster.studio.ledger.orders import KeptImage
from nbp_dagster.studio.ledger.purchases import JobTimes, Purchase
from nbp_dagster.studio.ledger.schema import purchases
from nbp_dagster.studio.purchasing.batch_context import BuyerOptions
from nbp_dagster.studio.purchasing.buyer import Buyer
from nbp_dagster.studio.purchasing.failpoints import FailpointName
from nbp_dagster.studio.purchasing.obtained import Enqueued
from tests.fakes.clock import FakeClock
from tests.fakes.queue import MemoryQueue
from tests.rigs.postgres import PostgresServer, postgres
from tests.rigs.workbench import PRICE, order
from tests.unit.studio.purchasing.test_reconcile_properties import (
    Died,
    NeverWaiting,
    NoReferences,
    StageLease,
)

__all__ = ["postgres"]

EXAMPLES = int(os.environ.get("MONEY_EXAMPLES", "25"))
NUMBERS = (1, 2, 3)
ROOTS = ("monday", "tuesday", "wednesday")
IMAGE = KeptImage(sha256="d" * 64, width=8, height=8, file_type="png", bytes=9)
CAMPAIGN = campaign_cap("spring", 7 * PRICE)
RUN = run_cap(4 * PRICE)

AccountName = Literal["north", "south"]
ACCOUNTS: tuple[AccountName, ...] = ("north", "south")
End = Literal["made", "failed", "failed, billed", "refused"]
Answer = Literal["answered", "lost before", "lost after", "turned away"]
# How the list shows jobs: as they are, the newest alone, or with less in each.
View = Literal["whole", "newest", "no prompts", "short prompts", "folded prompts", "no images"]
VIEWS: tuple[View, ...] = get_args(View)
# Seconds in which a job that is not listed may still turn up, and those it takes here at most.
ABSENCE = 120.0
LAGS = (0.0, 30.0, 119.0)


@dataclass
class Service(MemoryQueue):
    """The queue of one account, whose list may be down, late, cut, or show less of each job.

    Attributes:
        clock: Tells when a job was enqueued, and since when it is listed.
        is_down: Whether the list can't be read.
        lag: Seconds after which the list shows the next job.
        view: How the list shows jobs.
        answer: What the next request gets.
    """

    clock: FakeClock = field(default_factory=FakeClock)
    is_down: bool = False
    lag: float = 0.0
    view: View = "whole"
    answer: Answer = "answered"
    _listed_at: dict[str, float] = field(default_factory=dict)

    def enqueue(self, *, prompt: str, **request: object) -> tuple[QueuedGeneration, ...]:
        """Answer as `answer` says, the first time."""
        answer, self.answer = self.answer, "answered"
        if answer == "turned away":
            raise RateLimited("scripted", endpoint="POST queue", status=429)
        if answer == "lost before":
            raise AmbiguousPost("scripted", endpoint="POST queue")
        queued = super().enqueue(prompt=prompt, **request)  # type: ignore[arg-type]
        now = self.clock.now()
        self._jobs[-1] = replace(self._jobs[-1], enqueued_at=now)
        self._listed_at[self._jobs[-1].generation_id] = now + self.lag
        if answer != "answered":
            raise AmbiguousPost("scripted", endpoint="POST queue")
        return queued

    def list_generations(
        self, *, status: str, model: str | None = None, require_complete: bool = False
    ) -> tuple[Generation, ...]:
        """Return what the list shows now.

        Raises:
            ConnectionFailed: It is down.
        """
        if self.is_down:
            raise ConnectionFailed("scripted", endpoint="GET queue", maybe_sent=False)
        now = self.clock.now()
        every = super().list_generations(status=status, model=model)
        listed = [job for job in every if self._listed_at[job.generation_id] <= now]
        if self.view == "newest":
            listed = listed[-1:]
        return tuple(map(self._show, listed))

    def _show(self, job: Generation) -> Generation:
        if self.view == "no images":
            return replace(job, params={})
        shown = {
            "no prompts": "",
            "short prompts": f"{job.prompt[:12]}...",
            "folded prompts": job.prompt.replace(" ", "\n "),
        }
        return replace(job, prompt=shown.get(self.view, job.prompt))


class MoneyProtocol(RuleBasedStateMachine):
    """Runs buy, die, are taken over and retried; answers get lost, and jobs end in every way."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        with engine.begin() as connection:
            connection.execute(sa.delete(purchases))
        self._time = FakeClock()
        self._clock = NeverWaiting(self._time)
        self.services = {name: Service(prefix=name, clock=self._time) for name in ACCOUNTS}
        self.ledgers = {
            name: Ledger(engine, clock=self._time, account=Account(name)) for name in ACCOUNTS
        }
        self._alive: set[str] = set()
        self._runs = 0
        self._steps_to_live = -1
        # Roots that were told to buy a picture afresh, and jobs that brought none.
        self._fresh: dict[tuple[str, int], set[str]] = {}
        self._in_vain: Counter[tuple[str, int]] = Counter()

    @rule(
        account=st.sampled_from(ACCOUNTS),
        number=st.sampled_from(NUMBERS),
        root=st.sampled_from(ROOTS),
        fresh=st.booleans(),
        answer=st.sampled_from(("answered", "answered", "lost before", "lost after")),
        lag=st.sampled_from(LAGS),
        dies_after=st.integers(0, 8),
    )
    def run(
        self,
        account: AccountName,
        number: int,
        root: str,
        fresh: bool,
        answer: Answer,
        lag: float,
        dies_after: int,
    ) -> None:
        """A run, or a retry of one, obtains an order; it may die on the way."""
        if fresh:
            self._fresh.setdefault((account, number), set()).add(root)
        self.services[account].answer, self.services[account].lag = answer, lag
        # Eight steps are never reached.
        self._steps_to_live = dies_after
        self._obtain(account, number, root, fresh=fresh)

    @rule(account=st.sampled_from(ACCOUNTS), number=st.sampled_from(NUMBERS))
    def turn_away(self, account: AccountName, number: int) -> None:
        """The service is busy: nothing is bought."""
        self.services[account].answer = "turned away"
        with suppress(RateLimited):
            self._obtain(account, number, ROOTS[0])

    @rule()
    def kill_every_run(self) -> None:
        self._alive.clear()

    @rule(account=st.sampled_from(ACCOUNTS), is_down=st.booleans())
    def take_the_list_down_or_up(self, account: AccountName, is_down: bool) -> None:
        self.services[account].is_down = is_down

    @rule(account=st.sampled_from(ACCOUNTS), view=st.sampled_from(VIEWS))
    def show_the_list_otherwise(self, account: AccountName, view: View) -> None:
        self.services[account].view = view

    @rule(seconds=st.sampled_from((1.0, 60.0, ABSENCE)))
    def let_time_pass(self, seconds: float) -> None:
        self._time.advance(seconds)

    @rule(
        account=st.sampled_from(ACCOUNTS),
        number=st.sampled_from(NUMBERS),
        root=st.sampled_from(ROOTS),
        end=st.sampled_from(("made", "made", "failed", "failed, billed", "refused")),
    )
    def collect(self, account: AccountName, number: int, root: str, end: End) -> None:
        """A run waits for a job of its own, or of a run that is gone, until it ends."""
        self._steps_to_live = -1
        rows = [row for row in self._rows(account, number) if row.state == "enqueued"]
        if not rows or rows[-1].owner in self._alive:
            return
        taken = self._obtain(account, number, root)
        if taken is not None:
            self._end(account, number, taken, end)

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        for account in ACCOUNTS:
            service = self.services[account]
            for number in NUMBERS:
                words = order(number).request.prompt
                allowed = 1 + len(self._fresh.get((account, number), ()))
                allowed += self._in_vain[account, number]
                assert service.billed.count(words) <= allowed, f"{account} paid {words!r} again"

    @invariant()
    def no_cap_is_passed(self) -> None:
        for account in ACCOUNTS:
            ledger, service = self.ledgers[account], self.services[account]
            assert ledger.spent(CAMPAIGN, provider="oxen") <= CAMPAIGN.limit
            for root in ROOTS:
                assert ledger.spent(RUN, provider="oxen", run_id=root) <= RUN.limit
            assert len(service.billed) * PRICE <= CAMPAIGN.limit

    @invariant()
    def every_job_has_one_owner_of_its_account(self) -> None:
        for account in ACCOUNTS:
            jobs = [row.generation_id for row in self._rows(account) if row.generation_id]
            assert len(jobs) == len(set(jobs))
            known = {
                job for number in NUMBERS for job in self.services[account].jobs(_words(number))
            }
            assert set(jobs) <= known, "a job of another account"

    def teardown(self) -> None:
        """Whatever happened, the runs that follow close what is open."""
        self._steps_to_live = -1
        for service in self.services.values():
            service.is_down, service.answer, service.view = False, "answered", "whole"
            service.lag = 0.0
        # Nobody need look for what was lost but after the time of absence.
        self._time.advance(3600.0)
        for account in ACCOUNTS:
            for number in NUMBERS:
                self._alive.clear()
                self._close(account, number)
            assert [row for row in self._rows(account) if row.is_open] == []
        self.nothing_is_paid_twice()
        self.no_cap_is_passed()

    def _close(self, account: AccountName, number: int) -> None:
        found = self._obtain(account, number, "afterwards")
        if found is not None:
            self._end(account, number, found, "made")

    def _end(self, account: AccountName, number: int, row: Purchase, end: End) -> None:
        ledger = self.ledgers[account]
        if end == "made":
            ledger.settle(row, image=IMAGE, times=JobTimes(None, None, None))
            return
        self._in_vain[account, number] += 1
        if end == "refused":
            ledger.refuse(row, "no")
        else:
            ledger.fail(row, "broke", billed=end == "failed, billed")

    def _obtain(
        self, account: AccountName, number: int, root: str, *, fresh: bool = False
    ) -> Purchase | None:
        """Have a run that starts now obtain an order; return the job it waits for."""
        self._runs += 1
        owner = f"{self._runs:032x}"
        self._alive.add(owner)
        buyer = Buyer(
            client=cast(OxenClient, self.services[account]),
            ledger=self.ledgers[account],
            clock=self._clock,
            references=NoReferences(),
            rate_limiter=RateLimiter(self._clock),
            breaker=OutageBreaker(self._clock, limit=0.0),
            failpoint=self._step,
            lease=StageLease(owner, self._alive),
            options=BuyerOptions(root, (CAMPAIGN, RUN), fresh, absence_seconds=ABSENCE),
        )
        try:
            found = buyer.obtain(order(number))
        except (Died, OverCap) as error:
            if isinstance(error, Died):
                self._alive.discard(owner)
            return None
        return found.purchase if isinstance(found, Enqueued) else None

    def _step(self, _: FailpointName) -> None:
        if self._steps_to_live == 0:
            self._steps_to_live = -1
            raise Died
        self._steps_to_live -= 1

    def _rows(self, account: AccountName, number: int | None = None) -> list[Purchase]:
        rows = (row for row in self.ledgers[account].rows() if row.account == account)
        wanted = None if number is None else order(number).request.fingerprint
        return [row for row in rows if wanted in (None, row.fingerprint)]


def _words(number: int) -> str:
    return order(number).request.prompt


# The phase left out traces every line, which takes minutes.
SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty ledger, used for one game after the other."""
    url: Path | str = tmp_path / "ledger.sqlite"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.make_database()
    opened = open_ledger(url)
    yield opened
    opened.dispose()


def test_each_picture_is_paid_once_no_cap_is_passed_and_nothing_stays_open(
    engine: Engine,
) -> None:
    play: Callable[[], RuleBasedStateMachine] = lambda: MoneyProtocol(engine)  # noqa: E731

    run_state_machine_as_test(play, settings=SETTINGS)
