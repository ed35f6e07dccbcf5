"""Orders are sent no faster than pictures are postprocessed."""

import pytest

from nbp_dagster.studio.purchasing.pacing import DispatchPacer
from tests.fakes.clock import FakeClock


class SetRate:
    """A rate of postprocessing that a test sets."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def seconds_apart(self, guess: float) -> float:
        return self.seconds


def send_all(
    clock: FakeClock, pacer: DispatchPacer, orders: int, *, look_every: float
) -> list[float]:
    """Send whenever there is leave; return when each order went."""
    sent: list[float] = []
    while len(sent) < orders:
        ready = pacer.count_ready()
        count = orders - len(sent) if ready is None else min(ready, orders - len(sent))
        pacer.record_sent(count)
        sent += [clock.monotonic()] * count
        clock.advance(look_every)
    return sent


def test_orders_need_not_be_apart_where_nothing_is_made_of_them() -> None:
    clock = FakeClock()
    pacer = DispatchPacer(SetRate(0.0), clock, guess=1.0)
    assert send_all(clock, pacer, 50, look_every=1.0) == [clock.monotonic() - 1.0] * 50
    assert pacer.seconds_left() == 0.0


@pytest.mark.parametrize("look_every", [0.01, 0.1, 0.13])
def test_orders_go_at_the_rate_however_often_one_looks(look_every: float) -> None:
    clock = FakeClock()
    clock.advance(100)
    pacer = DispatchPacer(SetRate(0.1), clock, guess=1.0)

    sent = send_all(clock, pacer, 51, look_every=look_every)

    assert sent[-1] - sent[0] == pytest.approx(5.0, abs=0.2)
    assert max(sent.count(moment) for moment in sent) <= 2


def test_after_a_pause_two_may_go_at_once_and_no_more() -> None:
    clock = FakeClock()
    clock.advance(100)
    pacer = DispatchPacer(SetRate(0.1), clock, guess=1.0)
    pacer.record_sent(1)
    clock.advance(60)

    assert pacer.count_ready() == 2
    pacer.record_sent(2)
    assert pacer.count_ready() == 0
    assert pacer.seconds_left() == pytest.approx(0.1)


def test_what_is_known_of_the_seconds_counts_from_the_next_order_on() -> None:
    clock = FakeClock()
    clock.advance(100)
    rate = SetRate(0.1)
    pacer = DispatchPacer(rate, clock, guess=1.0)
    pacer.record_sent(2)
    rate.seconds = 1.0
    clock.advance(0.11)

    assert pacer.count_ready() == 1
    pacer.record_sent(1)
    assert pacer.seconds_left() > 0.1
