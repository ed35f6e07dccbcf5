"""What was meant to be bought, what was bought, and at what price; the judge of "paid already"."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError, OperationalError

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger_schema import purchases
from nbp_dagster.studio.outcomes import KeptImage, Order, Receipt

State = Literal["intended", "enqueued", "made", "refused", "failed", "withdrawn", "lost"]

# An open purchase may already be paid: it is resumed, and no other is made beside it.
OPEN: tuple[State, ...] = ("intended", "enqueued")
# SQLite takes at most 32,766 variables in one statement; 500 keeps statements small.
_CHUNK = 500
_MICRO = Decimal(1_000_000)


class LedgerError(NbpError):
    """The ledger could not be read or written, or was asked to contradict itself."""


class GenerationTaken(LedgerError):
    """Another purchase owns that generation: two identical requests, and their jobs crossed."""


@dataclass(frozen=True)
class Purchase:
    """One attempt to buy one fingerprint: a row of the ledger.

    Attributes:
        state: "intended" (committed before the POST), "enqueued" (id known), or an end:
            "made", "refused", "failed", "withdrawn" (never reached the service), "lost"
            (the service no longer knows it).
        price_usd: The reserved price while open, the billed price after.
        billed: Whether the service charged for it, as far as is known.
        request: What was asked, to recognise the job in the service's list.
        image: Digest and size of the kept original, once made.
    """

    id: int
    fingerprint: str
    attempt: int
    key: str
    scope: str
    run_id: str
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

    @property
    def is_open(self) -> bool:
        """Whether the service may hold, or come to hold, a paid job for it."""
        return self.state in OPEN

    def receipt(self) -> Receipt:
        """Return the part that metadata and manifests carry."""
        return Receipt(
            fingerprint=self.fingerprint,
            generation_id=self.generation_id or "",
            price_usd=self.price_usd,
            attempt=self.attempt,
            seconds_queued=_span(self.enqueued_at, self.started_at),
            seconds_working=_span(self.started_at, self.completed_at),
            enqueued_at=self.enqueued_at,
            completed_at=self.completed_at,
        )


@dataclass(frozen=True)
class JobTimes:
    """The service's own time stamps of a job, in seconds since the epoch."""

    enqueued_at: float | None
    started_at: float | None
    completed_at: float | None


class Ledger:
    """The table of purchases behind a few sentences about money.

    Every method is one transaction, safe to call from several threads.

    Example:
        >>> ledger = Ledger(open_sqlite(Path(".nbp/ledger.sqlite")), clock=SystemClock())
        >>> ledger.spent(scope="spring_launch")
        Decimal('0')
    """

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def latest(self, fingerprints: Iterable[str]) -> dict[str, Purchase]:
        """Return the latest attempt of every fingerprint that was ever asked for."""
        wanted = list(dict.fromkeys(fingerprints))
        found: dict[str, Purchase] = {}
        with self._transaction() as connection:
            for chunk in _chunks(wanted):
                rows = connection.execute(
                    sa.select(purchases)
                    .where(purchases.c.fingerprint.in_(chunk))
                    .order_by(purchases.c.attempt)
                )
                found.update((row.fingerprint, _purchase(row)) for row in rows)
        return found

    def latest_for(self, keys: Iterable[str]) -> dict[str, Purchase]:
        """Return the newest purchase made for each prompt or sheet key, whatever its request."""
        found: dict[str, Purchase] = {}
        with self._transaction() as connection:
            for chunk in _chunks(list(dict.fromkeys(keys))):
                query = sa.select(purchases).where(purchases.c.key.in_(chunk))
                rows = connection.execute(query.order_by(purchases.c.id))
                found.update((row.key, _purchase(row)) for row in rows)
        return found

    def intend(self, order: Order, *, run_id: str, request: Mapping[str, Any]) -> Purchase:
        """Write down, before any POST, that this order is about to be bought.

        Raises:
            LedgerError: The fingerprint is already made, open or refused, or another process
                wrote the same attempt a moment ago.
        """
        fingerprint = order.request.fingerprint
        with self._transaction() as connection:
            last = connection.execute(
                sa.select(purchases.c.attempt, purchases.c.state)
                .where(purchases.c.fingerprint == fingerprint)
                .order_by(purchases.c.attempt.desc())
                .limit(1)
            ).first()
            if last is not None and last.state in ("made", "refused", *OPEN):
                raise LedgerError(
                    f"{order.key}: fingerprint {fingerprint[:12]} is already {last.state} in the "
                    "ledger; it is not bought again"
                )
            values = {
                "fingerprint": fingerprint,
                "attempt": 1 if last is None else last.attempt + 1,
                "key": order.key,
                "scope": order.scope,
                "run_id": run_id,
                "model": order.request.model,
                "request": dict(request),
                "state": "intended",
                "price_micros": int(order.price * _MICRO),
                "billed": False,
                "intended_at": self._clock.now(),
            }
            result = connection.execute(purchases.insert().values(values))
            [purchase_id] = result.inserted_primary_key or (0,)
            return self._read(connection, int(purchase_id))

    def record_enqueued(self, purchase: Purchase, generation_id: str) -> Purchase:
        """Note the service's id; from here on the job is resumed by it, never posted again.

        Raises:
            GenerationTaken: Another purchase owns that job already.
        """
        try:
            return self._update(
                purchase,
                state="enqueued",
                generation_id=generation_id,
                billed=True,
                enqueued_at=self._clock.now(),
            )
        except LedgerError as error:
            if isinstance(error.__cause__, IntegrityError):
                raise GenerationTaken(
                    f"{purchase.key}: generation {generation_id} belongs to another purchase"
                ) from error
            raise

    def settle(self, purchase: Purchase, *, image: KeptImage, times: JobTimes) -> Purchase:
        """Close a purchase with the image it brought."""
        return self._update(
            purchase,
            state="made",
            billed=True,
            image=asdict(image),
            settled_at=self._clock.now(),
            **_known(times),
        )

    def refuse(self, purchase: Purchase, reason: str) -> Purchase:
        """Close a purchase the content policy refused: the dead letter."""
        return self._update(
            purchase, state="refused", billed=False, reason=reason, settled_at=self._clock.now()
        )

    def fail(self, purchase: Purchase, reason: str, *, billed: bool) -> Purchase:
        """Close a purchase that brought no image."""
        return self._update(
            purchase, state="failed", billed=billed, reason=reason, settled_at=self._clock.now()
        )

    def withdraw(self, purchase: Purchase, reason: str) -> Purchase:
        """Close a purchase whose POST certainly bought nothing."""
        return self._update(
            purchase, state="withdrawn", billed=False, reason=reason, settled_at=self._clock.now()
        )

    def lose(self, purchase: Purchase, reason: str) -> Purchase:
        """Close a purchase the service no longer knows anything of."""
        return self._update(purchase, state="lost", reason=reason, settled_at=self._clock.now())

    def owned(self, generation_ids: Iterable[str]) -> frozenset[str]:
        """Return those of the given ids that a purchase of ours already owns."""
        owned: set[str] = set()
        with self._transaction() as connection:
            for chunk in _chunks(list(generation_ids)):
                column = purchases.c.generation_id
                rows = connection.execute(sa.select(column).where(column.in_(chunk)))
                owned.update(row.generation_id for row in rows)
        return frozenset(owned)

    def spent(self, *, scope: str | None = None, since: float | None = None) -> Decimal:
        """Return USD billed or still reserved.

        Args:
            scope: Only this campaign (or brand, for sheets).
            since: Only purchases intended at or after this moment (seconds since the epoch).
        """
        committed = sa.or_(purchases.c.billed, purchases.c.state.in_(OPEN))
        query = sa.select(sa.func.coalesce(sa.func.sum(purchases.c.price_micros), 0)).where(
            committed
        )
        if scope is not None:
            query = query.where(purchases.c.scope == scope)
        if since is not None:
            query = query.where(purchases.c.intended_at >= since)
        with self._transaction() as connection:
            return Decimal(int(connection.execute(query).scalar_one())) / _MICRO

    def close(self) -> None:
        """Give the database connections back."""
        self._engine.dispose()

    def _update(self, purchase: Purchase, **values: Any) -> Purchase:
        with self._transaction() as connection:
            connection.execute(
                purchases.update().where(purchases.c.id == purchase.id).values(**values)
            )
            return self._read(connection, purchase.id)

    @staticmethod
    def _read(connection: Connection, purchase_id: int) -> Purchase:
        query = sa.select(purchases).where(purchases.c.id == purchase_id)
        return _purchase(connection.execute(query).one())

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError as error:
            raise LedgerError(
                "the ledger already has that attempt or that generation: another process wrote it "
                f"({error.orig}); run again, it will be found and reused"
            ) from error
        except OperationalError as error:
            raise LedgerError(
                f"the ledger {self._engine.url.render_as_string()} cannot be used ({error.orig}); "
                "check that its disk is writable and no other program holds it"
            ) from error


def _purchase(row: sa.Row[Any]) -> Purchase:
    values = dict(row._mapping)
    image = values.pop("image")
    micros = values.pop("price_micros")
    del values["settled_at"]
    return Purchase(
        **values,
        price_usd=Decimal(micros) / _MICRO,
        image=None if image is None else KeptImage(**image),
    )


def _known(times: JobTimes) -> dict[str, float]:
    """The stamps the service gave; our own enqueue stamp stays where it gave none."""
    return {name: value for name, value in asdict(times).items() if value is not None}


def _span(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(0.0, end - start)


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
