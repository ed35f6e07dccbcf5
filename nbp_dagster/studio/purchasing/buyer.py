"""Buys one order: claim, POST, record the id; and finds the job when the answer was lost."""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Protocol

from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import (
    AmbiguousPost,
    BadRequest,
    ClientOutdated,
    ContentRefused,
    OutOfCredit,
    OxenError,
    RateLimited,
    Unauthorized,
    is_out_of_credit,
    is_refusal,
)
from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.studio.ledger.ledger import AlreadyClaimed, GenerationTaken, Ledger, OverCap
from nbp_dagster.studio.ledger.orders import Failed, Order, Requote, keep_price
from nbp_dagster.studio.ledger.owner_leases import OwnerLease
from nbp_dagster.studio.ledger.purchases import ENDED_IN_VAIN, Purchase
from nbp_dagster.studio.purchasing.absence import JobFinder, TurnedAway, look_once
from nbp_dagster.studio.purchasing.batch_context import BuyerOptions
from nbp_dagster.studio.purchasing.cancellation import CancellableClock, Cancelled
from nbp_dagster.studio.purchasing.collector import RunStopped
from nbp_dagster.studio.purchasing.failpoints import Failpoint
from nbp_dagster.studio.purchasing.failures import (
    failed_by,
    is_shut_out,
    left_alone,
    left_in_doubt,
    left_to_rival,
)
from nbp_dagster.studio.purchasing.obtained import (
    Already,
    Elsewhere,
    Enqueued,
    Obtained,
    Postponed,
    Unproven,
)
from nbp_dagster.studio.purchasing.reconcile import JobLists, recognisable
from nbp_dagster.telemetry.log_ids import log_ids
from nbp_dagster.telemetry.observer import NO_OBSERVER, Observer

logger = logging.getLogger(__name__)

# POSTs of one order in a run, when each one's answer was lost and its job proved absent.
MAX_POSTS = 3
# Seconds that one POST takes at most with its repetitions, an outage apart.
MAX_POST_SECONDS = 600.0


class InputImages(Protocol):
    """Turns references into what the service is sent; `ReferenceFiles` does."""

    def input_image(self, request: ImageRequest) -> tuple[str, ...]:
        """Return a request's references as URLs or data URIs, in their order."""
        ...


@dataclass(frozen=True, kw_only=True)
class Buyer:
    """Obtains one order at a time, and never buys one twice; safe from several threads.

    Attributes:
        client: The service.
        ledger: Where purchases are claimed.
        clock: Every wait is on it; its token forbids purchases.
        references: Gives what the service is sent for a request's references.
        rate_limiter: That of the client; an order waits for its slot before it is claimed.
        breaker: That of the client's transport; during an outage nothing more is claimed.
        failpoint: Called at every failpoint; see `failpoints`.
        requote: Returns an order at today's price, which its claim reserves.
        lease: Our owner id among the runs that share the ledger, and which others are alive.
        options: What the run may buy.
        observer: Told which purchase a thread works on.
        unseen: Fingerprints without a row when the ledger was last read; each saves one look.
    """

    client: OxenClient
    ledger: Ledger
    clock: CancellableClock
    references: InputImages
    rate_limiter: RateLimiter
    breaker: OutageBreaker
    failpoint: Failpoint
    lease: OwnerLease
    options: BuyerOptions
    requote: Requote = keep_price
    observer: Observer = NO_OBSERVER
    unseen: set[str] = field(default_factory=set)
    _turns: dict[str, threading.Lock] = field(default_factory=dict, repr=False)
    # By fingerprint: the lost answers of this run's POSTs, oldest first.
    _lost: dict[str, list[AmbiguousPost]] = field(default_factory=dict, repr=False)

    @cached_property
    def _finder(self) -> JobFinder:
        return JobFinder(
            JobLists(self.client, self.clock),
            self.ledger,
            self.clock,
            absence_seconds=self.options.absence_seconds,
            post_seconds=self.breaker.limit + MAX_POST_SECONDS,
        )

    @cached_property
    def _turned_away(self) -> TurnedAway:
        return TurnedAway(self._finder)

    def obtain(self, order: Order) -> Obtained:
        """Buy an order, or return the purchase that this or another run made of it.

        Raises:
            RunStopped: No further order should be tried: key, credit, an outdated client.
            OverCap: A cap would break.
            NbpError: The ledger, a reference or our lease failed; an open claim stays open.
        """
        fingerprint, run_id = order.request.fingerprint, self.options.run_id
        ids, purchase = log_ids(run_id=run_id, prompt=order.key), self.observer.purchase
        with ids, self._turn(order), purchase(fingerprint, order.key):
            return self._obtain(order)

    @contextmanager
    def _turn(self, order: Order) -> Iterator[None]:
        """Serialise an order's companions: the first of them buys for all."""
        if not order.companions:
            yield
            return
        members = (order, *order.companions)
        name = min(item.request.fingerprint for item in members)
        with self._turns.setdefault(name, threading.Lock()):
            yield

    def _obtain(self, order: Order) -> Obtained:
        fingerprint = order.request.fingerprint
        is_unseen = fingerprint in self.unseen
        self.unseen.discard(fingerprint)
        for attempt in range(MAX_POSTS):
            # A fingerprint without a row needs no look: the claim fails if one exists by now.
            first_only = is_unseen and attempt == 0
            found = None if first_only else self._look_up(order)
            if found is None and len(self._lost.get(fingerprint, ())) >= MAX_POSTS:
                break
            if found is None:
                found = self._buy(order, first_only=first_only)
            if found is not None:
                return found
        reason = f"{MAX_POSTS} requests left no job at the service; run again later"
        if self.breaker.is_open:
            return Postponed(reason)
        return Failed(order.key, fingerprint, reason, "service")

    def is_wanted_again(self, purchase: Purchase) -> bool:
        """Whether a purchase is made and bought again: `fresh`, and made by another command."""
        return purchase.state == "made" and self.options.wants_again(purchase)

    def _look_up(self, order: Order) -> Obtained | None:
        """Judge what the ledger holds of an order; None when it may be bought."""
        fingerprint = order.request.fingerprint
        purchase = self.ledger.latest([fingerprint]).get(fingerprint)
        if purchase is None:
            return None
        if purchase.state in ENDED_IN_VAIN or self.is_wanted_again(purchase):
            return self._left_alone(order)
        if purchase.state in ("made", "refused"):
            return Already(purchase)
        if purchase.owner != self.lease.owner:
            if self.lease.is_alive(purchase.owner):
                return Elsewhere()
            taken = self.ledger.take_over(purchase, owner=self.lease.owner)
            if taken is None:
                return Elsewhere()
            self.failpoint("taken_over")
            self._finder.record_taken_over(taken)
            purchase = taken
        if purchase.state == "enqueued":
            return Enqueued(purchase, may_be_over=True)
        return self._heed(order, self._finder.resume(order, purchase))

    def resume_stray(self, purchase: Purchase) -> Purchase | None:
        """Resume an open purchase of a dead run that matches none of our orders any more.

        Returns:
            The purchase with its job, to be collected; None when there is nothing to collect.

        Raises:
            NbpError: The ledger or the service can't be asked; it stays open.
        """
        if self.lease.is_alive(purchase.owner):
            return None
        taken = self.ledger.take_over(purchase, owner=self.lease.owner)
        if taken is None or taken.state == "enqueued":
            return taken
        self._finder.record_taken_over(taken)
        return self._finder.resume_stray(taken)

    def _buy(self, order: Order, *, first_only: bool) -> Obtained | None:
        """Claim and POST; None means look again: another run or lost answer may own the job."""
        images = self.references.input_image(order.request)
        self.breaker.wait_for_posts()
        self.rate_limiter.reserve()
        order = self.requote(order)
        self._require_may_buy()
        try:
            purchase = self._claim(order, images, first_only=first_only)
        except AlreadyClaimed:
            return None
        rival = self._find_rival(order, purchase)
        if rival is not None:
            self._withdraw([purchase], NbpError(f"purchase {rival.id} was first"))
            return left_to_rival(order, rival)
        others = self._claim_companions(order, purchase, images)
        # No other run may take us for dead while we buy.
        self.lease.require()
        try:
            return self._post(order, (purchase, *others), images)
        except AmbiguousPost as error:
            logger.warning("%s: %s; looking in the queue", order.key, error)
            self._lost.setdefault(order.request.fingerprint, []).append(error)
            for item in (purchase, *others):
                self._finder.record_lost(item)
            return self._heed(order, self._finder.resume(order, purchase))
        except GenerationTaken:
            # An identical request whose answer was lost adopted our job; its own is left for us.
            return self._finder.resume(order, purchase)

    def describe(self, order: Order) -> Mapping[str, object]:
        """Return what identifies an order's job in the queue; uploads its references if need be."""
        return recognisable(order.request, self.references.input_image(order.request))

    def _heed(self, order: Order, found: Obtained | None) -> Obtained | None:
        """Heed the words of a lost answer, where no job is found that contradicts them.

        Args:
            order: The order.
            found: What was found of its job; None where it is proved absent.

        Raises:
            RunStopped: They say that the account is empty.
        """
        lost = self._lost.get(order.request.fingerprint)
        if not lost or not (found is None or isinstance(found, Unproven)):
            return found
        error = lost[-1]
        if is_out_of_credit(error.detail):
            self.clock.token.stop_buying(str(error))
            raise RunStopped(str(error))
        if found is None and is_refusal(error.detail):
            # No dead letter: a 5xx promises nothing about the next request.
            return Failed(order.key, order.request.fingerprint, str(error), "rejected")
        return found

    def _claim(
        self, order: Order, images: tuple[str, ...], *, first_only: bool = False
    ) -> Purchase:
        """Record that we are about to buy an order; see `Ledger.claim`."""
        self.failpoint("claiming")
        purchase = self.ledger.claim(
            order,
            owner=self.lease.owner,
            run_id=self.options.run_id,
            request=recognisable(order.request, images),
            caps=self.options.caps,
            fresh=self.options.fresh,
            first_only=first_only,
        )
        self.failpoint("claimed")
        return purchase

    def _find_rival(self, order: Order, purchase: Purchase) -> Purchase | None:
        """Return the purchase of the same prompt at another model that was claimed before ours.

        Both claims are committed before either looks, so of two runs at least one sees the other,
        and of two that see each other the later withdraws.
        """
        rows = self.ledger.latest(order.rivals).values() if order.rivals else ()
        first = (row for row in rows if row.id < purchase.id)
        fresh = self.options.fresh
        return next(
            (row for row in first if row.is_open or (row.state == "made" and not fresh)), None
        )

    def _claim_companions(
        self, order: Order, purchase: Purchase, images: tuple[str, ...]
    ) -> tuple[Purchase, ...]:
        """Claim those companions of an order that may be bought too, each with its own row.

        Raises:
            OverCap: A cap has no room for all of them; every claim is withdrawn.
        """
        claimed: list[Purchase] = []
        known = self.ledger.latest(item.request.fingerprint for item in order.companions)
        for companion in order.companions:
            if not self._may_buy(companion, known.get(companion.request.fingerprint)):
                continue
            try:
                claimed.append(self._claim(companion, images))
            except AlreadyClaimed:
                # Another run claimed it first: its purchase serves this companion.
                continue
            except OverCap as error:
                for item in (purchase, *claimed):
                    self.ledger.withdraw(item, str(error))
                raise
        return tuple(claimed)

    def _may_buy(self, order: Order, purchase: Purchase | None) -> bool:
        """Whether an order is neither made, open, refused nor billed too often in vain."""
        if purchase is None:
            return True
        is_asked = purchase.state in ENDED_IN_VAIN or self.is_wanted_again(purchase)
        return is_asked and self._left_alone(order) is None

    def _left_alone(self, order: Order) -> Failed | None:
        name, options = order.request.fingerprint, self.options
        rows = self.ledger.failures([name]).get(name, ())
        return left_alone(order.key, rows, run_id=options.run_id, fresh=options.fresh)

    def _require_may_buy(self) -> None:
        if not self.clock.token.may_buy:
            raise Cancelled(f"not attempted: {self.clock.token.why}")

    def _post(
        self, order: Order, purchases: Sequence[Purchase], images: tuple[str, ...]
    ) -> Obtained:
        """POST once, for the order's own purchase and those of its companions.

        Raises:
            AmbiguousPost: Only the queue's list can tell what happened.
            GenerationTaken: The job it brought belongs to another purchase by now.
        """
        request = order.request
        try:
            jobs = self.client.enqueue(
                model=request.model,
                prompt=request.prompt,
                input_image=images,
                parameters=dict(request.parameters),
                num_generations=len(purchases),
                before_repeat=self._turned_away.before_repeat(purchases[0]),
            )
        except AmbiguousPost:
            raise
        except Cancelled as error:
            # Raised by a sleep between two attempts that the service certainly did not read.
            self._withdraw(purchases, error)
            raise
        except RateLimited as error:
            return self._postpone(purchases, error)
        except ContentRefused as error:
            found = self._find_billed(order, purchases[0], error)
            if found is not None:
                return found
            first, *_ = [self.ledger.refuse(item, str(error)) for item in purchases]
            return Already(first)
        except (Unauthorized, OutOfCredit, ClientOutdated) as error:
            # At once, in this thread: other buyers have the next orders already.
            self.clock.token.stop_buying(str(error))
            if (found := self._find_billed(order, purchases[0], error)) is not None:
                return found
            self._withdraw(purchases, error)
            raise RunStopped(str(error)) from error
        except BadRequest as error:
            # Without a status it was our own client that refused to send it.
            found = None if error.status is None else self._find_billed(order, purchases[0], error)
            if found is not None:
                return found
            for item in purchases:
                self.ledger.fail(item, str(error), billed=False)
            return Failed(order.key, request.fingerprint, str(error), "rejected")
        except OxenError as error:
            # A refused connection: certainly not read, certainly not billed.
            self._withdraw(purchases, error)
            return failed_by(order.key, request.fingerprint, error)
        self.failpoint("posted")
        return self._write_ids(purchases, [job.generation_id for job in jobs])

    def _postpone(self, purchases: Sequence[Purchase], error: RateLimited) -> Obtained:
        """Withdraw what a busy service turned away, unless it was billed all the same."""
        mine = purchases[0]
        try:
            adopted = look_once(partial(self._finder.adopt, mine), self._turned_away)
        except OxenError:
            # Left open: whoever takes the order up again looks before it is sent.
            return Postponed(str(error))
        if adopted is not None:
            return Enqueued(adopted, may_be_over=True)
        self._withdraw(purchases, error)
        return Postponed(str(error))

    def _find_billed(self, order: Order, purchase: Purchase, answer: OxenError) -> Obtained | None:
        """Look once for the job of a request that was answered with a 4xx; None without one."""
        try:
            adopted, _ = self._finder.adopt(purchase)
        except OxenError as error:
            return None if is_shut_out(answer, error) else left_in_doubt(order, error)
        return None if adopted is None else Enqueued(adopted, may_be_over=True)

    def _withdraw(self, purchases: Iterable[Purchase], error: Exception) -> None:
        for item in purchases:
            self.ledger.withdraw(item, str(error))

    def _write_ids(self, purchases: Sequence[Purchase], ids: Sequence[str]) -> Obtained:
        """Record each job's id; a purchase without one has its job looked for by its own order.

        Raises:
            GenerationTaken: The job of the first belongs to another purchase by now.
        """
        mine, *others = purchases
        # The companions first: this order's purchase is the return value.
        for purchase, generation_id in zip(others, ids[1:], strict=False):
            try:
                self.ledger.record_enqueued(purchase, generation_id)
            except GenerationTaken:
                logger.info("%s: generation %s was adopted", purchase.key, generation_id)
            self.failpoint("enqueued")
        enqueued = self.ledger.record_enqueued(mine, ids[0])
        self.failpoint("enqueued")
        return Enqueued(enqueued, may_be_over=False)
