"""How often the queue is looked at beside an event stream."""

from nbp_dagster.studio.watch import WatchTimes, next_interval

TIMES = WatchTimes(poll=2.0, poll_beside_stream=5.0, poll_at_most=20.0)


def test_a_stream_that_tells_everything_is_looked_behind_ever_less_often() -> None:
    interval, intervals = 5.0, []
    for _ in range(6):
        interval = next_interval(interval, TIMES, told_all=True)
        intervals.append(interval)

    assert intervals == [7.5, 11.25, 16.875, 20.0, 20.0, 20.0]


def test_a_stream_that_missed_something_is_looked_behind_as_if_it_were_not_there() -> None:
    assert next_interval(20.0, TIMES, told_all=False) == 2.0


def test_a_stream_that_is_sound_again_is_trusted_again() -> None:
    assert next_interval(2.0, TIMES, told_all=True) == 5.0
