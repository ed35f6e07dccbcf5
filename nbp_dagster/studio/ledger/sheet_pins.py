"""Pins of character sheets: an append-only log of decisions in the ledger's database."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.database import begin_reading, begin_serialised, translate_errors
from nbp_dagster.studio.ledger.schema import sheet_pins

Action = Literal["pinned", "automatic", "rolled_back", "migrated"]


class PinError(NbpError):
    """A sheet can't be pinned or rolled back."""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One decision: a row of the log.

    Attributes:
        made_for: Fingerprint of the request of the character's first candidate. Other traits are
            another request, and have decisions of their own.
        number: From 1, for each request.
        key: `brand/character` at that time.
        digest: SHA-256 of the image that becomes the sheet, as hex.
        action: "automatic" by `auto_pin`, "migrated" for sheets older than pins.
        who: The user or run that decided.
        reason: Their reason; may be empty.
        pinned_at: Seconds since the epoch.
        account: The account whose candidates were chosen from; empty in older ledgers.
    """

    made_for: str
    number: int
    key: str
    digest: str
    action: Action
    who: str
    reason: str
    pinned_at: float
    account: str = ""


class PinLog:
    """Decisions about the sheets of one account; each method is one transaction.

    Rows are only added: a rollback is one more decision.

    Example:
        >>> log = PinLog(open_ledger(Path(".nbp/ledger.sqlite")), clock=SystemClock())
        >>> log.current(["5f1c0a"])
        {}
    """

    def __init__(self, engine: Engine, *, clock: Clock, account: str = "") -> None:
        self._engine = engine
        self._clock = clock
        self._account = account

    def current(self, made_for: Iterable[str]) -> dict[str, Pin]:
        """Return the current pin of each request that has one."""
        query = sa.select(sheet_pins).where(
            sheet_pins.c.made_for.in_(list(made_for)),
            sheet_pins.c.account.in_([self._account, ""]),
        )
        with self._transaction(begin_reading(self._engine)) as connection:
            rows = connection.execute(query.order_by(sheet_pins.c.number))
            return {row.made_for: _pin(row) for row in rows}

    def history(self, made_for: str) -> tuple[Pin, ...]:
        """Return every decision about a request's sheet, oldest first."""
        with self._transaction(begin_reading(self._engine)) as connection:
            return self._history(connection, made_for)

    def pin(self, key: str, made_for: str, digest: str, *, who: str, reason: str) -> Pin:
        """Pin an image; one that is pinned already stays so, without a further row."""
        return self._decide(self._draft(key, made_for, digest, "pinned", who=who, reason=reason))

    def pin_automatically(
        self, key: str, made_for: str, digest: str, *, who: str, reason: str, anew: bool = False
    ) -> Pin:
        """Pin an image unless the request has a pin already.

        Args:
            key: `brand/character`.
            made_for: Fingerprint of the first candidate's request.
            digest: SHA-256 of the image, as hex.
            who: The run that decides.
            reason: Why this image.
            anew: Replace the current pin: the image was bought for that.

        Returns:
            The current pin; of two machines that decide at once both get the first one's.
        """
        draft = self._draft(key, made_for, digest, "automatic", who=who, reason=reason)
        return self._decide(draft, keep=not anew)

    def roll_back(self, key: str, made_for: str, *, who: str, reason: str) -> Pin:
        """Pin the sheet that was pinned before the current one.

        Raises:
            PinError: There is none.
        """
        with self._transaction(begin_serialised(self._engine)) as connection:
            history = self._history(connection, made_for)
            held = _held(history)
            if len(held) < 2:
                raise PinError(
                    f"{key}: no sheet was pinned before the present one; "
                    f"`nbp sheets show {key}` lists what can be pinned"
                )
            back = held[-2].digest
            draft = self._draft(key, made_for, back, "rolled_back", who=who, reason=reason)
            return self._add(connection, draft)

    def _draft(
        self, key: str, made_for: str, digest: str, action: Action, *, who: str, reason: str
    ) -> Pin:
        return Pin(
            made_for=made_for,
            number=0,
            key=key,
            digest=digest,
            action=action,
            who=who,
            reason=reason,
            pinned_at=self._clock.now(),
            account=self._account,
        )

    def _decide(self, draft: Pin, *, keep: bool = False) -> Pin:
        with self._transaction(begin_serialised(self._engine)) as connection:
            history = self._history(connection, draft.made_for)
            if history and (keep or history[-1].digest == draft.digest):
                return history[-1]
            return self._add(connection, draft)

    @staticmethod
    def _add(connection: Connection, draft: Pin) -> Pin:
        # Decisions are numbered over all accounts.
        numbers = sa.select(sa.func.count()).where(sheet_pins.c.made_for == draft.made_for)
        pin = replace(draft, number=connection.execute(numbers).scalar_one() + 1)
        connection.execute(sheet_pins.insert(), asdict(pin))
        return pin

    def _history(self, connection: Connection, made_for: str) -> tuple[Pin, ...]:
        query = sa.select(sheet_pins).where(
            sheet_pins.c.made_for == made_for, sheet_pins.c.account.in_([self._account, ""])
        )
        return tuple(map(_pin, connection.execute(query.order_by(sheet_pins.c.number))))

    def _transaction(
        self, transaction: AbstractContextManager[Connection]
    ) -> AbstractContextManager[Connection]:
        return translate_errors(transaction, self._engine)


def _held(history: Iterable[Pin]) -> list[Pin]:
    """Return the decisions that no rollback has undone; the last one is current."""
    held: list[Pin] = []
    for pin in history:
        if pin.action == "rolled_back":
            held.pop()
        else:
            held.append(pin)
    return held


def _pin(row: sa.Row[tuple[object, ...]]) -> Pin:
    columns = dict(row._mapping)
    del columns["id"]
    return Pin(**columns)
