"""What a campaign's purchases came to, and when its pictures were made, from the ledger alone."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from nbp_dagster.studio.ledger.database import begin_reading, translate_errors
from nbp_dagster.studio.ledger.purchases import MICRO
from nbp_dagster.studio.ledger.schema import purchases
from nbp_dagster.studio.ledger.statements import OPEN

# As in the ledger: statements stay small.
_CHUNK = 500

# Not the whole rows: requests and prompts are most of a ledger.
_COLUMNS = (
    purchases.c.fingerprint,
    purchases.c.state,
    purchases.c.price_micros,
    purchases.c.billed,
    purchases.c.fresh,
    purchases.c.parent,
    purchases.c.generation_id,
)


@dataclass(frozen=True, kw_only=True)
class CampaignSpending:
    """A campaign's purchases of pictures; its characters' sheets belong to the brand.

    Attributes:
        made: Purchases that brought a picture.
        again: Of those, pictures in place of another: corrected, asked for, softened, or fresh.
        refused: Requests that the content policy refused, and that nobody reopened.
        failed: Purchases that brought no picture, lost ones included.
        open: Purchases that are not settled yet.
        billed_usd: USD charged, as far as is known.
        reserved_usd: USD set aside for those that are open.
        in_vain_usd: USD of jobs without a picture, which the service may have charged.
    """

    made: int = 0
    again: int = 0
    refused: int = 0
    failed: int = 0
    open: int = 0
    billed_usd: Decimal = Decimal(0)
    reserved_usd: Decimal = Decimal(0)
    in_vain_usd: Decimal = Decimal(0)

    @property
    def counted_usd(self) -> Decimal:
        """USD that the campaign's budget counts."""
        return self.billed_usd + self.reserved_usd + self.in_vain_usd


class SpendingLog:
    """Reads purchases for a report; each method is one transaction.

    Example:
        >>> SpendingLog(open_ledger(Path(".nbp/ledger.sqlite"))).of("spring", provider="oxen").made
        0
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, campaign: str, *, provider: str) -> CampaignSpending:
        """Return what a campaign's purchases came to, of every account.

        Args:
            campaign: Its id.
            provider: "oxen" or "simulator".
        """
        query = sa.select(*_COLUMNS).where(
            purchases.c.scope == campaign, purchases.c.provider == provider
        )
        with self._reading() as connection:
            rows = connection.execute(query.order_by(purchases.c.id)).all()
        # A refusal that was reopened counts no longer.
        latest = {row.fingerprint: row.state for row in rows}
        made = [row for row in rows if row.state == "made"]
        is_open = [row for row in rows if row.state in OPEN]
        ended = [row for row in rows if row.state not in OPEN]
        return CampaignSpending(
            made=len(made),
            again=sum(row.fresh or row.parent is not None for row in made),
            refused=sum(state == "refused" for state in latest.values()),
            failed=sum(row.state in ("failed", "lost") for row in rows),
            open=len(is_open),
            billed_usd=_sum(row for row in ended if row.billed),
            reserved_usd=_sum(is_open),
            # As caps count them: the service took the job, and may have charged it.
            in_vain_usd=_sum(
                row
                for row in ended
                if row.state in ("failed", "refused")
                and not row.billed
                and row.generation_id is not None
            ),
        )

    def find_times(self, generation_ids: Iterable[str]) -> dict[str, float]:
        """Return when pictures were finished, by generation id, where that is known.

        Seconds since the epoch. A picture that another campaign paid for is among them.
        """
        wanted = sorted(set(generation_ids))
        columns = (purchases.c.generation_id, purchases.c.completed_at, purchases.c.settled_at)
        found: dict[str, float] = {}
        with self._reading() as connection:
            for start in range(0, len(wanted), _CHUNK):
                chosen = purchases.c.generation_id.in_(wanted[start : start + _CHUNK])
                for name, completed, settled in connection.execute(
                    sa.select(*columns).where(chosen)
                ):
                    moment = completed if completed is not None else settled
                    if moment is not None:
                        found[name] = moment
        return found

    def _reading(self) -> AbstractContextManager[Connection]:
        return translate_errors(begin_reading(self._engine), self._engine)


def _sum(rows: Iterable[sa.Row[tuple[object, ...]]]) -> Decimal:
    return Decimal(sum(row.price_micros for row in rows)) / MICRO
