"""The table of runs: signs of life by the database's clock, and the order in which runs finish.

Must not know: Dagster, and what a run makes or spends.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from nbp_dagster.studio.ledger.database import (
    begin_reading,
    begin_serialised,
    begin_writing,
    translate_errors,
)
from nbp_dagster.studio.ledger.schema import run_signs

# How long a row is kept after its last sign: nobody asks about a run of last month.
_KEPT_SECONDS = 30 * 86_400.0


@dataclass(frozen=True)
class Sign:
    """The latest sign of life of a run, over all processes that work on it.

    Attributes:
        at: Seconds since the epoch, by the database's clock.
        silent_seconds: How long ago that was, by the same clock.
        host: The machine it came from.
        pid: The process there.
        has_ended: Whether every process that worked on it is done with its part.
    """

    at: float
    silent_seconds: float
    host: str
    pid: int
    has_ended: bool


@dataclass(frozen=True)
class Finish:
    """What a run finds when it has dealt with its prompts.

    Attributes:
        is_last: Whether every other run of its group had done so before; true for exactly one.
        lacking: The campaigns of which it, or another run of the group, could not make every
            picture.
    """

    is_last: bool
    lacking: frozenset[str]


class RunLog:
    """The table of runs; each method is one transaction.

    Args:
        database: The ledger's.

    Example:
        >>> log = RunLog(open_ledger(Path(".nbp/ledger.sqlite")))
        >>> row = log.begin("5f0c", host="north", pid=4711)
        >>> log.beat(row)
        True
    """

    def __init__(self, database: Engine) -> None:
        self._database = database

    def begin(self, run_id: str, *, host: str, pid: int) -> int:
        """Record that a process works on a run, and return the number of its row.

        Raises:
            LedgerDatabaseError: The database failed; so do all methods.
        """
        with self._serialised() as connection:
            now = _read_clock(connection)
            connection.execute(run_signs.delete().where(run_signs.c.beat_at < now - _KEPT_SECONDS))
            row = connection.execute(
                run_signs.insert().values(
                    run_id=run_id, host=host[:200], pid=pid, started_at=now, beat_at=now
                )
            )
            [number] = row.inserted_primary_key or (0,)
            return int(number)

    def beat(self, row: int) -> bool:
        """Give a sign of life; return whether the run is still waited for."""
        with self._writing() as connection:
            beaten = connection.execute(
                run_signs.update()
                .where(run_signs.c.id == row)
                .values(beat_at=_clock_of(connection))
                .returning(run_signs.c.given_up_at)
            )
            found = beaten.one_or_none()
            return found is None or found.given_up_at is None

    def end(self, row: int) -> None:
        """Record that a process is done with its run, whatever came of it."""
        with self._writing() as connection:
            now = _clock_of(connection)
            connection.execute(
                run_signs.update().where(run_signs.c.id == row).values(beat_at=now, ended_at=now)
            )

    def give_up(self, run_id: str) -> None:
        """Record that a run is not waited for any more; should it still live, it buys no more."""
        with self._writing() as connection:
            connection.execute(
                run_signs.update()
                .where(run_signs.c.run_id == run_id, run_signs.c.given_up_at.is_(None))
                .values(given_up_at=_clock_of(connection))
            )

    def signs(self, run_ids: Collection[str]) -> dict[str, Sign]:
        """Return the latest sign of each run; none of one that never gave any."""
        if not run_ids:
            return {}
        query = (
            sa.select(run_signs)
            .where(run_signs.c.run_id.in_(tuple(run_ids)))
            .order_by(run_signs.c.beat_at)
        )
        with translate_errors(begin_reading(self._database), self._database) as connection:
            now = _read_clock(connection)
            rows = connection.execute(query).all()
        at_work = {row.run_id for row in rows if row.ended_at is None}
        return {
            row.run_id: Sign(
                row.beat_at, now - row.beat_at, row.host, row.pid, row.run_id not in at_work
            )
            for row in rows
        }

    def finish_prompts(
        self,
        row: int,
        *,
        unfinished: Collection[str],
        group: Collection[str],
        lacking: Collection[str],
    ) -> Finish:
        """Record that a run has dealt with its prompts, and find whether it is the last.

        One after the other, over all machines: of runs that finish at the same time exactly one
        finds all others done.

        Args:
            row: The run's own.
            unfinished: Other runs of the group that have not ended.
            group: All other runs of the group whose outcome counts.
            lacking: Campaigns of this run's prompts without a picture.
        """
        with self._serialised() as connection:
            connection.execute(
                run_signs.update()
                .where(run_signs.c.id == row)
                .values(prompts_done_at=_clock_of(connection), lacking=sorted(lacking))
            )
            done, found = set[str](), set(lacking)
            query = sa.select(run_signs.c.run_id, run_signs.c.lacking).where(
                run_signs.c.run_id.in_({*unfinished, *group}),
                run_signs.c.prompts_done_at.is_not(None),
            )
            for run_id, theirs in connection.execute(query):
                done.add(run_id)
                found.update(theirs or ())
        return Finish(is_last=done.issuperset(unfinished), lacking=frozenset(found))

    def _serialised(self) -> AbstractContextManager[Connection]:
        return translate_errors(begin_serialised(self._database), self._database)

    def _writing(self) -> AbstractContextManager[Connection]:
        return translate_errors(begin_writing(self._database), self._database)


def _read_clock(connection: Connection) -> float:
    return float(connection.scalar(sa.select(_clock_of(connection))) or 0.0)


def _clock_of(connection: Connection) -> sa.ColumnElement[float]:
    """Return the database's own time, in seconds since the epoch."""
    if connection.dialect.name == "postgresql":
        # Not `now()`, which is when the transaction began: one may have waited for a lock.
        return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float)
    return (sa.func.julianday("now") - 2_440_587.5) * 86_400.0
