"""What a batch works with, what it may buy, its messages between threads, and its state."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.rate_limit.job_breaker import JobBreaker
from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
from nbp_dagster.studio.ledger.budget import Cap
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Order, Outcome
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.options import OnCancel
from nbp_dagster.studio.purchasing.cancellation import CancellableClock
from nbp_dagster.studio.purchasing.collector import Collector
from nbp_dagster.studio.purchasing.job_watcher import Notice, Settled, Stuck, WatchTimes
from nbp_dagster.studio.purchasing.obtained import Obtained


@dataclass(frozen=True)
class EngineLimits:
    """Concurrency limits.

    Attributes:
        in_flight: Jobs at the service at one time.
        buyers: Threads that POST.
        collectors: Threads that download; `DecodeLimiter` bounds the pictures decoded at a time.
        elsewhere_seconds: Between two looks at orders that other runs are buying.
        unproven_seconds: Between two looks for a job that may still turn up.
    """

    in_flight: int = 64
    buyers: int = 8
    collectors: int = 8
    elsewhere_seconds: float = 1.0
    unproven_seconds: float = 15.0


@dataclass(frozen=True)
class BuyerOptions:
    """What one run may buy.

    Attributes:
        run_id: Written into every claim, to identify the run that bought it.
        caps: Limits that every purchase is reserved against.
        fresh: Buy again what earlier runs have made, on purpose.
        absence_seconds: In which a job that is not listed may still turn up; see `JobFinder`.
        earlier_runs: Runs of the same command; what they have made is not bought anew by `fresh`.
    """

    run_id: str
    caps: Sequence[Cap] = ()
    fresh: bool = False
    absence_seconds: float = 120.0
    earlier_runs: Sequence[str] = ()

    def wants_again(self, purchase: Purchase) -> bool:
        """Whether a made purchase is bought again: `fresh`, and made by another command."""
        return self.fresh and purchase.run_id not in (self.run_id, *self.earlier_runs)


@dataclass(frozen=True, kw_only=True)
class BatchContext:
    """Dependencies of a batch; see `Engine` for the parts."""

    client: OxenClient
    ledger: Ledger
    collector: Collector
    clock: CancellableClock
    breaker: OutageBreaker
    jobs: JobBreaker
    limits: EngineLimits
    times: WatchTimes
    on_cancel: OnCancel


@dataclass(frozen=True)
class Bought:
    """A buyer's result."""

    order: Order
    result: Obtained | BaseException


@dataclass(frozen=True)
class Collected:
    """A collector's result; None while the job has not ended."""

    purchase: Purchase
    result: Outcome | BaseException | None


@dataclass(frozen=True)
class Restored:
    """A collector's result for an image that an earlier run made."""

    order: Order
    result: Outcome | BaseException


Message = Bought | Collected | Restored | Notice


@dataclass
class BatchState:
    """State of a batch; changed by the coordinating thread alone.

    Attributes:
        waiting: Orders to buy.
        buying: How many orders are with a buyer.
        made: Paid before: to be looked up, and downloaded again where the store lost the image.
        restoring: How many of those are with a collector.
        elsewhere: Orders that another live run is buying; looked up again after a while.
        unproven: Orders whose POST may have left a job, each with the moment (monotonic seconds) of
            the next look.
        in_flight: Purchases with a job at the service, by generation id.
        collecting: Generation ids that are with a collector.
        early: Completions announced before the answer to our own POST was read.
    """

    waiting: deque[Order] = field(default_factory=deque)
    buying: int = 0
    made: deque[tuple[Order, Purchase]] = field(default_factory=deque)
    restoring: int = 0
    elsewhere: list[Order] = field(default_factory=list)
    unproven: deque[tuple[float, Order]] = field(default_factory=deque)
    in_flight: dict[str, Purchase] = field(default_factory=dict)
    collecting: set[str] = field(default_factory=set)
    early: dict[str, Settled | Stuck] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.is_at_rest and not (self.elsewhere or self.unproven)

    @property
    def is_at_rest(self) -> bool:
        """Whether there is nothing to do but to wait for other runs and for lost answers."""
        at_work = self.waiting or self.buying or self.in_flight
        return not (at_work or self.made or self.restoring)

    def generation_ids(self) -> frozenset[str]:
        """Return the ids of the jobs at the service; safe to call from the watcher's threads."""
        return frozenset(self.in_flight)
