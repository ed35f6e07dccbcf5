"""What a batch is made with, and how much of it is done at once."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.job_events import EventStream
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Order, Outcome
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.options import OnCancel
from nbp_dagster.studio.purchasing.buyer import Obtained
from nbp_dagster.studio.purchasing.cancellation import HaltableClock
from nbp_dagster.studio.purchasing.collector import Collector
from nbp_dagster.studio.purchasing.job_watcher import Notice, Settled, Stuck, WatchTimes


@dataclass(frozen=True)
class EngineLimits:
    """How much is done at once.

    Attributes:
        in_flight: Jobs at the service at one time.
        buyers: Threads that POST.
        collectors: Threads that download; how many pictures are decoded at a time is `Collector`'s.
        elsewhere_seconds: Between two looks at what other runs are making for us.
    """

    in_flight: int = 64
    buyers: int = 8
    collectors: int = 8
    elsewhere_seconds: float = 1.0


@dataclass(frozen=True, kw_only=True)
class BatchContext:
    """What a batch is made with; see `Engine` for the parts."""

    client: OxenClient
    ledger: Ledger
    delivery: Collector
    open_stream: Callable[[], EventStream]
    clock: HaltableClock
    limits: EngineLimits
    times: WatchTimes
    on_cancel: OnCancel


@dataclass(frozen=True)
class BatchWork:
    """A batch, sorted by what there is to do.

    Attributes:
        due: To buy, or to resume where the ledger holds an open purchase.
        made: Paid already, with the purchase.
        open_fingerprints: Those of `due` that may be paid already.
    """

    due: tuple[Order, ...]
    made: tuple[tuple[Order, Purchase], ...]
    open_fingerprints: frozenset[str]


@dataclass(frozen=True)
class Bought:
    """A buyer's answer."""

    order: Order
    result: Obtained | BaseException


@dataclass(frozen=True)
class Collected:
    """A collector's answer; None while the job is not over."""

    purchase: Purchase
    result: Outcome | BaseException | None


@dataclass(frozen=True)
class Restored:
    """A collector's answer about an image that was made before."""

    order: Order
    result: Outcome | BaseException


Message = Bought | Collected | Restored | Notice


@dataclass
class BatchState:
    """The moving parts; touched by the coordinating thread alone."""

    waiting: deque[Order] = field(default_factory=deque)
    buying: int = 0
    # Paid before: to be looked up, and fetched again where the store lost it.
    made: deque[tuple[Order, Purchase]] = field(default_factory=deque)
    restoring: int = 0
    # Made by another run that is alive: asked for again after a while.
    elsewhere: list[Order] = field(default_factory=list)
    flying: dict[str, Purchase] = field(default_factory=dict)
    collecting: set[str] = field(default_factory=set)
    # Completions announced before our own POST's answer was read.
    early: dict[str, Settled | Stuck] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        at_work = self.waiting or self.buying or self.flying or self.elsewhere
        return not (at_work or self.made or self.restoring)
