"""Which orders share a fingerprint, and which request succeeds a refused one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from nbp_dagster.studio.ledger.orders import Generated, Order, Outcome, Reused
from nbp_dagster.studio.ledger.purchases import Purchase


class OrderGroups:
    """The orders of one batch, by fingerprint.

    One purchase serves every order of a fingerprint. A request that softens a refused one stands
    for the orders of the refused.
    """

    def __init__(self, orders: Iterable[Order]) -> None:
        self._groups: dict[str, list[Order]] = {}
        for order in orders:
            self._groups.setdefault(order.request.fingerprint, []).append(order)
        self._orders = {item.request.fingerprint: item for item in self._chain()}
        self._roots = {
            item.request.fingerprint: first.request.fingerprint
            for first in self.firsts
            for item in _successors(first)
        }

    @property
    def firsts(self) -> tuple[Order, ...]:
        """The first order of every fingerprint, in the order given."""
        return tuple(group[0] for group in self._groups.values())

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Every fingerprint that may be asked for, softened requests included."""
        return tuple(self._orders)

    @property
    def scopes(self) -> frozenset[str]:
        """The campaigns and brands that pay."""
        return frozenset(order.scope for order in self._orders.values())

    @property
    def provider(self) -> str:
        """Who draws; one batch has one."""
        return next(iter(self._orders.values())).request.provider

    def successor(self, fingerprint: str) -> Order | None:
        """Return the softened order to try after a refusal, if there is one."""
        return self._orders[fingerprint].on_refusal

    def share(self, outcome: Outcome) -> Iterator[Outcome]:
        """Yield an outcome for each order it serves: the first made it, the others share it."""
        if isinstance(outcome, Generated | Reused):
            fingerprint = outcome.receipt.fingerprint
        else:
            fingerprint = outcome.fingerprint
        first, *others = self._groups[self._roots[fingerprint]]
        yield replace(outcome, key=first.key)
        for order in others:
            if isinstance(outcome, Generated):
                yield Reused(order.key, outcome.image, outcome.receipt)
            else:
                yield replace(outcome, key=order.key)

    def _chain(self) -> Iterator[Order]:
        for first in self.firsts:
            yield from _successors(first)


def _successors(order: Order | None) -> Iterator[Order]:
    while order is not None:
        yield order
        order = order.on_refusal


def may_ask(order: Order, fingerprint: str) -> bool:
    """Whether a fingerprint is the order's own, or that of one of its milder wordings."""
    return any(item.request.fingerprint == fingerprint for item in _successors(order))


def request_behind(order: Order, fingerprint: str) -> Order:
    """Return the order, or its milder wording, that a fingerprint belongs to."""
    return next(item for item in _successors(order) if item.request.fingerprint == fingerprint)


def standing_of(order: Order, latest: Mapping[str, Purchase]) -> Purchase | None:
    """Return the purchase that speaks for an order: its own, or that of a milder wording.

    Args:
        order: The order.
        latest: The latest purchase by fingerprint, milder wordings included.
    """
    purchase = None
    for item in _successors(order):
        found = latest.get(item.request.fingerprint)
        if found is None:
            break
        purchase = found
        if found.state != "refused":
            break
    return purchase
