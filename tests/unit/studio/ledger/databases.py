"""What the tests of the ledger's database share: new and old ledgers, rows, processes."""

import multiprocessing
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.database import (
    begin_serialised,
    open_ledger,
)
from nbp_dagster.studio.ledger.schema import purchases

OLD_LEDGER = Path(__file__).parents[3] / "data" / "ledgers" / "before_migrations.sql"
# Seconds to wait for a lock where a test is about not getting it.
IMPATIENT = 0.1
# Seconds for other processes to start and finish on a busy machine.
PATIENCE = 60.0
# A fresh interpreter: nothing of the tests' own process is shared.
spawning = multiprocessing.get_context("spawn")


@contextmanager
def opened(url: str | Path, *, lock_timeout: float = 30.0) -> Iterator[Engine]:
    engine = open_ledger(url, lock_timeout=lock_timeout)
    try:
        yield engine
    finally:
        engine.dispose()


VERSION_TABLE = "nbp_ledger_version"


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


def version(engine: Engine, table: str = VERSION_TABLE) -> str:
    with engine.begin() as connection:
        return str(connection.exec_driver_sql(f"SELECT version_num FROM {table}").scalar())


def run(processes: list[Any]) -> None:
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
    assert [process.exitcode for process in processes] == [0] * len(processes)
