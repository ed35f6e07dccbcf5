"""Signs of life and the order of finishing: on SQLite and PostgreSQL, from several processes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.database import begin_writing, open_ledger
from nbp_dagster.studio.ledger.schema import run_signs
from nbp_dagster.studio.runs.run_log import Finish, RunLog


@pytest.fixture
def database(ledger_url: str) -> Iterator[Engine]:
    engine = open_ledger(ledger_url)
    yield engine
    engine.dispose()


@pytest.fixture
def log(database: Engine) -> RunLog:
    return RunLog(database)


def put_back(database: Engine, row: int, seconds: float) -> None:
    """Have a process's last sign be so long ago."""
    with begin_writing(database) as connection:
        connection.execute(
            run_signs.update()
            .where(run_signs.c.id == row)
            .values(beat_at=run_signs.c.beat_at - seconds)
        )


def test_how_long_a_run_is_silent_is_told_by_the_databases_clock(
    log: RunLog, database: Engine
) -> None:
    row = log.begin("run-1", host="north", pid=7)
    put_back(database, row, 500)

    [sign] = log.signs(["run-1", "run-of-nobody"]).values()

    assert (sign.host, sign.pid) == ("north", 7)
    assert 499 < sign.silent_seconds < 530
    assert log.beat(row)
    assert log.signs(["run-1"])["run-1"].silent_seconds < 30


def test_a_run_that_two_processes_work_on_is_as_alive_as_the_livelier(
    log: RunLog, database: Engine
) -> None:
    dead = log.begin("run-1", host="north", pid=7)
    log.begin("run-1", host="south", pid=8)
    put_back(database, dead, 500)

    assert log.signs(["run-1"])["run-1"].host == "south"


def test_a_run_that_is_given_up_hears_of_it_at_its_next_sign(log: RunLog) -> None:
    row, other = (log.begin(name, host="north", pid=7) for name in ("run-1", "run-2"))

    log.give_up("run-1")

    assert (log.beat(row), log.beat(other)) == (False, True)


def test_rows_of_last_month_are_dropped(log: RunLog, database: Engine) -> None:
    put_back(database, log.begin("old", host="north", pid=7), 40 * 86_400)

    log.begin("new", host="north", pid=8)

    with database.connect() as connection:
        assert list(connection.scalars(sa.select(run_signs.c.run_id))) == ["new"]


def test_of_runs_that_finish_at_once_exactly_one_is_the_last(log: RunLog) -> None:
    names = [f"run-{number}" for number in range(8)]
    rows = {name: log.begin(name, host="north", pid=7) for name in names}

    def finish(name: str) -> Finish:
        others = set(names) - {name}
        return log.finish_prompts(rows[name], unfinished=others, group=others, lacking=())

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(finish, names))

    assert sum(each.is_last for each in found) == 1


def test_the_last_knows_of_what_campaigns_the_others_lack_pictures(log: RunLog) -> None:
    first, second = (log.begin(name, host="north", pid=7) for name in ("first", "second"))

    early = log.finish_prompts(
        first, unfinished=["second"], group=["second"], lacking=["winter", "summer"]
    )
    # The first has ended meanwhile: Dagster lists it as one that has.
    late = log.finish_prompts(second, unfinished=[], group=["first"], lacking=["spring"])

    assert not early.is_last
    assert late == Finish(True, frozenset({"spring", "summer", "winter"}))
