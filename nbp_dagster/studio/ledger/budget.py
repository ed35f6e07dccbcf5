"""Budgets: spending caps by campaign, run and day, and whether a quote fits under them.

Another period, such as a weekly budget, is one more function that returns a `Cap`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from nbp_dagster.studio.ledger.orders import Order

MAX_AHEAD_SECONDS = 7 * 86_400.0
"""Purchases dated later than this after a day began do not count against it: a wrong clock, once,
would block every day until then. A run goes on past midnight under the day it began on, so that
a day must not end at the next one."""


@dataclass(frozen=True)
class Cap:
    """One limit; the ledger holds it in the transaction that reserves a price.

    Attributes:
        name: Its name in messages, as in "campaign spring_launch".
        limit: USD.
        where: The setting that holds the limit, for messages.
        scope: Only purchases of this campaign (or brand, for sheets) count; None counts all.
        since: Only purchases claimed from this moment on count (seconds since the epoch), and no
            later than `MAX_AHEAD_SECONDS` after it.
        this_run_only: Only purchases of the run that buys count.
    """

    name: str
    limit: Decimal
    where: str
    scope: str | None = None
    since: float | None = None
    this_run_only: bool = False

    def covers(self, order: Order) -> bool:
        """Whether a purchase of the order counts."""
        return self.scope is None or self.scope == order.scope


def campaign_cap(campaign: str, limit: Decimal) -> Cap:
    """Return the cap of a campaign's budget, over all its runs."""
    where = f"budget_usd in campaigns/{campaign}.yaml"
    return Cap(name=f"campaign {campaign}", limit=limit, where=where, scope=campaign)


def run_cap(limit: Decimal) -> Cap:
    """Return the cap of one run's budget."""
    where = "--budget (in Dagster, budget_usd in the run config)"
    return Cap(name="this run", limit=limit, where=where, this_run_only=True)


def day_cap(limit: Decimal, now: float, *, where: str) -> Cap:
    """Return the cap of a calendar day (UTC), over all runs that share the ledger.

    Args:
        limit: USD.
        now: Seconds since the epoch.
        where: The setting that holds the limit, as whoever set it knows it.
    """
    midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Cap(
        name=f"day {midnight:%Y-%m-%d} (UTC)",
        limit=limit,
        where=where,
        since=midnight.timestamp(),
    )


def list_caps(campaigns: Mapping[str, Decimal], run: Decimal | None) -> tuple[Cap, ...]:
    """Return the caps of campaigns, by name, and that of a run.

    Args:
        campaigns: The budget of each, in USD.
        run: Most USD that one run may spend; None for no such cap.
    """
    caps = tuple(campaign_cap(name, campaigns[name]) for name in sorted(campaigns))
    return caps if run is None else (*caps, run_cap(run))


def describe_excess(cap: Cap, *, spent: Decimal, cost: Decimal) -> str | None:
    """Return by how much a cost would exceed a cap, and where to raise it; None when it fits.

    Args:
        cap: The limit.
        spent: USD that count against it already.
        cost: USD that would be added.
    """
    over = spent + cost - cap.limit
    if over <= 0:
        return None
    return (
        f"over budget: {cap.name} allows {cap.limit:.2f} USD, {spent:.2f} is spent or reserved, "
        f"and this would cost {cost:.2f}: {over:.2f} too much; raise {cap.where}, or make fewer "
        "images"
    )


def find_excesses(
    caps: Sequence[Cap], orders: Iterable[Order], spent: Callable[[Cap], Decimal]
) -> dict[Cap, str]:
    """Return the caps that a whole quote would exceed, and by how much (USD).

    Args:
        caps: The limits.
        orders: All orders of the quote.
        spent: Returns the USD that count against a cap already.
    """
    wanted = tuple(orders)
    excesses: dict[Cap, str] = {}
    for cap in caps:
        quote = sum((order.price for order in wanted if cap.covers(order)), Decimal(0))
        excess = describe_excess(cap, spent=spent(cap), cost=quote) if quote else None
        if excess is not None:
            excesses[cap] = excess
    return excesses


def select_affordable(
    caps: Sequence[Cap], orders: Iterable[Order], spent: Callable[[Cap], Decimal]
) -> tuple[list[Order], dict[str, str]]:
    """Select the orders that fit under every cap, one after the other.

    Args:
        caps: The limits.
        orders: The orders, by priority.
        spent: Returns the USD that count against a cap already.

    Returns:
        Those that fit, and for the others, by key, which cap they would exceed and by how much.
    """
    totals = {cap: spent(cap) for cap in caps}
    fitting: list[Order] = []
    excesses: dict[str, str] = {}
    for order in orders:
        covering = [cap for cap in caps if cap.covers(order)]
        found = (describe_excess(cap, spent=totals[cap], cost=order.price) for cap in covering)
        excess = next((text for text in found if text is not None), None)
        if excess is not None:
            excesses[order.key] = excess
            continue
        fitting.append(order)
        for cap in covering:
            totals[cap] += order.price
    return fitting, excesses
