"""Transactions on the ledger's database: which exclude each other, and which do not."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from nbp_dagster import lock_waits
from nbp_dagster.studio.ledger.database import (
    begin_reading,
    begin_serialised,
    begin_writing,
)
from nbp_dagster.studio.ledger.schema import purchases
from tests.unit.studio.ledger.databases import (
    IMPATIENT,
    PATIENCE,
    a_row,
    opened,
    read,
    run,
    spawning,
    write,
)


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


def test_a_reader_excludes_no_writer(ledger_url: str) -> None:
    with opened(ledger_url, lock_timeout=IMPATIENT) as engine:
        write(engine, a_row(1))
        with begin_reading(engine) as reader:
            reader.execute(sa.select(purchases)).all()
            write(engine, a_row(2))
        assert len(read(engine)) == 2


def test_what_one_reader_reads_of_a_file_is_of_one_moment(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.sqlite", lock_timeout=IMPATIENT) as engine:
        write(engine, a_row(1))
        with begin_reading(engine) as reader:
            before = reader.execute(sa.select(purchases)).all()
            write(engine, a_row(2))
            assert reader.execute(sa.select(purchases)).all() == before


def test_a_single_statement_on_a_file_waits_for_a_serialised_transaction(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with opened(path) as holder, opened(path, lock_timeout=IMPATIENT) as engine:
        write(engine, a_row(1))
        with begin_serialised(holder), pytest.raises(DBAPIError, match="locked"):
            close_all(engine)
        close_all(engine)

        assert read(engine)[0]["state"] == "lost"


def test_whoever_waits_for_a_locked_file_is_told_and_goes_on_once_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.sqlite"
    told: list[str] = []
    with opened(path) as engine, closing(sqlite3.connect(path, isolation_level=None)) as holder:

        def tell(text: str, *values: object) -> None:
            told.append(text % values)
            holder.rollback()

        monkeypatch.setattr(lock_waits, "TOLD_AFTER_SECONDS", 0.0)
        monkeypatch.setattr(lock_waits.logger, "warning", tell)
        holder.execute("BEGIN EXCLUSIVE")
        write(engine, a_row(1))
        holder.execute("BEGIN EXCLUSIVE")
        close_all(engine)

        assert read(engine)[0]["state"] == "lost"
    assert len(told) == 2
    assert all(f"keeps {path} locked" in line for line in told)


def test_a_single_statement_that_fails_leaves_nothing_behind(ledger: Engine) -> None:
    write(ledger, a_row(1))
    with pytest.raises(IntegrityError), begin_writing(ledger) as connection:
        connection.execute(purchases.insert().values(a_row(1)))

    write(ledger, a_row(2))

    assert len(read(ledger)) == 2


def close_all(engine: Engine) -> None:
    with begin_writing(engine) as connection:
        connection.execute(purchases.update().values(state="lost"))
