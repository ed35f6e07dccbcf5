"""Stopping ends every wait, and forbids purchases in two degrees."""

import threading

import pytest

from nbp_dagster.studio.purchasing.cancellation import Cancelled, HaltableClock
from tests.fakes.clock import FakeClock


def test_a_halt_wakes_who_sleeps() -> None:
    clock = HaltableClock(FakeClock())
    woken: list[BaseException] = []

    def sleep() -> None:
        try:
            clock.sleep(3600)
        except Cancelled as error:
            woken.append(error)

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    clock.halt()
    sleeper.join(timeout=10)

    assert not sleeper.is_alive()
    assert len(woken) == 1


def test_after_a_halt_nobody_falls_asleep() -> None:
    clock = HaltableClock(FakeClock())
    clock.halt()

    with pytest.raises(Cancelled):
        clock.sleep(0)


def test_the_end_of_buying_lets_waiting_go_on() -> None:
    clock = HaltableClock(FakeClock())
    clock.stop_buying()

    clock.sleep(0)

    assert not clock.may_buy


def test_the_next_run_starts_afresh() -> None:
    clock = HaltableClock(FakeClock())
    clock.stop_buying()
    clock.halt()
    clock.resume()

    clock.sleep(0)

    assert clock.may_buy
