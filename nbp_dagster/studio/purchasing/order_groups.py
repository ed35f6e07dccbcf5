"""Groups orders by fingerprint, and finds the softened request that follows a refused one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from nbp_dagster.studio.ledger.orders import Failed, Generated, Made, Order, Outcome, Reused
from nbp_dagster.studio.ledger.purchases import Purchase


class OrderGroups:
    """The orders of one batch, by fingerprint.

    One purchase serves every order of a fingerprint. The outcome of a softened request counts for
    the orders of the refused one.
    """

    def __init__(self, orders: Iterable[Order]) -> None:
        self._groups: dict[str, list[Order]] = {}
        for order in orders:
            self._groups.setdefault(order.request.fingerprint, []).append(order)
        self._orders = {item.request.fingerprint: item for item in self._chain()}
        self._roots = {
            item.request.fingerprint: first.request.fingerprint
            for first in self.firsts
            for item in _wordings(first)
        }

    @property
    def firsts(self) -> tuple[Order, ...]:
        """The first order of every fingerprint, in the order given."""
        return tuple(group[0] for group in self._groups.values())

    @property
    def wordings(self) -> tuple[Order, ...]:
        """Every order that may be bought: the first of each fingerprint, and its softened ones."""
        return tuple(self._orders.values())

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Every fingerprint that may be bought, softened requests included."""
        return tuple(self._orders)

    @property
    def scopes(self) -> frozenset[str]:
        """The campaigns and brands that pay."""
        return frozenset(order.scope for order in self._orders.values())

    @property
    def provider(self) -> str:
        """The service; one batch has one."""
        return next(iter(self._orders.values())).request.provider

    def successor(self, fingerprint: str) -> Order | None:
        """Return the softened order to try after a refusal, if there is one."""
        return self._orders[fingerprint].on_refusal

    def outcomes_for(self, outcome: Outcome) -> Iterator[Outcome]:
        """Yield an outcome for each order it serves: the first bought it, the others reuse it."""
        if isinstance(outcome, Generated | Reused):
            yield from self.made_for(outcome)
        else:
            first, *others = self._served(outcome.fingerprint)
            yield replace(outcome, key=first.key)
            for order in others:
                # What a job was billed is counted with the first, which it was bought for.
                if isinstance(outcome, Failed):
                    yield replace(outcome, key=order.key, spent_usd=Decimal(0))
                else:
                    yield replace(outcome, key=order.key)

    def made_for(self, made: Made) -> Iterator[Made]:
        """Yield an image's outcome for each order it serves."""
        first, *others = self._served(made.receipt.fingerprint)
        yield replace(made, key=first.key)
        for order in others:
            if isinstance(made, Generated):
                yield Reused(order.key, made.image, made.receipt)
            else:
                yield replace(made, key=order.key)

    def _served(self, fingerprint: str) -> list[Order]:
        return self._groups[self._roots[fingerprint]]

    def _chain(self) -> Iterator[Order]:
        for first in self.firsts:
            yield from _wordings(first)


def _wordings(order: Order | None) -> Iterator[Order]:
    """Yield an order and its softened wordings, each of which follows when one is refused."""
    while order is not None:
        yield order
        order = order.on_refusal


def has_fingerprint(order: Order, fingerprint: str) -> bool:
    """Whether a fingerprint is the order's own, or that of one of its softened wordings."""
    return any(item.request.fingerprint == fingerprint for item in _wordings(order))


def find_wording(order: Order, fingerprint: str) -> Order:
    """Return the order or the softened wording of it that has a fingerprint."""
    return next(item for item in _wordings(order) if item.request.fingerprint == fingerprint)


def follow_refusals(order: Order, latest: Mapping[str, Purchase]) -> tuple[Order, Purchase | None]:
    """Return the wording of an order that a run goes on with, and its latest purchase.

    That is the first that is not refused; where all are, the last. It has no purchase while it was
    never asked: the brief has allowed it since, or a cap or a stop came after the refusal.

    Args:
        order: The order, in its first wording.
        latest: The latest purchase by fingerprint, softened wordings included.
    """
    while True:
        purchase = latest.get(order.request.fingerprint)
        is_refused = purchase is not None and purchase.state == "refused"
        if not is_refused or order.on_refusal is None:
            return order, purchase
        order = order.on_refusal


def status_of(order: Order, latest: Mapping[str, Purchase]) -> Purchase | None:
    """Return the purchase that decides an order's status: its own, or a softened wording's.

    None where the wording that a run goes on with was never asked, whatever was refused before it.
    """
    return follow_refusals(order, latest)[1]
