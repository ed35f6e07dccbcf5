"""The arithmetic of the benchmarks."""

import pytest

from tests.bench.figures import (
    Sample,
    at_least,
    at_most,
    extrapolate,
    floor_seconds,
    goodput,
    percentile,
)


@pytest.mark.parametrize(("prompts", "seconds"), [(1, 5.0), (50, 5.0), (51, 10.0), (1000, 100.0)])
def test_the_floor_is_whole_rounds_of_the_slots(prompts: int, seconds: float) -> None:
    assert floor_seconds(prompts, slots=50, latency=5.0) == seconds


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]

    assert percentile(values, 0.5) == 50.0
    assert percentile(values, 0.95) == 95.0
    assert percentile([7.0], 0.95) == 7.0


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_sample_stands_for_all() -> None:
    assert extrapolate(100.0, sample=20, total=1000) == 5000.0


def test_a_goal_is_reached_when_it_is_met_exactly() -> None:
    assert at_most("ratio", 1.10, 1.10).is_reached
    assert not at_most("ratio", 1.11, 1.10).is_reached
    assert at_least("share", 90.0, 90.0).is_reached
    assert not at_least("share", 89.9, 90.0).is_reached


def test_goodput_leaves_out_the_start_the_end_and_what_was_refused() -> None:
    samples = [
        Sample(moment=4.5, answered=19, refused=0, succeeded=0),
        Sample(moment=5.0, answered=20, refused=3, succeeded=0),
        Sample(moment=10.0, answered=110, refused=9, succeeded=50),
        Sample(moment=60.0, answered=200, refused=9, succeeded=95),
    ]

    assert goodput(samples, prompts=100, burst=20) == 18.0


def test_goodput_needs_two_looks_while_there_was_demand() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        goodput([Sample(moment=1.0, answered=9, refused=0, succeeded=0)], prompts=10, burst=1)
