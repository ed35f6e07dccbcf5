"""The limiter of decoded pictures, and the ordered thread-pool map."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from nbp_dagster.studio.imaging.decode_limiter import DecodeLimiter, count_decodes, run_parallel
from tests.fakes.clock import FakeClock


def started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def acquirer(limiter: DecodeLimiter, pixels: int) -> tuple[threading.Thread, threading.Event]:
    """A thread that acquires a slot, and an event that is set once it has one."""
    has_room = threading.Event()

    def take() -> None:
        with limiter.acquire(pixels):
            has_room.set()

    return started(take), has_room


def test_small_pictures_fill_every_place() -> None:
    limiter = DecodeLimiter(3, pixels=100)

    with limiter.acquire(10), limiter.acquire(10):
        thread, has_room = acquirer(limiter, 10)
        thread.join(10)

    assert has_room.is_set()


def test_one_more_than_there_are_places_waits_for_one() -> None:
    limiter = DecodeLimiter(1, pixels=100)
    with ExitStack() as held:
        held.enter_context(limiter.acquire(10))
        thread, has_room = acquirer(limiter, 10)
        assert not has_room.wait(0.05)
        held.close()
        thread.join(10)

    assert has_room.is_set()


def test_large_pictures_wait_though_places_are_free() -> None:
    limiter = DecodeLimiter(3, pixels=100)
    with ExitStack() as held:
        held.enter_context(limiter.acquire(60))
        thread, has_room = acquirer(limiter, 60)
        assert not has_room.wait(0.05)
        held.close()
        thread.join(10)

    assert has_room.is_set()


def test_a_picture_larger_than_all_room_goes_alone() -> None:
    limiter = DecodeLimiter(3, pixels=100)

    thread, has_room = acquirer(limiter, 1000)
    thread.join(10)

    assert has_room.is_set()


def test_room_is_given_back_when_the_work_fails() -> None:
    limiter = DecodeLimiter(1, pixels=100)

    try:
        with limiter.acquire(10):
            raise ValueError("broken")
    except ValueError:
        pass

    thread, has_room = acquirer(limiter, 10)
    thread.join(10)
    assert has_room.is_set()


def test_who_came_first_is_first_though_another_would_fit_now() -> None:
    limiter = DecodeLimiter(3, pixels=100)
    with ExitStack() as held:
        held.enter_context(limiter.acquire(60))
        large, large_has_room = acquirer(limiter, 60)
        wait_until_queued(limiter)
        small, small_has_room = acquirer(limiter, 10)
        assert not small_has_room.wait(0.05)
        held.close()
        large.join(10)
        small.join(10)

    assert large_has_room.is_set()
    assert small_has_room.is_set()


def test_places_tell_how_often_one_falls_free() -> None:
    clock = FakeClock()
    limiter = DecodeLimiter(2, pixels=100, monotonic=clock.monotonic)
    assert limiter.seconds_apart(guess=1.0) == 0.5, "nothing is known yet"

    with limiter.acquire(10):
        clock.advance(3.0)
    assert limiter.seconds_apart(guess=1.0) == 1.5
    with limiter.acquire(10):
        clock.advance(1.0)

    assert 1.0 < limiter.seconds_apart(guess=1.0) < 1.5, "the last picture tells a part of it"


def test_places_have_room_until_they_are_taken_or_waited_for() -> None:
    limiter = DecodeLimiter(1, pixels=100)
    assert limiter.has_room
    with ExitStack() as held:
        held.enter_context(limiter.acquire(10))
        assert not limiter.has_room
        thread, _ = acquirer(limiter, 10)
        held.close()
        thread.join(10)

    assert limiter.has_room


def wait_until_queued(limiter: DecodeLimiter) -> None:
    """Wait for the line's first waiter."""
    deadline = time.monotonic() + 10
    while not limiter.waiting and time.monotonic() < deadline:
        time.sleep(0.001)


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
