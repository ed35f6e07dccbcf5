"""Reports the ledger: what was spent, is open, was refused, and jobs that no purchase owns."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from nbp_dagster.clock import iso_time
from nbp_dagster.oxen.responses import Generation
from nbp_dagster.studio.ledger.correction_log import Correction, CorrectionLog
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.purchases import REOPENED, Purchase

if TYPE_CHECKING:
    # For annotations: only a search for orphans needs the client.
    from nbp_dagster.oxen.client import OxenClient


@dataclass(frozen=True)
class Spending:
    """What one day, campaign, shot or model cost.

    Attributes:
        name: The day, campaign, shot or model.
        images: Purchases that brought an image.
        billed_usd: USD charged.
        reserved_usd: USD set aside for purchases that are open.
        in_vain_usd: USD of jobs that failed or were refused: caps count them, as the service may
            have billed them.
    """

    name: str
    images: int
    billed_usd: Decimal
    reserved_usd: Decimal
    in_vain_usd: Decimal = Decimal(0)


@dataclass(frozen=True)
class Accounts:
    """The ledger's sums and lists at one moment.

    Attributes:
        total: Over everything.
        by_day: Calendar days (UTC) on which purchases were claimed.
        by_campaign: Campaigns, and `brand:<id>` for character sheets.
        by_shot: `campaign/shot`.
        by_model: Models.
        by_account: Accounts that paid; "" for the simulator and for older ledgers.
        open: Purchases that a run works on, or that the next run resumes.
        refused: Refused purchases that nobody reopened, each with the service's message.
        reopened: Refusals undone, each with who did it and why.
        failed: Purchases that brought no image, lost ones included.
        corrections: Pictures regenerated because they failed a check, oldest first.
        fresh: Number of purchases repeated on purpose.
        simulated_usd: USD among the sums for simulated pictures, which are never charged.
        orphans: Jobs at the service that no purchase owns; None when the service was not asked.
    """

    total: Spending
    by_day: tuple[Spending, ...]
    by_campaign: tuple[Spending, ...]
    by_shot: tuple[Spending, ...]
    by_model: tuple[Spending, ...]
    open: tuple[Purchase, ...]
    refused: tuple[Purchase, ...]
    failed: tuple[Purchase, ...]
    fresh: int
    simulated_usd: Decimal
    orphans: tuple[Generation, ...] | None
    corrections: tuple[Correction, ...] = ()
    by_account: tuple[Spending, ...] = ()
    reopened: tuple[Purchase, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values; USD as decimal strings, moments as ISO 8601."""
        orphans = self.orphans
        return {
            "total": _spending_json(self.total),
            "by_day": [_spending_json(item) for item in self.by_day],
            "by_campaign": [_spending_json(item) for item in self.by_campaign],
            "by_shot": [_spending_json(item) for item in self.by_shot],
            "by_model": [_spending_json(item) for item in self.by_model],
            "by_account": [_spending_json(item) for item in self.by_account],
            "open": [_purchase_json(item) for item in self.open],
            "refused": [_purchase_json(item) for item in self.refused],
            "reopened": [_purchase_json(item) for item in self.reopened],
            "failed": [_purchase_json(item) for item in self.failed],
            "fresh": self.fresh,
            "simulated_usd": f"{self.simulated_usd:.2f}",
            "corrections": [_correction_json(item) for item in self.corrections],
            "orphans": None if orphans is None else [_orphan_json(item) for item in orphans],
        }


def read_accounts(
    ledger: Ledger, *, corrections: CorrectionLog | None = None, client: "OxenClient | None" = None
) -> Accounts:
    """Sum the ledger.

    Args:
        ledger: The ledger.
        corrections: The log of corrections; None leaves them out.
        client: Lists jobs in every state, to find those no purchase owns; None sends no request.

    Raises:
        OxenError: The service can't be asked.
    """
    rows = tuple(ledger.rows())
    # A refusal that was reopened counts no longer.
    latest = {row.fingerprint: row for row in rows}
    return Accounts(
        total=_spending("total", rows),
        by_day=_group(rows, lambda row: iso_time(row.intended_at)[:10]),
        by_campaign=_group(rows, lambda row: row.scope),
        by_shot=_group([row for row in rows if row.shot], lambda row: f"{row.scope}/{row.shot}"),
        by_model=_group(rows, lambda row: row.model),
        by_account=_group(rows, lambda row: row.account),
        open=tuple(row for row in rows if row.is_open),
        refused=tuple(row for row in latest.values() if row.state == "refused"),
        reopened=tuple(row for row in rows if row.run_id == REOPENED),
        failed=tuple(row for row in rows if row.state in ("failed", "lost")),
        fresh=sum(row.fresh for row in rows),
        simulated_usd=_simulated(rows),
        orphans=None if client is None else tuple(find_orphans(ledger, client)),
        corrections=() if corrections is None else corrections.all(),
    )


def find_orphans(ledger: Ledger, client: "OxenClient") -> Iterator[Generation]:
    """Yield the service's jobs that no purchase owns: reported, never touched.

    They may belong to another user of the account, or have been made by hand.
    """
    # Imported here: to sum the ledger up needs neither jobs nor the client.
    from nbp_dagster.studio.purchasing.reconcile import STATES, list_unowned

    yield from list_unowned(client, ledger, states=STATES)


def _group(rows: Iterable[Purchase], name: Callable[[Purchase], str]) -> tuple[Spending, ...]:
    groups: dict[str, list[Purchase]] = {}
    for row in rows:
        groups.setdefault(name(row), []).append(row)
    return tuple(_spending(key, group) for key, group in sorted(groups.items()))


def _spending(name: str, rows: Iterable[Purchase]) -> Spending:
    images, billed, reserved, in_vain = 0, Decimal(0), Decimal(0), Decimal(0)
    for row in rows:
        images += row.state == "made"
        if row.is_open:
            reserved += row.price_usd
        elif row.billed:
            billed += row.price_usd
        elif row.is_in_vain:
            in_vain += row.price_usd
    return Spending(
        name=name,
        images=images,
        billed_usd=billed,
        reserved_usd=reserved,
        in_vain_usd=in_vain,
    )


def _simulated(rows: Iterable[Purchase]) -> Decimal:
    prices = (row.price_usd for row in rows if row.provider == "simulator" and row.billed)
    return sum(prices, Decimal(0))


def _spending_json(item: Spending) -> dict[str, Any]:
    return {
        "name": item.name,
        "images": item.images,
        "billed_usd": f"{item.billed_usd:.2f}",
        "reserved_usd": f"{item.reserved_usd:.2f}",
        "in_vain_usd": f"{item.in_vain_usd:.2f}",
    }


def _purchase_json(row: Purchase) -> dict[str, Any]:
    return {
        "id": row.id,
        "key": row.key,
        "state": row.state,
        "attempt": row.attempt,
        "price_usd": f"{row.price_usd:.2f}",
        "billed": row.billed,
        "fresh": row.fresh,
        "generation_id": row.generation_id,
        "fingerprint": row.fingerprint,
        "parent": row.parent,
        "run_id": row.run_id,
        "intended_at": iso_time(row.intended_at),
        "reason": row.reason,
        "account": row.account,
        "origin": row.origin,
    }


def _correction_json(item: Correction) -> dict[str, Any]:
    return {
        "key": item.key,
        "parent": item.parent,
        "fingerprint": item.fingerprint,
        "number": item.number,
        "checks": list(item.checks),
        "asked_at": iso_time(item.asked_at),
        "kept": item.kept,
        "reason": item.reason,
    }


def _orphan_json(job: Generation) -> dict[str, Any]:
    return {
        "generation_id": job.generation_id,
        "status": job.status,
        "model": job.model,
        "enqueued_at": None if job.enqueued_at is None else iso_time(job.enqueued_at),
    }
