"""A run's signs of life: given by themselves, and over with the run."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.runs.heartbeat import beating
from nbp_dagster.studio.runs.run_log import RunLog
from tests.rigs.processes import wait_for


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    engine = open_ledger(tmp_path / "ledger.sqlite")
    yield engine
    engine.dispose()


def test_a_run_gives_signs_while_it_works(database: Engine) -> None:
    log = RunLog(database)

    with beating(log, "run-1", silence_seconds=0.3, on_given_up=lambda why: None):
        first = log.signs(["run-1"])["run-1"].at
        wait_for(lambda: log.signs(["run-1"])["run-1"].at > first, what="second sign of life")


def test_a_run_that_is_given_up_is_told_why(database: Engine) -> None:
    log, told = RunLog(database), threading.Event()
    words = []

    def stop(why: str) -> None:
        words.append(why)
        told.set()

    with beating(log, "run-1", silence_seconds=0.3, on_given_up=stop):
        log.give_up("run-1")
        assert told.wait(60)

    assert "it buys nothing more" in words[0]


def test_a_database_that_is_away_ends_no_run(
    database: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    log = RunLog(database)
    with beating(log, "run-1", silence_seconds=0.3, on_given_up=lambda why: None):
        with database.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE run_signs RENAME TO gone")
        wait_for(lambda: "no sign of life of the run run-1" in caplog.text, what="warning")
