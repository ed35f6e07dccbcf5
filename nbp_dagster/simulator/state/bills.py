"""The simulated charges and the credit; knows neither HTTP nor how a job runs."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Bill:
    """The charge for one picture; `usd` is None when the model names no price."""

    generation_id: str
    model: str
    namespace: str
    usd: Decimal | None
    billed: bool = True


class Billing:
    """Every charge, and the running total.

    Args:
        credit: USD that may be spent; None for endless credit.
    """

    def __init__(self, credit: Decimal | None = None) -> None:
        self._credit = credit
        self._bills: dict[str, Bill] = {}
        self._count = 0
        self._usd = Decimal(0)

    @property
    def usd(self) -> Decimal:
        """The sum charged so far, in USD."""
        return self._usd

    def can_afford(self, usd: Decimal | None) -> bool:
        """Return whether the credit covers one more charge."""
        if self._credit is None:
            return True
        return self._usd + (usd or Decimal(0)) <= self._credit

    def charge(self, bill: Bill) -> None:
        """Enter a charge."""
        self._bills[bill.generation_id] = bill
        self._count += 1
        self._usd += bill.usd or Decimal(0)

    def refund(self, generation_id: str) -> None:
        """Take a charge back; one taken back already stays so."""
        bill = self._bills[generation_id]
        if not bill.billed:
            return
        self._bills[generation_id] = replace(bill, billed=False)
        self._count -= 1
        self._usd -= bill.usd or Decimal(0)

    def clear(self) -> None:
        """Forget every charge."""
        self._bills.clear()
        self._count = 0
        self._usd = Decimal(0)

    def to_json(self) -> dict[str, Any]:
        """Return count and sum of what stays charged, and every generation's charge."""
        generations = [
            {
                "generation_id": bill.generation_id,
                "model": bill.model,
                "namespace": bill.namespace,
                "usd": None if bill.usd is None else float(bill.usd),
                "billed": bill.billed,
            }
            for bill in self._bills.values()
        ]
        return {"count": self._count, "usd": float(self._usd), "generations": generations}
