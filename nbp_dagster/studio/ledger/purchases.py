"""A purchase, one attempt to buy one picture: a row of the ledger as a value, and its conversion.

Must not know: connections, transactions, or which owner may change it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from nbp_dagster.oxen.responses import Generation
from nbp_dagster.studio.ledger.orders import KeptImage, Order, Receipt
from nbp_dagster.studio.ledger.statements import OPEN, State

MICRO = Decimal(1_000_000)
"""Micro-dollars in a US dollar: the ledger sums whole numbers."""

REOPENED = "nbp ledger reopen"
"""Stands where a purchase has its run: what was refused or left alone may be asked again."""

ENDED_IN_VAIN = ("failed", "withdrawn", "lost")
"""States of an attempt that ended without a picture, and not by a refusal."""

# Columns that a purchase gets after its claim.
_NOT_KNOWN_YET = dict.fromkeys(
    ("generation_id", "enqueued_at", "started_at", "completed_at", "settled_at", "reason", "image")
)


@dataclass(frozen=True)
class Purchase:
    """One attempt to buy one fingerprint: a row of the ledger.

    Attributes:
        state: "intended" (committed before the POST), "enqueued" (id known), or an end:
            "made", "refused", "failed", "withdrawn" (never reached the service), "lost"
            (the service no longer knows it).
        owner: The run that works on it while it is open; see `owner_leases`.
        fresh: Bought again on purpose, though the fingerprint was made already.
        parent: The fingerprint whose refused request this one softens, or whose picture it
            corrects; None for an original request.
        price_usd: The reserved price while open, the billed price after.
        billed: Whether the service charged for it, as far as is known.
        request: The request's parameters, to recognise the job in the service's list.
        image: Digest and size of the stored original, once made.
        account: The account that pays; empty in rows of older ledgers and of the simulator.
        origin: Origin of the service that was asked; empty likewise.
    """

    id: int
    fingerprint: str
    attempt: int
    key: str
    scope: str
    shot: str
    run_id: str
    owner: str
    fresh: bool
    parent: str | None
    provider: str
    model: str
    request: Mapping[str, Any]
    state: State
    price_usd: Decimal
    billed: bool
    generation_id: str | None
    intended_at: float
    enqueued_at: float | None
    started_at: float | None
    completed_at: float | None
    reason: str | None
    image: KeptImage | None
    account: str = ""
    origin: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the service may hold, or come to hold, a paid job for it."""
        return self.state in OPEN

    @property
    def is_in_use(self) -> bool:
        """Whether it decides its request: open, made or refused; another end is bought again."""
        return self.is_open or self.state in ("made", "refused")

    @property
    def is_in_vain(self) -> bool:
        """Whether the service took the job, did not deliver, and may have billed it all the same.

        `statements.spent` counts these.
        """
        is_over = self.state in ("failed", "refused")
        return is_over and not self.billed and self.generation_id is not None

    def receipt(self) -> Receipt:
        """Return the part that metadata and manifests show."""
        return Receipt(
            fingerprint=self.fingerprint,
            bought_for=self.key,
            generation_id=self.generation_id or "",
            price_usd=self.price_usd,
            attempt=self.attempt,
            seconds_taken=_span(self.enqueued_at, self.completed_at),
            seconds_queued=_span(self.enqueued_at, self.started_at),
            seconds_working=_span(self.started_at, self.completed_at),
            enqueued_at=self.enqueued_at,
            completed_at=self.completed_at,
            parent=self.parent,
        )


def columns_of(order: Order, **others: Any) -> dict[str, Any]:
    """Return the columns of a claim for an order, with those given by name."""
    return {
        "fingerprint": order.request.fingerprint,
        "key": order.key,
        "scope": order.scope,
        "shot": order.shot,
        "parent": order.parent,
        "provider": order.request.provider,
        "model": order.request.model,
        "state": "intended",
        "price_micros": int(order.price * MICRO),
        "billed": False,
        **others,
    }


def purchase_of(row: Mapping[str, Any]) -> Purchase:
    """Return a purchase by its columns; those of its insertion suffice."""
    columns = {**_NOT_KNOWN_YET, **row}
    image = columns.pop("image")
    micros = columns.pop("price_micros")
    del columns["settled_at"]
    return Purchase(
        **columns,
        price_usd=Decimal(micros) / MICRO,
        image=None if image is None else KeptImage(**image),
    )


def latest_purchase(earlier: Any, later: Any) -> Any:
    """Return which of two successive attempts at a fingerprint counts; each has a `state`."""
    if earlier is not None and earlier.state == "made" and later.state not in (*OPEN, "made"):
        return earlier
    return later


def _span(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(0.0, round(end - start, 3))


@dataclass(frozen=True)
class JobTimes:
    """Time stamps of a job, in seconds since the epoch; None where unknown.

    They are the service's own, except for the end of a job that an event reports: the event has no
    time stamp, so that one is this machine's time of arrival.
    """

    enqueued_at: float | None
    started_at: float | None
    completed_at: float | None

    @classmethod
    def of(cls, job: Generation) -> "JobTimes":
        """Return the times of a job, finished or not."""
        return cls(job.enqueued_at, job.started_at, job.completed_at)

    def known(self) -> dict[str, float]:
        """Return the time stamps the service gave; without one our own enqueue time stays."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class FinishedJob:
    """A job that succeeded.

    Attributes:
        generation_id: The service's id of it.
        url: Expiring URL of its picture; None where the service gives none.
        times: When it was enqueued, started and completed.
    """

    generation_id: str
    url: str | None = field(repr=False)
    times: JobTimes

    @classmethod
    def of(cls, job: Generation) -> "FinishedJob":
        """Return a job that the service lists as succeeded."""
        return cls(job.generation_id, job.result_url, JobTimes.of(job))
