"""Finds out whether a request left a job at the service: adopts it, or proves that there is none.

Must not know: how a request is sent.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from nbp_dagster.oxen.errors import AmbiguousPost, OxenError, RateLimited
from nbp_dagster.oxen.executor import BeforeRepeat
from nbp_dagster.studio.ledger.ledger import GenerationTaken, Ledger
from nbp_dagster.studio.ledger.orders import Failed, Order
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.purchasing.cancellation import CancellableClock
from nbp_dagster.studio.purchasing.failures import left_in_doubt, left_unproven
from nbp_dagster.studio.purchasing.obtained import Enqueued, Unproven
from nbp_dagster.studio.purchasing.reconcile import JobLists, find_job

logger = logging.getLogger(__name__)

# Seconds to wait before each of the first looks: most jobs are listed at once.
LOOKS_SECONDS = (0.0, 2.0, 5.0)


@dataclass
class JobFinder:
    """Finds the jobs of requests whose answers were lost; safe from several threads.

    A job counts as absent where no list shows it, nothing speaks against the lists (`find_doubt`),
    and `absence_seconds` have passed since its request can last have been sent.

    Attributes:
        lists: Reads the service's lists.
        ledger: Knows which jobs have an owner.
        clock: Every wait is on it.
        absence_seconds: In which a job that is not listed may still turn up.
        post_seconds: For which another run may have gone on sending a request it had claimed.
    """

    lists: JobLists
    ledger: Ledger
    clock: CancellableClock
    absence_seconds: float
    post_seconds: float
    # By purchase id: when its request can last have been sent (seconds since the epoch).
    _sent_by: dict[int, float] = field(default_factory=dict, init=False)
    _looked_for: set[int] = field(default_factory=set, init=False)

    def record_lost(self, purchase: Purchase) -> None:
        """Note that a request of this run ended now, without an answer."""
        self._sent_by[purchase.id] = self.clock.now()

    def record_taken_over(self, purchase: Purchase) -> None:
        """Note that the run that claimed a purchase was found dead now: it sends nothing more."""
        latest = purchase.intended_at + self.post_seconds
        self._sent_by[purchase.id] = min(self.clock.now(), latest)

    def adopt(self, purchase: Purchase) -> tuple[Purchase | None, str]:
        """Take the oldest matching job that no purchase owns.

        Returns:
            The purchase with its job, or None; and why there may be one all the same.

        Raises:
            OxenError: The list could not be read, so nothing is proven.
        """
        while True:
            search = find_job(self.lists, self.ledger, purchase)
            if search.generation_id is None:
                return None, search.doubt
            try:
                adopted = self.ledger.record_enqueued(purchase, search.generation_id)
            except GenerationTaken:
                # An identical request has just adopted it: look for another job.
                continue
            logger.info("%s: adopted generation %s", purchase.key, search.generation_id)
            return adopted, ""

    def resume(self, order: Order, purchase: Purchase) -> Enqueued | Unproven | Failed | None:
        """Find the job of a purchase whose POST the service may or may not have read.

        Returns:
            The job it now owns; `Unproven` while it may still turn up; a failure when nothing can
            be proven; None when it is proved absent (the purchase is closed).
        """
        doubt = ""
        fault: OxenError | None = None
        for wait in (0.0,) if purchase.id in self._looked_for else LOOKS_SECONDS:
            self.clock.sleep(wait)
            asked_at = self.clock.now()
            try:
                adopted, doubt = self.adopt(purchase)
            except OxenError as error:
                fault = error
                break
            if adopted is not None:
                return Enqueued(adopted, may_be_over=True)
        if self.may_turn_up(purchase, doubt, asked_at=asked_at):
            if purchase.id not in self._looked_for:
                logger.info(
                    "%s: %s; it is looked for until %.0f s after its request, while others go on",
                    order.key,
                    f"its job is not listed: {fault or doubt}".removesuffix(": "),
                    self.absence_seconds,
                )
            self._looked_for.add(purchase.id)
            return Unproven()
        if fault is not None:
            return left_in_doubt(order, fault)
        if doubt:
            return left_unproven(order, purchase, doubt)
        self.withdraw_absent(purchase)
        return None

    def resume_stray(self, purchase: Purchase) -> Purchase | None:
        """Find the job of a purchase that no order is made of any more, by one look.

        Returns:
            The purchase with its job; None where it has none, or may have (it stays open then).

        Raises:
            OxenError: The list could not be read; it stays open.
        """
        asked_at = self.clock.now()
        adopted, doubt = self.adopt(purchase)
        if adopted is None and doubt:
            logger.warning(
                "%s: purchase %d stays open: %s; `nbp ledger settle %d` closes it",
                purchase.key,
                purchase.id,
                doubt,
                purchase.id,
            )
        elif adopted is None and not self.may_turn_up(purchase, asked_at=asked_at):
            self.withdraw_absent(purchase)
        return adopted

    def may_turn_up(self, purchase: Purchase, doubt: str = "", *, asked_at: float) -> bool:
        """Whether a job that is not listed may still come to be.

        What speaks against a list has that time once more: our newest jobs may be listed late.

        Args:
            purchase: The job's.
            doubt: What speaks against the lists.
            asked_at: When they were asked for, seconds since the epoch. Reading them may take
                minutes, and what is listed meanwhile in a state read already is not seen.
        """
        sent_by = self._sent_by.get(purchase.id, purchase.intended_at)
        return asked_at < sent_by + self.absence_seconds * (2 if doubt else 1)

    def withdraw_absent(self, purchase: Purchase) -> None:
        """Close a purchase that is proved to have no job."""
        self.ledger.withdraw(purchase, "the POST left no job in any state of the queue")


@dataclass
class TurnedAway:
    """Whether a request that got a 429 has to be looked for before it is sent again.

    It has until one look has found nothing, and for good once a look has found a job: under a rate
    limit five more requests an order would be what the limit is there to prevent.

    Attributes:
        finder: Reads the service's lists.
    """

    finder: JobFinder
    _seen_billed: bool = field(default=False, init=False)
    _seen_clean: bool = field(default=False, init=False)

    @property
    def must_look(self) -> bool:
        """Whether the next one is looked for."""
        return self._seen_billed or not self._seen_clean

    def note(self, *, billed: bool) -> None:
        """Record what a look found."""
        if billed:
            self._seen_billed = True
        else:
            self._seen_clean = True

    def before_repeat(self, purchase: Purchase) -> BeforeRepeat:
        """Return what looks for a purchase's job before its POST is sent again.

        It raises `AmbiguousPost` where there is one, and the 429 again where the list can't be
        read or took so long that another run may take this request for over: nothing is sent then.
        """

        def look(error: RateLimited) -> None:
            if not self.must_look:
                return
            if self._is_listed(purchase, error):
                raise AmbiguousPost(
                    "a request that was turned away is in the queue",
                    endpoint=error.endpoint,
                    status=error.status,
                )

        return look

    def _is_listed(self, purchase: Purchase, error: RateLimited) -> bool:
        finder = self.finder
        try:
            billed = find_job(finder.lists, finder.ledger, purchase).generation_id is not None
        except OxenError:
            raise error from None
        self.note(billed=billed)
        if not billed and finder.clock.now() > purchase.intended_at + finder.post_seconds:
            raise error
        return billed


def look_once(
    adopt: Callable[[], tuple[Purchase | None, str]], turned_away: TurnedAway
) -> Purchase | None:
    """Adopt the job of a request that was turned away for good, where one has to be looked for.

    Raises:
        OxenError: The list could not be read, so nothing is proven.
    """
    if not turned_away.must_look:
        return None
    adopted, _ = adopt()
    turned_away.note(billed=adopted is not None)
    return adopted
