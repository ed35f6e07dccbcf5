"""The rate limit of a key that machines share: one row, whoever changes it, and none in the way."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import psycopg
import pytest
import sqlalchemy as sa

from nbp_dagster.oxen.rate_limit.limited_transport import LimitedTransport
from nbp_dagster.oxen.rate_limit.rate_limiter import MemoryRateStore, RateLimiter, RateStore
from nbp_dagster.oxen.rate_limit.rate_state import FIRST_RATE, RateState
from nbp_dagster.oxen.transport import HttpRequest
from nbp_dagster.simulator.state.traffic import RequestLimit
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.shared_state.shared_rates import (
    FRESH_SECONDS,
    RETRY_SECONDS,
    SharedRateStore,
)
from tests.fakes.clock import FakeClock
from tests.fakes.turns import LimitedService, TurnClock
from tests.rigs.postgres import PostgresServer

URL = "https://hub.example"
LIMIT = 10.0


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    address = postgres.make_database()
    open_ledger(address).dispose()
    return address


Open = Callable[..., SharedRateStore]


@pytest.fixture
def machine(url: str) -> Iterator[Open]:
    """Opens the store of one more machine."""
    with ExitStack() as stack:

        def make(
            clock: FakeClock | TurnClock, *, payer: str = "a", at: str = ""
        ) -> SharedRateStore:
            store = SharedRateStore(at or url, payer=payer, monotonic=clock.monotonic)
            return stack.enter_context(closing(store))

        yield make


def test_two_machines_take_turns(machine: Open) -> None:
    clock = FakeClock()
    one, other = (RateLimiter(clock, machine(clock)) for _ in range(2))

    one.acquire()
    assert clock.sleeps == ()
    other.acquire()

    assert sum(clock.sleeps) == pytest.approx(1 / FIRST_RATE)


def test_a_429_of_one_machine_holds_the_other(machine: Open) -> None:
    clock = FakeClock()
    one, other = (RateLimiter(clock, machine(clock)) for _ in range(2))
    one.record_throttle(5.0, one.acquire(), is_post=True)

    other.acquire()

    assert sum(clock.sleeps) == pytest.approx(5.0, abs=0.1)


def test_two_machines_share_the_window(machine: Open) -> None:
    clock = FakeClock()
    one, other = (RateLimiter(clock, machine(clock)) for _ in range(2))

    assert one.room(0, 64, wanted=8) == 8
    assert other.room(0, 64, wanted=8) == 4


def test_other_keys_go_their_own_way(machine: Open) -> None:
    clock = FakeClock()
    one, other = (RateLimiter(clock, machine(clock, payer=name)) for name in ("a", "b"))
    one.record_throttle(60.0, one.acquire(), is_post=True)

    other.acquire()

    assert clock.sleeps == ()


@pytest.mark.parametrize("skew", [-90.0, -2.0, 2.0, 90.0])
def test_a_hold_ends_for_both_whoever_s_clock_is_wrong(machine: Open, skew: float) -> None:
    here, there = FakeClock(), FakeClock(start=1_800_000_000.0 + skew)
    one, other = RateLimiter(here, machine(here)), RateLimiter(there, machine(there))
    # Each has read a moment of the other, as machines at work do.
    for _ in range(2):
        one.room(1, 64)
        other.room(1, 64)
        here.advance(0.5)
        there.advance(0.5)
    one.record_throttle(30.0, one.acquire(), is_post=True)

    other.acquire()

    assert sum(there.sleeps) == pytest.approx(30.0, abs=1.0)


def test_no_change_is_lost_between_threads_and_machines(machine: Open) -> None:
    clock = FakeClock()
    stores = [machine(clock) for _ in range(3)]
    start = threading.Barrier(12)

    def count(state: RateState | None) -> tuple[RateState, int]:
        known = state or RateState.at(clock.now())
        taken = known.taken + 1
        return RateState(stamp=known.stamp, since=known.since, taken=taken), taken

    def work(store: RateStore) -> list[int]:
        start.wait(30)
        return [store.change(count) for _ in range(25)]

    with ThreadPoolExecutor(12) as threads:
        counted = [each for found in threads.map(work, stores * 4) for each in found]

    assert sorted(counted) == list(range(1, 12 * 25 + 1))


def test_what_threads_ask_for_at_once_is_one_statement(machine: Open, url: str) -> None:
    clock = FakeClock()
    store = machine(clock)
    limiter = RateLimiter(clock, store)
    limiter.acquire()
    statements = count_statements(store)

    with ThreadPoolExecutor(16) as threads, store._lock:
        asked = [threads.submit(limiter.room, 0, limit) for limit in range(1, 17)]
        while len(store._requests) < 16:
            pass
    for each in asked:
        each.result()

    assert len(statements) == 1


def test_an_answer_that_is_known_asks_the_database_nothing(machine: Open) -> None:
    clock = FakeClock()
    store = machine(clock)
    RateLimiter(clock, store).acquire()
    statements = count_statements(store)

    assert store.peek() is not None
    assert statements == []
    clock.advance(FRESH_SECONDS * 2)
    assert store.peek() is None


def count_statements(store: SharedRateStore) -> list[str]:
    counted: list[str] = []
    sa.event.listen(
        store._engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: counted.append(statement),
    )
    return counted


def test_a_connection_that_broke_is_opened_again(
    machine: Open, postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    one, other = (RateLimiter(clock, machine(clock)) for _ in range(2))
    one.acquire()
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    )
    one.record_throttle(5.0, one.acquire(), is_post=True)

    other.acquire()

    assert sum(clock.sleeps) == pytest.approx(5.0, abs=0.1)
    assert caplog.records == []


def test_a_database_that_is_away_costs_one_warning_and_no_run(
    machine: Open, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE rate_states RENAME COLUMN state TO gone")
        one = RateLimiter(clock, machine(clock))
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                one.acquire()
                clock.advance(RETRY_SECONDS)
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "the rate limit can't be kept with the ledger" in caplog.text
        connection.execute("ALTER TABLE rate_states RENAME COLUMN gone TO state")
    one.record_throttle(5.0, one.acquire(), is_post=True)
    slept = sum(clock.sleeps)

    RateLimiter(clock, machine(clock)).acquire()

    assert sum(clock.sleeps) - slept == pytest.approx(5.0, abs=0.1)


def test_a_ledger_that_no_run_has_migrated_is_no_reason_to_warn(
    machine: Open, postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    limiter = RateLimiter(clock, machine(clock, at=postgres.make_database()))

    limiter.acquire()
    limiter.acquire()

    assert sum(clock.sleeps) == pytest.approx(1 / FIRST_RATE)
    assert caplog.records == []


def test_a_state_of_another_version_counts_as_nothing_known(machine: Open, url: str) -> None:
    clock = FakeClock()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO rate_states VALUES ('a', 7, '{\"other\": 1}')")

    RateLimiter(clock, machine(clock)).acquire()

    assert clock.sleeps == ()


def throttled(stores: list[RateStore], clock: TurnClock, seconds: float) -> tuple[int, int]:
    """Have 14 workers on each store ask a limited service; return how often it said 200 and 429."""
    limiter = RequestLimit(LIMIT, clock.monotonic)
    service = LimitedService(clock, limiter.take, seconds=0.1, headers={"retry-after": "1"})

    def work(transport: LimitedTransport) -> None:
        while True:
            status = transport.send(HttpRequest(method="GET", url=f"{URL}/api/ai/queue")).status
            if status == 429:
                clock.sleep(1.25)

    transports = [
        LimitedTransport(service, base_url=URL, rate_limiter=RateLimiter(clock, store), clock=clock)
        for store in stores
    ]
    tasks = [lambda each=each: work(each) for each in transports for _ in range(14)]
    clock.run(*tasks, seconds=seconds)
    return service.count(200), service.count(429)


def test_three_machines_meet_no_more_429s_than_one_home_and_use_the_limit_up(
    machine: Open,
) -> None:
    seconds, clock = 120.0, TurnClock()
    one_home = MemoryRateStore()
    _, in_one_home = throttled([one_home] * 3, clock, seconds)
    clock = TurnClock()
    _, apart = throttled([MemoryRateStore() for _ in range(3)], clock, seconds)
    clock = TurnClock()
    accepted, shared = throttled([machine(clock) for _ in range(3)], clock, seconds)

    assert accepted >= 0.85 * LIMIT * seconds
    assert shared <= 1.5 * in_one_home + 2
    assert shared < apart / 2


def test_a_database_that_takes_its_time_is_asked_once(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    looks = 0

    def monotonic() -> float:
        # Between any two looks at the clock more time goes by than a state is fresh for.
        nonlocal looks
        looks += 1
        clock.advance(2 * FRESH_SECONDS)
        return clock.monotonic()

    with closing(SharedRateStore(url, payer="a", monotonic=monotonic)) as store:
        seen = [store.change(lambda state: (state, "as it is")) for _ in range(2)]

    assert seen == ["as it is"] * 2
    assert looks < 10
    assert not caplog.records
