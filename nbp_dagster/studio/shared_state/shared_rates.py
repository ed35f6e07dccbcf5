"""The state of a rate limiter in the ledger's database: machines share one window and one 429.

Must not know: what the state says.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from nbp_dagster.oxen.rate_limit.rate_limiter import (
    MemoryRateStore,
    RateStore,
    Update,
    dump_state,
    parse_state,
)
from nbp_dagster.oxen.rate_limit.rate_state import RateState
from nbp_dagster.studio.ledger.database import connect_ledger, to_ledger_error
from nbp_dagster.studio.ledger.schema import rate_states

logger = logging.getLogger(__name__)

T = TypeVar("T")

FRESH_SECONDS: Final = 0.1
"""For how long the state is taken for the present one without a look at the database."""
RETRY_SECONDS: Final = 5.0
"""After which a database that failed is asked again."""
_LOCK_SECONDS: Final = 2.0
"""Another machine's statement takes under a millisecond."""
_TRIES: Final = 100
# PostgreSQL's code of a table that is not there: no run has migrated the ledger yet.
_NO_TABLE: Final = "42P01"


@dataclass
class _Known:
    """The row as it was read or written last."""

    version: int
    state: RateState | None
    at: float


class _Request:
    """One thread's change, which another thread may make for it."""

    def __init__(self, update: Update[Any]) -> None:
        self.update = update
        self.is_done = False
        self.result: Any = None
        self.error: BaseException | None = None


class _Contended(Exception):
    """Other machines changed the row before each of our attempts."""


class SharedRateStore(RateStore):
    """Stores the state of one key in a row of the ledger on PostgreSQL.

    A row is changed by one statement that names the version it replaces, and computed anew where
    another machine was first: no lock is held while anybody computes. Changes that threads ask for
    at the same time are made as one. Where the database fails, the state stays in this process for
    `RETRY_SECONDS`, with one warning: a run does not fail over its rate limit.

    Args:
        url: The ledger.
        payer: Which row: a digest of key and service.
        monotonic: Returns seconds that no clock's change touches.
    """

    def __init__(
        self, url: str, *, payer: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = connect_ledger(url, lock_timeout=_LOCK_SECONDS)
        self._payer = payer
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._requests: deque[_Request] = deque()
        self._connection: Connection | None = None
        self._pid = os.getpid()
        self._known: _Known | None = None
        # In place of the database until a moment, where that failed.
        self._memory: tuple[MemoryRateStore, float] | None = None
        self._has_warned = False

    def peek(self) -> RateState | None:
        known, memory = self._known, self._memory
        if memory is not None:
            return memory[0].peek()
        if known is None or self._monotonic() - known.at > FRESH_SECONDS:
            return None
        return known.state

    def change(self, update: Update[T]) -> T:
        request = _Request(update)
        self._requests.append(request)
        with self._lock:
            if not request.is_done:
                self._make(self._take_requests())
        if request.error is not None:
            raise request.error
        result: T = request.result
        return result

    def close(self) -> None:
        with self._lock:
            self._disconnect()

    def _take_requests(self) -> list[_Request]:
        """Return what the threads have asked for that wait for the lock, its holder's too."""
        taken = []
        with suppress(IndexError):
            while True:
                taken.append(self._requests.popleft())
        return taken

    def _make(self, requests: list[_Request]) -> None:
        """Make some changes as one, in the database or, where that fails, in memory."""

        def update(state: RateState | None) -> tuple[RateState | None, None]:
            for request in requests:
                state, request.result = request.update(state)
            return state, None

        try:
            if self._memory is not None and self._monotonic() >= self._memory[1]:
                self._memory = self._known = None
            if self._memory is None:
                try:
                    self._change_row(update)
                except (DBAPIError, _Contended) as error:
                    self._fall_back(error)
            if self._memory is not None:
                for request in requests:
                    request.result = self._memory[0].change(request.update)
        except BaseException as error:  # noqa: BLE001  # raised in each thread that asked
            for request in requests:
                request.error = error
        finally:
            for request in requests:
                request.is_done = True

    def _change_row(self, update: Callable[[RateState | None], tuple[Any, None]]) -> None:
        for _ in range(_TRIES):
            is_fetched = self._known is None
            known = self._known or self._fetch()
            state, _result = update(known.state)
            if state is known.state:
                # What was asked for just now is as new as it gets, however long the answer took.
                if is_fetched or self._monotonic() - known.at <= FRESH_SECONDS:
                    return
            elif self._replace(known, state):
                return
            # Another machine was first, or may have been.
            self._known = None
        raise _Contended

    def _fetch(self) -> _Known:
        """Read the row; make it where there is none."""
        query = sa.select(rate_states.c.version, rate_states.c.state)
        query = query.where(rate_states.c.payer == self._payer)
        at = self._monotonic()
        row = self._execute(query).first()
        if row is None:
            new = postgresql.insert(rate_states).values(payer=self._payer, version=0, state="")
            self._execute(new.on_conflict_do_nothing())
            row = self._execute(query).one()
        self._known = _Known(row.version, parse_state(row.state.encode()), at)
        return self._known

    def _replace(self, known: _Known, state: RateState) -> bool:
        """Write a state in place of the known one; return False where that is there no more."""
        at = self._monotonic()
        change = rate_states.update().where(
            rate_states.c.payer == self._payer, rate_states.c.version == known.version
        )
        values = {"version": known.version + 1, "state": dump_state(state).decode()}
        if self._execute(change.values(**values)).rowcount != 1:
            return False
        self._known = _Known(known.version + 1, state, at)
        self._has_warned = False
        return True

    def _execute(self, statement: sa.Executable) -> sa.CursorResult[Any]:
        """Run a statement in a transaction of its own; once more where the connection is dead."""
        if self._pid != os.getpid():
            # The parent's connection: closing it here would end it there.
            self._engine.dispose(close=False)
            self._connection, self._pid = None, os.getpid()
        is_new = self._connection is None
        try:
            return self._connected().execute(statement)
        except DBAPIError as error:
            self._disconnect()
            if is_new or not error.connection_invalidated:
                raise
        # A change that was made before the answer was lost is found to be so by its version.
        return self._connected().execute(statement)

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = self._engine.connect()
            self._connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        return self._connection

    def _disconnect(self) -> None:
        self._connection = None
        self._engine.dispose()

    def _fall_back(self, error: Exception) -> None:
        state = None if self._known is None else self._known.state
        self._memory = MemoryRateStore(state), self._monotonic() + RETRY_SECONDS
        code = getattr(getattr(error, "orig", None), "sqlstate", "")
        if self._has_warned or code == _NO_TABLE:
            return
        self._has_warned = True
        words: object = "too many changes at once"
        if isinstance(error, DBAPIError):
            words = to_ledger_error(error, self._engine)
        logger.warning(
            "the rate limit can't be kept with the ledger (%s): machines do not share it for now "
            "and may meet more 429s",
            words,
        )
