"""Undoing a refusal: who did it and why stays, and only a refusal is undone."""

import pytest
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.ledger import AlreadyClaimed, Ledger
from nbp_dagster.studio.ledger.orders import Order
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.ledger.reopening import ReopenError, reopen
from tests.fakes.clock import FakeClock
from tests.rigs.workbench import order

WHO = "jo@desk"
WHY = "it was the proxy's page"


@pytest.fixture
def books(ledger: Engine) -> Ledger:
    return Ledger(ledger, clock=FakeClock(start=50.0))


def claim(books: Ledger, item: Order) -> Purchase:
    return books.claim(item, owner="a" * 32, run_id="run", request={})


def refuse(books: Ledger, item: Order) -> Purchase:
    return books.refuse(claim(books, item), "blocked by content filter")


def undo(ledger: Engine, name: str, *, reason: str = WHY) -> tuple[Purchase, ...]:
    return reopen(ledger, name, clock=FakeClock(start=99.0), who=WHO, reason=reason)


@pytest.mark.parametrize("by", ["key", "fingerprint", "beginning"])
def test_a_reopened_refusal_may_be_bought_and_says_who_and_why(
    ledger: Engine, books: Ledger, by: str
) -> None:
    refused = refuse(books, order(1))
    names = {"key": refused.key, "fingerprint": refused.fingerprint}

    [reopened] = undo(ledger, names.get(by, refused.fingerprint[:12]))

    assert reopened.reason == f"reopened by {WHO}: {WHY} (was refused: blocked by content filter)"
    assert (reopened.state, reopened.attempt, reopened.billed) == ("withdrawn", 2, False)
    kept, beside = books.rows()
    assert (kept.state, kept.reason) == ("refused", "blocked by content filter")
    assert beside == reopened
    assert claim(books, order(1)).attempt == 3


def test_every_wording_of_a_prompt_is_reopened_and_no_other_prompt(
    ledger: Engine, books: Ledger
) -> None:
    first = refuse(books, order(1))
    softer = refuse(books, order(1, prompt="a milder hill"))
    other = refuse(books, order(2))

    undone = undo(ledger, first.key)

    assert {row.fingerprint for row in undone} == {first.fingerprint, softer.fingerprint}
    with pytest.raises(AlreadyClaimed):
        claim(books, order(2))
    assert books.latest([other.fingerprint])[other.fingerprint].state == "refused"


def test_what_is_refused_again_can_be_reopened_again(ledger: Engine, books: Ledger) -> None:
    refused = refuse(books, order(1))
    undo(ledger, refused.key)
    refuse(books, order(1))

    [again] = undo(ledger, refused.key, reason="now really")

    assert again.attempt == 4
    assert [row.state for row in books.rows()] == ["refused", "withdrawn", "refused", "withdrawn"]


def test_a_refusal_is_reopened_once(ledger: Engine, books: Ledger) -> None:
    refused = refuse(books, order(1))
    undo(ledger, refused.key)

    with pytest.raises(ReopenError, match=r"nothing of it is refused or failed \(withdrawn\)"):
        undo(ledger, refused.key)

    assert len(list(books.rows())) == 2


def test_what_is_open_is_not_reopened(ledger: Engine, books: Ledger) -> None:
    purchase = claim(books, order(1))

    with pytest.raises(ReopenError, match=r"nothing of it is refused or failed \(intended\)"):
        undo(ledger, purchase.key)

    assert len(list(books.rows())) == 1


def test_a_failure_is_reopened_and_what_failed_before_counts_no_more(
    ledger: Engine, books: Ledger
) -> None:
    for _ in range(2):
        failed = books.fail(claim(books, order(1)), "no picture", billed=True)
    name = failed.fingerprint
    assert len(books.failures([name])[name]) == 2

    [reopened] = undo(ledger, failed.key)

    assert reopened.reason == f"reopened by {WHO}: {WHY} (was failed: no picture)"
    assert books.failures([name]) == {}
    again = books.fail(claim(books, order(1)), "no picture", billed=True)
    assert books.failures([name]) == {name: [again]}


@pytest.mark.parametrize("name", ["spring/nothing/en/1x1/v1", "abc", "%", "f" * 64, "", "\x1b"])
def test_a_name_that_is_not_there_is_one_error(ledger: Engine, books: Ledger, name: str) -> None:
    refuse(books, order(1))

    with pytest.raises(ReopenError, match="no such prompt or fingerprint"):
        undo(ledger, name)


@pytest.mark.parametrize("reason", ["", "  ", "\x00\n"])
def test_nothing_is_reopened_without_a_reason(ledger: Engine, books: Ledger, reason: str) -> None:
    refused = refuse(books, order(1))

    with pytest.raises(ReopenError, match="without a reason"):
        undo(ledger, refused.key, reason=reason)

    assert len(list(books.rows())) == 1
