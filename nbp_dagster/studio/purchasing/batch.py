"""One batch on its way: threads do the waiting, one thread alone decides."""

import logging
import queue
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any

from PIL import Image

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.budget import Cap, find_excesses
from nbp_dagster.studio.ledger.ledger import OverCap
from nbp_dagster.studio.ledger.orders import (
    Failed,
    FailureKind,
    Generated,
    Order,
    Outcome,
    Refused,
    Reused,
)
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.purchasing.batch_context import (
    BatchContext,
    BatchState,
    BatchWork,
    Bought,
    Collected,
    Message,
    Restored,
)
from nbp_dagster.studio.purchasing.buyer import (
    Already,
    Buyer,
    Elsewhere,
    Enqueued,
    Postponed,
)
from nbp_dagster.studio.purchasing.cancellation import Cancelled
from nbp_dagster.studio.purchasing.collector import Postprocess, RunStopped
from nbp_dagster.studio.purchasing.job_watcher import Settled, Stuck, Unreachable, Watcher
from nbp_dagster.studio.purchasing.order_groups import OrderGroups
from nbp_dagster.studio.purchasing.pacing import DispatchPacer

logger = logging.getLogger(__name__)

# Times an order may meet a service too busy for it before it counts as failed.
MAX_POSTPONED = 20
# Messages answered together: what has finished meanwhile must not wait for the buying to go on.
MAX_BATCH = 32
# Seconds that a picture is worked on, until the first has told: one of 1K for one channel.
POSTPROCESS_SECONDS = 0.11
# Seconds that an outcome waits for others which are nearly there: recording some at once costs
# little more than recording one.
LINGER = 0.03


class Batch:
    """One batch from the first order to the last outcome."""

    def __init__(
        self,
        means: BatchContext,
        family: OrderGroups,
        *,
        buyer: Buyer,
        postprocess: Postprocess | None,
    ) -> None:
        self._means = means
        self._family = family
        self._buyer = buyer
        self._postprocess = postprocess
        self._state = BatchState()
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._stopped: tuple[str, FailureKind] | None = None
        # Why the service counts as gone, once it does.
        self._gone: str | None = None
        self._postponed: dict[str, int] = {}
        guess = 0.0 if postprocess is None else POSTPROCESS_SECONDS
        places = means.delivery.places
        # Whether more would have been sent, had the last one gone earlier.
        self._is_early = False
        self._spacing = DispatchPacer(lambda: places.seconds_apart(guess), means.clock.monotonic)

    def batches(self, work: BatchWork) -> Iterator[list[Outcome]]:
        """Buy, resume, or look up what is made; yield the outcomes as they come.

        What has come in while the last batch was dealt with comes as one: whoever records it can
        do so at once. A batch may be empty: something happened, but nothing came to its end.
        """
        left_out: list[Outcome] = []
        is_open = work.open_fingerprints
        to_buy = [order for order in work.due if order.request.fingerprint not in is_open]
        excesses = find_excesses(self._buyer.caps, to_buy, self._spent)
        for order in work.due:
            excess = next((text for cap, text in excesses.items() if cap.covers(order)), None)
            if excess is not None and order.request.fingerprint not in is_open:
                failed = Failed(order.key, order.request.fingerprint, excess, "over_budget")
                left_out += self._family.share(failed)
            else:
                self._state.waiting.append(order)
        if left_out:
            yield left_out
        self._state.made.extend(work.made)
        if not self._state.is_over:
            yield from self._fly()

    def _spent(self, cap: Cap) -> Decimal:
        provider = self._family.provider
        return self._means.ledger.spent(cap, provider=provider, run_id=self._buyer.run_id)

    def _fly(self) -> Iterator[list[Outcome]]:
        means, state = self._means, self._state
        watcher = Watcher(
            means.client,
            stream=means.open_stream(),
            watched=lambda: frozenset(state.flying),
            notify=self._inbox.put,
            times=means.times,
            clock=means.clock,
        )
        buyers = ThreadPoolExecutor(means.limits.buyers, thread_name_prefix="nbp-buy")
        collectors = ThreadPoolExecutor(means.limits.collectors, thread_name_prefix="nbp-collect")
        is_done, is_watching = False, bool(state.waiting)
        try:
            if is_watching:
                watcher.start()
                self._sweep(buyers)
            while True:
                batch = self._launch(buyers, collectors)
                if not batch and state.is_over:
                    break
                yield batch or self._hear(buyers, collectors)
            is_done = True
        finally:
            # From here on nobody buys and nobody sleeps; a POST on its way is let finish, so that
            # its id is written down. A download is dropped where the run is cancelled: the next run
            # fetches it, free.
            if is_done:
                means.clock.halt()
            else:
                means.clock.cut_short()
            buyers.shutdown(wait=True, cancel_futures=True)
            if is_watching:
                watcher.stop()
            collectors.shutdown(wait=True, cancel_futures=True)
            means.clock.resume()
            if is_watching:
                self._buyer.rate_limiter.leave()
            if not is_done and means.on_cancel == "cancel":
                self._cancel_flying()

    def _sweep(self, buyers: ThreadPoolExecutor) -> None:
        """Look after open purchases that nobody asks for any more, an edited brief's among them."""
        ours = set(self._family.fingerprints)
        for purchase in self._means.ledger.open_in(self._family.scopes):
            if purchase.fingerprint not in ours:
                buyers.submit(self._tidy, purchase)

    def _tidy(self, stray: Purchase) -> None:
        """Close, or fetch, an open purchase whose brief was edited; whatever fails stays open."""
        try:
            purchase = self._buyer.sweep(stray)
            if purchase is not None:
                self._means.delivery.collect(purchase)
        except NbpError as error:
            logger.warning("%s stays open: %s", stray.key, error)

    def _hear(self, buyers: ThreadPoolExecutor, collectors: ThreadPoolExecutor) -> list[Outcome]:
        """Wait for a message, take those that come with it, and return their outcomes."""
        outcomes: list[Outcome] = []
        until: float | None = None
        monotonic = self._means.clock.monotonic
        message = self._next_message()
        for left in reversed(range(MAX_BATCH)):
            if message is None:
                break
            for outcome in self._handle(message, collectors):
                outcomes += self._family.share(outcome)
            if not left:
                break
            if outcomes and until is None:
                until = monotonic() + LINGER
            seconds = 0.0
            if until is not None and self._state.collecting:
                seconds = max(0.0, until - monotonic())
            if seconds:
                # A place at the service must not stay empty meanwhile.
                outcomes += self._launch(buyers, collectors)
            message = self._take_message(seconds)
        return outcomes

    def _next_message(self) -> Message | None:
        """The next message; None when it is time to send, or to ask what others have made."""
        state = self._state
        if state.waiting and self._is_early:
            return self._take_message(self._spacing.seconds_left())
        if not state.elsewhere:
            return self._inbox.get()
        message = self._take_message(self._means.limits.elsewhere_seconds)
        if message is None:
            state.waiting.extend(state.elsewhere)
            state.elsewhere.clear()
        return message

    def _take_message(self, seconds: float) -> Message | None:
        """The next message, where one comes in time."""
        with suppress(queue.Empty):
            return self._inbox.get(timeout=seconds) if seconds else self._inbox.get_nowait()
        return None

    def _launch(self, buyers: ThreadPoolExecutor, collectors: ThreadPoolExecutor) -> list[Outcome]:
        """Start purchases while there is room at the service, and look-ups while hands are free.

        Returns:
            What is given up instead, once the run was stopped.
        """
        state, limits = self._state, self._means.limits
        given_up: list[Outcome] = []
        if self._stopped is not None:
            reason, kind = self._stopped
            for order in (*state.waiting, *state.elsewhere):
                failed = Failed(order.key, order.request.fingerprint, reason, kind)
                given_up += self._family.share(failed)
            state.waiting.clear()
            state.elsewhere.clear()
        for _ in range(self._count_room()):
            order = state.waiting.popleft()
            state.buying += 1
            future = buyers.submit(self._buyer.obtain, order)
            self._report(future, partial(Bought, order))
        # A few at a time: a job that has just finished must not queue behind thousands of these.
        while state.made and state.restoring < limits.collectors:
            order, purchase = state.made.popleft()
            state.restoring += 1
            future_outcome = collectors.submit(self._restore, order, purchase)
            self._report(future_outcome, partial(Restored, order))
        return given_up

    def _count_room(self) -> int:
        """How many of those that wait may be sent now."""
        state, limit = self._state, self._means.limits.in_flight
        waiting, ready = len(state.waiting), self._spacing.ready()
        wanted = waiting if ready is None else min(ready, waiting)
        flying = state.buying + len(state.flying)
        room = self._buyer.rate_limiter.room(flying, limit, wanted) if wanted else 0
        sent = min(room, wanted)
        self._spacing.sent(sent)
        # Held back by nothing but the time: nobody's message will tell when it is over.
        self._is_early = sent == wanted < waiting
        return sent

    def _restore(self, order: Order, purchase: Purchase) -> Outcome:
        """The image of a made purchase; fetched once more where the store lost it."""
        try:
            return self._means.delivery.restore(purchase, self._postprocess_all)
        except NbpError as error:
            reason = f"its paid image is missing from the store and can't be fetched: {error}"
            return Failed(order.key, order.request.fingerprint, reason, "service")

    def _postprocess_all(self, made: Generated | Reused, image: Image.Image | None) -> None:
        """Postprocess an image once for each order that it serves."""
        if self._postprocess is not None:
            for shared in self._family.share(made):
                if isinstance(shared, Generated | Reused):
                    self._postprocess(shared, image)

    def _report(self, future: Future[Any], message: Callable[[Any], Message]) -> None:
        """Have a task's result, or what it raised, put into the inbox when it ends."""

        def put(done: Future[Any]) -> None:
            if not done.cancelled():
                self._inbox.put(message(done.exception() or done.result()))

        future.add_done_callback(put)

    def _handle(self, message: Message, collectors: ThreadPoolExecutor) -> Iterable[Outcome]:
        match message:
            case Bought():
                return self._handle_bought(message, collectors)
            case Collected():
                return self._handle_collected(message)
            case Restored():
                self._state.restoring -= 1
                return [_require_outcome(message.result)]
            case Unreachable():
                return self._abandon(message.reason)
            case Settled() | Stuck():
                self._look(message, collectors)
                return []

    def _look(self, notice: Settled | Stuck, collectors: ThreadPoolExecutor) -> None:
        state, generation_id = self._state, notice.generation_id
        purchase = state.flying.get(generation_id)
        if purchase is None:
            state.early[generation_id] = notice
        elif generation_id not in state.collecting:
            state.collecting.add(generation_id)
            delivery = self._means.delivery
            task: Callable[[], Outcome | None]
            if isinstance(notice, Stuck):
                task = partial(delivery.cancel_stuck, purchase, self._postprocess_all)
            else:
                task = partial(delivery.collect, purchase, self._postprocess_all, told=notice.told)
            future = collectors.submit(task)
            self._report(future, partial(Collected, purchase))

    def _handle_bought(self, message: Bought, collectors: ThreadPoolExecutor) -> Iterator[Outcome]:
        state = self._state
        state.buying -= 1
        early = state.early
        if not state.buying:
            # Nobody of ours is left whom an unknown completion could concern.
            state.early = {}
        order, result = message.order, message.result
        match result:
            case Enqueued():
                generation_id = result.purchase.generation_id or ""
                if self._gone is not None:
                    yield self._left_behind(result.purchase, self._gone)
                    return
                state.flying[generation_id] = result.purchase
                notice = early.pop(generation_id, None)
                if notice is None and result.may_be_over:
                    notice = Settled(generation_id)
                if notice is not None:
                    self._look(notice, collectors)
            case Elsewhere():
                state.elsewhere.append(order)
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
            self._state.made.append((order, purchase))

    def _handle_collected(self, message: Collected) -> Iterator[Outcome]:
        state, purchase = self._state, message.purchase
        generation_id = purchase.generation_id or ""
        state.collecting.discard(generation_id)
        if message.result is None or generation_id not in state.flying:
            # Not over yet, or given up on and answered for already.
            return
        del state.flying[generation_id]
        result = message.result
        if isinstance(result, Refused):
            yield from self._soften(result)
        elif isinstance(result, NbpError):
            yield self._blame(purchase.key, purchase.fingerprint, result)
        else:
            yield _require_outcome(result)

    def _soften(self, refused: Refused) -> Iterator[Outcome]:
        """Ask again with the softened request where the campaign allows it; else refused it is."""
        successor = self._family.successor(refused.fingerprint)
        if successor is None:
            yield refused
        else:
            self._state.waiting.append(successor)

    def _blame(self, key: str, fingerprint: str, error: NbpError) -> Failed:
        """Turn an error of one order into its outcome; stop the run where the error says so."""
        if isinstance(error, RunStopped):
            self._stopped = self._stopped or (f"not attempted: {error}", "not_attempted")
            # Those that are with a buyer already must not POST either.
            self._means.clock.stop_buying()
        elif isinstance(error, OverCap):
            # Other campaigns have caps of their own: they go on.
            return Failed(key, fingerprint, str(error), "over_budget")
        elif isinstance(error, Cancelled):
            reason, kind = self._stopped or (str(error), "not_attempted")
            return Failed(key, fingerprint, reason, kind)
        return Failed(key, fingerprint, str(error), "service")

    def _abandon(self, reason: str) -> Iterator[Outcome]:
        """The service is away: give up waiting, keep every paid job open in the ledger."""
        self._gone = reason
        self._stopped = (f"not attempted: {reason}", "not_attempted")
        self._means.clock.halt()
        flying = list(self._state.flying.values())
        self._state.flying.clear()
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
            self._state.waiting.append(order)

    def _cancel_flying(self) -> None:
        """Cancel at the service what this run has there; whatever fails stays open."""
        for purchase in self._state.flying.values():
            try:
                self._means.delivery.cancel(purchase)
            except NbpError as error:
                logger.warning("%s could not be cancelled: %s", purchase.key, error)


def _require_outcome(result: Outcome | BaseException) -> Outcome:
    """Let a fault of ours, in whichever thread, end the run: it is no order's outcome."""
    if isinstance(result, BaseException):
        raise result
    return result
