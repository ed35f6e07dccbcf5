"""SQLite files that another program keeps locked: told once, waited for, and Ctrl-C ends it."""

import logging
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from nbp_dagster import lock_waits
from nbp_dagster.interrupts import noted_interrupts, seconds_since_interrupt
from nbp_dagster.lock_waits import HomeConnection, WaitingConnection, acquire

# Seconds of a wait that nothing in these tests lasts for.
LONG = 120.0
WRITE = "INSERT INTO numbers VALUES (1)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.sqlite"
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE numbers (number INTEGER)")
    return path


@pytest.fixture
def holder(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection, which keeps the file locked."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield other


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_waits, "PIECE_SECONDS", 0.02)
    monkeypatch.setattr(lock_waits, "TOLD_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(lock_waits, "GRACE_SECONDS", 0.1)


@pytest.fixture
def told() -> Iterator["Told"]:
    handler = Told()
    lock_waits.logger.addHandler(handler)
    yield handler
    lock_waits.logger.removeHandler(handler)


class Told(logging.Handler):
    """Keeps what is told, and does something the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.then: Callable[[], object] = lambda: None

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        if len(self.lines) == 1:
            self.then()


@contextmanager
def waiting(
    path: Path, seconds: float = LONG, kind: type[WaitingConnection] = WaitingConnection
) -> Iterator[WaitingConnection]:
    made = sqlite3.connect(path, timeout=seconds, factory=kind, check_same_thread=False)
    with closing(made) as connection:
        yield connection


@contextmanager
def held_back() -> Iterator[None]:
    """A handler of Ctrl-C that raises nothing, such as Dagster's while it writes."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with noted_interrupts():
            yield
    finally:
        signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM numbers").fetchone()[0])


@pytest.mark.parametrize("is_batch", [False, True], ids=["one row", "rows"])
def test_a_lock_that_is_released_was_told_once_and_the_statement_is_done_once(
    path: Path, holder: sqlite3.Connection, told: Told, is_batch: bool
) -> None:
    told.then = holder.rollback
    with waiting(path) as connection:
        if is_batch:
            connection.executemany("INSERT INTO numbers VALUES (?)", iter([(1,)]))
        else:
            connection.execute(WRITE)
        connection.commit()

    assert count(path) == 1
    [line] = told.lines
    assert line.startswith(f"another program keeps {path} locked: waiting for it until ")
    assert line.endswith("; wait for it, or end the process that holds it")


def test_a_commit_waits_for_a_reader_of_a_file_without_a_log(path: Path, told: Told) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as reader:
        reader.execute("PRAGMA journal_mode=DELETE")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM numbers").fetchall()
        told.then = reader.rollback
        with waiting(path) as connection:
            connection.execute(WRITE)
            connection.commit()

    assert told.lines
    assert count(path) == 1


def test_a_lock_that_lasts_longer_is_sqlites_error_and_names_the_file(
    path: Path, holder: sqlite3.Connection, told: Told
) -> None:
    locked = pytest.raises(sqlite3.OperationalError, match="database is locked")
    with waiting(path, seconds=0.3) as connection, locked as caught:
        connection.execute(WRITE)

    assert caught.value.__notes__ == [str(path)]
    assert len(told.lines) == 1


def test_each_lock_is_told_and_two_that_wait_for_one_tell_it_once(
    path: Path, holder: sqlite3.Connection, told: Told
) -> None:
    def write(_: int) -> None:
        with waiting(path) as connection:
            connection.execute(WRITE)
            connection.commit()

    told.then = lambda: threading.Timer(0.3, holder.rollback).start()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))
    assert len(told.lines) == 1

    told.lines.clear()
    told.then = holder.rollback
    holder.execute("BEGIN EXCLUSIVE")
    write(0)
    assert len(told.lines) == 1


def test_a_file_of_dagsters_that_was_waited_for_in_vain_is_not_waited_for_again(
    path: Path, holder: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster answers the error by more events, and each would wait as long."""
    monkeypatch.setattr(lock_waits, "AGAIN_SECONDS", LONG)
    locked = pytest.raises(sqlite3.OperationalError, match="locked")
    with waiting(path, 0.1, HomeConnection) as connection, locked:
        connection.execute(WRITE)
    with waiting(path, LONG, HomeConnection) as connection:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connection.execute(WRITE)
        holder.rollback()
        connection.execute(WRITE)
        connection.commit()

    assert count(path) == 1


def test_what_no_wait_can_end_is_not_waited_for(
    path: Path, holder: sqlite3.Connection, told: Told
) -> None:
    """From a snapshot nothing is written while another writes: SQLite says so at once."""
    with waiting(path) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM numbers").fetchall()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connection.execute(WRITE)
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            connection.execute("SELECT * FROM missing")

    assert not told.lines


def test_ctrl_c_ends_a_wait(path: Path, holder: sqlite3.Connection, told: Told) -> None:
    told.then = interrupt
    with waiting(path) as connection, pytest.raises(KeyboardInterrupt):
        connection.execute(WRITE)


def test_ctrl_c_that_is_held_back_ends_a_wait_too(
    path: Path, holder: sqlite3.Connection, told: Told
) -> None:
    told.then = interrupt
    with held_back(), waiting(path) as connection, pytest.raises(KeyboardInterrupt):
        connection.execute(WRITE)


def test_ctrl_c_ends_a_threads_waits_as_their_time_does(
    path: Path, holder: sqlite3.Connection, told: Told
) -> None:
    lock = threading.Lock()
    lock.acquire()
    told.then = interrupt
    with held_back(), waiting(path) as connection, ThreadPoolExecutor(2) as pool:
        queued = pool.submit(acquire, lock, LONG)
        written = pool.submit(connection.execute, WRITE)
        error = written.exception()

        assert isinstance(error, sqlite3.OperationalError)
        assert queued.result() is False


def test_what_is_released_within_the_grace_is_still_written(
    path: Path, holder: sqlite3.Connection, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as the id of a picture that is just being paid."""
    monkeypatch.setattr(lock_waits, "GRACE_SECONDS", LONG)

    def interrupt_and_release() -> None:
        interrupt()
        threading.Timer(0.1, holder.rollback).start()

    told.then = interrupt_and_release
    with held_back(), waiting(path) as connection:
        connection.execute(WRITE)
        connection.commit()
        assert seconds_since_interrupt() is not None

    assert count(path) == 1
    assert seconds_since_interrupt() is None


def test_other_signals_and_other_threads_interrupt_nothing() -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with noted_interrupts():
            os.kill(os.getpid(), signal.SIGUSR1)
            assert seconds_since_interrupt() is None
            with ThreadPoolExecutor(1) as pool:
                pool.submit(noted_interrupts().__enter__).result()
            assert seconds_since_interrupt() is None
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_lock_of_a_thread_that_ends_is_taken() -> None:
    lock = threading.Lock()
    lock.acquire()
    threading.Timer(0.1, lock.release).start()
    start = time.monotonic()

    assert acquire(lock, LONG)
    assert not acquire(lock, 0.05)
    assert time.monotonic() - start < LONG
