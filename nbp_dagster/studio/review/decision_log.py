"""The log of decisions: which pictures people approved, rejected or passed over, and undid."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from typing import Final, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.database import begin_reading, begin_serialised, translate_errors
from nbp_dagster.studio.ledger.schema import decisions

Verdict = Literal["approved", "rejected", "passed_over", "withdrawn"]
Scalar = str | int | float | bool | None

ASKED_WORDS: Final = "asked again: "
EDIT_WORDS: Final = "to be edited: "
"""Begin the reason of a rejection by which another picture was asked for; the note follows."""


@dataclass(frozen=True, order=True)
class Place:
    """One file in a set: a prompt's rendition for a channel and a locale, as exactly these bytes.

    Attributes:
        sha256: Digest of the rendition, hex.
    """

    prompt_key: str
    channel: str
    locale: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a person decided about one file: a row of the table.

    Attributes:
        place: The file.
        number: From 1, for each file: how many decisions about it there are, this one included.
        verdict: "passed_over" where another variant was chosen, "withdrawn" where nothing is
            decided any more.
        fault: Name of the check whose fault it was rejected for; empty for other reasons.
        reason: Why, in the person's words.
        who: Who decided.
        seen: What stood beside the picture: the set's digest and the checks it failed.
        decided_at: Seconds since the epoch; set when it is recorded.
        id: The row's number over all files; set when it is recorded.
    """

    place: Place
    brand: str
    campaign: str
    number: int
    verdict: Verdict
    fault: str = ""
    reason: str = ""
    who: str
    seen: Mapping[str, Scalar | list[str]] = field(default_factory=dict)
    decided_at: float = 0.0
    id: int = 0


class DecisionMoved(NbpError):
    """Somebody else has decided about the picture since it was looked at.

    Attributes:
        latest: Their decision; None where the one looked at is not there.
    """

    def __init__(self, place: Place, latest: Decision | None) -> None:
        told = "nothing is decided about it" if latest is None else tell_decision(latest)
        super().__init__(
            f"{place.prompt_key}, {place.channel}: decided meanwhile: {told}; nothing was changed, "
            "look again"
        )
        self.latest = latest


class DecisionLog:
    """The table of decisions; each method is one transaction.

    Example:
        >>> log = DecisionLog(open_ledger(Path(".nbp/ledger.sqlite")), clock=SystemClock())
        >>> log.latest("spring")
        {}
    """

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def latest(self, campaign: str) -> dict[Place, Decision]:
        """Return the latest decision about every file of a campaign that has one."""
        with self._transaction(begin_reading(self._engine)) as connection:
            return _latest(connection, decisions.c.campaign == campaign)

    def history(self, prompt_key: str) -> tuple[Decision, ...]:
        """Return every decision about files of a prompt, oldest first, those of old bytes too."""
        with self._transaction(begin_reading(self._engine)) as connection:
            return _read(connection, decisions.c.prompt_key == prompt_key)

    def of_campaign(self, campaign: str, *, after: int = 0) -> tuple[Decision, ...]:
        """Return every decision about files of a campaign, oldest first.

        Args:
            campaign: Its id.
            after: The number of a row: only later ones.
        """
        chosen = sa.and_(decisions.c.campaign == campaign, decisions.c.id > after)
        with self._transaction(begin_reading(self._engine)) as connection:
            return _read(connection, chosen)

    def campaigns(self) -> tuple[str, ...]:
        """Return the campaigns that anybody has decided about, by name."""
        query = sa.select(decisions.c.campaign).distinct().order_by(decisions.c.campaign)
        with self._transaction(begin_reading(self._engine)) as connection:
            return tuple(connection.execute(query).scalars())

    def since(self, row: int, *, limit: int) -> tuple[Decision, ...]:
        """Return the first decisions of any campaign after a row's number, oldest first."""
        with self._transaction(begin_reading(self._engine)) as connection:
            return _read(connection, decisions.c.id > row, limit=limit)

    def decide(self, drafts: Sequence[Decision]) -> tuple[Decision, ...]:
        """Record decisions, all or none of them.

        Args:
            drafts: At most one a file. The number of each says which decision was looked at: it
                follows that one.

        Returns:
            The rows as recorded.

        Raises:
            DecisionMoved: There is a later decision about one of the files.
        """
        now = self._clock.now()
        with self._transaction(begin_serialised(self._engine)) as connection:
            for draft in drafts:
                found = _latest(connection, _is(draft.place)).get(draft.place)
                if (found.number if found else 0) != draft.number - 1:
                    raise DecisionMoved(draft.place, found)
            rows = [replace(draft, decided_at=now) for draft in drafts]
            return tuple(_insert(connection, row) for row in rows)

    def undo(self, place: Place, number: int, *, who: str) -> Decision:
        """Take back the latest decision about a file: what was decided before it holds again.

        Args:
            place: The file.
            number: Of the decision that is taken back; it must be the latest.
            who: Who takes it back.

        Raises:
            DecisionMoved: It is not the latest, or there is none.
        """
        with self._transaction(begin_serialised(self._engine)) as connection:
            rows = _read(connection, _is(place))
            if not rows or rows[-1].number != number:
                raise DecisionMoved(place, rows[-1] if rows else None)
            before = rows[-2] if len(rows) > 1 else None
            verdict: Verdict = before.verdict if before else "withdrawn"
            told = tell_decision(rows[-1])
            row = replace(
                before or rows[-1],
                number=number + 1,
                verdict=verdict,
                fault=before.fault if before else "",
                reason=f"taken back: {told}",
                who=who,
                decided_at=self._clock.now(),
            )
            return _insert(connection, row)

    def _transaction(
        self, transaction: AbstractContextManager[Connection]
    ) -> AbstractContextManager[Connection]:
        return translate_errors(transaction, self._engine)


def tell_decision(decision: Decision) -> str:
    """Return a decision in words, e.g. "rejected by ada: the hand has six fingers"."""
    said = f"{decision.verdict.replace('_', ' ')} by {decision.who}"
    return f"{said}: {decision.reason}" if decision.reason else said


def _insert(connection: Connection, row: Decision) -> Decision:
    columns = {**asdict(row), **asdict(row.place)}
    for name in ("place", "id"):
        del columns[name]
    inserted = connection.execute(decisions.insert(), columns).inserted_primary_key
    assert inserted is not None, "a single insert has a key"
    return replace(row, id=int(inserted[0]))


def _is(place: Place) -> sa.ColumnElement[bool]:
    return sa.and_(
        decisions.c.prompt_key == place.prompt_key,
        decisions.c.channel == place.channel,
        decisions.c.locale == place.locale,
        decisions.c.sha256 == place.sha256,
    )


def _latest(connection: Connection, chosen: sa.ColumnElement[bool]) -> dict[Place, Decision]:
    # Rows are in the order of their ids, and so those of one file in that of their numbers.
    return {row.place: row for row in _read(connection, chosen)}


def _read(
    connection: Connection, chosen: sa.ColumnElement[bool], *, limit: int | None = None
) -> tuple[Decision, ...]:
    query = sa.select(decisions).where(chosen).order_by(decisions.c.id).limit(limit)
    return tuple(_decision(row) for row in connection.execute(query))


def _decision(row: sa.Row[tuple[object, ...]]) -> Decision:
    columns = dict(row._mapping)
    names: Iterable[str] = ("prompt_key", "channel", "locale", "sha256")
    return Decision(place=Place(**{name: columns.pop(name) for name in names}), **columns)
