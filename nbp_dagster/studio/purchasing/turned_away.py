"""Looks for the job of a request that the service turned away, in case it was billed all the same.

Must not know: how a request is sent, or what becomes of an order.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import AmbiguousPost, OxenError, RateLimited
from nbp_dagster.oxen.executor import BeforeRepeat
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.purchasing.reconcile import find_job


@dataclass
class TurnedAway:
    """Whether a request that got a 429 has to be looked for before it is sent again.

    It has until one look has found nothing, and for good once a look has found a job: under a rate
    limit five more requests an order would be what the limit is there to prevent.

    Attributes:
        client: Lists the queue.
        ledger: Knows which jobs have an owner.
    """

    client: OxenClient
    ledger: Ledger
    _seen_billed: bool = field(default=False, init=False)
    _seen_clean: bool = field(default=False, init=False)

    @property
    def must_look(self) -> bool:
        """Whether the next one is looked for."""
        return self._seen_billed or not self._seen_clean

    def note(self, *, billed: bool) -> None:
        """Record what a look found."""
        if billed:
            self._seen_billed = True
        else:
            self._seen_clean = True

    def before_repeat(self, purchase: Purchase) -> BeforeRepeat:
        """Return what looks for a purchase's job before its POST is sent again.

        It raises `AmbiguousPost` where there is one, and the 429 again where the list can't be
        read: nothing is sent until it can.
        """

        def look(error: RateLimited) -> None:
            if not self.must_look:
                return
            if self._is_listed(purchase, error):
                raise AmbiguousPost(
                    "a request that was turned away is in the queue",
                    endpoint=error.endpoint,
                    status=error.status,
                )

        return look

    def _is_listed(self, purchase: Purchase, error: RateLimited) -> bool:
        try:
            billed = find_job(self.client, self.ledger, purchase) is not None
        except OxenError:
            raise error from None
        self.note(billed=billed)
        return billed


def look_once(adopt: Callable[[], Purchase | None], turned_away: TurnedAway) -> Purchase | None:
    """Adopt the job of a request that was turned away for good, where one has to be looked for.

    Raises:
        OxenError: The list could not be read, so nothing is proven.
    """
    if not turned_away.must_look:
        return None
    adopted = adopt()
    turned_away.note(billed=adopted is not None)
    return adopted
