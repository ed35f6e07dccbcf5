"""What a flight hears from its threads, and what it keeps in mind meanwhile."""

from collections import deque
from dataclasses import dataclass, field

from nbp_dagster.studio.ledger.orders import Order, Outcome
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.purchasing.buyer import Obtained
from nbp_dagster.studio.purchasing.job_watcher import Notice, Settled, Stuck


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
class State:
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
