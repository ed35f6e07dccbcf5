"""Failures of the ledger's database: each is one line that names the ledger and what to do."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from nbp_dagster.studio.ledger.database import (
    LedgerDatabaseError,
    begin_serialised,
    location_of,
    open_ledger,
    to_ledger_error,
)
from nbp_dagster.studio.ledger.schema import purchases
from tests.rigs.postgres import PostgresServer
from tests.unit.studio.ledger.databases import (
    IMPATIENT,
    a_row,
    opened,
    read,
    write,
)

PASSWORD = "pass/w0rd"


def test_a_ledger_locked_for_too_long_is_explained(ledger_url: str) -> None:
    with opened(ledger_url) as holder, opened(ledger_url, lock_timeout=IMPATIENT) as engine:
        with begin_serialised(holder), pytest.raises(DBAPIError) as caught:
            write(engine, a_row())

        error = to_ledger_error(caught.value, engine)

        assert f"{location_of(engine)}: another process keeps it locked" in str(error)
        assert "\n" not in str(error)
        write(engine, a_row())


def test_a_file_that_grows_no_more_is_a_full_disk(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.sqlite") as engine:

        @sa.event.listens_for(engine, "begin")
        def stop_growing(connection: Connection) -> None:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")

        with pytest.raises(DBAPIError) as caught:
            write(engine, a_row(reason="x" * 100_000))

        assert "ledger.sqlite: its disk is full" in str(to_ledger_error(caught.value, engine))
        assert read(engine) == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("53100", "its disk is full"),
        ("42501", "permission denied"),
        ("57P01", "cannot reach the ledger"),
        ("XX000", "did not do what was asked"),
    ],
)
def test_what_the_server_complains_of_is_explained(
    postgres: PostgresServer, code: str, words: str
) -> None:
    statement = f"DO $$BEGIN RAISE EXCEPTION 'that is how it is' USING ERRCODE = '{code}'; END$$"
    with opened(postgres.make_database()) as engine:
        with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
            connection.exec_driver_sql(statement)

        message = str(to_ledger_error(caught.value, engine))

    assert words in message
    assert "(that is how it is)" in message


def test_a_server_that_takes_no_writes_is_explained(postgres: PostgresServer) -> None:
    url = postgres.make_database()
    with opened(url) as engine:
        name = engine.url.database
        postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with opened(url) as engine:
        with pytest.raises(DBAPIError) as caught:
            write(engine, a_row())

        assert f"/{name}: it is read-only" in str(to_ledger_error(caught.value, engine))


def test_a_connection_cut_within_a_transaction_is_explained(postgres: PostgresServer) -> None:
    def write_while_cut(engine: Engine) -> None:
        with begin_serialised(engine) as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            postgres.execute(f"SELECT pg_terminate_backend({pid}, 10000)")
            connection.execute(purchases.insert().values(a_row()))

    with opened(postgres.make_database()) as engine:
        with pytest.raises(DBAPIError) as caught:
            write_while_cut(engine)

        assert "cannot reach the ledger" in str(to_ledger_error(caught.value, engine))
        # The server is there again: so is the ledger.
        assert read(engine) == []


def test_a_server_that_is_away_is_one_line_without_the_password() -> None:
    with socket.socket() as taken:
        # Bound and not listening: no other process can answer there.
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(LedgerDatabaseError) as caught:
            open_ledger(f"postgres://painter:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/studio")

    message = str(caught.value)
    assert f"cannot reach the ledger postgresql://painter:***@127.0.0.1:{port}/studio" in message
    assert "Connection refused" in message
    assert "\n" not in message
    whole = "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in whole
    assert quote(PASSWORD, safe="") not in whole


def test_an_engine_shows_no_password(postgres: PostgresServer) -> None:
    url = postgres.make_database().replace("nbp@", "nbp:s3cret@")

    with opened(url) as engine:
        assert "s3cret" not in repr(engine)
        assert "s3cret" not in location_of(engine)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://painter:s3cret@host/studio", "cannot be kept in 'mysql'"),
        ("postgresql+asyncpg://painter:s3cret@host/studio", "cannot be kept in"),
        (".nbp/ledger.sqlite", "cannot be read; give a path"),
        ("postgresql://painter@host:s3cret/studio", "cannot be read; give a path"),
        ("postgresql://painter@host/studio?password=s3cret", "before the @"),
        ("postgresql://painter@host/studio?sslpassword=s3cret", "before the @"),
        ("postgresql://painter:number@s3cret@host/studio", "as %40"),
        ("postgresql://painter:number@one/s3cret@host/studio", "as %40"),
        ("sqlite://", "must be a plain file, not 'nothing'"),
        ("sqlite:///:memory:", "must be a plain file, not ':memory:'"),
        ("sqlite:///ledger.sqlite?mode=ro", "must be a plain file"),
        ("sqlite:///ledger.sqlite", "sqlite:////var/lib/nbp/ledger.sqlite, with four slashes"),
    ],
)
def test_a_url_that_is_no_ledgers_is_refused(url: str, words: str) -> None:
    with pytest.raises(LedgerDatabaseError) as caught:
        open_ledger(url)

    assert words in str(caught.value)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_without_the_driver_the_extra_is_named() -> None:
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from nbp_dagster.studio.ledger.database import LedgerDatabaseError, open_ledger\n"
        "try:\n    open_ledger('postgresql://painter@host/studio')\n"
        "except LedgerDatabaseError as error:\n    sys.exit(str(error))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert "pip install 'nbp-dagster[postgres]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"These are not the pages of a database. " * 100)

    with pytest.raises(LedgerDatabaseError, match="it is not a SQLite file"):
        open_ledger(path)


def test_a_file_in_the_place_of_the_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"")

    with pytest.raises(LedgerDatabaseError, match=r"cannot make the ledger's folder .*/home"):
        open_ledger(tmp_path / "home" / "ledger.sqlite")


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder in which the process, made an ordinary user for a moment, can only read."""
    # Not pytest's: root's can't be entered by anybody else.
    folder = Path(tempfile.mkdtemp())
    with opened(folder / "ledger.sqlite"):
        pass
    (folder / "ledger.sqlite").chmod(0o444)
    folder.chmod(0o555)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if was_root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["ledger.sqlite", "new.sqlite", "new/ledger.sqlite"])
def test_a_folder_that_can_only_be_read_is_explained(read_only_folder: Path, name: str) -> None:
    with pytest.raises(LedgerDatabaseError) as caught:
        open_ledger(read_only_folder / name)

    message = str(caught.value)
    assert str(read_only_folder / name) in message or str(read_only_folder / "new:") in message
    assert "writ" in message
    assert "\n" not in message
