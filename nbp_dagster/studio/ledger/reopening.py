"""Undoes a refusal or failure: it may be bought again, and the ledger says who said so and why.

Must not know: the service, or what a prompt asks for.
"""

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.foreign_text import clean
from nbp_dagster.studio.ledger.database import begin_serialised, translate_errors
from nbp_dagster.studio.ledger.purchases import (
    REOPENED,
    Purchase,
    latest_purchase,
    purchase_of,
)
from nbp_dagster.studio.ledger.schema import purchases

LEAST_DIGITS = 8
"""Digits of a fingerprint that are enough to name it; pages and messages show 12 or more."""

_FINGERPRINT = re.compile(rf"[0-9a-f]{{{LEAST_DIGITS},64}}")
# Between why it was reopened and what it was.
_WAS = re.compile(r" \(was (refused|failed): ")
_NOT_COPIED = ("id", "generation_id", "enqueued_at", "started_at", "completed_at", "image")


class ReopenError(NbpError):
    """Nothing was reopened."""


def reopen(
    engine: Engine, name: str, *, clock: Clock, who: str, reason: str
) -> tuple[Purchase, ...]:
    """Have refused or failed requests count as never sent, so that the next run may buy them.

    Nothing is changed in their rows: each gets a further attempt beside it, withdrawn before
    it was sent, that says who reopened it and why.

    Args:
        engine: The ledger.
        name: A prompt's or sheet's key, for every wording of it; or the beginning of a fingerprint.
        clock: Tells when.
        who: `user@machine`.
        reason: Why it will not end so again; required.

    Returns:
        The rows written, one for each fingerprint.

    Raises:
        ReopenError: No reason is given, or nothing of that name is refused or failed now.
    """
    why = clean(reason)
    if not why:
        raise ReopenError(
            f"{name}: not reopened without a reason; say with --reason why it will not be refused "
            "or fail again"
        )
    with translate_errors(begin_serialised(engine), engine) as connection:
        found = _find(connection, name)
        counting = _latest(found)
        refused = [row for row in counting if row["state"] in ("refused", "failed")]
        if not refused:
            raise ReopenError(_nothing_refused(name, counting))
        return tuple(
            _reopen(connection, row, now=clock.now(), reason=f"reopened by {clean(who)}: {why}")
            for row in refused
        )


def cut_former(reason: str) -> str:
    """Return who reopened a row and why, of its reason, without what it was before."""
    return _WAS.split(reason, maxsplit=1)[0]


def _find(connection: Connection, name: str) -> list[dict[str, Any]]:
    """Return every attempt at the fingerprints that a name stands for, oldest first."""
    is_named = purchases.c.key == name
    if _FINGERPRINT.fullmatch(name):
        is_named = purchases.c.fingerprint.startswith(name)
    named = sa.select(purchases.c.fingerprint).where(is_named)
    query = sa.select(purchases).where(purchases.c.fingerprint.in_(named))
    rows = connection.execute(query.order_by(purchases.c.attempt))
    return [dict(row._mapping) for row in rows]


def _latest(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the attempt that counts of each fingerprint, for each account."""
    attempts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        attempts.setdefault((row["account"], row["fingerprint"]), []).append(row)
    return [_counting([*filter(_says, each)] or each) for each in attempts.values()]


def _says(row: dict[str, Any]) -> bool:
    """Whether an attempt says anything of its request, as one that was not sent does not."""
    return row["state"] not in ("withdrawn", "lost") or row["run_id"] == REOPENED


def _counting(attempts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counting = purchase_of(attempts[0])
    for row in attempts[1:]:
        counting = latest_purchase(counting, purchase_of(row))
    return next(row for row in attempts if row["id"] == counting.id)


def _reopen(connection: Connection, row: dict[str, Any], *, now: float, reason: str) -> Purchase:
    kept = {name: row[name] for name in row if name not in _NOT_COPIED}
    # Attempts are numbered over all accounts, and the newest need not be the one that counts.
    newest = sa.select(sa.func.max(purchases.c.attempt))
    newest = newest.where(purchases.c.fingerprint == row["fingerprint"])
    values = {
        **kept,
        "attempt": connection.execute(newest).scalar_one() + 1,
        "state": "withdrawn",
        "owner": "",
        "run_id": REOPENED,
        "billed": False,
        "intended_at": now,
        "settled_at": now,
        "reason": f"{reason} (was {row['state']}: {row['reason']})",
    }
    result = connection.execute(purchases.insert(), values)
    [identity] = result.inserted_primary_key or (0,)
    return purchase_of({**values, "id": int(identity)})


def _nothing_refused(name: str, counting: Sequence[dict[str, Any]]) -> str:
    if not counting:
        return (
            f"{name}: the ledger has no such prompt or fingerprint; `nbp ledger` lists what was "
            f"refused, and a fingerprint is given by {LEAST_DIGITS} digits or more"
        )
    states = ", ".join(sorted({row["state"] for row in counting}))
    return f"{name}: nothing of it is refused or failed ({states}); only that is reopened"
