"""SQL statements of the ledger, built once: building a statement costs more than running it.

A serialised transaction blocks every other thread and process that buys.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from nbp_dagster.studio.ledger.budget import MAX_AHEAD_SECONDS
from nbp_dagster.studio.ledger.schema import purchases

if TYPE_CHECKING:
    # For annotations: a purchase has one of the states below.
    from nbp_dagster.studio.ledger.purchases import Purchase

State = Literal["intended", "enqueued", "made", "refused", "failed", "withdrawn", "lost"]

# An open purchase may already be paid: it is resumed, and no other is made beside it.
OPEN: tuple[State, ...] = ("intended", "enqueued")

# Not `in_`: its list is rendered into the statement each time it runs.
_IS_OPEN = sa.or_(*(purchases.c.state == state for state in OPEN))

# Rows of older ledgers have no account: every account takes them for its own.
OF_ACCOUNT = purchases.c.account.in_([sa.bindparam("account"), ""])

INSERT = purchases.insert()

BY_ID = sa.select(purchases).where(purchases.c.id == sa.bindparam("id"))

# Parameters: `fingerprints`, a list, and `account`.
BY_FINGERPRINTS = (
    sa.select(purchases)
    .where(purchases.c.fingerprint.in_(sa.bindparam("fingerprints", expanding=True)), OF_ACCOUNT)
    .order_by(purchases.c.attempt)
)

# The identity of the purchase that was added last: these columns never change.
NEWEST = (
    sa.select(purchases.c.id, purchases.c.fingerprint, purchases.c.run_id, purchases.c.intended_at)
    .order_by(purchases.c.id.desc())
    .limit(1)
)

# Number, state and account of every attempt at a fingerprint, oldest first: attempts are numbered
# over all accounts.
ATTEMPTS = (
    sa.select(purchases.c.attempt, purchases.c.state, purchases.c.account)
    .where(purchases.c.fingerprint == sa.bindparam("fingerprint"))
    .order_by(purchases.c.attempt)
)

# Changes the given columns, if the purchase is open and belongs to the given owner.
CHANGE_OWN = purchases.update().where(
    purchases.c.id == sa.bindparam("own_id"),
    purchases.c.owner == sa.bindparam("own_owner"),
    _IS_OPEN,
)

# Seconds before and after a purchase in which other jobs are listed with it, or none is.
_NEAR_SECONDS = 3600.0


def near(purchase: "Purchase", count: int) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """Return what selects generation ids of jobs enqueued before, and after, a purchase.

    Args:
        purchase: Theirs are the same account, service and model; those it has lost are left out.
        count: How many of each at most, the nearest.
    """
    query = sa.select(purchases.c.generation_id).where(
        purchases.c.generation_id.is_not(None),
        purchases.c.state != "lost",
        purchases.c.account == purchase.account,
        purchases.c.origin == purchase.origin,
        purchases.c.model == purchase.model,
        purchases.c.intended_at >= purchase.intended_at - _NEAR_SECONDS,
        purchases.c.intended_at <= purchase.intended_at + _NEAR_SECONDS,
    )
    before = query.where(purchases.c.id < purchase.id).order_by(purchases.c.id.desc())
    after = query.where(purchases.c.id > purchase.id).order_by(purchases.c.id)
    return before.limit(count), after.limit(count)


# A job that the service took and that brought no picture: whether it was charged is not documented.
_IN_VAIN = sa.and_(
    sa.or_(purchases.c.state == "failed", purchases.c.state == "refused"),
    sa.not_(purchases.c.billed),
    purchases.c.generation_id.is_not(None),
)


@cache
def spent(*, of_scope: bool, since: bool, of_run: bool) -> sa.Select[Any]:
    """Return the sum of what counts of the parameter `account`, in micro-dollars.

    That is billed and reserved prices, and those of jobs that the service took and did not deliver.

    Args:
        of_scope: Only of the parameter `scope`.
        since: Only claims from the parameter `since` to `MAX_AHEAD_SECONDS` later.
        of_run: Only of the parameter `run_id`.
    """
    only = [purchases.c.provider == sa.bindparam("provider"), OF_ACCOUNT]
    if of_scope:
        only.append(purchases.c.scope == sa.bindparam("scope"))
    if since:
        claimed, start = purchases.c.intended_at, sa.bindparam("since", type_=sa.Float)
        only += [claimed >= start, claimed <= start + MAX_AHEAD_SECONDS]
    if of_run:
        only.append(purchases.c.run_id == sa.bindparam("run_id"))
    total = sa.func.coalesce(sa.func.sum(purchases.c.price_micros), 0)
    paid = sa.select(total).where(sa.or_(purchases.c.billed, _IS_OPEN), *only)
    # A sum of its own: the index that holds the other does not hold ids of jobs, and rows that
    # failed are few.
    in_vain = sa.select(total).where(_IN_VAIN, *only)
    return sa.select(paid.scalar_subquery() + in_vain.scalar_subquery())
