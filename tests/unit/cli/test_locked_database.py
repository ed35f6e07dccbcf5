"""A database that another program holds is one line of a command, and no traceback."""

import sqlite3
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from nbp_dagster.cli.errors import report_errors


@click.command()
@click.argument("path")
@report_errors
def write(path: str) -> None:
    with sa.create_engine(f"sqlite:///{path}?timeout=0").begin() as connection:
        connection.exec_driver_sql("CREATE TABLE runs (id INTEGER)")


def test_a_locked_database_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        done = CliRunner().invoke(write, [str(path)])

    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("nbp: another program holds a database")
    assert "database is locked" in line


def test_another_fault_of_a_database_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(sa.exc.OperationalError):
        CliRunner().invoke(write, [str(tmp_path / "no" / "folder.db")], catch_exceptions=False)
