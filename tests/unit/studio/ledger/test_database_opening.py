"""Opening the ledger's database: tables, rows, names of files, several openings at once."""

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError

from nbp_dagster.studio.ledger.database import (
    HEAD,
    begin_serialised,
    open_ledger,
    read_schema_version,
)
from nbp_dagster.studio.ledger.schema import metadata, purchases
from tests.unit.studio.ledger.databases import (
    IMPATIENT,
    PATIENCE,
    VERSION_TABLE,
    a_row,
    old_ledger,
    opened,
    read,
    run,
    spawning,
    version,
    write,
)


def test_a_new_ledger_has_the_tables_of_the_schema(ledger: Engine) -> None:
    with ledger.begin() as connection:
        # Alembic can't compare what SQLite says of defaults.
        defaults = ledger.dialect.name == "postgresql"
        opts = {
            "compare_type": True,
            "compare_server_default": defaults,
            "version_table": VERSION_TABLE,
        }
        context = MigrationContext.configure(connection, opts=opts)
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


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}"])
def test_a_new_file_is_its_owners_alone_and_an_old_one_stays_as_it_is(
    tmp_path: Path, form: str
) -> None:
    file = tmp_path / "ledger.sqlite"
    place = form.format(file)
    before = os.umask(0o022)
    try:
        with opened(place if "://" in place else file) as engine, engine.connect():
            made = {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    finally:
        os.umask(before)
    file.chmod(0o640)

    with opened(place if "://" in place else file):
        pass

    assert made == {0o600}
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}"])
def test_whoever_asks_for_the_schema_makes_no_file(tmp_path: Path, form: str) -> None:
    place = form.format(tmp_path / "home" / "ledger.sqlite")

    assert read_schema_version(place if "://" in place else Path(place)) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "50% off? #1" / "the ledger.sqlite"

    with opened(path) as engine:
        write(engine, a_row())

    assert path.exists()
    with opened(path) as engine:
        assert len(read(engine)) == 1


def test_sqlite_lets_readers_read_beside_a_writer_and_flushes_every_commit(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.sqlite", lock_timeout=IMPATIENT) as engine:
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
