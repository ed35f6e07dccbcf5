"""The log of corrections: which pictures failed a check and were regenerated, and which is kept."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from nbp_dagster.clock import Clock
from nbp_dagster.studio.ledger.database import begin_reading, begin_serialised, translate_errors
from nbp_dagster.studio.ledger.schema import corrections

Kept = Literal["first", "correction"]

NOTE: Final = "note"
"""Stands in place of checks where a person asked for another picture, in words of their own."""

EDIT: Final = "edit"
"""Stands in place of checks where a person asked for a change of the picture itself."""

_ASKED: Final = ((NOTE,), (EDIT,))

# As in the ledger: statements stay small.
_CHUNK = 500


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A picture that is regenerated: a row of the table.

    Attributes:
        parent: Fingerprint of the request whose picture failed.
        original: SHA-256 of that picture, as hex: one bought again on purpose starts from 1.
        number: From 1, for each such picture.
        fingerprint: Fingerprint of the new request.
        prompt: Its prompt; everything else is the parent's.
        checks: Names of the checks that it must pass; `NOTE` or `EDIT` alone where a person asked
            for it.
        key: The prompt's key at that time.
        asked_at: Seconds since the epoch.
        kept: Which picture is kept; None while undecided: the correction is still due.
        reason: Why it is kept, in words.
        base: SHA-256 of the picture that it edits, as hex; empty where it is drawn anew.
        instruction: What is changed in that; every change since it was drawn.
        region: The part of it that alone may change, as `edits.Region`; None for all of it.
    """

    parent: str
    original: str
    number: int
    fingerprint: str
    prompt: str
    checks: tuple[str, ...]
    key: str
    asked_at: float = 0.0
    kept: Kept | None = None
    reason: str = ""
    base: str = ""
    instruction: str = ""
    region: tuple[float, float, float, float] | None = None

    @property
    def is_asked(self) -> bool:
        """Whether a person asked for it; its picture is kept whatever checks say."""
        return self.checks in _ASKED


class CorrectionLog:
    """The table of corrections; each method is one transaction.

    No run changes a decision; a person may.

    Example:
        >>> log = CorrectionLog(open_ledger(Path(".nbp/ledger.sqlite")), clock=SystemClock())
        >>> log.of(["5f1c0a"])
        {}
    """

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def of(self, parents: Iterable[str]) -> dict[tuple[str, str], tuple[Correction, ...]]:
        """Return the corrections of some fingerprints, by fingerprint and digest of the picture.

        Those of one picture are in the order of their numbers.
        """
        found: dict[tuple[str, str], tuple[Correction, ...]] = {}
        wanted = list(dict.fromkeys(parents))
        with self._transaction(begin_reading(self._engine)) as connection:
            if connection.execute(sa.select(corrections.c.id).limit(1)).first() is None:
                # Without any correction, no further query.
                return found
            for start in range(0, len(wanted), _CHUNK):
                chosen = corrections.c.parent.in_(wanted[start : start + _CHUNK])
                for item in _read(connection, chosen):
                    place = (item.parent, item.original)
                    found[place] = (*found.get(place, ()), item)
        return found

    def behind(self, fingerprint: str) -> tuple[Correction, ...]:
        """Return the corrections whose new request has a fingerprint."""
        with self._transaction(begin_reading(self._engine)) as connection:
            return _read(connection, corrections.c.fingerprint == fingerprint)

    def all(self) -> tuple[Correction, ...]:
        """Return every correction, oldest first."""
        with self._transaction(begin_reading(self._engine)) as connection:
            return _read(connection, sa.true())

    def ask(self, draft: Correction) -> Correction:
        """Insert a correction before it is bought.

        Returns:
            The row of that number: of two callers with different prompts both get the first one's.
        """
        with self._transaction(begin_serialised(self._engine)) as connection:
            known = _read(connection, _is(draft))
            if known:
                return known[0]
            row = replace(draft, asked_at=self._clock.now())
            connection.execute(corrections.insert(), {**asdict(row), "checks": list(row.checks)})
            return row

    def decide(self, correction: Correction, kept: Kept, reason: str) -> Correction:
        """Record which picture is kept, unless that is decided; return the row."""
        with self._transaction(begin_serialised(self._engine)) as connection:
            undecided = sa.and_(_is(correction), corrections.c.kept.is_(None))
            decided = corrections.update().where(undecided).values(kept=kept, reason=reason)
            connection.execute(decided)
            return _read(connection, _is(correction))[0]

    def decide_anew(
        self, seen: Sequence[Correction], changes: Mapping[int, Kept], reason: str
    ) -> tuple[Correction, ...] | None:
        """Change which of a picture's corrections are kept, all of it or nothing.

        Args:
            seen: Every correction of the picture as it was looked at, oldest first, all decided.
            changes: What is kept now, by number.
            reason: Why, in words.

        Returns:
            The rows; None where they are no longer those that were looked at.
        """
        if not seen:
            return ()
        of_picture = sa.and_(
            corrections.c.parent == seen[0].parent, corrections.c.original == seen[0].original
        )
        with self._transaction(begin_serialised(self._engine)) as connection:
            if _read(connection, of_picture) != tuple(seen):
                return None
            for row in seen:
                if row.number in changes:
                    values = {"kept": changes[row.number], "reason": reason}
                    connection.execute(corrections.update().where(_is(row)).values(values))
            return _read(connection, of_picture)

    def _transaction(
        self, transaction: AbstractContextManager[Connection]
    ) -> AbstractContextManager[Connection]:
        return translate_errors(transaction, self._engine)


def _is(item: Correction) -> sa.ColumnElement[bool]:
    return sa.and_(
        corrections.c.parent == item.parent,
        corrections.c.original == item.original,
        corrections.c.number == item.number,
    )


def _read(connection: Connection, chosen: sa.ColumnElement[bool]) -> tuple[Correction, ...]:
    rows = connection.execute(sa.select(corrections).where(chosen).order_by(corrections.c.id))
    return tuple(_correction(row) for row in rows)


def _correction(row: sa.Row[tuple[object, ...]]) -> Correction:
    columns = dict(row._mapping)
    del columns["id"]
    checks: Sequence[str] = columns.pop("checks")
    shares: Sequence[float] | None = columns.pop("region")
    region = None if shares is None else (shares[0], shares[1], shares[2], shares[3])
    return Correction(**columns, checks=tuple(checks), region=region)
