"""Closes by hand a purchase of which no list can prove whether its request left a job.

Must not know: the service, or what a prompt asks for.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.foreign_text import clean
from nbp_dagster.studio.ledger import statements
from nbp_dagster.studio.ledger.database import begin_reading, begin_serialised, translate_errors
from nbp_dagster.studio.ledger.purchases import Purchase, purchase_of
from nbp_dagster.studio.ledger.schema import purchases


class SettleError(NbpError):
    """Nothing was settled."""


def find_open(engine: Engine, purchase_id: int) -> Purchase:
    """Return an open purchase by the id that `nbp ledger` shows.

    Raises:
        SettleError: There is none of that id, or it is closed.
    """
    with translate_errors(begin_reading(engine), engine) as connection:
        row = connection.execute(statements.BY_ID, {"id": purchase_id}).one_or_none()
    if row is None:
        raise SettleError(
            f"the ledger has no purchase {purchase_id}; `nbp ledger` shows the ids of open ones"
        )
    purchase = purchase_of(row._asdict())
    if not purchase.is_open:
        raise SettleError(
            f"purchase {purchase_id} ({purchase.key}) is {purchase.state}, not open: there is "
            "nothing to settle"
        )
    return purchase


def settle_absent(
    engine: Engine, purchase: Purchase, *, clock: Clock, who: str, is_alive: Callable[[str], bool]
) -> Purchase:
    """Close a purchase whose job is not at the service, so that the next run may buy it.

    One whose request was answered with a job is lost and stays billed; any other was never billed.

    Args:
        engine: The ledger.
        purchase: An open one.
        clock: Tells when.
        who: `user@machine`.
        is_alive: Whether the run of an owner goes on.

    Raises:
        SettleError: A run is at it, or has changed it meanwhile.
    """
    state = "withdrawn" if purchase.generation_id is None else "lost"
    values = {
        "state": state,
        "settled_at": clock.now(),
        "reason": f"settled by {clean(who)}: no job of it at the service",
    }
    return _change(engine, purchase, values, is_alive=is_alive)


def settle_adopted(
    engine: Engine,
    purchase: Purchase,
    generation_id: str,
    *,
    clock: Clock,
    who: str,
    is_alive: Callable[[str], bool],
) -> Purchase:
    """Make a job the one of a purchase, so that the next run fetches its picture.

    Args:
        engine: The ledger.
        purchase: An open one without a job.
        generation_id: The job.
        clock: Tells when.
        who: `user@machine`.
        is_alive: Whether the run of an owner goes on.

    Raises:
        SettleError: The purchase has a job, the job has an owner, or a run is at the purchase.
    """
    if purchase.generation_id is not None:
        raise SettleError(
            f"purchase {purchase.id} ({purchase.key}) has its job already: generation "
            f"{purchase.generation_id}; the next run fetches it"
        )
    values = {
        "state": "enqueued",
        "generation_id": generation_id,
        "billed": True,
        "enqueued_at": clock.now(),
        "reason": f"settled by {clean(who)}: its job is {clean(generation_id)}",
    }
    return _change(engine, purchase, values, is_alive=is_alive)


def _change(
    engine: Engine,
    purchase: Purchase,
    values: dict[str, Any],
    *,
    is_alive: Callable[[str], bool],
) -> Purchase:
    named = f"purchase {purchase.id} ({purchase.key})"
    if is_alive(purchase.owner):
        raise SettleError(
            f"{named}: a run that is still going looks for its job; wait for its end, or stop it"
        )
    change = purchases.update().where(
        purchases.c.id == purchase.id,
        purchases.c.owner == purchase.owner,
        purchases.c.state == purchase.state,
    )
    try:
        with translate_errors(
            begin_serialised(engine), engine, but=(IntegrityError,)
        ) as connection:
            if connection.execute(change.values(values)).rowcount != 1:
                raise SettleError(f"{named}: a run has changed it meanwhile; look at it again")
            row = connection.execute(statements.BY_ID, {"id": purchase.id}).one()
    except IntegrityError as error:
        raise SettleError(
            f"{named}: generation {values['generation_id']} belongs to another purchase"
        ) from error
    return purchase_of(row._asdict())
