"""A database that fails a command is one line of it, and no traceback."""

import sqlite3
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from nbp_dagster.cli.errors import report_errors
from nbp_dagster.lock_waits import WaitingConnection

CREATE = "CREATE TABLE runs (id INTEGER UNIQUE)"


@click.command()
@click.argument("path")
@click.argument("statements", nargs=-1)
@report_errors
def execute(path: str, statements: tuple[str, ...]) -> None:
    waits = {"timeout": 0.0, "factory": WaitingConnection}
    with sa.create_engine(f"sqlite:///{path}", connect_args=waits).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@click.command()
@click.argument("url")
@report_errors
def connect(url: str) -> None:
    try:
        sa.create_engine(url).connect()
    except sa.exc.OperationalError as error:
        # What Dagster makes of it after its attempts.
        raise RuntimeError("too many retries for DB connection") from error


@click.command()
@click.argument("words")
@report_errors
def fail(words: str) -> None:
    raise sa.exc.OperationalError("SELECT 1", {}, Exception(words))


def test_a_locked_database_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        done = CliRunner().invoke(execute, [str(path), CREATE])

    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("nbp: another program holds a database")
    assert f"database is locked ({path})" in line


def test_a_server_that_is_away_is_one_line_without_its_password() -> None:
    done = CliRunner().invoke(connect, ["postgresql+psycopg2://nbp:hush-93c1@127.0.0.1:1/nbp"])

    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("nbp: a database of Dagster failed: connection to server at")
    assert "every submitted job stays in the ledger" in line
    assert "hush-93c1" not in done.stderr


def test_a_password_with_an_at_sign_is_not_told() -> None:
    done = CliRunner().invoke(connect, ["postgresql+psycopg2://nbp:geh@eim@127.0.0.1:1/nbp"])
    other = CliRunner().invoke(fail, ['could not translate host name "eim@nowhere" to address'])

    assert "eim" not in done.stderr + other.stderr
    assert 'host name "***@nowhere"' in other.stderr


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(execute, [str(tmp_path / "no" / "folder.db"), CREATE])

    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "nbp: a database of Dagster failed: unable to open database file; nothing that is paid is "
        "lost, every submitted job stays in the ledger: run it again once the database is back"
    ]


def test_a_schema_of_another_version_keeps_its_traceback() -> None:
    """No later attempt helps, and whoever looks for the cause needs where it was."""
    with pytest.raises(sa.exc.OperationalError):
        CliRunner().invoke(fail, ["no such column: runs.backfill_id"], catch_exceptions=False)


def test_a_fault_of_the_program_stays_what_it_is(tmp_path: Path) -> None:
    twice = [CREATE, "INSERT INTO runs VALUES (1)", "INSERT INTO runs VALUES (1)"]
    with pytest.raises(sa.exc.IntegrityError):
        CliRunner().invoke(execute, [str(tmp_path / "runs.db"), *twice], catch_exceptions=False)
