"""One batch on its way: threads do the waiting, one thread alone decides."""

import logging
import queue
from collections.abc import Callable, Iterable, Iterator, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.budget import Cap, find_excesses
from nbp_dagster.studio.ledger.orders import Failed, FailureKind, Order, Outcome, Refused
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.purchasing.batch_context import (
    BatchContext,
    BatchState,
    Bought,
    Collected,
    Message,
    Restored,
)
from nbp_dagster.studio.purchasing.buyer import Buyer
from nbp_dagster.studio.purchasing.cancellation import Cancelled
from nbp_dagster.studio.purchasing.collector import ImagePostprocessor, RunStopped
from nbp_dagster.studio.purchasing.failures import (
    failed_by,
    fault_of,
    left_open,
    left_waiting,
    require_outcome,
)
from nbp_dagster.studio.purchasing.job_watcher import JobWatcher, Settled, Stuck, Unreachable
from nbp_dagster.studio.purchasing.obtained import (
    Already,
    Elsewhere,
    Enqueued,
    Postponed,
    Unproven,
)
from nbp_dagster.studio.purchasing.order_groups import OrderGroups
from nbp_dagster.studio.purchasing.pacing import DispatchPacer

logger = logging.getLogger(__name__)

# Times a busy service may postpone an order before it counts as failed.
MAX_POSTPONED = 20
# Messages handled together: finished orders must not wait until everything is bought.
MAX_MESSAGES = 32
# Seconds to postprocess a picture, until the first is measured: one of 1K for one channel.
POSTPROCESS_SECONDS = 0.11
# Seconds that an outcome waits for others that are nearly done: recording several at once costs
# little more than recording one.
LINGER = 0.03
# Seconds without a message after which the caller gets an empty list, to look around.
TICK = 1.0


class Batch:
    """One batch from the first order to the last outcome."""

    def __init__(
        self,
        context: BatchContext,
        groups: OrderGroups,
        *,
        buyer: Buyer,
        postprocessor: ImagePostprocessor | None,
    ) -> None:
        self._context = context
        self._groups = groups
        self._buyer = buyer
        self._collector = context.collector.within_batch(
            postprocessor, groups, absence_seconds=buyer.options.absence_seconds
        )
        self._state = BatchState()
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._stopped: tuple[str, FailureKind] | None = None
        # Why the service counts as unreachable, once it does.
        self._unreachable: str | None = None
        self._postponed: dict[str, int] = {}
        guess = 0.0 if postprocessor is None else POSTPROCESS_SECONDS
        self._pacer = DispatchPacer(context.collector.decode_limiter, context.clock, guess=guess)
        # Whether the dispatch interval alone holds back further orders.
        self._is_early = False

    @property
    def in_flight(self) -> int:
        """Jobs at the service."""
        return len(self._state.in_flight)

    @property
    def waits_for_lost(self) -> int:
        """Orders whose jobs are looked for, where nothing else is left to do."""
        return len(self._state.unproven) if self._state.is_at_rest else 0

    def run(
        self,
        due: Iterable[Order],
        made: Iterable[tuple[Order, Purchase]],
        *,
        open_fingerprints: Set[str],
    ) -> Iterator[list[Outcome]]:
        """Buy, resume, or look up what is made; yield the outcomes as they come.

        Outcomes that came in while the caller dealt with the last list are yielded as one list,
        so that it can record them together. A list may be empty: messages came in, but no order
        has its outcome yet.

        Args:
            due: Orders to buy, or to resume where the ledger holds an open purchase.
            made: Orders paid already, with their purchases.
            open_fingerprints: Those of `due` that may be paid already.
        """
        left_out: list[Outcome] = []
        due = tuple(due)
        to_buy = [order for order in due if order.request.fingerprint not in open_fingerprints]
        excesses = find_excesses(self._buyer.options.caps, to_buy, self._spent)
        for order in due:
            excess = next((text for cap, text in excesses.items() if cap.covers(order)), None)
            if excess is not None and order.request.fingerprint not in open_fingerprints:
                failed = Failed(order.key, order.request.fingerprint, excess, "over_budget")
                left_out += self._groups.outcomes_for(failed)
            else:
                self._state.waiting.append(order)
        if left_out:
            yield left_out
        self._state.made.extend(made)
        if not self._state.is_over:
            yield from self._run_threads()

    def _spent(self, cap: Cap) -> Decimal:
        provider = self._groups.provider
        run_id = self._buyer.options.run_id
        return self._context.ledger.spent(cap, provider=provider, run_id=run_id)

    def _run_threads(self) -> Iterator[list[Outcome]]:
        """Start the threads, yield outcomes until the batch is over, and end the threads."""
        context, state = self._context, self._state
        watcher = JobWatcher(
            context.client,
            stream=context.client.events(),
            watched=state.generation_ids,
            notify=self._inbox.put,
            times=context.times,
            clock=context.clock,
        )
        buyers = ThreadPoolExecutor(context.limits.buyers, thread_name_prefix="nbp-buy")
        collectors = ThreadPoolExecutor(context.limits.collectors, thread_name_prefix="nbp-collect")
        is_done, is_watching = False, bool(state.waiting)
        try:
            if is_watching:
                watcher.start()
                self._close_strays(buyers)
            while True:
                outcomes = [*self._end_outage(), *self._dispatch(buyers, collectors)]
                if not outcomes and state.is_over:
                    break
                yield outcomes or self._receive(buyers, collectors)
            is_done = True
        finally:
            # From here on no thread buys or sleeps; a POST under way may finish, so that its id is
            # recorded. Downloads are dropped where the run is cancelled: the next run repeats
            # them, free.
            token = context.clock.token
            if is_done:
                token.stop_waiting()
            else:
                token.cancel()
            buyers.shutdown(wait=True, cancel_futures=True)
            if is_watching:
                watcher.stop()
            collectors.shutdown(wait=True, cancel_futures=True)
            token.reset()
            if is_watching:
                self._buyer.rate_limiter.leave()
            if not is_done and context.on_cancel == "cancel":
                self._cancel_in_flight()

    def _close_strays(self, buyers: ThreadPoolExecutor) -> None:
        """Resume open purchases that match no order any more, such as an edited brief's."""
        ours = set(self._groups.fingerprints)
        for purchase in self._context.ledger.open_in(self._groups.scopes):
            if purchase.fingerprint not in ours:
                buyers.submit(self._close_stray, purchase)

    def _close_stray(self, stray: Purchase) -> None:
        """Withdraw or collect one such purchase; it stays open where that fails."""
        try:
            purchase = self._buyer.resume_stray(stray)
            if purchase is not None:
                self._context.collector.collect(purchase)
        except NbpError as error:
            logger.warning("%s stays open: %s", stray.key, error)

    def _receive(self, buyers: ThreadPoolExecutor, collectors: ThreadPoolExecutor) -> list[Outcome]:
        """Wait for a message, take those that come with it, and return their outcomes."""
        outcomes: list[Outcome] = []
        until: float | None = None
        monotonic = self._context.clock.monotonic
        message = self._next_message()
        for left in reversed(range(MAX_MESSAGES)):
            if message is None:
                break
            for outcome in self._handle(message, collectors):
                outcomes += self._groups.outcomes_for(outcome)
            if not left:
                break
            if outcomes and until is None:
                until = monotonic() + LINGER
            seconds = 0.0
            if until is not None and self._state.collecting:
                seconds = max(0.0, until - monotonic())
            if seconds:
                # A free slot at the service must be filled meanwhile.
                outcomes += self._dispatch(buyers, collectors)
            message = self._take_message(seconds)
        return outcomes

    def _next_message(self) -> Message | None:
        """Wait for a message; None when it is time to send, or to look around."""
        state = self._state
        if state.waiting and self._is_early:
            return self._take_message(self._pacer.seconds_left())
        if not state.elsewhere:
            return self._take_message(TICK)
        message = self._take_message(self._context.limits.elsewhere_seconds)
        if message is None:
            state.waiting.extend(state.elsewhere)
            state.elsewhere.clear()
        return message

    def _take_message(self, seconds: float) -> Message | None:
        """Wait for a message; None where none comes in time."""
        with suppress(queue.Empty):
            return self._inbox.get(timeout=seconds) if seconds else self._inbox.get_nowait()
        return None

    def _dispatch(
        self, buyers: ThreadPoolExecutor, collectors: ThreadPoolExecutor
    ) -> list[Outcome]:
        """Start purchases while there is room at the service, and look-ups while threads are free.

        Returns:
            The failures of orders that are given up because the run was stopped.
        """
        state, limits = self._state, self._context.limits
        given_up: list[Outcome] = []
        while state.unproven and state.unproven[0][0] <= self._context.clock.monotonic():
            # Before the others: one of them may be paid.
            state.waiting.appendleft(state.unproven.popleft()[1])
        if self._stopped is not None:
            reason, kind = self._stopped
            for _, order in state.unproven:
                given_up += self._groups.outcomes_for(left_waiting(order, reason))
            state.unproven.clear()
            for order in (*state.waiting, *state.elsewhere):
                failed = Failed(order.key, order.request.fingerprint, reason, kind)
                given_up += self._groups.outcomes_for(failed)
            state.waiting.clear()
            state.elsewhere.clear()
        for _ in range(self._count_room()):
            order = state.waiting.popleft()
            state.buying += 1
            self._context.jobs.begin(order.request.fingerprint)
            future = buyers.submit(self._buyer.obtain, order)
            self._report(future, partial(Bought, order))
        # A few at a time: a job that has just ended must not queue behind thousands of these.
        while state.made and state.restoring < limits.collectors:
            order, purchase = state.made.popleft()
            state.restoring += 1
            future_outcome = collectors.submit(self._collector.restore_for, order, purchase)
            self._report(future_outcome, partial(Restored, order))
        return given_up

    def _count_room(self) -> int:
        """Count the waiting orders that may be sent now."""
        state, limit = self._state, self._context.limits.in_flight
        waiting, ready = self._context.jobs.admit(len(state.waiting)), self._pacer.count_ready()
        wanted = waiting if ready is None else min(ready, waiting)
        in_flight = state.buying + len(state.in_flight)
        room = self._buyer.rate_limiter.room(in_flight, limit, wanted) if wanted else 0
        sent = min(room, wanted)
        self._pacer.record_sent(sent)
        # Held back by the interval alone: no message will come when it is over.
        self._is_early = sent == wanted < waiting
        return sent

    def _report(self, future: Future[Any], message: Callable[[Any], Message]) -> None:
        """Put a task's result, or the exception it raised, into the inbox when it ends."""

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
                return [require_outcome(message.result)]
            case Unreachable():
                return self._stop_unreachable(message.reason)
            case Settled() | Stuck():
                self._collect(message, collectors)
                return []

    def _collect(self, notice: Settled | Stuck, collectors: ThreadPoolExecutor) -> None:
        """Have a job collected that ended or is stuck, once its purchase is known."""
        state, generation_id = self._state, notice.generation_id
        purchase = state.in_flight.get(generation_id)
        if purchase is None:
            state.early[generation_id] = notice
        elif generation_id not in state.collecting:
            state.collecting.add(generation_id)
            if isinstance(notice, Stuck):
                future = collectors.submit(self._collector.cancel_stuck, purchase)
                self._report(future, partial(Collected, purchase))
            else:
                reported = notice.reported
                done = collectors.submit(self._collector.collect, purchase, reported=reported)
                self._report(done, partial(Collected, purchase))

    def _handle_bought(self, message: Bought, collectors: ThreadPoolExecutor) -> Iterator[Outcome]:
        state = self._state
        state.buying -= 1
        early = state.early
        if not state.buying:
            # No POST of ours is under way that an unknown completion could belong to.
            state.early = {}
        order, result = message.order, message.result
        if not isinstance(result, Enqueued):
            self._context.jobs.drop(order.request.fingerprint)
        match result:
            case Enqueued():
                generation_id = result.purchase.generation_id or ""
                if self._unreachable is not None:
                    yield left_open(result.purchase, self._unreachable)
                    return
                state.in_flight[generation_id] = result.purchase
                notice = early.pop(generation_id, None)
                if notice is None and result.may_be_over:
                    notice = Settled(generation_id)
                if notice is not None:
                    self._collect(notice, collectors)
            case Elsewhere():
                state.elsewhere.append(order)
            case Unproven():
                again = self._context.clock.monotonic() + self._context.limits.unproven_seconds
                state.unproven.append((again, order))
            case Postponed():
                yield from self._postpone(order, result)
            case Already():
                yield from self._handle_already(order, result.purchase)
            case Failed():
                yield result
            case NbpError():
                yield self._fail(order.key, order.request.fingerprint, result)
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
        if message.result is None or generation_id not in state.in_flight:
            # It has not ended yet, or its outcome was yielded when the service became unreachable.
            return
        del state.in_flight[generation_id]
        result = message.result
        self._context.jobs.record(purchase.fingerprint, fault=fault_of(result))
        if isinstance(result, Refused):
            yield from self._soften(result)
        elif isinstance(result, NbpError):
            yield self._fail(purchase.key, purchase.fingerprint, result)
        else:
            yield require_outcome(result)

    def _soften(self, refused: Refused) -> Iterator[Outcome]:
        """Queue the softened request where the campaign allows one; else yield the refusal."""
        successor = self._groups.successor(refused.fingerprint)
        if successor is None:
            yield refused
        else:
            self._state.waiting.append(successor)

    def _fail(self, key: str, fingerprint: str, error: NbpError) -> Failed:
        """Turn an error of one order into its outcome; stop the run if it concerns all orders."""
        if isinstance(error, RunStopped):
            self._stopped = self._stopped or (f"not attempted: {error}", "not_attempted")
            # Orders that are with a buyer already must not be POSTed either.
            self._context.clock.token.stop_buying()
        elif isinstance(error, Cancelled):
            reason, kind = self._stopped or (str(error), "not_attempted")
            return Failed(key, fingerprint, reason, kind)
        return failed_by(key, fingerprint, error)

    def _end_outage(self) -> Iterator[Outcome]:
        """Give up once an outage has lasted, or jobs have failed, for too long."""
        failures = self._context.jobs.failures()
        if failures is not None and not failures.seconds_left and self._stopped is None:
            self._stopped = f"not attempted: {failures.counted()}", "unreachable"
            self._context.clock.token.stop_buying(failures.counted())
        outage = self._context.breaker.outage()
        if outage is not None and not outage.seconds_left:
            for failed in self._stop_unreachable(outage.reason):
                yield from self._groups.outcomes_for(failed)

    def _stop_unreachable(self, reason: str) -> Iterator[Outcome]:
        """Stop waiting for an unreachable service; every paid job stays open in the ledger."""
        if self._unreachable is not None:
            return
        self._unreachable = reason
        self._stopped = (f"not attempted, the service is out of reach: {reason}", "unreachable")
        self._context.clock.token.stop_waiting()
        in_flight = list(self._state.in_flight.values())
        self._state.in_flight.clear()
        for purchase in in_flight:
            yield left_open(purchase, reason)

    def _postpone(self, order: Order, postponed: Postponed) -> Iterator[Outcome]:
        """Queue an order again that a busy service turned away, a limited number of times."""
        fingerprint = order.request.fingerprint
        self._postponed[fingerprint] = self._postponed.get(fingerprint, 0) + 1
        if self._postponed[fingerprint] > MAX_POSTPONED:
            yield Failed(order.key, fingerprint, postponed.reason, "unreachable")
        else:
            self._state.waiting.append(order)

    def _cancel_in_flight(self) -> None:
        """Cancel this run's jobs at the service; a purchase stays open where that fails."""
        for purchase in self._state.in_flight.values():
            try:
                self._context.collector.cancel(purchase)
            except NbpError as error:
                logger.warning("%s could not be cancelled: %s", purchase.key, error)
