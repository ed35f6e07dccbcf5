"""Room for decoded pictures."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from nbp_dagster.studio.imaging.decode_limiter import DecodeLimiter
from tests.fakes.clock import FakeClock


def started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def taker(places: DecodeLimiter, pixels: int) -> tuple[threading.Thread, threading.Event]:
    """Somebody who takes room, and whether there was any."""
    has_room = threading.Event()

    def take() -> None:
        with places.acquire(pixels):
            has_room.set()

    return started(take), has_room


def test_small_pictures_fill_every_place() -> None:
    places = DecodeLimiter(3, pixels=100)

    with places.acquire(10), places.acquire(10):
        thread, has_room = taker(places, 10)
        thread.join(10)

    assert has_room.is_set()


def test_one_more_than_there_are_places_waits_for_one() -> None:
    places = DecodeLimiter(1, pixels=100)
    with ExitStack() as held:
        held.enter_context(places.acquire(10))
        thread, has_room = taker(places, 10)
        assert not has_room.wait(0.05)
        held.close()
        thread.join(10)

    assert has_room.is_set()


def test_large_pictures_wait_though_places_are_free() -> None:
    places = DecodeLimiter(3, pixels=100)
    with ExitStack() as held:
        held.enter_context(places.acquire(60))
        thread, has_room = taker(places, 60)
        assert not has_room.wait(0.05)
        held.close()
        thread.join(10)

    assert has_room.is_set()


def test_a_picture_larger_than_all_room_goes_alone() -> None:
    places = DecodeLimiter(3, pixels=100)

    thread, has_room = taker(places, 1000)
    thread.join(10)

    assert has_room.is_set()


def test_room_is_given_back_when_the_work_fails() -> None:
    places = DecodeLimiter(1, pixels=100)

    try:
        with places.acquire(10):
            raise ValueError("broken")
    except ValueError:
        pass

    thread, has_room = taker(places, 10)
    thread.join(10)
    assert has_room.is_set()


def test_who_came_first_is_first_though_another_would_fit_now() -> None:
    places = DecodeLimiter(3, pixels=100)
    with ExitStack() as held:
        held.enter_context(places.acquire(60))
        large, large_has_room = taker(places, 60)
        large_is_in_line(places)
        small, small_has_room = taker(places, 10)
        assert not small_has_room.wait(0.05)
        held.close()
        large.join(10)
        small.join(10)

    assert large_has_room.is_set()
    assert small_has_room.is_set()


def test_places_tell_how_often_one_falls_free() -> None:
    clock = FakeClock()
    places = DecodeLimiter(2, pixels=100, monotonic=clock.monotonic)
    assert places.seconds_apart(guess=1.0) == 0.5, "nothing is known yet"

    with places.acquire(10):
        clock.advance(3.0)
    assert places.seconds_apart(guess=1.0) == 1.5
    with places.acquire(10):
        clock.advance(1.0)

    assert 1.0 < places.seconds_apart(guess=1.0) < 1.5, "the last picture tells a part of it"


def test_places_have_room_until_they_are_taken_or_waited_for() -> None:
    places = DecodeLimiter(1, pixels=100)
    assert places.has_room
    with ExitStack() as held:
        held.enter_context(places.acquire(10))
        assert not places.has_room
        thread, _ = taker(places, 10)
        held.close()
        thread.join(10)

    assert places.has_room


def large_is_in_line(places: DecodeLimiter) -> None:
    """Wait for the line's first waiter."""
    deadline = time.monotonic() + 10
    while not places.waiting and time.monotonic() < deadline:
        time.sleep(0.001)
