"""The log of decisions about sheets: on SQLite and PostgreSQL, from several machines at once."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.database import begin_serialised, open_ledger
from nbp_dagster.studio.ledger.schema import purchases, sheet_pins
from nbp_dagster.studio.ledger.sheet_pins import PinError, PinLog
from tests.fakes.clock import FakeClock

KEY = "hilltop/ada"
REQUEST = "5" * 64
FIRST, SECOND, THIRD = "a" * 64, "b" * 64, "c" * 64
OLD_LEDGER = Path(__file__).parents[3] / "data" / "ledgers" / "before_migrations.sql"


@pytest.fixture
def engine(ledger_url: str) -> Iterator[Engine]:
    engine = open_ledger(ledger_url)
    yield engine
    engine.dispose()


@pytest.fixture
def log(engine: Engine) -> PinLog:
    return PinLog(engine, clock=FakeClock())


def pin(log: PinLog, digest: str) -> None:
    log.pin(KEY, REQUEST, digest, who="jo@desk", reason="")


def roll_back(log: PinLog) -> str:
    return log.roll_back(KEY, REQUEST, who="jo@desk", reason="").digest


def held(log: PinLog) -> str:
    return log.current([REQUEST])[REQUEST].digest


def test_the_last_decision_holds_and_all_of_them_are_kept(log: PinLog) -> None:
    for digest in (FIRST, SECOND, FIRST):
        pin(log, digest)

    assert held(log) == FIRST
    assert [item.digest for item in log.history(REQUEST)] == [FIRST, SECOND, FIRST]
    assert [item.number for item in log.history(REQUEST)] == [1, 2, 3]


def test_pinning_what_is_pinned_writes_nothing(log: PinLog) -> None:
    pin(log, FIRST)
    pin(log, FIRST)

    assert len(log.history(REQUEST)) == 1


def test_rollbacks_go_back_one_pin_each_and_are_decisions_themselves(log: PinLog) -> None:
    for digest in (FIRST, SECOND, THIRD):
        pin(log, digest)

    assert [roll_back(log), roll_back(log)] == [SECOND, FIRST]
    with pytest.raises(PinError, match="no sheet was pinned before the present one"):
        roll_back(log)
    assert len(log.history(REQUEST)) == 5


def test_a_pin_after_a_rollback_is_rolled_back_to_what_the_rollback_restored(log: PinLog) -> None:
    pin(log, FIRST)
    pin(log, SECOND)
    roll_back(log)
    pin(log, THIRD)

    assert roll_back(log) == FIRST


def test_nothing_is_pinned_automatically_where_a_pin_exists(log: PinLog) -> None:
    pin(log, SECOND)

    kept = log.pin_automatically(KEY, REQUEST, FIRST, who="run 1", reason="auto_pin")
    anew = log.pin_automatically(KEY, REQUEST, THIRD, who="run 2", reason="fresh", anew=True)

    assert (kept.digest, kept.action) == (SECOND, "pinned")
    assert (anew.digest, anew.action) == (THIRD, "automatic")


def test_other_traits_have_decisions_of_their_own(log: PinLog) -> None:
    pin(log, FIRST)

    assert log.current([REQUEST, "6" * 64]).keys() == {REQUEST}


def test_of_machines_that_decide_at_once_all_get_the_same(engine: Engine) -> None:
    """Each would take another image; the first row wins, and there is no second."""
    digests = [f"{number:064x}" for number in range(8)]

    def decide(digest: str) -> str:
        log = PinLog(engine, clock=FakeClock())
        return log.pin_automatically(KEY, REQUEST, digest, who=digest, reason="auto_pin").digest

    with ThreadPoolExecutor(8) as pool:
        chosen = set(pool.map(decide, digests))

    assert len(chosen) == 1
    with engine.begin() as connection:
        count = sa.select(sa.func.count()).select_from(sheet_pins)
        assert connection.execute(count).scalar() == 1


def test_the_sheets_of_an_older_ledger_are_pinned_as_they_were_used(tmp_path: Path) -> None:
    """The last image made of each request was in use; pictures and refusals are no sheets."""
    path = tmp_path / "ledger.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(OLD_LEDGER.read_text(encoding="utf-8"))
    rows = [
        (REQUEST, 1, KEY, "brand:hilltop", "made", f'{{"sha256": "{FIRST}"}}'),
        (REQUEST, 2, KEY, "brand:hilltop", "made", f'{{"sha256": "{SECOND}"}}'),
        ("6" * 64, 1, "hilltop/ben", "brand:hilltop", "refused", None),
        ("7" * 64, 1, "winter/kitchen/all/1x1/v1", "winter", "made", f'{{"sha256": "{THIRD}"}}'),
    ]
    connection.executemany(
        "INSERT INTO purchases (fingerprint, attempt, key, scope, state, image, run_id, model, "
        "request, price_micros, billed, intended_at) "
        "VALUES (?, ?, ?, ?, ?, ?, 'run', 'm', '{}', 150000, 1, 1760000000)",
        rows,
    )
    connection.commit()
    connection.close()

    engine = open_ledger(path)
    log = PinLog(engine, clock=FakeClock())
    with begin_serialised(engine) as upgraded:
        sheets = upgraded.execute(
            sa.select(purchases.c.fingerprint).where(
                purchases.c.scope.like("brand:%"), purchases.c.state == "made"
            )
        )
        requests = {row.fingerprint for row in sheets}
    pins = log.current([*requests, "6" * 64, "7" * 64])
    engine.dispose()

    assert pins.keys() == requests >= {REQUEST}
    assert (pins[REQUEST].digest, pins[REQUEST].action) == (SECOND, "migrated")
