"""A run's signs of life: given by themselves, and over with the run."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.runs.heartbeat import Heartbeat, beating
from nbp_dagster.studio.runs.run_log import RunLog
from tests.rigs.processes import wait_for


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    engine = open_ledger(tmp_path / "ledger.sqlite")
    yield engine
    engine.dispose()


def beaten(
    log: RunLog,
    on_given_up: Callable[[str], object] = lambda why: None,
    is_terminated: Callable[[], bool] = lambda: False,
) -> AbstractContextManager[Heartbeat]:
    return beating(
        log, "run-1", silence_seconds=0.3, on_given_up=on_given_up, is_terminated=is_terminated
    )


def test_a_run_gives_signs_while_it_works(database: Engine) -> None:
    log = RunLog(database)

    with beaten(log):
        first = log.signs(["run-1"])["run-1"].at
        wait_for(lambda: log.signs(["run-1"])["run-1"].at > first, what="second sign of life")


def test_a_run_that_is_given_up_is_told_why(database: Engine) -> None:
    log, told = RunLog(database), threading.Event()
    words = []

    def stop(why: str) -> None:
        words.append(why)
        told.set()

    with beaten(log, stop):
        log.give_up("run-1")
        assert told.wait(60)

    assert "it buys nothing more" in words[0]


def test_a_database_that_is_away_ends_no_run(
    database: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    log = RunLog(database)
    with beaten(log):
        with database.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE run_signs RENAME TO gone")
        wait_for(lambda: "no sign of life of the run run-1" in caplog.text, what="warning")


def test_a_run_that_is_terminated_is_told_why_at_its_next_sign(database: Engine) -> None:
    terminated, told, words = threading.Event(), threading.Event(), list[str]()

    def stop(why: str) -> None:
        words.append(why)
        told.set()

    with beaten(RunLog(database), stop, terminated.is_set):
        assert not told.is_set()
        terminated.set()
        assert told.wait(60)

    assert "somebody terminated this run; it buys nothing more" in words


def test_a_process_that_begins_after_its_run_was_terminated_is_told_before_it_works(
    database: Engine,
) -> None:
    words: list[str] = []

    with beaten(RunLog(database), words.append, lambda: True):
        assert "terminated" in words[0]


def test_a_run_gives_signs_though_nobody_can_tell_whether_it_was_terminated(
    database: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> bool:
        raise ConnectionError("the database of Dagster is away")

    log = RunLog(database)
    with beaten(log, is_terminated=fail):
        first = log.signs(["run-1"])["run-1"].at
        wait_for(lambda: log.signs(["run-1"])["run-1"].at > first, what="second sign of life")

    assert "cannot tell whether the run run-1 was terminated" in caplog.text
