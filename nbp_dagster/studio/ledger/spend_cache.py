"""Caches the spend under each cap, so that a claim need not sum up all purchases again.

Must not know: databases, or what happens when a cap is exceeded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from nbp_dagster.studio.ledger.budget import MAX_AHEAD_SECONDS, Cap


@dataclass(frozen=True)
class CapFilter:
    """Which purchases count against a cap; None stands for all.

    Attributes:
        provider: Provider of the purchases.
        scope: Their campaign or brand.
        since: Earliest claim (seconds since the epoch).
        run_id: Their run.
    """

    provider: str
    scope: str | None
    since: float | None
    run_id: str | None

    @classmethod
    def of(cls, cap: Cap, *, provider: str, run_id: str) -> "CapFilter":
        """Return the filter of a cap for a run."""
        return cls(provider, cap.scope, cap.since, run_id if cap.this_run_only else None)

    def covers(self, row: Mapping[str, Any]) -> bool:
        """Whether a purchase, given by its columns, counts."""
        return (
            row["provider"] == self.provider
            and self.scope in (None, row["scope"])
            and self._covers_moment(row["intended_at"])
            and self.run_id in (None, row["run_id"])
        )

    def _covers_moment(self, claimed: float) -> bool:
        since = self.since
        return since is None or since <= claimed <= since + MAX_AHEAD_SECONDS


@dataclass(frozen=True)
class SpendCache:
    """Upper bounds of spend in USD, valid while one purchase is the newest of all.

    A purchase counts most while it is open: later it counts with its reserved price, or not at
    all, and a closed purchase stays closed. So a sum that was right once is never too small as long
    as no process adds a purchase, which the identity of the newest purchase shows.

    Attributes:
        newest: Identity of the newest purchase; None when there is none.
        sums: Sum by filter, for the filters used so far.
    """

    newest: tuple[Any, ...] | None
    sums: Mapping[CapFilter, Decimal] = field(default_factory=dict)

    def with_sum(self, cap_filter: CapFilter, spent: Decimal) -> "SpendCache":
        """Return a cache that holds a filter's sum too."""
        return replace(self, sums={**self.sums, cap_filter: spent})

    def add(self, newest: tuple[Any, ...], row: Mapping[str, Any], price: Decimal) -> "SpendCache":
        """Return a cache with a purchase added, the newest now, given by its columns and USD."""
        sums = {
            cap_filter: spent + price if cap_filter.covers(row) else spent
            for cap_filter, spent in self.sums.items()
        }
        return SpendCache(newest, sums)
