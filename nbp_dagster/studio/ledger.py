"""What was meant to be bought, what was bought, and at what price; the judge of "paid already"."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from functools import reduce
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.studio import ledger_statements as statements
from nbp_dagster.studio.budget import Cap, describe_excess
from nbp_dagster.studio.ledger_database import begin_serialised, explained
from nbp_dagster.studio.ledger_schema import purchases
from nbp_dagster.studio.ledger_statements import OPEN, State
from nbp_dagster.studio.outcomes import KeptImage, Order, Receipt

# SQLite takes at most 32,766 variables in one statement; 500 keeps statements small.
_CHUNK = 500
_MICRO = Decimal(1_000_000)
# Columns that a purchase gets after its claim.
_NOT_KNOWN_YET = dict.fromkeys(
    ("generation_id", "enqueued_at", "started_at", "completed_at", "settled_at", "reason", "image")
)


class LedgerError(NbpError):
    """The ledger was asked to contradict itself."""


class AlreadyClaimed(LedgerError):
    """The fingerprint is made, refused, or somebody else's open purchase."""


class OverCap(LedgerError):
    """Buying this would spend more than a cap allows; nothing was written."""


class GenerationTaken(LedgerError):
    """Another purchase owns that generation: two identical requests, and their jobs crossed."""


@dataclass(frozen=True)
class Purchase:
    """One attempt to buy one fingerprint: a row of the ledger.

    Attributes:
        state: "intended" (committed before the POST), "enqueued" (id known), or an end:
            "made", "refused", "failed", "withdrawn" (never reached the service), "lost"
            (the service no longer knows it).
        owner: Who works on it while it is open; see `presence`.
        fresh: Bought again on purpose, though the fingerprint was made already.
        parent: The fingerprint whose refused request this one softens, or whose picture it
            corrects; None for an original.
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
            parent=self.parent,
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
        >>> ledger = Ledger(open_ledger(Path(".nbp/ledger.sqlite")), clock=SystemClock())
        >>> ledger.latest([order.request.fingerprint])
        {}
    """

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def latest(self, fingerprints: Iterable[str]) -> dict[str, Purchase]:
        """Return what stands of every fingerprint that was ever asked for.

        That is its latest attempt; but a picture that is made is not undone by an attempt to buy
        another (`fresh`) that brought none.
        """
        wanted = list(dict.fromkeys(fingerprints))
        found: dict[str, Purchase] = {}
        if not wanted:
            return found
        with self._transaction(self._engine.connect()) as connection:
            for chunk in _chunks(wanted):
                for row in connection.execute(statements.BY_FINGERPRINTS, {"fingerprints": chunk}):
                    found[row.fingerprint] = _standing(found.get(row.fingerprint), _purchase(row))
        return found

    def latest_for(self, keys: Iterable[str], *, provider: str) -> dict[str, Purchase]:
        """Return the newest purchase made for each prompt or sheet key, whatever its request."""
        found: dict[str, Purchase] = {}
        with self._transaction(self._engine.connect()) as connection:
            for chunk in _chunks(list(dict.fromkeys(keys))):
                query = sa.select(purchases).where(
                    purchases.c.key.in_(chunk), purchases.c.provider == provider
                )
                rows = connection.execute(query.order_by(purchases.c.id))
                found.update((row.key, _purchase(row)) for row in rows)
        return found

    def made_for(self, key: str, fingerprints: Iterable[str]) -> tuple[Purchase, ...]:
        """Return every image ever made for a key or one of some fingerprints, oldest first."""
        asked_for = purchases.c.fingerprint.in_(list(fingerprints))
        query = sa.select(purchases).where(
            purchases.c.state == "made", sa.or_(purchases.c.key == key, asked_for)
        )
        with self._transaction(self._engine.connect()) as connection:
            return tuple(map(_purchase, connection.execute(query.order_by(purchases.c.id))))

    def claim(
        self,
        order: Order,
        *,
        owner: str,
        run_id: str,
        request: Mapping[str, Any],
        caps: Sequence[Cap] = (),
        fresh: bool = False,
        first_only: bool = False,
    ) -> Purchase:
        """Write down, before any POST, that this owner is about to buy the order.

        One transaction in which nobody else writes: of two that claim one fingerprint one gets
        it, and what both reserve together stays under every cap.

        Args:
            order: What to buy; its price is reserved.
            owner: Who buys it.
            run_id: In which run.
            request: What is asked, to recognise the job in the service's list.
            caps: Limits that must hold with this price added.
            fresh: Buy it although it is made already.
            first_only: Only if nobody has ever claimed it, whatever came of that.

        Raises:
            AlreadyClaimed: It is made, open or refused, or `first_only` and not the first; look
                at its latest purchase.
            OverCap: A cap would break; says which and by how much.
        """
        with self._transaction(begin_serialised(self._engine)) as connection:
            attempts = self._attempts(connection, order.request.fingerprint)
            standing = reduce(_standing, attempts, None)
            closed = (*OPEN, "refused") if fresh else (*OPEN, "refused", "made")
            if standing is not None and (first_only or standing.state in closed):
                raise AlreadyClaimed(
                    f"{order.key}: fingerprint {order.request.fingerprint[:12]} is {standing.state}"
                )
            for cap in caps:
                if cap.covers(order):
                    self._require_room(connection, cap, order, run_id)
            values = {
                "fingerprint": order.request.fingerprint,
                "attempt": len(attempts) + 1,
                "key": order.key,
                "scope": order.scope,
                "shot": order.shot,
                "run_id": run_id,
                "owner": owner,
                "fresh": fresh,
                "parent": order.parent,
                "provider": order.request.provider,
                "model": order.request.model,
                "request": dict(request),
                "state": "intended",
                "price_micros": int(order.price * _MICRO),
                "billed": False,
                "intended_at": self._clock.now(),
            }
            result = connection.execute(statements.INSERT, values)
            [purchase_id] = result.inserted_primary_key or (0,)
        return _purchase_of({**_NOT_KNOWN_YET, **values, "id": int(purchase_id)})

    def take_over(self, purchase: Purchase, *, owner: str) -> Purchase | None:
        """Become the owner of an open purchase whose owner is gone.

        Returns:
            The purchase as it is now; None when it changed meanwhile: look again.
        """
        with self._transaction(begin_serialised(self._engine)) as connection:
            mine = (
                purchases.update()
                .where(
                    purchases.c.id == purchase.id,
                    purchases.c.owner == purchase.owner,
                    purchases.c.state == purchase.state,
                    purchases.c.state.in_(OPEN),
                )
                .values(owner=owner)
            )
            if connection.execute(mine).rowcount != 1:
                return None
            return self._read(connection, purchase.id)

    def record_enqueued(self, purchase: Purchase, generation_id: str) -> Purchase:
        """Note the service's id; from here on the job is resumed by it, never posted again.

        Raises:
            GenerationTaken: Another purchase owns that job already.
        """
        try:
            return self._close(
                purchase,
                state="enqueued",
                generation_id=generation_id,
                billed=True,
                enqueued_at=self._clock.now(),
            )
        except IntegrityError as error:
            raise GenerationTaken(
                f"{purchase.key}: generation {generation_id} belongs to another purchase"
            ) from error

    def settle(self, purchase: Purchase, *, image: KeptImage, times: JobTimes) -> Purchase:
        """Close a purchase with the image it brought."""
        return self._close(
            purchase,
            state="made",
            billed=True,
            image=asdict(image),
            settled_at=self._clock.now(),
            **_known(times),
        )

    def refuse(self, purchase: Purchase, reason: str) -> Purchase:
        """Close a purchase the content policy refused: the dead letter."""
        return self._close(
            purchase, state="refused", billed=False, reason=reason, settled_at=self._clock.now()
        )

    def fail(self, purchase: Purchase, reason: str, *, billed: bool) -> Purchase:
        """Close a purchase that brought no image."""
        return self._close(
            purchase, state="failed", billed=billed, reason=reason, settled_at=self._clock.now()
        )

    def withdraw(self, purchase: Purchase, reason: str) -> Purchase:
        """Close a purchase whose POST certainly bought nothing."""
        return self._close(
            purchase, state="withdrawn", billed=False, reason=reason, settled_at=self._clock.now()
        )

    def lose(self, purchase: Purchase, reason: str) -> Purchase:
        """Close a purchase the service no longer knows anything of."""
        return self._close(purchase, state="lost", reason=reason, settled_at=self._clock.now())

    def owned(self, generation_ids: Iterable[str]) -> frozenset[str]:
        """Return those of the given ids that a purchase of ours already owns."""
        owned: set[str] = set()
        with self._transaction(self._engine.connect()) as connection:
            for chunk in _chunks(list(generation_ids)):
                column = purchases.c.generation_id
                rows = connection.execute(sa.select(column).where(column.in_(chunk)))
                owned.update(row.generation_id for row in rows)
        return frozenset(owned)

    def open_in(self, scopes: Iterable[str]) -> tuple[Purchase, ...]:
        """Return the open purchases of some campaigns and brands, whatever they asked for."""
        query = sa.select(purchases).where(
            purchases.c.state.in_(OPEN), purchases.c.scope.in_(list(scopes))
        )
        with self._transaction(self._engine.connect()) as connection:
            return tuple(_purchase(row) for row in connection.execute(query))

    def billed_failures(self, fingerprint: str) -> int:
        """Count the purchases of a fingerprint that were billed and brought nothing."""
        query = sa.select(sa.func.count()).where(
            purchases.c.fingerprint == fingerprint,
            purchases.c.state == "failed",
            purchases.c.billed,
        )
        with self._transaction(self._engine.connect()) as connection:
            return int(connection.execute(query).scalar_one())

    def spent(self, cap: Cap, *, provider: str, run_id: str = "") -> Decimal:
        """Return USD billed or still reserved of what a cap counts.

        Args:
            cap: The limit.
            provider: What the simulator draws costs nothing of a live budget.
            run_id: The run that a cap of one run means.
        """
        with self._transaction(self._engine.connect()) as connection:
            return self._spent(connection, cap, provider, run_id)

    def rows(self, *, since: float | None = None) -> Iterator[Purchase]:
        """Yield every purchase ever meant or made, oldest first.

        Args:
            since: Only those intended at or after this moment (seconds since the epoch).
        """
        query = sa.select(purchases).order_by(purchases.c.id)
        if since is not None:
            query = query.where(purchases.c.intended_at >= since)
        with self._transaction(self._engine.connect()) as connection:
            for row in connection.execution_options(yield_per=_CHUNK).execute(query):
                yield _purchase(row)

    def close(self) -> None:
        """Give the database connections back."""
        self._engine.dispose()

    def _close(self, purchase: Purchase, **values: Any) -> Purchase:
        """Change a purchase that is still ours."""
        with self._transaction(begin_serialised(self._engine)) as connection:
            ours = {"own_id": purchase.id, "own_owner": purchase.owner}
            if connection.execute(statements.CHANGE_OWN, {**ours, **values}).rowcount != 1:
                raise LedgerError(
                    f"{purchase.key}: attempt {purchase.attempt} is no longer this run's to "
                    "change; another run took it over or closed it, and its outcome holds"
                )
        # Nobody but its owner changes an open purchase: the rest of the row is as it was.
        known = {name: value for name, value in values.items() if name != "settled_at"}
        if "image" in known:
            known["image"] = KeptImage(**known["image"])
        return replace(purchase, **known)

    def _require_room(self, connection: Connection, cap: Cap, order: Order, run_id: str) -> None:
        spent = self._spent(connection, cap, order.request.provider, run_id)
        excess = describe_excess(cap, spent=spent, cost=order.price)
        if excess is not None:
            raise OverCap(excess)

    @staticmethod
    def _spent(connection: Connection, cap: Cap, provider: str, run_id: str) -> Decimal:
        query = statements.spent(
            of_scope=cap.scope is not None, since=cap.since is not None, of_run=cap.this_run_only
        )
        counted = {"provider": provider, "scope": cap.scope, "since": cap.since, "run_id": run_id}
        return Decimal(int(connection.execute(query, counted).scalar_one())) / _MICRO

    @staticmethod
    def _attempts(connection: Connection, fingerprint: str) -> Sequence[Any]:
        """Number and state of every attempt at a fingerprint, oldest first."""
        return connection.execute(statements.ATTEMPTS, {"fingerprint": fingerprint}).all()

    @staticmethod
    def _read(connection: Connection, purchase_id: int) -> Purchase:
        return _purchase(connection.execute(statements.BY_ID, {"id": purchase_id}).one())

    def _transaction(
        self, transaction: AbstractContextManager[Connection]
    ) -> AbstractContextManager[Connection]:
        return explained(transaction, self._engine, but=(IntegrityError,))


def _standing(earlier: Any, later: Any) -> Any:
    """Of two successive attempts at a fingerprint (whatever has a `state`), the one that counts."""
    if earlier is not None and earlier.state == "made" and later.state not in (*OPEN, "made"):
        return earlier
    return later


def _purchase(row: sa.Row[Any]) -> Purchase:
    return _purchase_of(dict(row._mapping))


def _purchase_of(columns: dict[str, Any]) -> Purchase:
    image = columns.pop("image")
    micros = columns.pop("price_micros")
    del columns["settled_at"]
    return Purchase(
        **columns,
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
