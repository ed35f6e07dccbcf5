"""Many orders at once: bought, waited for, fetched and handed back one by one as each finishes."""

import logging
import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import OxenError
from nbp_dagster.oxen.events import EventStream
from nbp_dagster.studio.budget import Budget
from nbp_dagster.studio.buying import Buyer
from nbp_dagster.studio.delivery import Delivery, RunStopped
from nbp_dagster.studio.ledger import Ledger, Purchase
from nbp_dagster.studio.outcomes import (
    Failed,
    FailureKind,
    Generated,
    Order,
    Outcome,
    Refused,
    Reused,
)
from nbp_dagster.studio.watch import Notice, Settled, Stuck, Unreachable, Watcher, WatchTimes

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineLimits:
    """How much is done at once.

    Attributes:
        in_flight: Jobs at the service at one time.
        buyers: Threads that POST.
        collectors: Threads that download and decode; each holds one decoded image (a 4K one is
            about 50 MB).
    """

    in_flight: int = 64
    buyers: int = 8
    collectors: int = 4


@dataclass(frozen=True)
class _Bought:
    """A buyer's answer."""

    order: Order
    result: Purchase | Outcome | BaseException


@dataclass(frozen=True)
class _Collected:
    """A collector's answer; None while the job is not over."""

    purchase: Purchase
    result: Outcome | BaseException | None


_Message = _Bought | _Collected | Notice


@dataclass
class _Flight:
    """The moving parts of one call of `Engine.make`; touched by its coordinating thread alone."""

    waiting: deque[Order] = field(default_factory=deque)
    buying: int = 0
    flying: dict[str, Purchase] = field(default_factory=dict)
    collecting: set[str] = field(default_factory=set)
    # Completions announced before our own POST's answer was read.
    early: set[str] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        return not (self.waiting or self.buying or self.flying)


class Engine:
    """Turns orders into outcomes, each fingerprint bought at most once.

    Example:
        >>> for outcome in engine.make(orders, budget=budget, buyer=buyer):
        ...     record(outcome)
    """

    def __init__(
        self,
        client: OxenClient,
        *,
        ledger: Ledger,
        delivery: Delivery,
        open_stream: Callable[[], EventStream],
        take_turn: Callable[[], AbstractContextManager[None]],
        clock: Clock,
        limits: EngineLimits | None = None,
        times: WatchTimes | None = None,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._delivery = delivery
        self._open_stream = open_stream
        self._take_turn = take_turn
        self._clock = clock
        self._limits = limits or EngineLimits()
        self._times = times or WatchTimes()

    def make(self, orders: Iterable[Order], *, budget: Budget, buyer: Buyer) -> Iterator[Outcome]:
        """Yield one outcome an order, in the order they finish.

        Made fingerprints are reused, refused ones stay refused, open purchases of an earlier run
        are resumed before anything is bought. Closing the iterator (a cancelled run) stops buying
        at once and leaves what is at the service open in the ledger for the next run.

        Two orders with the same fingerprint are one purchase and two outcomes.

        Raises:
            LedgerError: The ledger can't be used; nothing more is bought.
        """
        groups: dict[str, list[Order]] = {}
        for order in orders:
            groups.setdefault(order.request.fingerprint, []).append(order)
        firsts = {fingerprint: group[0] for fingerprint, group in groups.items()}
        for outcome in self._settle(firsts):
            yield from _shared(outcome, groups[outcome_fingerprint(outcome)])
        if not firsts:
            return
        with self._take_turn():
            # While this run waited for its turn, another may have made some of it.
            for outcome in self._settle(firsts):
                yield from _shared(outcome, groups[outcome_fingerprint(outcome)])
            run = _Run(self, budget=budget, buyer=buyer)
            for outcome in run.outcomes(firsts.values(), self._ledger.latest(firsts)):
                yield from _shared(outcome, groups[outcome_fingerprint(outcome)])

    def _settle(self, orders: dict[str, Order]) -> Iterator[Outcome]:
        """Take out of `orders` what is made or refused, and yield its outcomes."""
        for fingerprint, purchase in self._ledger.latest(orders).items():
            outcome = self._settled(orders[fingerprint], purchase)
            if outcome is not None:
                del orders[fingerprint]
                yield outcome

    def _settled(self, order: Order, purchase: Purchase) -> Outcome | None:
        """What needs no new purchase and no waiting."""
        if purchase.state == "made":
            try:
                return self._delivery.restore(purchase)
            except OxenError as error:
                reason = f"its paid image is missing from the store and can't be fetched: {error}"
                return Failed(order.key, order.request.fingerprint, reason, "service")
        if purchase.state == "refused":
            words = purchase.reason or "refused"
            return Refused(order.key, order.request.fingerprint, words)
        return None


class _Run:
    """One call of `Engine.make`: threads do the waiting, this thread alone decides."""

    def __init__(self, engine: Engine, *, budget: Budget, buyer: Buyer) -> None:
        self._engine = engine
        self._flight = _Flight()
        self._budget = budget
        self._buyer = buyer
        self._inbox: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._limits = engine._limits
        self._stopped: tuple[str, FailureKind] | None = None

    def outcomes(self, orders: Iterable[Order], known: dict[str, Purchase]) -> Iterator[Outcome]:
        """Buy, or resume where a purchase is open, and yield each outcome as it comes."""
        open_purchases = {key: item for key, item in known.items() if item.is_open}
        unfinished = [(order, open_purchases.get(order.request.fingerprint)) for order in orders]
        if unfinished:
            yield from self._fly(unfinished)

    def _fly(self, unfinished: list[tuple[Order, Purchase | None]]) -> Iterator[Outcome]:
        flight, limits = self._flight, self._limits
        watcher = Watcher(
            self._engine._client,
            stream=self._engine._open_stream(),
            watched=lambda: frozenset(flight.flying),
            notify=self._inbox.put,
            times=self._engine._times,
            monotonic=self._engine._clock.monotonic,
        )
        buyers = ThreadPoolExecutor(limits.buyers, thread_name_prefix="nbp-buy")
        collectors = ThreadPoolExecutor(limits.collectors, thread_name_prefix="nbp-collect")
        watcher.start()
        try:
            self._resume(unfinished, buyers)
            while True:
                yield from self._launch(buyers)
                if flight.is_over:
                    return
                yield from self._handle(self._inbox.get(), collectors)
        finally:
            # A POST on its way is let finish, so that its id is written down.
            buyers.shutdown(wait=True, cancel_futures=True)
            watcher.stop()
            collectors.shutdown(wait=True, cancel_futures=True)

    def _resume(
        self, unfinished: list[tuple[Order, Purchase | None]], buyers: ThreadPoolExecutor
    ) -> None:
        """Put open purchases back where they were; queue the rest to be bought."""
        for order, purchase in unfinished:
            if purchase is None:
                self._flight.waiting.append(order)
            elif purchase.state == "enqueued":
                self._take_off(purchase)
                # It may have ended long ago, before anybody listened: look now.
                self._inbox.put(Settled(purchase.generation_id or ""))
            else:
                self._flight.buying += 1
                self._submit(buyers, order, self._finish_intent, order, purchase)

    def _finish_intent(self, order: Order, purchase: Purchase) -> Purchase | Outcome:
        found = self._buyer.resume(order, purchase)
        return self._buyer.buy(order) if found is None else found

    def _launch(self, buyers: ThreadPoolExecutor) -> Iterator[Outcome]:
        """Start purchases while there is room at the service and money in the budget."""
        flight = self._flight
        while flight.waiting and self._stopped is None:
            if flight.buying + len(flight.flying) >= self._limits.in_flight:
                return
            over = self._budget.reserve(flight.waiting[0])
            if over is not None:
                self._stopped = (over, "over_budget")
                break
            order = flight.waiting.popleft()
            flight.buying += 1
            self._submit(buyers, order, self._buyer.buy, order)
        if self._stopped is not None:
            reason, kind = self._stopped
            while flight.waiting:
                order = flight.waiting.popleft()
                yield Failed(order.key, order.request.fingerprint, reason, kind)

    def _submit(
        self,
        buyers: ThreadPoolExecutor,
        order: Order,
        task: Callable[..., Purchase | Outcome],
        *arguments: object,
    ) -> None:
        future = buyers.submit(task, *arguments)
        self._report(future, lambda answer: _Bought(order, answer))

    def _collect(
        self,
        collectors: ThreadPoolExecutor,
        purchase: Purchase,
        task: Callable[[Purchase], Outcome | None],
    ) -> None:
        self._flight.collecting.add(purchase.generation_id or "")
        future = collectors.submit(task, purchase)
        self._report(future, lambda answer: _Collected(purchase, answer))

    def _report(self, future: Future[Any], message: Callable[[Any], _Message]) -> None:
        """Have a task's result, or what it raised, put into the inbox when it ends."""

        def put(done: Future[Any]) -> None:
            if not done.cancelled():
                self._inbox.put(message(done.exception() or done.result()))

        future.add_done_callback(put)

    def _handle(self, message: _Message, collectors: ThreadPoolExecutor) -> Iterator[Outcome]:
        match message:
            case _Bought():
                yield from self._handle_bought(message, collectors)
            case _Collected():
                yield from self._handle_collected(message)
            case Unreachable():
                yield from self._abandon(message.reason)
            case Settled() | Stuck():
                self._look(message, collectors)

    def _look(self, notice: Settled | Stuck, collectors: ThreadPoolExecutor) -> None:
        flight, generation_id = self._flight, notice.generation_id
        purchase = flight.flying.get(generation_id)
        if purchase is None:
            flight.early.add(generation_id)
        elif generation_id not in flight.collecting:
            delivery = self._engine._delivery
            stuck = isinstance(notice, Stuck)
            self._collect(
                collectors, purchase, delivery.cancel_stuck if stuck else delivery.collect
            )

    def _handle_bought(self, message: _Bought, collectors: ThreadPoolExecutor) -> Iterator[Outcome]:
        self._flight.buying -= 1
        order, result = message.order, message.result
        if isinstance(result, Purchase):
            self._take_off(result)
            if result.generation_id in self._flight.early:
                self._look(Settled(result.generation_id or ""), collectors)
        elif isinstance(result, NbpError):
            self._budget.release(order)
            self._stop_if_told(result)
            yield Failed(order.key, order.request.fingerprint, str(result), "service")
        elif isinstance(result, BaseException):
            raise result
        else:
            self._budget.release(order)
            yield result

    def _handle_collected(self, message: _Collected) -> Iterator[Outcome]:
        flight, purchase = self._flight, message.purchase
        generation_id = purchase.generation_id or ""
        flight.collecting.discard(generation_id)
        if message.result is None:
            return
        flight.flying.pop(generation_id, None)
        if isinstance(message.result, RunStopped):
            self._stop_if_told(message.result)
            yield Failed(purchase.key, purchase.fingerprint, str(message.result), "service")
        elif isinstance(message.result, NbpError):
            reason = f"{message.result}; the paid job stays open and the next run fetches it"
            yield Failed(purchase.key, purchase.fingerprint, reason, "service")
        elif isinstance(message.result, BaseException):
            raise message.result
        else:
            yield message.result

    def _stop_if_told(self, error: NbpError) -> None:
        if isinstance(error, RunStopped) and self._stopped is None:
            self._stopped = (f"not attempted: {error}", "not_attempted")

    def _abandon(self, reason: str) -> Iterator[Outcome]:
        """The service is away: give up waiting, keep every paid job open in the ledger."""
        self._stopped = (f"not attempted: {reason}", "not_attempted")
        flying = list(self._flight.flying.values())
        self._flight.flying.clear()
        for purchase in flying:
            text = (
                f"the service stopped answering ({reason}); its paid job is fetched by the next run"
            )
            yield Failed(purchase.key, purchase.fingerprint, text, "service")

    def _take_off(self, purchase: Purchase) -> None:
        self._flight.flying[purchase.generation_id or ""] = purchase


def outcome_fingerprint(outcome: Outcome) -> str:
    """Return the fingerprint an outcome is about."""
    if isinstance(outcome, Generated | Reused):
        return outcome.receipt.fingerprint
    return outcome.fingerprint


def _shared(outcome: Outcome, orders: list[Order]) -> Iterator[Outcome]:
    """One outcome for each order of a fingerprint: the first made it, the others share it."""
    first, *others = orders
    yield replace(outcome, key=first.key)
    for order in others:
        if isinstance(outcome, Generated):
            yield Reused(order.key, outcome.image, outcome.receipt)
        else:
            yield replace(outcome, key=order.key)
