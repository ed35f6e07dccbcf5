"""What a batch is made with, and how much of it is done at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.job_events import EventStream
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Order
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.purchasing.cancellation import HaltableClock
from nbp_dagster.studio.purchasing.collector import Delivery
from nbp_dagster.studio.purchasing.job_watcher import WatchTimes

OnCancel = Literal["keep", "cancel"]


@dataclass(frozen=True)
class EngineLimits:
    """How much is done at once.

    Attributes:
        in_flight: Jobs at the service at one time.
        buyers: Threads that POST.
        collectors: Threads that download; how many pictures are decoded at a time is `Delivery`'s.
        elsewhere_seconds: Between two looks at what other runs are making for us.
    """

    in_flight: int = 64
    buyers: int = 8
    collectors: int = 8
    elsewhere_seconds: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a batch is made with; see `Engine` for the parts."""

    client: OxenClient
    ledger: Ledger
    delivery: Delivery
    open_stream: Callable[[], EventStream]
    clock: HaltableClock
    limits: EngineLimits
    times: WatchTimes
    on_cancel: OnCancel


@dataclass(frozen=True)
class Work:
    """A batch, sorted by what there is to do.

    Attributes:
        due: To buy, or to resume where the ledger holds an open purchase.
        made: Paid already, with the purchase.
        open_fingerprints: Those of `due` that may be paid already.
    """

    due: tuple[Order, ...]
    made: tuple[tuple[Order, Purchase], ...]
    open_fingerprints: frozenset[str]
