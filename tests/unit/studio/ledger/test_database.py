"""The database under the ledger, SQLite or PostgreSQL: opened, upgraded, locked, in trouble."""

import multiprocessing
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from nbp_dagster.studio.ledger.database import (
    HEAD,
    LedgerDatabaseError,
    begin_reading,
    begin_serialised,
    begin_writing,
    explain,
    open_ledger,
    place,
)
from nbp_dagster.studio.ledger.schema import metadata, purchases
from tests.fakes.postgres import PostgresServer

OLD_LEDGER = Path(__file__).parents[3] / "data" / "ledgers" / "before_migrations.sql"
PASSWORD = "pass/w0rd"
# Seconds to wait for a lock where a test is about not getting it.
IMPATIENT = 0.1
# Seconds for other processes to start and finish on a busy machine.
PATIENCE = 60.0
# A fresh interpreter: nothing of the tests' own process is shared.
spawning = multiprocessing.get_context("spawn")


@contextmanager
def opened(url: str | Path, *, patience: float = 30.0) -> Iterator[Engine]:
    engine = open_ledger(url, patience=patience)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Engine]:
    with opened(ledger_url) as engine:
        yield engine


def a_row(number: int = 1, **values: Any) -> dict[str, Any]:
    """What a new purchase must say at least."""
    return {
        "fingerprint": f"{number:064x}",
        "attempt": 1,
        "key": f"spring/shot{number}",
        "scope": "spring",
        "run_id": "a run",
        "model": "a model",
        "request": {"prompt": "A red kite"},
        "state": "intended",
        "price_micros": 5_000_000_000,
        "billed": False,
        "intended_at": 1_760_000_000.25,
        **values,
    }


def write(engine: Engine, *rows: dict[str, Any]) -> None:
    with begin_serialised(engine) as connection:
        for row in rows:
            connection.execute(purchases.insert().values(row))


def read(engine: Engine) -> list[dict[str, Any]]:
    with engine.begin() as connection:
        rows = connection.execute(sa.select(purchases).order_by(purchases.c.id))
        return [dict(row._mapping) for row in rows]


def old_ledger(path: Path) -> list[dict[str, Any]]:
    """Make a ledger as the first version wrote it; return its rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.executescript(OLD_LEDGER.read_text(encoding="utf-8"))
    connection.row_factory = sqlite3.Row
    rows = [dict(row) for row in connection.execute("SELECT * FROM purchases ORDER BY id")]
    connection.close()
    return rows


def version(engine: Engine) -> str:
    with engine.begin() as connection:
        return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())


# Opening and upgrading


def test_a_new_ledger_has_the_tables_of_the_schema(ledger: Engine) -> None:
    with ledger.begin() as connection:
        # Alembic can't compare what SQLite says of defaults.
        defaults = ledger.dialect.name == "postgresql"
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": defaults}
        )
        assert compare_metadata(context, metadata) == []
    assert version(ledger) == HEAD


def test_a_row_comes_back_as_it_was_written(ledger: Engine) -> None:
    whole = a_row(owner="f" * 32, fresh=True, parent="e" * 64, shot="hill", image={"width": 1024})
    write(ledger, whole, a_row(2))

    first, second = read(ledger)

    assert whole.items() <= first.items()
    assert (second["owner"], second["fresh"], second["parent"], second["shot"]) == (
        *("", False),
        *(None, ""),
    )
    assert second["image"] is None


@pytest.mark.parametrize("column", ["fingerprint", "generation_id"])
def test_no_attempt_and_no_generation_is_written_twice(ledger: Engine, column: str) -> None:
    write(ledger, a_row(1, generation_id="gen"))
    other = a_row(2)
    other[column] = read(ledger)[0][column]

    with pytest.raises(IntegrityError):
        write(ledger, other)

    assert len(read(ledger)) == 1


def test_a_ledger_opens_again_with_its_rows(ledger_url: str) -> None:
    with opened(ledger_url) as engine:
        write(engine, a_row())

    with opened(ledger_url) as engine:
        assert len(read(engine)) == 1


def test_a_ledger_without_migrations_is_upgraded_and_keeps_every_row(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    before = old_ledger(path)
    raw = sa.select(sa.text("*")).select_from(sa.text("purchases")).order_by(sa.text("id"))

    with opened(path) as engine:
        with engine.begin() as connection:
            after = [dict(row._mapping) for row in connection.execute(raw)]
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
        assert version(engine) == HEAD

    assert len(before) == 6
    added = {"owner": "", "fresh": 0, "parent": None, "provider": "oxen", "shot": ""}
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
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

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


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "50% off? #1" / "the ledger.sqlite"

    with opened(path) as engine:
        write(engine, a_row())

    assert path.exists()
    with opened(path) as engine:
        assert len(read(engine)) == 1


def test_sqlite_lets_readers_read_beside_a_writer_and_flushes_every_commit(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.sqlite", patience=IMPATIENT) as engine:
        with begin_serialised(engine) as writer:
            writer.execute(purchases.insert().values(a_row()))
            assert read(engine) == []
            # 2 is FULL.
            assert writer.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert len(read(engine)) == 1


def open_and_write(url: str, barrier: Barrier, number: int) -> None:
    """What one of several processes does."""
    barrier.wait(PATIENCE)
    with opened(url) as engine:
        write(engine, a_row(number))


def test_processes_that_open_a_new_ledger_at_once_all_succeed(ledger_url: str) -> None:
    barrier = spawning.Barrier(3)
    processes = [
        spawning.Process(target=open_and_write, args=(ledger_url, barrier, number))
        for number in range(3)
    ]
    run(processes)

    with opened(ledger_url) as engine:
        assert len(read(engine)) == 3
        assert version(engine) == HEAD


@pytest.mark.parametrize("old", [False, True])
def test_threads_that_open_a_ledger_at_once_all_succeed(tmp_path: Path, old: bool) -> None:
    path = tmp_path / "ledger.sqlite"
    if old:
        old_ledger(path)

    assert open_at_once([path] * 6) == {HEAD}


def test_threads_may_upgrade_different_ledgers_at_once(tmp_path: Path) -> None:
    for round_ in range(3):
        paths = [tmp_path / f"{round_}-{number}.sqlite" for number in range(6)]
        assert open_at_once(paths) == {HEAD}


def open_at_once(paths: list[Path]) -> set[str]:
    """Open a ledger in each of as many threads; return their versions."""
    barrier = threading.Barrier(len(paths))

    def open_one(path: Path) -> str:
        barrier.wait(PATIENCE)
        with opened(path) as engine:
            return version(engine)

    with ThreadPoolExecutor(len(paths)) as pool:
        return set(pool.map(open_one, paths))


def test_opening_waits_for_a_process_that_writes_to_a_file_not_yet_set_up(tmp_path: Path) -> None:
    """Such as another that opens the same new ledger: SQLite would say at once that it is busy."""
    path = tmp_path / "ledger.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE something (id INTEGER)")
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(open_ledger, path)
        with pytest.raises(TimeoutError):
            opening.result(0.5)
        other.execute("COMMIT")
        engine = opening.result(PATIENCE)
    other.close()

    with engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    assert version(engine) == HEAD
    engine.dispose()


# Serialised transactions


def count_up(url: str, barrier: Barrier, times: int) -> None:
    """Add one to the number in the ledger, so many times in each of two threads."""
    with opened(url) as engine:

        def add(_: int) -> None:
            with begin_serialised(engine) as connection:
                number = connection.scalar(sa.select(purchases.c.price_micros))
                assert number is not None
                connection.execute(purchases.update().values(price_micros=number + 1))

        barrier.wait(PATIENCE)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(add, range(times)))


def test_what_a_serialised_transaction_reads_stays_true_until_it_ends(ledger_url: str) -> None:
    with opened(ledger_url) as engine:
        write(engine, a_row(price_micros=0))
    barrier = spawning.Barrier(2)
    run(
        [spawning.Process(target=count_up, args=(ledger_url, barrier, times)) for times in (40, 60)]
    )

    with opened(ledger_url) as engine:
        assert read(engine)[0]["price_micros"] == 100


def test_a_serialised_transaction_that_raises_writes_nothing(ledger: Engine) -> None:
    def write_and_fail() -> None:
        with begin_serialised(ledger) as connection:
            connection.execute(purchases.insert().values(a_row()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()

    assert read(ledger) == []
    write(ledger, a_row())


def test_whoever_reads_excludes_nobody(ledger_url: str) -> None:
    with opened(ledger_url, patience=IMPATIENT) as engine:
        write(engine, a_row(1))
        with begin_reading(engine) as reader:
            reader.execute(sa.select(purchases)).all()
            write(engine, a_row(2))
        assert len(read(engine)) == 2


def test_what_one_reader_reads_of_a_file_is_of_one_moment(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.sqlite", patience=IMPATIENT) as engine:
        write(engine, a_row(1))
        with begin_reading(engine) as reader:
            before = reader.execute(sa.select(purchases)).all()
            write(engine, a_row(2))
            assert reader.execute(sa.select(purchases)).all() == before


def test_a_single_statement_on_a_file_waits_for_whoever_decides(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with opened(path) as holder, opened(path, patience=IMPATIENT) as engine:
        write(engine, a_row(1))
        with begin_serialised(holder), pytest.raises(DBAPIError, match="locked"):
            close_all(engine)
        close_all(engine)

        assert read(engine)[0]["state"] == "lost"


def test_a_single_statement_that_fails_leaves_nothing_behind(ledger: Engine) -> None:
    write(ledger, a_row(1))
    with pytest.raises(IntegrityError), begin_writing(ledger) as connection:
        connection.execute(purchases.insert().values(a_row(1)))

    write(ledger, a_row(2))

    assert len(read(ledger)) == 2


def close_all(engine: Engine) -> None:
    with begin_writing(engine) as connection:
        connection.execute(purchases.update().values(state="lost"))


def run(processes: list[Any]) -> None:
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
    assert [process.exitcode for process in processes] == [0] * len(processes)


# Trouble


def test_a_ledger_locked_for_too_long_is_explained(ledger_url: str) -> None:
    with opened(ledger_url) as holder, opened(ledger_url, patience=IMPATIENT) as engine:
        with begin_serialised(holder), pytest.raises(DBAPIError) as caught:
            write(engine, a_row())

        error = explain(caught.value, engine)

        assert f"{place(engine)}: another process keeps it locked" in str(error)
        assert "\n" not in str(error)
        write(engine, a_row())


def test_a_file_that_grows_no_more_is_a_full_disk(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.sqlite") as engine:

        @sa.event.listens_for(engine, "begin")
        def stop_growing(connection: Connection) -> None:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")

        with pytest.raises(DBAPIError) as caught:
            write(engine, a_row(reason="x" * 100_000))

        assert "ledger.sqlite: its disk is full" in str(explain(caught.value, engine))
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

        message = str(explain(caught.value, engine))

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

        assert f"/{name}: it is read-only" in str(explain(caught.value, engine))


def test_a_connection_cut_within_a_transaction_is_explained(postgres: PostgresServer) -> None:
    def write_while_cut(engine: Engine) -> None:
        with begin_serialised(engine) as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            postgres.execute(f"SELECT pg_terminate_backend({pid}, 10000)")
            connection.execute(purchases.insert().values(a_row()))

    with opened(postgres.make_database()) as engine:
        with pytest.raises(DBAPIError) as caught:
            write_while_cut(engine)

        assert "cannot reach the ledger" in str(explain(caught.value, engine))
        # The server is there again: so is the ledger.
        assert read(engine) == []


def test_a_server_that_is_away_is_one_line_without_the_password() -> None:
    with socket.socket() as taken:
        # Bound and not listening: nobody else can answer there.
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
        assert "s3cret" not in place(engine)


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
