"""Engines over a simulator, and orders to give them, without briefs and without Dagster."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from nbp_dagster.clock import Clock, SystemClock
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.rate_limit.limited_transport import LimitedTransport
from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import RequestsTransport, Transport
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.studio.ledger.budget import Cap
from nbp_dagster.studio.ledger.database import LOCK_TIMEOUT_SECONDS, open_ledger
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Order, Outcome
from nbp_dagster.studio.ledger.owner_leases import OwnerLease, take_lease
from nbp_dagster.studio.options import OnCancel
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from nbp_dagster.studio.purchasing.buyer import Buyer
from nbp_dagster.studio.purchasing.cancellation import HaltableClock
from nbp_dagster.studio.purchasing.collector import Collector, Postprocess
from nbp_dagster.studio.purchasing.engine import Engine
from nbp_dagster.studio.purchasing.failpoints import Failpoint, no_failpoint
from nbp_dagster.studio.purchasing.job_watcher import WatchTimes
from nbp_dagster.studio.storage.image_store import FolderStore

PRICE = Decimal("0.15")
# Waits of the real protocol, shortened: nothing in these tests depends on their length.
QUICK = RetryPolicy(
    attempts=3, base_delay=0.01, max_delay=0.05, retry_after_ceiling=0.5, total_seconds=5
)
TIMES = WatchTimes(poll=0.05, poll_beside_stream=0.2, poll_at_most=0.4, stuck=0.3, unreachable=1.0)


class HastyClock(HaltableClock):
    """The real time, but nobody sleeps longer than a moment."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock or SystemClock())

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.02))


class RateLimiterClock:
    """The rate limiter's time: ahead by what its sleepers did not sleep on a hasty clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ahead = 0.0

    def now(self) -> float:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        due = self.monotonic() + seconds
        self._clock.sleep(seconds)
        with self._lock:
            self._ahead += max(0.0, due - self.monotonic())


def order(number: int = 1, *, prompt: str = "", variant: int = 1, scope: str = "spring") -> Order:
    """An order that differs from others by its number, text or variant."""
    request = ImageRequest(
        key=f"{scope}/shot{number}/en/1x1/v{variant}",
        provider="oxen",
        model="google-nano-banana-pro",
        prompt=prompt or f"A red kite over hill number {number}",
        parameters={"aspect_ratio": "1:1", "resolution": "1K"},
        references=(),
        variant=variant,
        prompt_version="1",
    )
    return Order(request=request, price=PRICE, scope=scope)


def bind(*orders: Order) -> tuple[Order, ...]:
    """The same orders as companions of each other: one POST asks for all of them."""
    return tuple(
        replace(item, companions=tuple(other for other in orders if other is not item))
        for item in orders
    )


def rename(item: Order, key: str) -> Order:
    """The same request under another key."""
    return replace(item, request=replace(item.request, key=key))


@dataclass
class Workbench:
    """An engine with everything around it, over one home folder."""

    client: OxenClient
    ledger: Ledger
    store: FolderStore
    engine: Engine
    clock: HaltableClock
    failpoint: Failpoint
    rate_limiter: RateLimiter
    run_id: str = "test run"

    def make(
        self,
        *orders: Order,
        caps: Sequence[Cap] = (),
        fresh: bool = False,
        postprocess: Postprocess | None = None,
    ) -> dict[str, Outcome]:
        """Run the engine to its end."""
        outcomes = self.stream(*orders, caps=caps, fresh=fresh, postprocess=postprocess)
        return {outcome.key: outcome for outcome in outcomes}

    def stream(
        self,
        *orders: Order,
        caps: Sequence[Cap] = (),
        fresh: bool = False,
        postprocess: Postprocess | None = None,
    ) -> Iterator[Outcome]:
        """The engine's own iterator, to be closed early by a test."""

        def hire(presence: OwnerLease) -> Buyer:
            return Buyer(
                client=self.client,
                ledger=self.ledger,
                clock=self.clock,
                presence=presence,
                input_image=lambda _: (),
                rate_limiter=self.rate_limiter,
                run_id=self.run_id,
                caps=tuple(caps),
                fresh=fresh,
                failpoint=self.failpoint,
            )

        return self.engine.make(orders, hire=hire, postprocess=postprocess)


@contextmanager
def workbench(
    url: str,
    home: Path,
    *,
    limits: EngineLimits | None = None,
    key: str = "test-key",
    run_id: str = "test run",
    ledger_url: str | None = None,
    failpoint: Failpoint = no_failpoint,
    on_cancel: OnCancel = "keep",
    clock: HastyClock | None = None,
    patience: float = LOCK_TIMEOUT_SECONDS,
    transport: Transport | None = None,
) -> Iterator[Workbench]:
    """Open an engine on a service, with its state in `home`."""
    halting = clock or HastyClock()
    rate_limiter = RateLimiter(RateLimiterClock(halting))
    limited = LimitedTransport(
        transport or RequestsTransport(), base_url=url, rate_limiter=rate_limiter, clock=halting
    )
    client = OxenClient(url, api_key=key, transport=limited, clock=halting, retry=QUICK)
    database = open_ledger(ledger_url or home / "ledger.sqlite", lock_timeout=patience)
    ledger = Ledger(database, clock=halting)
    store = FolderStore(home / "store")
    delivery = Collector(
        client, ledger, store, failpoint, require_going_on=halting.require_going_on
    )
    engine = Engine(
        client,
        ledger=ledger,
        delivery=delivery,
        open_stream=client.events,
        enter=lambda: take_lease(database, folder=home / "owners"),
        clock=halting,
        limits=limits or EngineLimits(elsewhere_seconds=0.05),
        times=TIMES,
        on_cancel=on_cancel,
    )
    try:
        yield Workbench(client, ledger, store, engine, halting, failpoint, rate_limiter, run_id)
    finally:
        ledger.close()
