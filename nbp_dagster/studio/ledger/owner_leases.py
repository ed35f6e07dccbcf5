"""Leases that show which worker processes are alive: file locks, or advisory locks on PostgreSQL.

A lease ends with its process, without a heartbeat. Must not know: what an owner buys.
"""

# Not filelock: a probe here is a shared lock, which filelock's file locks do not offer. With an
# exclusive one, two processes that probe a dead owner would take each other for it.
import fcntl
import os
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.database import (
    LedgerDatabaseError,
    begin_reading,
    location_of,
    to_ledger_error,
    translate_errors,
)
from nbp_dagster.studio.storage.files import StoreError, is_at, try_lock

_OWNER = re.compile("[0-9a-f]{32}")
# A probe takes no lock. The 1 marks a key of 64 bits, shown as its two halves.
_HOLDERS = """
    SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND CAST(classid AS bigint) = :high AND CAST(objid AS bigint) = :low
"""


class LeaseLost(NbpError):
    """The lease of this run is gone: other runs may already have taken over its purchases."""


class OwnerLease(ABC):
    """The lease of this run, valid as long as its process lives; safe from several threads.

    A process that is slow or stopped still holds its lease: no clock is involved.

    Attributes:
        owner: Id of this run among those that share the ledger: a uuid4 as 32 hexadecimal digits.

    Example:
        >>> with take_lease(engine, folder=home / "owners") as lease:
        ...     lease.is_alive(lease.owner)
        True
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner

    def is_alive(self, owner: str) -> bool:
        """Return whether the process that took the lease of `owner` still runs.

        Raises:
            StoreError: The owner's lock file can't be read.
            LedgerDatabaseError: The server can't be reached.
        """
        if owner == self.owner:
            return True
        return _OWNER.fullmatch(owner) is not None and self._is_locked(owner)

    @abstractmethod
    def require(self) -> None:
        """Make sure, right before money is spent, that this run still holds its lease.

        Raises:
            LeaseLost: It does not.
        """

    @abstractmethod
    def _is_locked(self, owner: str) -> bool: ...


def take_lease(engine: Engine, *, folder: Path) -> AbstractContextManager[OwnerLease]:
    """Hold a lease that all runs on the same ledger see, until the context or the process ends.

    Args:
        engine: The ledger. On PostgreSQL the lease keeps one connection of its own open.
        folder: Where the lock files for a ledger on SQLite are; made when missing.

    Raises:
        StoreError: No lock file can be made in the folder.
        LedgerDatabaseError: The server can't be reached, or a pooler shares sessions.
    """
    if engine.dialect.name == "postgresql":
        return _take_advisory_lease(engine)
    return take_file_lease(folder)


class _FileLease(OwnerLease):
    """A lock on a file: the operating system frees it when the process ends, whatever ends it."""

    def __init__(self, owner: str, folder: Path, *, descriptor: int) -> None:
        super().__init__(owner)
        self._folder = folder
        self._descriptor = descriptor

    def require(self) -> None:
        path = _lock_file_of(self.owner, self._folder)
        if not is_at(path, self._descriptor):
            raise LeaseLost(
                f"the file {path} that shows that this run is alive was removed; "
                "nothing more is bought, run again"
            )

    def _is_locked(self, owner: str) -> bool:
        return _is_held(_lock_file_of(owner, self._folder))


@contextmanager
def take_file_lease(folder: Path) -> Iterator[OwnerLease]:
    """Hold a lease that all processes of this machine see that use the folder.

    Args:
        folder: Where the lock files are; made when missing.

    Raises:
        StoreError: No lock file can be made in the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        owner, descriptor = _make_lock_file(folder)
    except OSError as error:
        raise StoreError(
            f"cannot take the lease of this run in {folder}: {error.strerror}; "
            "set NBP_HOME to a folder on a local disk that can be written"
        ) from error
    try:
        for path in folder.glob("*.lock"):
            # Removes the files of dead owners.
            _is_held(path)
        yield _FileLease(owner, folder, descriptor=descriptor)
    finally:
        _remove(_lock_file_of(owner, folder))
        os.close(descriptor)


def _lock_file_of(owner: str, folder: Path) -> Path:
    return folder / f"{owner}.lock"


def _make_lock_file(folder: Path) -> tuple[str, int]:
    """Make a lock file and lock it; return its owner and descriptor."""
    while True:
        owner = uuid4().hex
        path = _lock_file_of(owner, folder)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            if try_lock(descriptor, fcntl.LOCK_EX) and is_at(path, descriptor):
                return owner, descriptor
        except OSError:
            os.close(descriptor)
            _remove(path)
            raise
        # Between the two another process took it for a dead owner's file: make another one.
        os.close(descriptor)
        _remove(path)


def _is_held(path: Path) -> bool:
    """Return whether a living process holds the lock file; remove a file without a holder.

    A probe takes a shared lock, so that probes at the same time don't see each other. No name
    comes twice, so a removal never hits a file made since.
    """
    try:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            if not try_lock(descriptor, fcntl.LOCK_SH):
                return True
            _remove(path)
            return False
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(
            f"cannot see whether the run of {path} is alive: {error.strerror}; "
            "let all runs of one home folder use the same account"
        ) from error


def _remove(path: Path) -> None:
    # A file that stays behind does no harm: it is not locked.
    with suppress(OSError):
        path.unlink(missing_ok=True)


class _AdvisoryLease(OwnerLease):
    """An advisory lock of a session: the server frees it when the connection ends."""

    def __init__(self, owner: str, engine: Engine, *, connection: Connection) -> None:
        super().__init__(owner)
        self._engine = engine
        self._connection = connection
        self._lock = threading.Lock()

    def require(self) -> None:
        try:
            with self._lock:
                # By pid, lest a pooler between us and the server lets another session answer.
                query = sa.text(f"{_HOLDERS} AND pid = pg_backend_pid()")
                held = self._connection.scalar(query, _halves(self.owner))
        except (DBAPIError, InvalidRequestError) as error:
            raise LeaseLost(self._message()) from error
        if held is None:
            raise LeaseLost(self._message())

    def _message(self) -> str:
        return (
            f"the connection to {location_of(self._engine)} that shows that this run is alive "
            "broke; nothing more is bought, run again"
        )

    def _is_locked(self, owner: str) -> bool:
        with translate_errors(begin_reading(self._engine), self._engine) as connection:
            return connection.scalar(sa.text(_HOLDERS), _halves(owner)) is not None


@contextmanager
def _take_advisory_lease(engine: Engine) -> Iterator[OwnerLease]:
    owner = uuid4().hex
    try:
        connection = _connect_apart(engine)
        connection.execute(sa.select(sa.func.pg_advisory_lock(_key_of(owner))))
        _require_own_session(engine, connection, owner)
    except DBAPIError as error:
        raise to_ledger_error(error, engine) from error
    try:
        yield _AdvisoryLease(owner, engine, connection=connection)
    finally:
        # Unlocked first: the server notices a closed connection a moment later.
        with suppress(DBAPIError, InvalidRequestError):
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_key_of(owner))))
        with suppress(DBAPIError, InvalidRequestError):
            connection.close()


def _require_own_session(engine: Engine, connection: Connection, owner: str) -> None:
    """Make sure that no pooler gives the session with the lock to other connections as well.

    Such a lock outlives the run that took it: whoever dies would count as alive.

    Raises:
        LedgerDatabaseError: One does.
    """
    query = sa.select(sa.func.pg_backend_pid())
    pid = connection.scalar(query)
    # A pooler between transactions gives the next one the session that was used last.
    with begin_reading(engine) as other:
        if other.scalar(query) != pid:
            return
        other.execute(sa.select(sa.func.pg_advisory_unlock(_key_of(owner))))
    connection.close()
    raise LedgerDatabaseError(
        f"the ledger {location_of(engine)} is behind a pooler that shares sessions between "
        "transactions, so that it can't be seen which run is alive; give the ledger the server's "
        "own address, or a pooler in session mode (PgBouncer: pool_mode = session)"
    )


def _connect_apart(engine: Engine) -> Connection:
    """Open a connection without transactions that never goes back to the pool."""
    connection = engine.connect()
    connection.execution_options(isolation_level="AUTOCOMMIT")
    connection.detach()
    return connection


def _key_of(owner: str) -> int:
    """The low 63 bits of an owner: the key of an advisory lock is a signed number of 64."""
    return int(owner, 16) & (2**63 - 1)


def _halves(owner: str) -> dict[str, int]:
    key = _key_of(owner)
    return {"high": key >> 32, "low": key & 0xFFFFFFFF}
