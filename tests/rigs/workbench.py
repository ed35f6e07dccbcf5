"""A studio opened over a simulator, with and without briefs, and orders to give its engine."""

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.clock import Clock, SystemClock
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.rate_limit.limited_transport import LimitedTransport
from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import RequestsTransport, Transport
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.studio.ledger.budget import Cap
from nbp_dagster.studio.ledger.database import LOCK_TIMEOUT_SECONDS
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Order, Outcome
from nbp_dagster.studio.options import OnCancel, StudioOptions
from nbp_dagster.studio.purchasing.batch_context import BuyerOptions, EngineLimits
from nbp_dagster.studio.purchasing.cancellation import CancellableClock, CancellationToken
from nbp_dagster.studio.purchasing.collector import ImagePostprocessor
from nbp_dagster.studio.purchasing.failpoints import Failpoint, no_failpoint
from nbp_dagster.studio.purchasing.job_watcher import WatchTimes
from nbp_dagster.studio.service import Secrets, Service, Tuning
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.image_store import ImageStore
from nbp_dagster.studio.studio import Studio, open_studio

PRICE = Decimal("0.15")
# Waits of the real protocol, shortened: nothing in these tests depends on their length.
QUICK = RetryPolicy(
    attempts=3, base_delay=0.01, max_delay=0.05, retry_after_ceiling=0.5, total_seconds=5
)
TIMES = WatchTimes(poll=0.05, poll_beside_stream=0.2, poll_at_most=0.4, stuck=0.3, unreachable=1.0)


class HastyClock(CancellableClock):
    """The real time, but no sleep is longer than a moment."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock or SystemClock(), CancellationToken())

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.02))


class RateLimiterClock:
    """The rate limiter's time: ahead by what its sleepers did not sleep on a hasty clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ahead = 0.0

    def now(self) -> float:
        return self._clock.now() + self._ahead

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
    """The engine of a studio without briefs, and what is around it, over one home folder."""

    studio: Studio
    rate_limiter: RateLimiter
    run_id: str = "test run"
    # A job that is not listed is absent, as it is for most tests of the protocol.
    absence_seconds: float = 0.0

    @property
    def client(self) -> OxenClient:
        return self.studio.client

    @property
    def ledger(self) -> Ledger:
        return self.studio.ledger

    @property
    def store(self) -> ImageStore:
        return self.studio.store

    def make(
        self,
        *orders: Order,
        caps: Sequence[Cap] = (),
        fresh: bool = False,
        postprocessor: ImagePostprocessor | None = None,
    ) -> dict[str, Outcome]:
        """Run the engine to its end."""
        outcomes = self.stream(*orders, caps=caps, fresh=fresh, postprocessor=postprocessor)
        return {outcome.key: outcome for outcome in outcomes}

    def stream(
        self,
        *orders: Order,
        caps: Sequence[Cap] = (),
        fresh: bool = False,
        postprocessor: ImagePostprocessor | None = None,
    ) -> Iterator[Outcome]:
        """The engine's own iterator, to be closed early by a test."""
        options = BuyerOptions(self.run_id, tuple(caps), fresh, self.absence_seconds)
        return self.studio.engine.make(orders, options, postprocessor=postprocessor)

    def batches(self, *orders: Order) -> Generator[Sequence[Outcome], None, None]:
        """The engine's outcomes as it hands them over, empty lists included."""
        yield from self.studio.engine.batches(
            orders, BuyerOptions(self.run_id, absence_seconds=self.absence_seconds)
        )


@contextmanager
def workbench(
    url: str,
    home: Path,
    *,
    limits: EngineLimits | None = None,
    key: str = "test-key",
    run_id: str = "test run",
    ledger_url: str | None = None,
    store_url: str = "",
    failpoint: Failpoint = no_failpoint,
    on_cancel: OnCancel = "keep",
    clock: CancellableClock | None = None,
    lock_timeout: float = LOCK_TIMEOUT_SECONDS,
    transport: Transport | None = None,
    account: str | None = None,
    outage_seconds: float = 1.0,
    times: WatchTimes = TIMES,
    retry: RetryPolicy = QUICK,
) -> Iterator[Workbench]:
    """Open an engine on a service, with its state in `home`."""
    limits = limits or EngineLimits(elsewhere_seconds=0.05, unproven_seconds=0.1)
    service = connect(
        url,
        key=key,
        clock=clock,
        transport=transport,
        outage_seconds=outage_seconds,
        retry=retry,
    )
    with open_studio(
        Briefs(home / "briefs", {}, {}, {}, {}, {}),
        service,
        StudioPaths(home),
        StudioOptions(
            in_flight=limits.in_flight,
            on_cancel=on_cancel,
            ocr="off",
            account=account,
            outage_minutes=outage_seconds / 60,
        ),
        secrets=Secrets(ledger_url=ledger_url or "", store_url=store_url),
        tuning=Tuning(limits, times, failpoint, lock_timeout),
    ) as studio:
        yield Workbench(studio, service.rate_limiter, run_id)


def connect(
    url: str,
    *,
    key: str = "test-key",
    clock: CancellableClock | None = None,
    transport: Transport | None = None,
    outage_seconds: float = 1.0,
    retry: RetryPolicy = QUICK,
) -> Service:
    """Return the service behind an address, with short waits; pictures count as bought."""
    clock = clock or HastyClock()
    breaker = OutageBreaker(clock, limit=outage_seconds)
    rate_limiter = RateLimiter(RateLimiterClock(clock))
    limited = LimitedTransport(
        transport or RequestsTransport(),
        base_url=url,
        rate_limiter=rate_limiter,
        clock=clock,
        breaker=breaker,
    )
    client = OxenClient(
        url,
        api_key=key,
        transport=limited,
        clock=clock,
        retry=retry,
        keeps_trying=breaker.keeps_trying,
    )
    return Service(client, clock=clock, rate_limiter=rate_limiter, provider="oxen", breaker=breaker)
