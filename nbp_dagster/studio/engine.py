"""Many orders at once: bought, waited for, fetched and handed back one by one as each finishes."""

import logging
import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Literal

from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.events import EventStream
from nbp_dagster.studio.budget import Cap, find_excesses
from nbp_dagster.studio.buying import (
    Already,
    Buyer,
    Elsewhere,
    Enqueued,
    Obtained,
    Postponed,
)
from nbp_dagster.studio.delivery import Delivery, RunStopped
from nbp_dagster.studio.family import Family
from nbp_dagster.studio.halt import HaltableClock, Halted
from nbp_dagster.studio.ledger import Ledger, OverCap, Purchase
from nbp_dagster.studio.outcomes import Failed, FailureKind, Order, Outcome, Refused
from nbp_dagster.studio.presence import Presence
from nbp_dagster.studio.watch import Notice, Settled, Stuck, Unreachable, Watcher, WatchTimes

logger = logging.getLogger(__name__)

# Times an order may meet a service too busy for it before it counts as failed.
MAX_POSTPONED = 20

OnCancel = Literal["keep", "cancel"]


@dataclass(frozen=True)
class EngineLimits:
    """How much is done at once.

    Attributes:
        in_flight: Jobs at the service at one time.
        buyers: Threads that POST.
        collectors: Threads that download and decode; each holds one decoded image (a 4K one is
            about 50 MB).
        elsewhere_seconds: Between two looks at what other runs are making for us.
    """

    in_flight: int = 64
    buyers: int = 8
    collectors: int = 4
    elsewhere_seconds: float = 1.0


@dataclass(frozen=True)
class _Bought:
    """A buyer's answer."""

    order: Order
    result: Obtained | BaseException


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
    # Made by another run that is alive: asked for again after a while.
    elsewhere: list[Order] = field(default_factory=list)
    flying: dict[str, Purchase] = field(default_factory=dict)
    collecting: set[str] = field(default_factory=set)
    # Completions announced before our own POST's answer was read.
    early: set[str] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        return not (self.waiting or self.buying or self.flying or self.elsewhere)


class Engine:
    """Turns orders into outcomes, each fingerprint bought at most once.

    Example:
        >>> for outcome in engine.make(orders, hire=hire):
        ...     record(outcome)
    """

    def __init__(
        self,
        client: OxenClient,
        *,
        ledger: Ledger,
        delivery: Delivery,
        open_stream: Callable[[], EventStream],
        enter: Callable[[], AbstractContextManager[Presence]],
        clock: HaltableClock,
        limits: EngineLimits | None = None,
        times: WatchTimes | None = None,
        on_cancel: OnCancel = "keep",
    ) -> None:
        self.client = client
        self.ledger = ledger
        self.delivery = delivery
        self.open_stream = open_stream
        self.clock = clock
        self.limits = limits or EngineLimits()
        self.times = times or WatchTimes()
        self.on_cancel = on_cancel
        self._enter = enter

    def make(
        self, orders: Iterable[Order], *, hire: Callable[[Presence], Buyer]
    ) -> Iterator[Outcome]:
        """Yield one outcome an order, in the order they finish.

        Made fingerprints are reused, refused ones stay refused, open purchases of an earlier run
        are resumed before anything is bought, and those of a run that is alive are waited for.
        When what is left to buy would break a cap, nothing is bought. Closing the iterator (a
        cancelled run) stops buying at once; what is at the service stays open in the ledger for
        the next run, unless the engine was told to cancel it.

        Two orders with the same fingerprint are one purchase and two outcomes.

        Args:
            orders: What to have.
            hire: Gives the buyer that acts for this run's presence.

        Raises:
            NbpError: The ledger can't be used; nothing more is bought.
        """
        family = Family(orders)
        with self._enter() as presence:
            buyer = hire(presence)
            known = self.ledger.latest(family.fingerprints)
            due: list[Order] = []
            for order in family.firsts:
                current, outcome = self.settled(order, known, buyer)
                if outcome is not None:
                    yield from family.share(outcome)
                else:
                    due.append(current)
            if due:
                run = _Run(self, family, buyer)
                yield from run.outcomes(due, known)

    def settled(
        self, order: Order, known: dict[str, Purchase], buyer: Buyer
    ) -> tuple[Order, Outcome | None]:
        """Follow an order and its softened successors to what the ledger holds of them.

        Returns:
            The order to go on with, and its outcome where it needs no purchase and no waiting.
        """
        while True:
            purchase = known.get(order.request.fingerprint)
            if purchase is None or purchase.state not in ("made", "refused"):
                return order, None
            if purchase.state == "made":
                if buyer.is_wanted_again(purchase):
                    return order, None
                return order, self.restored(order, purchase)
            if order.on_refusal is None:
                reason = purchase.reason or "refused"
                return order, Refused(order.key, order.request.fingerprint, reason)
            order = order.on_refusal

    def restored(self, order: Order, purchase: Purchase) -> Outcome:
        """The image of a made purchase; fetched once more where the store lost it."""
        try:
            return self.delivery.restore(purchase)
        except NbpError as error:
            reason = f"its paid image is missing from the store and can't be fetched: {error}"
            return Failed(order.key, order.request.fingerprint, reason, "service")

    def tidy(self, buyer: Buyer, stray: Purchase) -> None:
        """Close, or fetch, an open purchase whose brief was edited; whatever fails stays open."""
        try:
            purchase = buyer.sweep(stray)
            if purchase is not None:
                self.delivery.collect(purchase)
        except NbpError as error:
            logger.warning("%s stays open: %s", stray.key, error)


class _Run:
    """One call of `Engine.make`: threads do the waiting, this thread alone decides."""

    def __init__(self, engine: Engine, family: Family, buyer: Buyer) -> None:
        self._engine = engine
        self._family = family
        self._buyer = buyer
        self._flight = _Flight()
        self._inbox: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._stopped: tuple[str, FailureKind] | None = None
        # Why the service counts as gone, once it does.
        self._gone: str | None = None
        self._postponed: dict[str, int] = {}

    def outcomes(self, orders: list[Order], known: dict[str, Purchase]) -> Iterator[Outcome]:
        """Buy, or resume where a purchase is open, and yield each outcome as it comes."""
        is_open = {key for key, purchase in known.items() if purchase.is_open}
        to_buy = [order for order in orders if order.request.fingerprint not in is_open]
        excesses = find_excesses(self._buyer.caps, to_buy, self._spent)
        for order in orders:
            excess = next((text for cap, text in excesses.items() if cap.covers(order)), None)
            if excess is not None and order.request.fingerprint not in is_open:
                failed = Failed(order.key, order.request.fingerprint, excess, "over_budget")
                yield from self._family.share(failed)
            else:
                self._flight.waiting.append(order)
        if self._flight.waiting:
            yield from self._fly()

    def _spent(self, cap: Cap) -> Decimal:
        provider = self._family.provider
        return self._engine.ledger.spent(cap, provider=provider, run_id=self._buyer.run_id)

    def _fly(self) -> Iterator[Outcome]:
        flight, engine = self._flight, self._engine
        watcher = Watcher(
            engine.client,
            stream=engine.open_stream(),
            watched=lambda: frozenset(flight.flying),
            notify=self._inbox.put,
            times=engine.times,
            monotonic=engine.clock.monotonic,
        )
        buyers = ThreadPoolExecutor(engine.limits.buyers, thread_name_prefix="nbp-buy")
        collectors = ThreadPoolExecutor(engine.limits.collectors, thread_name_prefix="nbp-collect")
        is_done = False
        try:
            watcher.start()
            self._sweep(buyers)
            while True:
                yield from self._launch(buyers)
                if flight.is_over:
                    break
                message = self._next_message()
                if message is not None:
                    for outcome in self._handle(message, collectors):
                        yield from self._family.share(outcome)
            is_done = True
        finally:
            # From here on nobody buys and nobody sleeps; a POST on its way is let finish, so that
            # its id is written down.
            engine.clock.halt()
            buyers.shutdown(wait=True, cancel_futures=True)
            watcher.stop()
            collectors.shutdown(wait=True, cancel_futures=True)
            engine.clock.resume()
            if not is_done and engine.on_cancel == "cancel":
                self._cancel_flying()

    def _sweep(self, buyers: ThreadPoolExecutor) -> None:
        """Look after open purchases that nobody asks for any more, an edited brief's among them."""
        ours = set(self._family.fingerprints)
        for purchase in self._engine.ledger.open_in(self._family.scopes):
            if purchase.fingerprint not in ours:
                buyers.submit(self._engine.tidy, self._buyer, purchase)

    def _next_message(self) -> _Message | None:
        """The next message; None when it is time to ask again for what others are making."""
        flight = self._flight
        if not flight.elsewhere:
            return self._inbox.get()
        try:
            return self._inbox.get(timeout=self._engine.limits.elsewhere_seconds)
        except queue.Empty:
            flight.waiting.extend(flight.elsewhere)
            flight.elsewhere.clear()
            return None

    def _launch(self, buyers: ThreadPoolExecutor) -> Iterator[Outcome]:
        """Start purchases while there is room at the service."""
        flight = self._flight
        if self._stopped is not None:
            reason, kind = self._stopped
            for order in (*flight.waiting, *flight.elsewhere):
                failed = Failed(order.key, order.request.fingerprint, reason, kind)
                yield from self._family.share(failed)
            flight.waiting.clear()
            flight.elsewhere.clear()
        flying = flight.buying + len(flight.flying)
        room = self._buyer.pace.room(flying, self._engine.limits.in_flight)
        for _ in range(min(room, len(flight.waiting))):
            order = flight.waiting.popleft()
            flight.buying += 1
            future = buyers.submit(self._buyer.obtain, order)
            self._report(future, partial(_Bought, order))

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
            flight.collecting.add(generation_id)
            delivery = self._engine.delivery
            task = delivery.cancel_stuck if isinstance(notice, Stuck) else delivery.collect
            future = collectors.submit(task, purchase)
            self._report(future, partial(_Collected, purchase))

    def _handle_bought(self, message: _Bought, collectors: ThreadPoolExecutor) -> Iterator[Outcome]:
        self._flight.buying -= 1
        early = self._flight.early.copy()
        if not self._flight.buying:
            # Nobody of ours is left whom an unknown completion could concern.
            self._flight.early.clear()
        order, result = message.order, message.result
        match result:
            case Enqueued():
                generation_id = result.purchase.generation_id or ""
                if self._gone is not None:
                    yield self._left_behind(result.purchase, self._gone)
                    return
                self._flight.flying[generation_id] = result.purchase
                if result.may_be_over or generation_id in early:
                    self._look(Settled(generation_id), collectors)
            case Elsewhere():
                self._flight.elsewhere.append(order)
            case Postponed():
                yield from self._postpone(order, result)
            case Already():
                yield from self._handle_already(order, result.purchase)
            case Failed():
                yield result
            case NbpError():
                yield self._blame(order.key, order.request.fingerprint, result)
            case _:
                raise result

    def _handle_already(self, order: Order, purchase: Purchase) -> Iterator[Outcome]:
        if purchase.state == "refused":
            refused = Refused(order.key, order.request.fingerprint, purchase.reason or "refused")
            yield from self._soften(refused)
        else:
            yield self._engine.restored(order, purchase)

    def _handle_collected(self, message: _Collected) -> Iterator[Outcome]:
        flight, purchase = self._flight, message.purchase
        generation_id = purchase.generation_id or ""
        flight.collecting.discard(generation_id)
        if message.result is None or generation_id not in flight.flying:
            # Not over yet, or given up on and answered for already.
            return
        del flight.flying[generation_id]
        result = message.result
        if isinstance(result, Refused):
            yield from self._soften(result)
        elif isinstance(result, NbpError):
            yield self._blame(purchase.key, purchase.fingerprint, result)
        elif isinstance(result, BaseException):
            raise result
        else:
            yield result

    def _soften(self, refused: Refused) -> Iterator[Outcome]:
        """Ask again with the softened request where the campaign allows it; else refused it is."""
        successor = self._family.successor(refused.fingerprint)
        if successor is None:
            yield refused
        else:
            self._flight.waiting.append(successor)

    def _blame(self, key: str, fingerprint: str, error: NbpError) -> Failed:
        """Turn an error of one order into its outcome; stop the run where the error says so."""
        if isinstance(error, RunStopped):
            self._stopped = self._stopped or (f"not attempted: {error}", "not_attempted")
            # Those that are with a buyer already must not POST either.
            self._engine.clock.stop_buying()
        elif isinstance(error, OverCap):
            # Other campaigns have caps of their own: they go on.
            return Failed(key, fingerprint, str(error), "over_budget")
        elif isinstance(error, Halted):
            reason, kind = self._stopped or (str(error), "not_attempted")
            return Failed(key, fingerprint, reason, kind)
        return Failed(key, fingerprint, str(error), "service")

    def _abandon(self, reason: str) -> Iterator[Outcome]:
        """The service is away: give up waiting, keep every paid job open in the ledger."""
        self._gone = reason
        self._stopped = (f"not attempted: {reason}", "not_attempted")
        self._engine.clock.halt()
        flying = list(self._flight.flying.values())
        self._flight.flying.clear()
        for purchase in flying:
            yield self._left_behind(purchase, reason)

    @staticmethod
    def _left_behind(purchase: Purchase, reason: str) -> Failed:
        text = (
            f"the service stopped answering ({reason}); its paid job stays open and the next run "
            "fetches it"
        )
        return Failed(purchase.key, purchase.fingerprint, text, "service")

    def _postpone(self, order: Order, postponed: Postponed) -> Iterator[Outcome]:
        """Put an order that met a busy service back in line, a limited number of times."""
        fingerprint = order.request.fingerprint
        self._postponed[fingerprint] = self._postponed.get(fingerprint, 0) + 1
        if self._postponed[fingerprint] > MAX_POSTPONED:
            yield Failed(order.key, fingerprint, postponed.reason, "service")
        else:
            self._flight.waiting.append(order)

    def _cancel_flying(self) -> None:
        """Cancel at the service what this run has there; whatever fails stays open."""
        for purchase in self._flight.flying.values():
            try:
                self._engine.delivery.cancel(purchase)
            except NbpError as error:
                logger.warning("%s could not be cancelled: %s", purchase.key, error)
