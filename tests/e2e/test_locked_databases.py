"""`nbp run` where another program locks a database: it says so, goes on, and can be ended."""

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from nbp_dagster.project import open_instance
from nbp_dagster.studio.ledger.database import open_ledger
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import Shell, wait_for

FILES = ("ledger.sqlite", "dagster/history/runs.db", "dagster/history/runs/index.db")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A home whose databases are there."""
    shell = Shell(tmp_path)
    write_briefs(shell.briefs, campaign(shot("kitchen", characters=[])))
    with open_instance(shell.home / "dagster"):
        open_ledger(shell.home / "ledger.sqlite").dispose()
    return shell


@contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield holder


def says_so(file: str) -> str:
    return f"{file} locked: waiting for it until "


@pytest.mark.parametrize("file", FILES)
def test_a_run_that_waits_for_a_locked_file_says_so_and_ends_at_ctrl_c(
    shell: Shell, file: str
) -> None:
    with locked(shell.home / file), shell.started("run") as run:
        wait_for(lambda: says_so(file) in run.output.replace("\n", " "), what="word of the lock")
        run.send(signal.SIGINT)
        sent = time.monotonic()
        ended = run.wait()
        # A moment, and three seconds where something paid may yet be recorded; it would be half a
        # minute. Ten are promised, and more are given to a machine with more work than cores.
        took = time.monotonic() - sent

    assert ended == 130, run.output
    assert took < 20, run.output
    assert "Traceback" not in run.output


@pytest.mark.parametrize("file", FILES)
def test_a_run_goes_on_once_the_file_is_free(shell: Shell, file: str) -> None:
    with locked(shell.home / file) as holder, shell.started("run") as run:
        wait_for(lambda: says_so(file) in run.output.replace("\n", " "), what="word of the lock")
        holder.rollback()
        ended = run.wait()

    assert ended == 0, run.output
    assert "1 made" in run.output
