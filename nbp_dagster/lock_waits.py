"""SQLite files that another program keeps locked: whoever waits is told, and Ctrl-C ends the wait.

SQLite waits by itself, but deaf and mute: it sleeps in C, where no handler of a signal runs.
"""

import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from nbp_dagster.interrupts import seconds_since_interrupt

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds that SQLite waits at a time; between two of them Python's handlers of signals run.
PIECE_SECONDS = 0.25
# Seconds after which a wait is told: others' transactions end within milliseconds.
TOLD_AFTER_SECONDS = 3.0
# Seconds that a wait may go on once the command was interrupted: what is paid is better recorded,
# and the command is to end within ten.
GRACE_SECONDS = 3.0
# Seconds within which a file of Dagster's that was waited for in vain is not waited for again.
AGAIN_SECONDS = 5.0
# A part of a piece: SQLite that answers sooner has not waited, and would answer the same again.
_WAITED = 0.9

_telling = threading.Lock()
# File -> until when it was said to be waited for.
_told: dict[str, float] = {}
# File -> when it was last waited for in vain.
_in_vain: dict[str, float] = {}


class WaitingCursor(sqlite3.Cursor):
    """A cursor of a `WaitingConnection`."""

    def execute(self, *arguments: Any) -> Any:
        """Execute a statement, which waits for locks."""
        return _wait_of(self)(lambda: super(WaitingCursor, self).execute(*arguments))

    def executemany(self, statement: str, rows: Iterable[Any], /) -> Any:
        """Execute a statement for each row; it waits for locks within a transaction."""
        if self.connection.isolation_level is None and not self.connection.in_transaction:
            # Each row would be a transaction of its own, and those before the lock be done twice.
            return super().executemany(statement, rows)
        # More than one attempt may read them.
        rows = list(rows)
        return _wait_of(self)(lambda: super(WaitingCursor, self).executemany(statement, rows))


class WaitingConnection(sqlite3.Connection):
    """A connection whose `timeout` is waited for in short pieces, and told once.

    It is by statements and commits; `executescript` and `with connection` wait for one piece.

    Raises `sqlite3.OperationalError` when it is over, as SQLite does. Once the command was
    interrupted a wait ends soon: by KeyboardInterrupt in the main thread, by that error in others.

    Attributes:
        timeout: Seconds that a statement waits.

    Example:
        >>> sqlite3.connect("runs.db", timeout=30.0, factory=WaitingConnection)
    """

    # Whether each statement has its whole time, also after one that waited in vain.
    waits_anew = True

    def __init__(
        self, database: Any, timeout: float = 5.0, *arguments: Any, **options: Any
    ) -> None:
        super().__init__(database, min(timeout, PIECE_SECONDS), *arguments, **options)
        self._file = str(database)
        self.timeout = timeout

    def cursor(self, factory: Any = WaitingCursor) -> Any:
        """Return a cursor; only one of a `WaitingCursor` waits."""
        return super().cursor(factory)

    def execute(self, *arguments: Any) -> Any:
        """Execute a statement with a new cursor."""
        return self.cursor().execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        """Execute a statement for each row with a new cursor."""
        return self.cursor().executemany(*arguments)

    def commit(self) -> None:
        """Commit; it waits for locks."""
        self.wait_for_locks(super().commit)

    def wait_for_locks(self, attempt: Callable[[], T]) -> T:
        """Do what may meet a lock, again and again until it is done or the time is over.

        An attempt that met a lock has changed nothing: SQLite undoes a statement as a whole.
        """
        start = time.monotonic()
        until, is_told = start + self._patience(start), False
        while True:
            begun = time.monotonic()
            try:
                done = attempt()
            except sqlite3.OperationalError as error:
                now = time.monotonic()
                has_waited = now - begun >= _WAITED * min(self.timeout, PIECE_SECONDS)
                if not has_waited or not _is_locked(error):
                    raise
                if now >= until:
                    _in_vain[self._file] = now
                    # Which file: neither SQLite nor Dagster says so.
                    error.add_note(self._file)
                    raise
                if is_wait_over():
                    if threading.current_thread() is threading.main_thread():
                        raise KeyboardInterrupt from error
                    raise
                if now - start >= TOLD_AFTER_SECONDS and not is_told:
                    is_told = True
                    _tell(self._file, now, until)
            else:
                if is_told:
                    _told.pop(self._file, None)
                return done

    def _patience(self, now: float) -> float:
        is_again = now < _in_vain.get(self._file, -math.inf) + AGAIN_SECONDS
        return 0.0 if is_again and not self.waits_anew else self.timeout


class HomeConnection(WaitingConnection):
    """One to a file of Dagster's, which answers an error by several more attempts to write."""

    waits_anew = False


def acquire(lock: threading.Lock, seconds: float) -> bool:
    """Wait for a lock behind which a thread may wait for a file; an interrupt ends it soon, too.

    Returns:
        Whether it is held now.
    """
    until = time.monotonic() + seconds
    while not lock.acquire(timeout=max(0.0, min(PIECE_SECONDS, until - time.monotonic()))):
        if time.monotonic() >= until or is_wait_over():
            return False
    return True


def is_wait_over() -> bool:
    """Whether the command was interrupted, and what it waits for had its grace."""
    since = seconds_since_interrupt()
    return since is not None and since >= GRACE_SECONDS


def _is_locked(error: sqlite3.OperationalError) -> bool:
    # Those that the driver raises by itself have no code; the upper bytes say more of the kind.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _wait_of(cursor: sqlite3.Cursor) -> Callable[[Callable[[], T]], T]:
    connection = cursor.connection
    assert isinstance(connection, WaitingConnection)
    return connection.wait_for_locks


def _tell(file: str, now: float, until: float) -> None:
    """Say once what is waited for, however many threads wait."""
    with _telling:
        if now < _told.get(file, 0.0):
            return
        _told[file] = until
    clock = time.strftime("%H:%M:%S", time.localtime(time.time() + until - now))
    line = (
        f"another program keeps {file} locked: waiting for it until {clock}; wait for it, or end "
        "the process that holds it"
    )
    logger.warning("%s", line)
