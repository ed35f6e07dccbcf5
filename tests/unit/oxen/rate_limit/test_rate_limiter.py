"""Who waits for whom: threads, processes, and files that can't be used."""

import logging
import os
import threading
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from nbp_dagster.oxen.rate_limit.rate_limiter import (
    _RATE_STATE,
    FileRateStore,
    MemoryRateStore,
    RateLimiter,
    RateStore,
    Update,
    rate_file,
)
from nbp_dagster.oxen.rate_limit.rate_state import (
    FIRST_RATE,
    FIRST_WINDOW,
    FORGET_SECONDS,
    RateState,
)
from nbp_dagster.oxen.rate_limit.shared_time import MAX_SKEW
from nbp_dagster.studio.purchasing.cancellation import (
    CancellableClock,
    CancellationToken,
    Cancelled,
)
from tests.fakes.clock import FakeClock

T = TypeVar("T")


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RateStore:
    """Both kinds of store."""
    return (
        MemoryRateStore() if request.param == "memory" else FileRateStore(tmp_path / "pace/a.json")
    )


def test_the_first_request_goes_at_once_and_the_next_in_turn(store: RateStore) -> None:
    clock = FakeClock()
    rate_limiter = RateLimiter(clock, store)

    rate_limiter.acquire()
    assert clock.sleeps == ()
    rate_limiter.acquire()

    assert sum(clock.sleeps) == pytest.approx(1 / FIRST_RATE)


def test_a_429_met_by_one_holds_the_other(store: RateStore) -> None:
    clock = FakeClock()
    one, other = RateLimiter(clock, store), RateLimiter(clock, store)
    one.record_throttle(5.0, one.acquire(), is_post=False)

    other.acquire()

    assert sum(clock.sleeps) == pytest.approx(5.0)


def test_two_runs_share_the_window(store: RateStore) -> None:
    clock = FakeClock()
    one, other = RateLimiter(clock, store), RateLimiter(clock, store)

    assert one.room(0, 64) == FIRST_WINDOW
    assert one.room(8, 64) == 0
    assert other.room(0, 64) == FIRST_WINDOW / 2


def test_what_is_left_once_the_room_is_used_needs_no_look_at_the_file() -> None:
    asked: list[Update[Any]] = []

    class Counting(MemoryRateStore):
        def change(self, update: Update[T]) -> T:
            asked.append(update)
            return super().change(update)

    rate_limiter = RateLimiter(FakeClock(), Counting())

    assert rate_limiter.room(0, 64, wanted=100) == FIRST_WINDOW
    assert rate_limiter.room(8, 64, wanted=92) == 0
    assert len(asked) == 1
    assert rate_limiter.room(7, 64, wanted=92) == 1, "a job ended: asked again"


def test_a_run_that_has_ended_leaves_the_window_to_the_next(store: RateStore) -> None:
    clock = FakeClock()
    one, other = RateLimiter(clock, store), RateLimiter(clock, store)

    one.room(0, 64, wanted=8)
    assert other.room(0, 64) == FIRST_WINDOW / 2
    one.leave()
    assert other.room(1, 64) == FIRST_WINDOW - 1


def test_a_run_that_only_polls_keeps_its_part_of_the_window(store: RateStore) -> None:
    clock = FakeClock()
    polling, other = RateLimiter(clock, store), RateLimiter(clock, store)
    polling.room(8, 64)
    for _ in range(4):
        clock.advance(20)
        polling.record_success(polling.acquire(), is_post=False)

    assert other.room(0, 64) == FIRST_WINDOW / 2


def test_a_slot_taken_in_advance_is_not_waited_for_again() -> None:
    clock = FakeClock()
    rate_limiter = RateLimiter(clock)
    rate_limiter.acquire()
    rate_limiter.reserve()
    waited = sum(clock.sleeps)

    rate_limiter.acquire()

    assert waited > 0
    assert sum(clock.sleeps) == waited


def test_a_slot_taken_in_advance_counts_once() -> None:
    clock = FakeClock()
    rate_limiter = RateLimiter(clock)
    rate_limiter.reserve()
    rate_limiter.acquire()

    rate_limiter.acquire()

    assert sum(clock.sleeps) == pytest.approx(1 / FIRST_RATE)


def _seconds_held(clock: FakeClock, one: RateLimiter, other: RateLimiter) -> float:
    """How long a run with a slot waits all the same, after another has met a 429 of 5 s."""
    first = other.acquire()
    one.reserve()
    lined_up = sum(clock.sleeps)
    other.record_throttle(5.0, first, is_post=True)

    one.acquire()

    return sum(clock.sleeps) - lined_up


def test_a_slot_taken_in_advance_does_not_outlive_a_hold() -> None:
    clock = FakeClock()
    rate_limiter = RateLimiter(clock)

    assert _seconds_held(clock, rate_limiter, rate_limiter) == pytest.approx(5.0)


def test_a_hold_that_another_process_wrote_ends_a_slot_taken_in_advance(tmp_path: Path) -> None:
    clock, path = FakeClock(), tmp_path / "a.json"
    one, other = RateLimiter(clock, FileRateStore(path)), RateLimiter(clock, FileRateStore(path))

    assert _seconds_held(clock, one, other) == pytest.approx(5.0)


def test_a_slot_taken_in_advance_is_not_kept_for_long() -> None:
    clock = FakeClock()
    rate_limiter = RateLimiter(clock)
    rate_limiter.reserve()
    clock.advance(60)
    rate_limiter.acquire()

    rate_limiter.acquire()

    assert sum(clock.sleeps) == pytest.approx(1 / FIRST_RATE), "the first of these was a new one"


def test_a_run_that_is_stopped_does_not_wait_for_its_turn() -> None:
    clock = CancellableClock(FakeClock(), CancellationToken())
    rate_limiter = RateLimiter(clock)
    rate_limiter.record_throttle(60.0, rate_limiter.acquire(), is_post=True)
    clock.token.stop_waiting()

    with pytest.raises(Cancelled):
        rate_limiter.acquire()


@pytest.mark.parametrize(
    "content",
    [
        b"garbage",
        b"\x00" * 100,
        b"[]",
        b'{"stamp": 0.0, "since": 0.0, "rate": "NaN"}',
        b'{"stamp": 0.0, "since": 0.0, "rate": 0}',
        b'{"stamp": 0.0, "since": 0.0, "window": 0.1}',
        b'{"stamp": 0.0, "since": 0.0, "held_until": 1e999}',
        b'{"stamp": 0.0, "since": 0.0, "members": {"a": 3}}',
    ],
)
def test_an_unreadable_file_counts_as_nothing_known(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    clock = FakeClock()
    rate_limiter = RateLimiter(clock, FileRateStore(path))

    rate_limiter.acquire()

    assert clock.sleeps == ()
    assert b'"rate":50.0' in path.read_bytes()


class Machine(FakeClock):
    """A machine that was started some seconds ago, and whose clock is wrong by some."""

    def __init__(self, *, up_for: float, skew: float = 0.0) -> None:
        super().__init__(start=1_800_000_000.0 + skew)
        self._up_for = up_for

    def monotonic(self) -> float:
        return self._up_for + super().monotonic()


@pytest.mark.parametrize("up_for", [5.0, 5_000_000.0])
@pytest.mark.parametrize("skew", [-90.0, -2.0, 0.0, 2.0])
def test_a_hold_that_another_machine_wrote_is_kept(
    tmp_path: Path, up_for: float, skew: float
) -> None:
    here, there = Machine(up_for=90_000.0), Machine(up_for=up_for, skew=skew)
    one = RateLimiter(here, FileRateStore(tmp_path / "a.json"))
    one.record_throttle(30.0, one.acquire(), is_post=True)
    here.advance(0.1)
    there.advance(0.1)

    RateLimiter(there, FileRateStore(tmp_path / "a.json")).acquire()

    waited = sum(there.sleeps)
    assert waited == pytest.approx(29.9 - max(0.0, skew), abs=0.2)


def test_machines_that_take_turns_keep_a_hold_whoever_s_clock_is_ahead(tmp_path: Path) -> None:
    here, there = Machine(up_for=10.0), Machine(up_for=90_000.0, skew=-20.0)
    one = RateLimiter(here, FileRateStore(tmp_path / "a.json"))
    other = RateLimiter(there, FileRateStore(tmp_path / "a.json"))
    one.acquire()
    other.record_throttle(30.0, other.acquire(), is_post=True)
    for _ in range(4):
        for machine, limiter in ((here, one), (there, other)):
            limiter.room(1, 64)
            machine.advance(0.5)
    before = sum(here.sleeps)

    one.acquire()

    assert sum(here.sleeps) - before == pytest.approx(28.0, abs=0.5)


@pytest.mark.parametrize("moved", [-MAX_SKEW - 200, FORGET_SECONDS + 100])
def test_a_file_of_another_time_counts_as_nothing_known(tmp_path: Path, moved: float) -> None:
    earlier, later = FakeClock(), FakeClock()
    earlier.advance(100)
    before = RateLimiter(earlier, FileRateStore(tmp_path / "a.json"))
    before.record_throttle(120.0, before.acquire(), is_post=True)
    later.advance(100 + moved)

    RateLimiter(later, FileRateStore(tmp_path / "a.json")).acquire()

    assert later.sleeps == ()


def test_a_file_of_moments_since_the_machine_started_counts_as_nothing_known(
    tmp_path: Path,
) -> None:
    """As versions before wall time wrote them."""
    path = tmp_path / "a.json"
    held = b'{"stamp": 90000.0, "since": 90000.0, "rate": 3.0, "held_until": 90120.0}'
    path.write_bytes(held)
    clock = Machine(up_for=90_001.0)

    RateLimiter(clock, FileRateStore(path)).acquire()

    assert clock.sleeps == ()
    assert _RATE_STATE.validate_json(path.read_bytes()).stamp > 1_700_000_000


def test_a_file_that_is_removed_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    rate_limiter = RateLimiter(FakeClock(), FileRateStore(path))
    rate_limiter.acquire()
    path.unlink()

    rate_limiter.acquire()

    assert path.exists()


def test_answers_are_counted_with_the_next_request(tmp_path: Path) -> None:
    """A run that only polls writes half as often; the rate has grown when it is asked for."""
    path = tmp_path / "a.json"
    rate_limiter = RateLimiter(FakeClock(), FileRateStore(path))
    for _ in range(3):
        rate_limiter.record_success(rate_limiter.acquire(), is_post=False)
    assert _RATE_STATE.validate_json(path.read_bytes()).taken == 2

    rate_limiter.acquire()

    assert _RATE_STATE.validate_json(path.read_bytes()).taken == 3


def test_a_post_that_was_taken_makes_room_at_once(store: RateStore) -> None:
    clock = FakeClock()
    one, other = RateLimiter(clock, store), RateLimiter(clock, store)
    one.room(0, 64)
    before = other.room(0, 64)
    one.record_success(one.acquire(), is_post=True)
    clock.advance(1)
    assert one.room(0, 64) + other.room(0, 64) > 2 * before


def test_more_runs_than_the_file_has_room_for_go_on_without_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    with caplog.at_level(logging.WARNING):
        for _ in range(400):
            RateLimiter(clock, FileRateStore(tmp_path / "a.json")).room(1, 64)
    assert "the rate limit can't be stored in" in caplog.text


def test_a_forked_process_and_its_parent_change_the_file_one_after_the_other(
    tmp_path: Path,
) -> None:
    store = FileRateStore(tmp_path / "a.json")
    RateLimiter(FakeClock(), store).acquire()
    inside, leave = os.pipe(), os.pipe()

    def linger(rate_state: RateState | None) -> tuple[RateState, None]:
        os.write(inside[1], b".")
        os.read(leave[0], 1)
        return rate_state or RateState.at(0.0), None

    if not (child := os.fork()):
        store.change(linger)
        os._exit(0)
    os.read(inside[0], 1)
    is_ours = threading.Event()
    ours = threading.Thread(target=lambda: store.change(partial(_tell, is_ours)))
    ours.start()
    came_in_between = is_ours.wait(0.1)
    os.write(leave[1], b".")
    _, status = os.waitpid(child, 0)
    ours.join()
    for descriptor in (*inside, *leave):
        os.close(descriptor)

    assert not came_in_between
    assert is_ours.is_set()
    assert status == 0


def test_room_that_others_take_is_noticed_though_nothing_of_ours_changes(store: RateStore) -> None:
    clock = FakeClock()
    one, other = RateLimiter(clock, store), RateLimiter(clock, store)
    assert one.room(0, 64) == FIRST_WINDOW
    other.room(4, 64)
    clock.advance(1)

    assert one.room(0, 64) == FIRST_WINDOW / 2


@pytest.mark.parametrize("name", ["file/pace/a.json", "file/a.json", "folder.json"])
def test_a_place_that_cannot_be_used_costs_one_warning_and_no_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.json").mkdir()
    clock = FakeClock()
    with caplog.at_level(logging.WARNING):
        rate_limiter = RateLimiter(clock, FileRateStore(tmp_path / name))
        rate_limiter.record_throttle(5.0, rate_limiter.acquire(), is_post=False)
        rate_limiter.acquire()

    assert sum(clock.sleeps) == pytest.approx(5.0), "it is kept in memory"
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_files_name_tells_accounts_apart_and_shows_no_key(tmp_path: Path) -> None:
    names = {
        rate_file(tmp_path, base_url=url, api_key=key).name
        for url in ("https://a.test", "https://b.test")
        for key in ("secret-1", "secret-2")
    }

    assert len(names) == 4
    assert not any("secret" in name for name in names)
    assert rate_file(tmp_path, base_url="https://a.test/", api_key=" secret-1\n").name in names


def _tell(event: threading.Event, rate_state: RateState | None) -> tuple[RateState, None]:
    event.set()
    return rate_state or RateState.at(0.0), None
