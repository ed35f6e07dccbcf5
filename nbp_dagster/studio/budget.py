"""How much may still be spent; asked before every purchase."""

from dataclasses import dataclass
from decimal import Decimal

from nbp_dagster.studio.ledger import Ledger
from nbp_dagster.studio.outcomes import Order


@dataclass(frozen=True)
class Cap:
    """One limit.

    Attributes:
        name: What a person calls it, as in "campaign spring_launch".
        limit: USD.
        where: Where the limit is set, so that it can be raised.
        scope: Only purchases of this campaign or brand count; None counts all of this run.
    """

    name: str
    limit: Decimal
    where: str
    scope: str | None


class Budget:
    """Caps of one run, checked against the ledger once and against what this run reserves.

    Not safe for several threads: the engine asks it from its one coordinating thread.
    """

    def __init__(self, ledger: Ledger, caps: tuple[Cap, ...]) -> None:
        self._caps = caps
        self._spent = {
            cap: ledger.spent(scope=cap.scope) if cap.scope is not None else Decimal(0)
            for cap in caps
        }

    def reserve(self, order: Order) -> str | None:
        """Set the price of an order aside.

        Returns:
            None when every cap holds; else one line that says which would break and by how much
            (USD), and nothing is set aside.
        """
        touched = [cap for cap in self._caps if cap.scope in (None, order.scope)]
        for cap in touched:
            after = self._spent[cap] + order.price
            if after > cap.limit:
                return (
                    f"over budget: {cap.name} allows {cap.limit:.2f} USD, of which "
                    f"{self._spent[cap]:.2f} is spent or reserved, and this image costs "
                    f"{order.price:.2f}; raise {cap.where}"
                )
        for cap in touched:
            self._spent[cap] += order.price
        return None

    def release(self, order: Order) -> None:
        """Give a reserved price back: nothing was bought."""
        for cap in self._caps:
            if cap.scope in (None, order.scope):
                self._spent[cap] -= order.price
