"""What a buyer returns of an order: a job, a final row, or neither yet; data only."""

from dataclasses import dataclass

from nbp_dagster.studio.ledger.orders import Failed
from nbp_dagster.studio.ledger.purchases import Purchase


@dataclass(frozen=True)
class Enqueued:
    """A job of ours at the service.

    Attributes:
        purchase: With its generation id.
        may_be_over: It was enqueued by another run or some time ago: look at once.
    """

    purchase: Purchase
    may_be_over: bool


@dataclass(frozen=True)
class Elsewhere:
    """Another live run is buying it: wait for its outcome."""


@dataclass(frozen=True)
class Already:
    """The ledger holds it in a final state: there is no job to wait for."""

    purchase: Purchase


@dataclass(frozen=True)
class Postponed:
    """The service is busy: nothing was bought; try again a little later."""

    reason: str


@dataclass(frozen=True)
class Unproven:
    """Whether its POST left a job is not known yet: look again a little later."""


Obtained = Enqueued | Elsewhere | Already | Postponed | Unproven | Failed
