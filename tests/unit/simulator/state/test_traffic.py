"""Limits on requests."""

from nbp_dagster.simulator.state.traffic import RequestLimit


def test_a_burst_of_one_second_passes_and_the_rest_waits_its_turn() -> None:
    seconds = [0.0]
    limiter = RequestLimit(2.0, lambda: seconds[0])

    waits = [limiter.take() for _ in range(3)]
    seconds[0] = 0.5

    assert waits == [None, None, 0.5]
    assert limiter.take() is None
    assert limiter.take() == 0.5


def test_without_a_rate_everything_passes() -> None:
    limiter = RequestLimit(None, lambda: 0.0)

    assert [limiter.take() for _ in range(100)] == [None] * 100
