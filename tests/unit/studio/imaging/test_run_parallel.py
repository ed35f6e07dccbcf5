"""Jobs of one picture, done by several threads."""

import threading

import pytest

from nbp_dagster.studio.imaging.decode_limiter import count_decodes, run_parallel


def test_what_is_done_stands_in_the_order_of_the_jobs() -> None:
    assert run_parallel(lambda number: number * number, [3, 1, 2]) == [9, 1, 4]
    assert run_parallel(len, ["alone"]) == [5]
    assert run_parallel(len, []) == []


@pytest.mark.skipif(count_decodes() < 2, reason="one core does one job at a time")
def test_two_jobs_are_done_at_once() -> None:
    both = threading.Barrier(2, timeout=30)
    assert sorted(run_parallel(lambda _: both.wait(), [1, 2])) == [0, 1]


def test_a_job_that_fails_is_told_and_the_others_come_to_their_end() -> None:
    ended: list[int] = []

    def work(number: int) -> None:
        if number == 1:
            raise ValueError("no room")
        ended.append(number)

    with pytest.raises(ValueError, match="no room"):
        run_parallel(work, [0, 1])
    assert ended == [0]
