"""Migrations of the ledger's database: old, half upgraded and newer tables."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from nbp_dagster.studio.ledger.database import (
    HEAD,
    LedgerDatabaseError,
    begin_serialised,
    open_ledger,
)
from nbp_dagster.studio.ledger.schema import metadata
from tests.unit.studio.ledger.databases import (
    VERSION_TABLE,
    old_ledger,
    opened,
    version,
)


def test_a_ledger_without_migrations_is_upgraded_and_keeps_every_row(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    before = old_ledger(path)
    raw = sa.select(sa.text("*")).select_from(sa.text("purchases")).order_by(sa.text("id"))

    with opened(path) as engine:
        with engine.begin() as connection:
            after = [dict(row._mapping) for row in connection.execute(raw)]
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "version_table": VERSION_TABLE}
            )
            assert compare_metadata(context, metadata) == []
        assert version(engine) == HEAD

    assert len(before) == 6
    added = {"owner": "", "fresh": 0, "parent": None, "provider": "oxen", "shot": ""}
    added |= {"account": "", "origin": ""}
    assert after == [{**row, **added} for row in before]


def test_an_upgrade_that_fails_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    old_ledger(path)
    connection = sqlite3.connect(path)
    # In the way of the second of the new columns.
    connection.execute("ALTER TABLE purchases ADD COLUMN fresh TEXT")
    schema = connection.execute("SELECT name, sql FROM sqlite_master").fetchall()

    with pytest.raises(LedgerDatabaseError, match="duplicate column name: fresh"):
        open_ledger(path)

    assert connection.execute("SELECT name, sql FROM sqlite_master").fetchall() == schema
    connection.close()


def test_a_ledger_of_a_newer_version_is_left_alone(ledger_url: str) -> None:
    with opened(ledger_url) as engine:
        with begin_serialised(engine) as connection:
            connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")

        with pytest.raises(LedgerDatabaseError) as caught:
            open_ledger(ledger_url)

        assert "newer nbp-dagster (version 9999; this one knows up to" in str(caught.value)
        assert version(engine) == "9999"


def test_only_an_upgrade_imports_alembic(ledger_url: str) -> None:
    with opened(ledger_url):
        pass
    script = (
        "import sys; from nbp_dagster.studio.ledger.database import open_ledger; "
        "open_ledger(sys.argv[1]); sys.exit('alembic' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", script, ledger_url], check=False)

    assert done.returncode == 0


def sa_engine(ledger_url: str) -> sa.Engine:
    return sa.create_engine(ledger_url.replace("postgresql:", "postgresql+psycopg:"))


def note_version(ledger_url: str, version_num: str) -> None:
    """Make the table that programs with Alembic share the name of."""
    engine = sa_engine(ledger_url)
    if ledger_url.startswith("sqlite"):
        Path(ledger_url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"
        )
        if version_num:
            connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{version_num}')")
    engine.dispose()


@pytest.mark.parametrize("theirs", ["16e2bd2e3c1d", ""])
def test_a_database_that_another_program_keeps_its_tables_in_is_shared(
    ledger_url: str, theirs: str
) -> None:
    """Dagster's storage, which notes its version in the same place as any program with Alembic."""
    note_version(ledger_url, theirs)

    for _ in range(2):
        with opened(ledger_url) as engine:
            assert version(engine) == HEAD
            assert version(engine, "alembic_version") == (theirs or "None")


def test_a_ledger_that_notes_its_version_under_the_shared_name_goes_on_to(ledger_url: str) -> None:
    with opened(ledger_url) as engine, begin_serialised(engine) as connection:
        connection.exec_driver_sql(f"ALTER TABLE {VERSION_TABLE} RENAME TO alembic_version")

    for _ in range(2):
        with opened(ledger_url) as engine:
            assert version(engine, "alembic_version") == HEAD
            with engine.begin() as connection:
                assert not sa.inspect(connection).has_table(VERSION_TABLE)
                connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(LedgerDatabaseError, match="newer nbp-dagster"):
            open_ledger(ledger_url)
        with sa_engine(ledger_url).begin() as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{HEAD}'")


def test_an_old_ledger_is_upgraded_under_the_shared_name(tmp_path: Path) -> None:
    """One that an earlier version of this program has made, at its first migration."""
    path = tmp_path / "ledger.sqlite"
    old_ledger(path)
    note_version(f"sqlite:///{path}", "0001")

    with opened(path) as engine:
        assert version(engine, "alembic_version") == HEAD
