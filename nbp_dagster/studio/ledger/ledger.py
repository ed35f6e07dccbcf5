"""The purchase ledger: claims orders within budgets, settles them, and finds what is paid already.

A new column goes into `schema`, `migrations` and `purchases`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger import statements
from nbp_dagster.studio.ledger.accounts import Account, register_account
from nbp_dagster.studio.ledger.budget import Cap, describe_excess
from nbp_dagster.studio.ledger.database import (
    begin_reading,
    begin_serialised,
    begin_writing,
    translate_errors,
)
from nbp_dagster.studio.ledger.orders import KeptImage, Order
from nbp_dagster.studio.ledger.purchases import (
    MICRO,
    REOPENED,
    JobTimes,
    Purchase,
    columns_of,
    latest_purchase,
    purchase_of,
)
from nbp_dagster.studio.ledger.schema import purchases
from nbp_dagster.studio.ledger.spend_cache import CapFilter, SpendCache
from nbp_dagster.studio.ledger.statements import OPEN

# SQLite takes at most 32,766 variables in one statement; 500 keeps statements small.
_CHUNK = 500


class LedgerError(NbpError):
    """A change contradicts what the ledger holds."""


class AlreadyClaimed(LedgerError):
    """The fingerprint is made, refused, or an open purchase of another owner."""


class OverCap(LedgerError):
    """The purchase would exceed a cap; nothing was written."""


class GenerationTaken(LedgerError):
    """Another purchase owns that generation: the jobs of two identical requests were swapped."""


class Ledger:
    """The purchases of one account; each method is one transaction, safe from several threads.

    Purchases of other accounts are neither reused, resumed nor counted.

    Args:
        engine: The database.
        clock: Gives the stamps.
        account: The account that pays; by default the simulator's, which bills nobody.

    Example:
        >>> ledger = Ledger(open_ledger(Path(".nbp/ledger.sqlite")), clock=SystemClock())
        >>> ledger.latest([order.request.fingerprint])
        {}
    """

    def __init__(self, engine: Engine, *, clock: Clock, account: Account | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self.account = account or Account()
        self._is_registered = self.account.payer is None
        self._spend_cache = SpendCache(None)

    def latest(self, fingerprints: Iterable[str]) -> dict[str, Purchase]:
        """Return the purchase that counts of every fingerprint that was ever claimed.

        That is its latest attempt, but a made picture still counts after an attempt to buy another
        one (`fresh`) that ended without a picture.
        """
        found: dict[str, Purchase] = {}
        for row in self._every_attempt(fingerprints):
            found[row.fingerprint] = latest_purchase(found.get(row.fingerprint), row)
        return found

    def latest_for(
        self, keys: Iterable[str], *, provider: str, made_only: bool = False
    ) -> dict[str, Purchase]:
        """Return the newest purchase (that is made) of each key, whatever its request."""
        found: dict[str, Purchase] = {}
        with self._transaction(begin_reading(self._engine)) as connection:
            for chunk in _chunks(list(dict.fromkeys(keys))):
                query = sa.select(purchases).where(
                    purchases.c.key.in_(chunk),
                    purchases.c.provider == provider,
                    statements.OF_ACCOUNT,
                    purchases.c.state == "made" if made_only else sa.true(),
                )
                rows = connection.execute(query.order_by(purchases.c.id), self._own)
                found.update((row.key, _purchase(row)) for row in rows)
        return found

    def made_for(self, key: str, fingerprints: Iterable[str]) -> tuple[Purchase, ...]:
        """Return every image ever made for a key or one of some fingerprints, oldest first."""
        requested = purchases.c.fingerprint.in_(list(fingerprints))
        query = sa.select(purchases).where(
            purchases.c.state == "made",
            sa.or_(purchases.c.key == key, requested),
            statements.OF_ACCOUNT,
        )
        with self._transaction(begin_reading(self._engine)) as connection:
            rows = connection.execute(query.order_by(purchases.c.id), self._own)
            return tuple(map(_purchase, rows))

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
        """Insert a purchase and reserve its price, before the POST that buys the order.

        One serialised transaction: of two owners that claim one fingerprint one gets it, and the
        prices that both reserve stay under every cap together.

        Args:
            order: The order; its price is reserved.
            owner: The owner of the purchase; see `owner_leases`.
            run_id: The run that buys it.
            request: The request's parameters, to recognise the job in the service's list.
            caps: Limits that must hold with this price added.
            fresh: Buy it although it is made already.
            first_only: Only if it was never claimed before, whatever the outcome.

        Raises:
            AlreadyClaimed: It is made, open or refused, or `first_only` and not the first; see
                its latest purchase.
            OverCap: It would exceed a cap; the message names the cap and the excess.
        """
        with self._transaction(begin_serialised(self._engine)) as connection:
            attempts = self._attempts(connection, order.request.fingerprint)
            own = (item for item in attempts if item.account in ("", self.account.name))
            latest = reduce(latest_purchase, own, None)
            closed = (*OPEN, "refused") if fresh else (*OPEN, "refused", "made")
            if latest is not None and (first_only or latest.state in closed):
                raise AlreadyClaimed(
                    f"{order.key}: fingerprint {order.request.fingerprint[:12]} is {latest.state}"
                )
            cache = self._read_cache(connection)
            for cap in caps:
                if cap.covers(order):
                    cache = self._require_room(connection, cap, order, run_id, cache)
            values = columns_of(
                order,
                attempt=len(attempts) + 1,
                run_id=run_id,
                owner=owner,
                fresh=fresh,
                request=dict(request),
                intended_at=self._clock.now(),
                account=self.account.name,
                origin=self.account.origin,
            )
            result = connection.execute(statements.INSERT, values)
            [purchase_id] = result.inserted_primary_key or (0,)
            values["id"] = int(purchase_id)
            newest = tuple(values[column.name] for column in statements.NEWEST.selected_columns)
            # Within the transaction, before another claim. Without a commit the newest purchase is
            # another one, so that the cache does not count.
            self._spend_cache = cache.add(newest, values, order.price)
        return purchase_of(values)

    def insert_found(self, found: Mapping[str, Any]) -> bool:
        """Insert a purchase that was made earlier and that this ledger lacks; buys nothing.

        Args:
            found: Its columns, without `id`, `attempt`, `account` and `origin`.

        Returns:
            Whether it was inserted: not where the job has an owner already, or where the
            fingerprint is made or open.
        """
        try:
            with self._transaction(begin_serialised(self._engine)) as connection:
                attempts = self._attempts(connection, found["fingerprint"])
                own = (item for item in attempts if item.account in ("", self.account.name))
                latest = reduce(latest_purchase, own, None)
                if latest is not None and latest.state in (*OPEN, "made"):
                    return False
                values = {
                    **found,
                    "attempt": len(attempts) + 1,
                    "account": self.account.name,
                    "origin": self.account.origin,
                }
                connection.execute(statements.INSERT, values)
        except IntegrityError:
            return False
        self._register()
        return True

    def take_over(self, purchase: Purchase, *, owner: str) -> Purchase | None:
        """Make an owner the owner of an open purchase whose process ended.

        Returns:
            The purchase as it is now; None when it changed meanwhile: read it again.
        """
        with self._transaction(begin_serialised(self._engine)) as connection:
            change = (
                purchases.update()
                .where(
                    purchases.c.id == purchase.id,
                    purchases.c.owner == purchase.owner,
                    purchases.c.state == purchase.state,
                    purchases.c.state.in_(OPEN),
                )
                .values(owner=owner)
            )
            if connection.execute(change).rowcount != 1:
                return None
            return self._read(connection, purchase.id)

    def record_enqueued(self, purchase: Purchase, generation_id: str) -> Purchase:
        """Record the service's id of the job; a later run resumes it by that, without another POST.

        Raises:
            GenerationTaken: Another purchase owns that job already.
        """
        try:
            enqueued = self._close(
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
        self._register()
        return enqueued

    def _register(self) -> None:
        """Note whose key this is, once the service has accepted it."""
        if not self._is_registered:
            with self._transaction(begin_serialised(self._engine)) as connection:
                register_account(connection, self.account, now=self._clock.now())
            self._is_registered = True

    def settle(self, purchase: Purchase, *, image: KeptImage, times: JobTimes) -> Purchase:
        """Close a purchase with its image."""
        return self._close(
            purchase,
            state="made",
            billed=True,
            image={**vars(image)},
            settled_at=self._clock.now(),
            **times.known(),
        )

    def refuse(self, purchase: Purchase, reason: str) -> Purchase:
        """Close a purchase that the content policy refused; it is not requested again unchanged."""
        return self._close(
            purchase, state="refused", billed=False, reason=reason, settled_at=self._clock.now()
        )

    def fail(self, purchase: Purchase, reason: str, *, billed: bool) -> Purchase:
        """Close a purchase that ended without an image."""
        return self._close(
            purchase, state="failed", billed=billed, reason=reason, settled_at=self._clock.now()
        )

    def withdraw(self, purchase: Purchase, reason: str) -> Purchase:
        """Close a purchase whose POST certainly bought nothing."""
        return self._close(
            purchase, state="withdrawn", billed=False, reason=reason, settled_at=self._clock.now()
        )

    def lose(self, purchase: Purchase, reason: str) -> Purchase:
        """Close a purchase whose job the service no longer has."""
        return self._close(purchase, state="lost", reason=reason, settled_at=self._clock.now())

    def owned(self, generation_ids: Iterable[str]) -> frozenset[str]:
        """Return those of the given generation ids that belong to a purchase."""
        owned: set[str] = set()
        with self._transaction(begin_reading(self._engine)) as connection:
            for chunk in _chunks(list(generation_ids)):
                column = purchases.c.generation_id
                rows = connection.execute(sa.select(column).where(column.in_(chunk)))
                owned.update(row.generation_id for row in rows)
        return frozenset(owned)

    def enqueued_near(self, purchase: Purchase, count: int) -> frozenset[str]:
        """Return generation ids of the `count` jobs enqueued nearest to a purchase, within 1 h."""
        queries = statements.near(purchase, count // 2)
        with self._transaction(begin_reading(self._engine)) as connection:
            return frozenset(name for query in queries for name in connection.scalars(query))

    def open_in(self, scopes: Iterable[str]) -> tuple[Purchase, ...]:
        """Return the open purchases of some campaigns and brands, whatever their requests."""
        return self._open(scopes, statements.OF_ACCOUNT)

    def open_elsewhere(self, scopes: Iterable[str]) -> tuple[Purchase, ...]:
        """Return the open purchases of other accounts for some campaigns and brands."""
        return self._open(scopes, sa.not_(statements.OF_ACCOUNT))

    def _open(self, scopes: Iterable[str], account: sa.ColumnElement[bool]) -> tuple[Purchase, ...]:
        is_ours = purchases.c.scope.in_(list(scopes))
        query = sa.select(purchases).where(purchases.c.state.in_(OPEN), is_ours, account)
        with self._transaction(begin_reading(self._engine)) as connection:
            return tuple(_purchase(row) for row in connection.execute(query, self._own))

    def failures(self, fingerprints: Iterable[str]) -> dict[str, list[Purchase]]:
        """Return the failed purchases of each, oldest first, since it was last reopened."""
        found: dict[str, list[Purchase]] = {}
        for row in self._every_attempt(fingerprints):
            if row.run_id == REOPENED:
                found.pop(row.fingerprint, None)
            elif row.state == "failed":
                found.setdefault(row.fingerprint, []).append(row)
        return found

    def spent(self, cap: Cap, *, provider: str, run_id: str = "") -> Decimal:
        """Return the USD that count against a cap: whatever the service may have billed.

        That is what is billed or reserved, and jobs that failed or were refused: whether those are
        billed is not documented.

        Args:
            cap: The limit.
            provider: Only its purchases count: simulated ones cost nothing of a live budget.
            run_id: The run, for a cap of one run.
        """
        with self._transaction(begin_reading(self._engine)) as connection:
            return self._spent(connection, CapFilter.of(cap, provider=provider, run_id=run_id))

    def rows(self, *, since: float | None = None) -> Iterator[Purchase]:
        """Yield every purchase of every account, oldest first.

        Args:
            since: Only those claimed at or after this moment (seconds since the epoch).
        """
        query = sa.select(purchases).order_by(purchases.c.id)
        if since is not None:
            query = query.where(purchases.c.intended_at >= since)
        with self._transaction(begin_reading(self._engine)) as connection:
            for row in connection.execution_options(yield_per=_CHUNK).execute(query):
                yield _purchase(row)

    def close(self) -> None:
        """Close the database connections."""
        self._engine.dispose()

    def _close(self, purchase: Purchase, **values: Any) -> Purchase:
        """Change an open purchase whose owner is still the given one."""
        with self._transaction(begin_writing(self._engine)) as connection:
            condition = {"own_id": purchase.id, "own_owner": purchase.owner}
            if connection.execute(statements.CHANGE_OWN, {**condition, **values}).rowcount != 1:
                raise LedgerError(
                    f"{purchase.key}: attempt {purchase.attempt} is no longer this run's to "
                    "change; another run took it over or closed it, and its outcome holds"
                )
        # Only its owner changes an open purchase: the rest of the row is as it was.
        known = {name: value for name, value in values.items() if name != "settled_at"}
        if "image" in known:
            known["image"] = KeptImage(**known["image"])
        return replace(purchase, **known)

    def _read_cache(self, connection: Connection) -> SpendCache:
        """Return the cached sums; an empty cache if another process bought since."""
        row = connection.execute(statements.NEWEST).one_or_none()
        newest = None if row is None else tuple(row)
        return self._spend_cache if self._spend_cache.newest == newest else SpendCache(newest)

    def _require_room(
        self, connection: Connection, cap: Cap, order: Order, run_id: str, cache: SpendCache
    ) -> SpendCache:
        cap_filter = CapFilter.of(cap, provider=order.request.provider, run_id=run_id)
        at_most = cache.sums.get(cap_filter)
        if at_most is not None and not describe_excess(cap, spent=at_most, cost=order.price):
            return cache
        spent = self._spent(connection, cap_filter)
        excess = describe_excess(cap, spent=spent, cost=order.price)
        if excess is not None:
            raise OverCap(excess)
        return cache.with_sum(cap_filter, spent)

    def _every_attempt(self, fingerprints: Iterable[str]) -> list[Purchase]:
        """Return the account's own attempts at some fingerprints; those of each oldest first."""
        found: list[Purchase] = []
        if not (wanted := list(dict.fromkeys(fingerprints))):
            return found
        with self._transaction(begin_reading(self._engine)) as connection:
            for chunk in _chunks(wanted):
                parameters = {"fingerprints": chunk, **self._own}
                found += map(_purchase, connection.execute(statements.BY_FINGERPRINTS, parameters))
        return found

    @property
    def _own(self) -> dict[str, str]:
        """The parameter of `statements.OF_ACCOUNT`."""
        return {"account": self.account.name}

    def _spent(self, connection: Connection, cap_filter: CapFilter) -> Decimal:
        query = statements.spent(
            of_scope=cap_filter.scope is not None,
            since=cap_filter.since is not None,
            of_run=cap_filter.run_id is not None,
        )
        parameters = {**vars(cap_filter), **self._own}
        return Decimal(int(connection.execute(query, parameters).scalar_one())) / MICRO

    @staticmethod
    def _attempts(connection: Connection, fingerprint: str) -> Sequence[Any]:
        """Number, state and account of every attempt at a fingerprint, oldest first."""
        return connection.execute(statements.ATTEMPTS, {"fingerprint": fingerprint}).all()

    @staticmethod
    def _read(connection: Connection, purchase_id: int) -> Purchase:
        return _purchase(connection.execute(statements.BY_ID, {"id": purchase_id}).one())

    def _transaction(
        self, transaction: AbstractContextManager[Connection]
    ) -> AbstractContextManager[Connection]:
        return translate_errors(transaction, self._engine, but=(IntegrityError,))


def _purchase(row: sa.Row[Any]) -> Purchase:
    return purchase_of(row._asdict())


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
