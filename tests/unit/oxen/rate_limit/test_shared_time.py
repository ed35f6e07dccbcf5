"""Wall time that several machines share through what they store."""

import pytest

from nbp_dagster.oxen.rate_limit.shared_time import MAX_SKEW, SharedTime
from tests.fakes.clock import FakeClock

NOW = 1_800_000_000.0


def test_it_is_wall_time_and_passes_with_the_clock() -> None:
    clock = FakeClock(start=NOW)
    time = SharedTime(clock)

    clock.advance(5.0)

    assert time.now() == NOW + 5.0


def test_a_moment_that_lies_ahead_is_followed_and_time_goes_on_from_there() -> None:
    clock = FakeClock(start=NOW)
    time = SharedTime(clock)

    assert time.follow(NOW + 2.0) == NOW + 2.0
    clock.advance(5.0)
    assert time.now() == pytest.approx(NOW + 7.0)


@pytest.mark.parametrize("stamp", [NOW - 2.0, 5_000.0, NOW + MAX_SKEW + 1, 1e300])
def test_a_moment_that_is_past_or_nobody_s_is_not_followed(stamp: float) -> None:
    time = SharedTime(FakeClock(start=NOW))

    assert time.follow(stamp) == NOW
    assert time.now() == NOW


def test_a_wall_clock_that_is_set_anew_moves_nothing() -> None:
    class SetAnew(FakeClock):
        moved = 0.0

        def now(self) -> float:
            return super().now() + self.moved

    clock = SetAnew(start=NOW)
    time = SharedTime(clock)
    clock.moved = -3600.0

    assert time.now() == NOW
