"""When jobs that fail stop further orders, and what lets them go on."""

import pytest

from nbp_dagster.oxen.rate_limit.job_breaker import (
    FIRST_PROBE,
    LAST_PROBE,
    MIN_FAULTS,
    RECENT_JOBS,
    JobBreaker,
)
from tests.fakes.clock import FakeClock

LIMIT = 600.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> JobBreaker:
    return JobBreaker(clock, limit=LIMIT)


def fail(breaker: JobBreaker, count: int = MIN_FAULTS) -> None:
    for number in range(count):
        breaker.record(f"job {number}", fault=f"the model broke ({number})")


def test_few_failures_stop_nothing(breaker: JobBreaker) -> None:
    fail(breaker, MIN_FAULTS - 1)

    assert breaker.admit(64) == 64
    assert breaker.failures() is None


def test_half_of_the_recent_jobs_stop_all_orders(breaker: JobBreaker) -> None:
    for number in range(RECENT_JOBS // 2):
        breaker.record(f"good {number}", fault="")
    fail(breaker, 4)
    assert breaker.admit(64) == 64
    fail(breaker, 1)

    assert breaker.admit(64) == 0
    failures = breaker.failures()
    assert failures is not None
    assert failures.in_words() == (
        "nothing more is bought: 5 of the last 10 jobs failed (the model broke (0)); one at a "
        "time is tried, for 10 min more"
    )


def test_failures_among_many_good_jobs_stop_nothing(breaker: JobBreaker) -> None:
    for number in range(100):
        breaker.record(f"{number}", fault="it broke" if number % 3 == 0 else "")

    assert breaker.admit(3) == 3


def test_one_order_at_a_time_probes_and_ever_later(breaker: JobBreaker, clock: FakeClock) -> None:
    fail(breaker)
    delay, sent = FIRST_PROBE, 0
    for _ in range(4):
        clock.advance(delay - 0.1)
        assert breaker.admit(64) == 0
        clock.advance(0.1)
        assert breaker.admit(64) == 1
        breaker.begin("probe")
        sent += 1
        assert breaker.admit(64) == 0, "one at a time"
        clock.advance(3.0)
        breaker.record("probe", fault="it broke")
        delay = min(2 * delay, LAST_PROBE)
    assert sent == 4


def test_a_probe_that_succeeds_lets_all_go_on(breaker: JobBreaker, clock: FakeClock) -> None:
    fail(breaker)
    clock.advance(FIRST_PROBE)
    breaker.begin("probe")
    breaker.record("ordered before", fault="")
    assert breaker.admit(64) == 0, "that job says nothing of what is ordered now"

    breaker.record("probe", fault="")

    assert breaker.admit(64) == 64
    assert breaker.failures() is None
    fail(breaker, MIN_FAULTS - 1)
    assert breaker.admit(64) == 64, "counted anew"


def test_a_probe_that_no_job_came_of_is_repeated(breaker: JobBreaker, clock: FakeClock) -> None:
    fail(breaker)
    clock.advance(FIRST_PROBE)
    breaker.begin("probe")
    breaker.drop("probe")

    assert breaker.admit(64) == 0
    clock.advance(FIRST_PROBE)
    assert breaker.admit(64) == 1


def test_it_gives_up_after_its_limit_but_not_on_a_probe_under_way(
    breaker: JobBreaker, clock: FakeClock
) -> None:
    fail(breaker)
    clock.advance(FIRST_PROBE)
    breaker.begin("probe")
    clock.advance(LIMIT)
    waiting = breaker.failures()
    assert waiting is not None
    assert waiting.seconds_left

    breaker.record("probe", fault="it broke")

    given_up = breaker.failures()
    assert given_up is not None
    assert given_up.seconds_left == 0
    clock.advance(LAST_PROBE)
    assert breaker.admit(64) == 0
    breaker.renew()
    assert breaker.admit(64) == 1, "the next batch probes at once"


def test_a_limit_of_nothing_gives_up_at_once(clock: FakeClock) -> None:
    breaker = JobBreaker(clock, limit=0.0)
    fail(breaker)

    failures = breaker.failures()
    assert failures is not None
    assert failures.seconds_left == 0
