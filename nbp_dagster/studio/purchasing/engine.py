"""Turns many orders into outcomes: each is bought, waited for, downloaded and yielded when done."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import OxenError
from nbp_dagster.oxen.rate_limit.job_breaker import JobBreaker, JobFailures
from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
from nbp_dagster.oxen.responses import Generation
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.ledger_mark import LedgerBehind
from nbp_dagster.studio.ledger.orders import (
    Order,
    Outcome,
    Refused,
    Requote,
    fingerprint_of,
    keep_price,
)
from nbp_dagster.studio.ledger.owner_leases import OwnerLease
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.options import OnCancel
from nbp_dagster.studio.purchasing.batch import Batch
from nbp_dagster.studio.purchasing.batch_context import BatchContext, BuyerOptions, EngineLimits
from nbp_dagster.studio.purchasing.buyer import Buyer, InputImages
from nbp_dagster.studio.purchasing.cancellation import CancellableClock
from nbp_dagster.studio.purchasing.collector import Collector, ImagePostprocessor
from nbp_dagster.studio.purchasing.failpoints import Failpoint, no_failpoint
from nbp_dagster.studio.purchasing.failures import find_left_alone
from nbp_dagster.studio.purchasing.job_watcher import WatchTimes
from nbp_dagster.studio.purchasing.order_groups import OrderGroups, follow_refusals
from nbp_dagster.studio.purchasing.reconcile import list_unowned, match_orders, matches
from nbp_dagster.telemetry.observer import NO_OBSERVER, BatchGauges, Observer

logger = logging.getLogger(__name__)


class Engine:
    """Turns orders into outcomes, each fingerprint bought at most once.

    Args:
        client: The service.
        ledger: Where purchases are recorded.
        collector: Downloads, stores and settles finished jobs.
        references: Gives what the service is sent for a request's references.
        rate_limiter: That of the client.
        breaker: That of the client's transport; at work for as long as a batch runs.
        take_lease: Takes the lease that shows a batch's owner to be alive, for as long as it runs.
        clock: Every wait is on it, and its token cancels the run.
        limits: Concurrency limits.
        times: Poll intervals and timeouts.
        on_cancel: What becomes of the jobs of a cancelled batch.
        failpoint: Called at every failpoint; see `failpoints`.
        requote: Returns an order at today's price.
        observer: Told of the batch while it works.

    Example:
        >>> for outcome in engine.make(orders, BuyerOptions(run_id)):
        ...     record(outcome)
    """

    def __init__(
        self,
        client: OxenClient,
        *,
        ledger: Ledger,
        collector: Collector,
        references: InputImages,
        rate_limiter: RateLimiter,
        breaker: OutageBreaker,
        take_lease: Callable[[], AbstractContextManager[OwnerLease]],
        clock: CancellableClock,
        limits: EngineLimits | None = None,
        times: WatchTimes | None = None,
        on_cancel: OnCancel = "keep",
        failpoint: Failpoint = no_failpoint,
        requote: Requote = keep_price,
        observer: Observer = NO_OBSERVER,
    ) -> None:
        self._observer = observer
        self.ledger = ledger
        self._references = references
        self._rate_limiter = rate_limiter
        self._take_lease = take_lease
        self._failpoint = failpoint
        self._batch: Batch | None = None
        self._requote = requote
        self._context = BatchContext(
            client=client,
            ledger=ledger,
            collector=collector,
            clock=clock,
            breaker=breaker,
            jobs=JobBreaker(clock, limit=breaker.limit),
            limits=limits or EngineLimits(),
            times=times or WatchTimes(),
            on_cancel=on_cancel,
        )

    @property
    def waits_for_lost(self) -> int:
        """Orders whose jobs are looked for after lost answers, once nothing else is due."""
        return self._batch.waits_for_lost if self._batch is not None else 0

    @property
    def job_failures(self) -> JobFailures | None:
        """Why nothing more is bought, as too many jobs fail; None while orders are sent."""
        return self._context.jobs.failures()

    @property
    def throttled_seconds(self) -> float:
        """For how long the service has answered every order with 429; 0 where it does not."""
        return self._rate_limiter.throttled_seconds

    def make(
        self,
        orders: Iterable[Order],
        options: BuyerOptions,
        *,
        postprocessor: ImagePostprocessor | None = None,
    ) -> Iterator[Outcome]:
        """Yield one outcome an order, in the order they finish; see `batches`."""
        for outcomes in self.batches(orders, options, postprocessor=postprocessor):
            yield from outcomes

    def batches(
        self,
        orders: Iterable[Order],
        options: BuyerOptions,
        *,
        postprocessor: ImagePostprocessor | None = None,
    ) -> Iterator[Sequence[Outcome]]:
        """Yield one outcome an order, those that have finished meanwhile together.

        Empty lists among them leave the caller time for other work while the service is waited for.

        Made fingerprints are reused, refused ones stay refused, open purchases of an earlier run
        are resumed before anything is bought, and those of a live run are waited for. When what is
        left to buy would break a cap, nothing is bought. Closing the iterator (a cancelled run)
        stops buying at once; jobs at the service stay open in the ledger for the next run, unless
        `on_cancel` is "cancel".

        Two orders with the same fingerprint are one purchase and two outcomes.

        Args:
            orders: The images wanted.
            options: What this run may buy.
            postprocessor: Renders the image of each order before its outcome is yielded, in
                threads of the engine, a few at a time. An exception of it ends the run.

        Raises:
            LedgerBehind: What is to be bought is at the service already, unknown to the ledger.
            NbpError: The ledger can't be used; nothing more is bought.
        """
        groups = OrderGroups(orders)
        with self._take_lease() as lease:
            buyer = self._buyer(lease, options)
            known = self.ledger.latest(groups.fingerprints)
            self._name_others(groups)
            buyer.unseen.update(set(groups.fingerprints).difference(known))
            due: list[Order] = []
            refused: list[Outcome] = []
            made: list[tuple[Order, Purchase]] = []
            for order in groups.firsts:
                current, settled = self._follow(order, known, buyer)
                if settled is None:
                    due.append(current)
                elif isinstance(settled, Refused):
                    refused += groups.outcomes_for(settled)
                else:
                    made.append((current, settled))
            due, left = self._leave_alone(due, known, groups, options)
            if not options.fresh:
                self._require_no_unowned(due, buyer, groups)
            is_open = frozenset(key for key, purchase in known.items() if purchase.is_open)
            batch = Batch(self._context, groups, buyer=buyer, postprocessor=postprocessor)
            self._batch = batch
            self._context.jobs.renew()
            if refused:
                yield refused
            if left:
                self._observe(batch, left)
                yield left
            # The active jobs: what tells of a POST whether the queue takes it.
            probe, observer = self._context.client.list_generations, self._observer
            with self._context.breaker.active(probe=probe), observer.batch(options.run_id):
                for outcomes in batch.run(due, made, open_fingerprints=is_open):
                    self._observe(batch, outcomes)
                    yield outcomes

    def _leave_alone(
        self,
        due: Sequence[Order],
        known: Mapping[str, Purchase],
        groups: OrderGroups,
        options: BuyerOptions,
    ) -> tuple[list[Order], list[Outcome]]:
        """Return the orders that may be asked for, and the outcomes of those that failed too often.

        Told apart before the caps are looked at: what is not bought needs no room.
        """
        run_id, fresh = options.run_id, options.fresh
        left = find_left_alone(self.ledger, due, known, run_id=run_id, fresh=fresh)
        outcomes = [item for failed in left.values() for item in groups.outcomes_for(failed)]
        return [order for order in due if order.request.fingerprint not in left], outcomes

    def _observe(self, batch: Batch, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            name = type(outcome).__name__.lower()
            self._observer.record_outcome(name, fingerprint=fingerprint_of(outcome))
        context = self._context
        gauges = BatchGauges(
            in_flight=batch.in_flight,
            window=int(self._rate_limiter.window),
            pixel_queue=context.collector.decode_limiter.waiting,
            is_paused=context.jobs.is_open or context.breaker.is_open,
        )
        self._observer.record_gauges(gauges)

    def _require_no_unowned(self, due: Sequence[Order], buyer: Buyer, groups: OrderGroups) -> None:
        """Make sure that nothing about to be bought is at the service already, paid.

        Raises:
            LedgerBehind: It is, and this ledger does not know it: the ledger is an older copy, or
                another ledger of the account has bought the same.
        """
        new = [order for order in due if order.request.fingerprint in buyer.unseen]
        if not new or self.ledger.account.payer is None:
            return
        try:
            jobs = [
                job
                for model in dict.fromkeys(order.request.model for order in new)
                for job in list_unowned(self._context.client, self.ledger, model=model)
            ]
            found = match_orders(new, jobs, buyer.describe)
        except OxenError as error:
            # It proves nothing; what can't be asked now is met again when the first is bought.
            logger.info("the service's list was not compared with the ledger: %s", error)
            return
        unknown = self._drop_claimed(found, groups) if found else []
        if unknown:
            job = unknown[0]
            raise LedgerBehind(
                f"the service has {len(unknown)} of the {len(new)} pictures to be bought already, "
                f"paid and unknown to this ledger (generation {job.generation_id}): `nbp ledger "
                "rebuild` takes them in, free; --fresh buys them again on purpose"
            )

    def _drop_claimed(
        self, found: Mapping[str, Generation], groups: OrderGroups
    ) -> list[Generation]:
        """Leave out the jobs of runs that have posted since the ledger was read.

        A claim is committed before its POST, so such a job matches an open row, or has its id in
        the ledger by now; rows are read before ids. Variants of a prompt match each other's jobs.
        """
        claimed = self.ledger.latest(found)
        waiting = [row for row in self.ledger.open_in(groups.scopes) if row.generation_id is None]
        owned = self.ledger.owned(job.generation_id for job in found.values())
        return [
            job
            for fingerprint, job in found.items()
            if fingerprint not in claimed
            and job.generation_id not in owned
            and not any(matches(row, job) for row in waiting)
        ]

    def _name_others(self, groups: OrderGroups) -> None:
        """Log the open purchases of other accounts, which this run leaves alone."""
        others = self.ledger.open_elsewhere(groups.scopes) if groups.fingerprints else ()
        if others:
            named = ", ".join(sorted({row.account for row in others}))
            logger.warning(
                "%d open purchases belong to another account (%s) and are left to it",
                len(others),
                named,
            )

    def _buyer(self, lease: OwnerLease, options: BuyerOptions) -> Buyer:
        return Buyer(
            client=self._context.client,
            ledger=self.ledger,
            clock=self._context.clock,
            references=self._references,
            rate_limiter=self._rate_limiter,
            breaker=self._context.breaker,
            failpoint=self._failpoint,
            lease=lease,
            options=options,
            requote=self._requote,
            observer=self._observer,
        )

    @staticmethod
    def _follow(
        order: Order, known: dict[str, Purchase], buyer: Buyer
    ) -> tuple[Order, Purchase | Refused | None]:
        """Find which wording of an order to go on with, by what the ledger holds of each.

        Returns:
            The order, and its purchase or refusal where it needs neither buying nor waiting.
        """
        order, purchase = follow_refusals(order, known)
        if purchase is None or purchase.state not in ("made", "refused"):
            return order, None
        if purchase.state == "made":
            return order, None if buyer.is_wanted_again(purchase) else purchase
        reason = purchase.reason or "refused"
        return order, Refused(order.key, order.request.fingerprint, reason)
