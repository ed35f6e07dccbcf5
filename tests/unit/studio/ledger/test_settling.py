"""Closing by hand: only what is open, and only while no run is at it."""

import pytest
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.ledger.settling import (
    SettleError,
    find_open,
    settle_absent,
    settle_adopted,
)
from tests.fakes.clock import FakeClock
from tests.rigs.workbench import order

WHO = "jo@desk"


@pytest.fixture
def books(ledger: Engine) -> Ledger:
    return Ledger(ledger, clock=FakeClock(start=50.0))


@pytest.fixture
def claimed(books: Ledger) -> Purchase:
    return books.claim(order(1), owner="a" * 32, run_id="run", request={})


def absent(ledger: Engine, purchase: Purchase, *, alive: bool = False) -> Purchase:
    clock = FakeClock(start=99.0)
    return settle_absent(ledger, purchase, clock=clock, who=WHO, is_alive=lambda _: alive)


def adopted(ledger: Engine, purchase: Purchase, job: str, *, alive: bool = False) -> Purchase:
    clock = FakeClock(start=99.0)
    return settle_adopted(ledger, purchase, job, clock=clock, who=WHO, is_alive=lambda _: alive)


def test_what_left_no_job_is_withdrawn_unbilled_and_may_be_bought_again(
    ledger: Engine, books: Ledger, claimed: Purchase
) -> None:
    settled = absent(ledger, find_open(ledger, claimed.id))

    assert (settled.state, settled.billed) == ("withdrawn", False)
    assert settled.reason == f"settled by {WHO}: no job of it at the service"
    assert books.claim(order(1), owner="b" * 32, run_id="run", request={}).attempt == 2


def test_a_paid_job_that_is_gone_is_lost_and_stays_billed(
    ledger: Engine, books: Ledger, claimed: Purchase
) -> None:
    settled = absent(ledger, books.record_enqueued(claimed, "job-1"))

    assert (settled.state, settled.billed) == ("lost", True)


def test_a_job_is_adopted_by_who_says_so(ledger: Engine, claimed: Purchase) -> None:
    settled = adopted(ledger, claimed, "job-1")

    assert (settled.state, settled.billed, settled.generation_id) == ("enqueued", True, "job-1")
    assert settled.reason == f"settled by {WHO}: its job is job-1"
    assert find_open(ledger, claimed.id) == settled


def test_nothing_is_settled_while_a_run_is_at_it(ledger: Engine, claimed: Purchase) -> None:
    with pytest.raises(SettleError, match="a run that is still going looks for its job"):
        absent(ledger, claimed, alive=True)
    with pytest.raises(SettleError, match="a run that is still going looks for its job"):
        adopted(ledger, claimed, "job-1", alive=True)

    assert find_open(ledger, claimed.id) == claimed


def test_what_a_run_has_taken_over_meanwhile_is_left_to_it(
    ledger: Engine, books: Ledger, claimed: Purchase
) -> None:
    books.take_over(claimed, owner="b" * 32)

    with pytest.raises(SettleError, match="a run has changed it meanwhile"):
        absent(ledger, claimed)


def test_a_job_has_one_owner(ledger: Engine, books: Ledger, claimed: Purchase) -> None:
    other = books.claim(order(2), owner="a" * 32, run_id="run", request={})
    books.record_enqueued(other, "job-2")

    with pytest.raises(SettleError, match="generation job-2 belongs to another purchase"):
        adopted(ledger, claimed, "job-2")
    with pytest.raises(SettleError, match="has its job already: generation job-2"):
        adopted(ledger, find_open(ledger, other.id), "job-3")


def test_what_is_closed_or_unknown_is_named(
    ledger: Engine, books: Ledger, claimed: Purchase
) -> None:
    books.withdraw(claimed, "not sent")

    with pytest.raises(SettleError, match=r"\(spring/.*\) is withdrawn, not open"):
        find_open(ledger, claimed.id)
    with pytest.raises(SettleError, match="no purchase 99; `nbp ledger` shows the ids"):
        find_open(ledger, 99)
