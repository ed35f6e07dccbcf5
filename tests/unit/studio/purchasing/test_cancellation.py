"""A token forbids purchases, ends every wait and drops downloads, by degrees."""

import threading

import pytest

from nbp_dagster.studio.purchasing.cancellation import (
    CancellableClock,
    CancellationToken,
    Cancelled,
)
from tests.fakes.clock import FakeClock


def test_stopping_the_waiting_ends_a_sleep() -> None:
    clock = CancellableClock(FakeClock(), CancellationToken())
    woken: list[BaseException] = []

    def sleep() -> None:
        try:
            clock.sleep(3600)
        except Cancelled as error:
            woken.append(error)

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    clock.token.stop_waiting()
    sleeper.join(timeout=10)

    assert not sleeper.is_alive()
    assert len(woken) == 1


def test_no_sleep_begins_once_waiting_was_stopped() -> None:
    clock = CancellableClock(FakeClock(), CancellationToken())
    clock.token.stop_waiting()

    with pytest.raises(Cancelled):
        clock.sleep(0)


def test_the_end_of_buying_lets_waiting_go_on() -> None:
    clock = CancellableClock(FakeClock(), CancellationToken())
    clock.token.stop_buying()

    clock.sleep(0)

    assert not clock.token.may_buy


def test_only_a_cancelled_run_drops_what_is_under_way() -> None:
    token = CancellationToken()
    token.stop_waiting()

    token.raise_if_cancelled()
    token.cancel()

    with pytest.raises(Cancelled):
        token.raise_if_cancelled()


def test_the_next_run_starts_afresh() -> None:
    clock = CancellableClock(FakeClock(), CancellationToken())
    clock.token.stop_buying()
    clock.token.stop_waiting()
    clock.token.reset()

    clock.sleep(0)

    assert clock.token.may_buy


def test_why_no_purchase_may_begin_is_the_first_reason_until_the_next_run() -> None:
    token = CancellationToken()
    assert token.why == "the run was stopped"

    token.stop_buying("the account is empty")
    token.stop_buying("another reason")

    assert token.why == "the account is empty"
    token.reset()
    assert token.why == "the run was stopped"


def test_a_run_that_was_given_up_stays_so_for_its_next_batch() -> None:
    token = CancellationToken()

    token.give_up("another has its place")
    token.reset()

    assert not token.may_buy
    assert token.why == "another has its place"
