"""Many orders at once: bought, waited for, fetched and handed back one by one as each finishes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.job_events import EventStream
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Order, Outcome, Refused
from nbp_dagster.studio.ledger.owner_leases import OwnerLease
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.options import OnCancel
from nbp_dagster.studio.purchasing.batch import Batch
from nbp_dagster.studio.purchasing.batch_context import (
    BatchContext,
    BatchWork,
    EngineLimits,
)
from nbp_dagster.studio.purchasing.buyer import Buyer
from nbp_dagster.studio.purchasing.cancellation import HaltableClock
from nbp_dagster.studio.purchasing.collector import Collector, Postprocess
from nbp_dagster.studio.purchasing.job_watcher import WatchTimes
from nbp_dagster.studio.purchasing.order_groups import OrderGroups


class Engine:
    """Turns orders into outcomes, each fingerprint bought at most once.

    Args:
        client: The service.
        ledger: What is bought already.
        delivery: Fetches and keeps what is finished.
        open_stream: Opens the event stream that one batch listens to.
        enter: Makes a batch seen by others that share the ledger.
        clock: Everything that waits, waits on it.
        limits: How much is done at once.
        times: How patiently jobs are waited for.
        on_cancel: What becomes of the jobs of a cancelled batch.

    Example:
        >>> for outcome in engine.make(orders, hire=hire):
        ...     record(outcome)
    """

    def __init__(
        self,
        client: OxenClient,
        *,
        ledger: Ledger,
        delivery: Collector,
        open_stream: Callable[[], EventStream],
        enter: Callable[[], AbstractContextManager[OwnerLease]],
        clock: HaltableClock,
        limits: EngineLimits | None = None,
        times: WatchTimes | None = None,
        on_cancel: OnCancel = "keep",
    ) -> None:
        self.ledger = ledger
        self._enter = enter
        self._means = BatchContext(
            client=client,
            ledger=ledger,
            delivery=delivery,
            open_stream=open_stream,
            clock=clock,
            limits=limits or EngineLimits(),
            times=times or WatchTimes(),
            on_cancel=on_cancel,
        )

    def make(
        self,
        orders: Iterable[Order],
        *,
        hire: Callable[[OwnerLease], Buyer],
        postprocess: Postprocess | None = None,
    ) -> Iterator[Outcome]:
        """Yield one outcome an order, in the order they finish; see `batches`."""
        for batch in self.batches(orders, hire=hire, postprocess=postprocess):
            yield from batch

    def batches(
        self,
        orders: Iterable[Order],
        *,
        hire: Callable[[OwnerLease], Buyer],
        postprocess: Postprocess | None = None,
    ) -> Iterator[Sequence[Outcome]]:
        """Yield one outcome an order, those that have finished meanwhile together.

        Empty batches among them leave time for other work while the service is waited for.

        Made fingerprints are reused, refused ones stay refused, open purchases of an earlier run
        are resumed before anything is bought, and those of a run that is alive are waited for.
        When what is left to buy would break a cap, nothing is bought. Closing the iterator (a
        cancelled run) stops buying at once; what is at the service stays open in the ledger for
        the next run, unless the engine was told to cancel it.

        Two orders with the same fingerprint are one purchase and two outcomes.

        Args:
            orders: What to have.
            hire: Gives the buyer that acts for this run's presence.
            postprocess: Called once an order that has its image, before its outcome is yielded,
                from threads of the engine; few at a time. What it raises ends the run.

        Raises:
            NbpError: The ledger can't be used; nothing more is bought.
        """
        family = OrderGroups(orders)
        with self._enter() as presence:
            buyer = hire(presence)
            known = self.ledger.latest(family.fingerprints)
            buyer.unseen.update(set(family.fingerprints).difference(known))
            due: list[Order] = []
            refused: list[Outcome] = []
            made: list[tuple[Order, Purchase]] = []
            for order in family.firsts:
                current, settled = self._follow(order, known, buyer)
                if settled is None:
                    due.append(current)
                elif isinstance(settled, Refused):
                    refused += family.share(settled)
                else:
                    made.append((current, settled))
            is_open = frozenset(key for key, purchase in known.items() if purchase.is_open)
            work = BatchWork(due=tuple(due), made=tuple(made), open_fingerprints=is_open)
            flight = Batch(self._means, family, buyer=buyer, postprocess=postprocess)
            if refused:
                yield refused
            yield from flight.batches(work)

    @staticmethod
    def _follow(
        order: Order, known: dict[str, Purchase], buyer: Buyer
    ) -> tuple[Order, Purchase | Refused | None]:
        """Follow an order and its softened successors to what the ledger holds of them.

        Returns:
            The order to go on with, and what it came to where it needs no purchase and no waiting.
        """
        while True:
            purchase = known.get(order.request.fingerprint)
            if purchase is None or purchase.state not in ("made", "refused"):
                return order, None
            if purchase.state == "made":
                return order, None if buyer.is_wanted_again(purchase) else purchase
            if order.on_refusal is None:
                reason = purchase.reason or "refused"
                return order, Refused(order.key, order.request.fingerprint, reason)
            order = order.on_refusal
