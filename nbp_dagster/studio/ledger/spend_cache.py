"""What counts against each cap, carried along from purchase to purchase instead of added up anew.

Must not know: databases, or what happens when a cap has no room.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from nbp_dagster.studio.ledger.budget import Cap


@dataclass(frozen=True)
class CapFilter:
    """Which purchases a cap counts; None stands for all.

    Attributes:
        provider: Of whom.
        scope: Of which campaign or brand.
        since: Meant from which moment on (seconds since the epoch).
        run_id: Of which run.
    """

    provider: str
    scope: str | None
    since: float | None
    run_id: str | None

    @classmethod
    def by(cls, cap: Cap, *, provider: str, run_id: str) -> "CapFilter":
        """Return what a cap counts for a run that asks."""
        return cls(provider, cap.scope, cap.since, run_id if cap.this_run_only else None)

    def covers(self, row: Mapping[str, Any]) -> bool:
        """Whether it counts a purchase, given by its columns."""
        return (
            row["provider"] == self.provider
            and self.scope in (None, row["scope"])
            and (self.since is None or row["intended_at"] >= self.since)
            and self.run_id in (None, row["run_id"])
        )


@dataclass(frozen=True)
class SpendCache:
    """USD that count at most, while one purchase is the newest of all.

    A purchase counts most while it is open: it is billed later at the price it reserved, or not at
    all, and what is closed stays closed. So a sum that was right once is never too small, as long
    as nobody has added a purchase; and the newest purchase tells if somebody has.

    Attributes:
        newest: What identifies the newest purchase; None when there is none.
        sums: What counts, as far as it was asked for.
    """

    newest: tuple[Any, ...] | None
    sums: Mapping[CapFilter, Decimal] = field(default_factory=dict)

    def note(self, counted: CapFilter, spent: Decimal) -> "SpendCache":
        """Take in what was added up."""
        return replace(self, sums={**self.sums, counted: spent})

    def add(self, newest: tuple[Any, ...], row: Mapping[str, Any], price: Decimal) -> "SpendCache":
        """Take in a purchase that is the newest now, given by its columns and its USD."""
        sums = {
            counted: spent + price if counted.covers(row) else spent
            for counted, spent in self.sums.items()
        }
        return SpendCache(newest, sums)
