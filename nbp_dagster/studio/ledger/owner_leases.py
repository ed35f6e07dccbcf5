"""Who is alive: marks that the operating system or the server takes away when their owner dies."""

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
from nbp_dagster.studio.ledger.database import begin_reading, explain, explained, place
from nbp_dagster.studio.storage.files import StoreError

_OWNER = re.compile("[0-9a-f]{32}")
# Looking takes no lock. The 1 marks a key of 64 bits, shown as its two halves.
_HOLDERS = """
    SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND CAST(classid AS bigint) = :high AND CAST(objid AS bigint) = :low
"""


class LeaseLost(NbpError):
    """Others take this run for dead: they may be at its purchases already."""


class OwnerLease(ABC):
    """This run, seen by others as long as its process lives; safe to call from several threads.

    A process that is only slow, or stopped, is still here; no clock is asked.

    Attributes:
        owner: What others know this run by: a uuid4 as 32 hexadecimal digits.

    Example:
        >>> with take_lease(engine, folder=home / "owners") as presence:
        ...     presence.is_here(presence.owner)
        True
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner

    def is_here(self, owner: str) -> bool:
        """Return whether the process that entered as `owner` still runs.

        Raises:
            StoreError: Its mark, a file, can't be read.
            LedgerDatabaseError: The server can't be asked.
        """
        if owner == self.owner:
            return True
        return _OWNER.fullmatch(owner) is not None and self._is_marked(owner)

    @abstractmethod
    def require(self) -> None:
        """Make sure, right before money is spent, that others still see this run.

        Raises:
            LeaseLost: They do not.
        """

    @abstractmethod
    def _is_marked(self, owner: str) -> bool: ...


def take_lease(engine: Engine, *, folder: Path) -> AbstractContextManager[OwnerLease]:
    """Be seen by all who use the same ledger, until the context or the process ends.

    Args:
        engine: The ledger. On PostgreSQL one connection of its own is kept open.
        folder: Where the marks of a ledger on SQLite are; made when missing.

    Raises:
        StoreError: No mark can be made in the folder.
        LedgerDatabaseError: The server can't be reached.
    """
    if engine.dialect.name == "postgresql":
        return _enter_server(engine)
    return take_file_lease(folder)


class _FolderPresence(OwnerLease):
    """Marked by a locked file: the lock goes with its process, whatever ends it."""

    def __init__(self, owner: str, folder: Path, *, descriptor: int) -> None:
        super().__init__(owner)
        self._folder = folder
        self._descriptor = descriptor

    def require(self) -> None:
        path = _mark_of(self.owner, self._folder)
        if not _is_at(path, self._descriptor):
            raise LeaseLost(
                f"the file {path} that shows that this run is alive was removed; "
                "nothing more is bought, run again"
            )

    def _is_marked(self, owner: str) -> bool:
        return _is_held(_mark_of(owner, self._folder))


@contextmanager
def take_file_lease(folder: Path) -> Iterator[OwnerLease]:
    """Be seen by all processes of this machine that look into the folder.

    Args:
        folder: Where the marks are; made when missing.

    Raises:
        StoreError: No mark can be made in the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        owner, descriptor = _make_mark(folder)
    except OSError as error:
        raise StoreError(
            f"cannot mark this run as alive in {folder}: {error.strerror}; "
            "set NBP_HOME to a folder on a local disk that can be written"
        ) from error
    try:
        for path in folder.glob("*.lock"):
            _is_held(path)
        yield _FolderPresence(owner, folder, descriptor=descriptor)
    finally:
        _remove(_mark_of(owner, folder))
        os.close(descriptor)


def _mark_of(owner: str, folder: Path) -> Path:
    return folder / f"{owner}.lock"


def _make_mark(folder: Path) -> tuple[str, int]:
    """Make a file and lock it; return its owner and descriptor."""
    while True:
        owner = uuid4().hex
        path = _mark_of(owner, folder)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            if _try_lock(descriptor, fcntl.LOCK_EX) and _is_at(path, descriptor):
                return owner, descriptor
        except OSError:
            os.close(descriptor)
            _remove(path)
            raise
        # Between making and locking somebody took it for a dead one's: leave it and make another.
        os.close(descriptor)
        _remove(path)


def _is_held(path: Path) -> bool:
    """Return whether a living process holds the mark; a mark that nobody holds is removed.

    Looking takes a shared lock, so that those who look at the same time don't see each other. No
    name comes twice, so that a removal never takes away a mark made since.
    """
    try:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            if not _try_lock(descriptor, fcntl.LOCK_SH):
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
    # A mark left behind says nothing: it is not locked.
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


class _ServerPresence(OwnerLease):
    """Marked by an advisory lock of a session: the server drops it with the connection."""

    def __init__(self, owner: str, engine: Engine, *, connection: Connection) -> None:
        super().__init__(owner)
        self._engine = engine
        self._connection = connection
        self._one_at_a_time = threading.Lock()

    def require(self) -> None:
        try:
            with self._one_at_a_time:
                # By pid, lest a pooler between us and the server lets another session answer.
                query = sa.text(f"{_HOLDERS} AND pid = pg_backend_pid()")
                held = self._connection.scalar(query, _halves(self.owner))
        except (DBAPIError, InvalidRequestError) as error:
            raise LeaseLost(self._sentence()) from error
        if held is None:
            raise LeaseLost(self._sentence())

    def _sentence(self) -> str:
        return (
            f"the connection to {place(self._engine)} that shows that this run is alive broke; "
            "nothing more is bought, run again"
        )

    def _is_marked(self, owner: str) -> bool:
        with explained(begin_reading(self._engine), self._engine) as connection:
            return connection.scalar(sa.text(_HOLDERS), _halves(owner)) is not None


@contextmanager
def _enter_server(engine: Engine) -> Iterator[OwnerLease]:
    owner = uuid4().hex
    try:
        connection = _connect_apart(engine)
        connection.execute(sa.select(sa.func.pg_advisory_lock(_lock_of(owner))))
    except DBAPIError as error:
        raise explain(error, engine) from error
    try:
        yield _ServerPresence(owner, engine, connection=connection)
    finally:
        # Unlocked first: the server notices a closed connection a moment later.
        with suppress(DBAPIError, InvalidRequestError):
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_lock_of(owner))))
        with suppress(DBAPIError, InvalidRequestError):
            connection.close()


def _connect_apart(engine: Engine) -> Connection:
    """Open a connection without transactions that is never given to anybody else."""
    connection = engine.connect()
    connection.execution_options(isolation_level="AUTOCOMMIT")
    connection.detach()
    return connection


def _lock_of(owner: str) -> int:
    """The low 63 bits: a lock's key is a signed number of 64."""
    return int(owner, 16) & (2**63 - 1)


def _halves(owner: str) -> dict[str, int]:
    key = _lock_of(owner)
    return {"high": key >> 32, "low": key & 0xFFFFFFFF}
