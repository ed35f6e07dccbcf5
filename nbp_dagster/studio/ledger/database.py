"""Opens, migrates and locks the ledger's database, SQLite or PostgreSQL.

Must not know: rules about money.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from nbp_dagster.addresses import require_whole_path
from nbp_dagster.errors import NbpError
from nbp_dagster.lock_waits import WaitingConnection, acquire
from nbp_dagster.studio.storage.files import make_private_file

# The newest migration, named here so that Alembic is imported only when there is one to run.
HEAD = "0013"
# Where Alembic notes which migrations have run. The name is ours, so that the ledger may share a
# database with Dagster's storage, which notes its own under Alembic's usual name.
_VERSION_TABLE = "nbp_ledger_version"
# Where ledgers made before that note it, for good; also Dagster's, and that of anybody's Alembic.
_SHARED_VERSION_TABLE = "alembic_version"
_OUR_REVISION = re.compile(r"\d{4}")
# The revision that a ledger older than migrations is equal to.
_BEFORE_MIGRATIONS = "0001"
# Seconds to wait for another process's transaction: a serialised one takes milliseconds.
LOCK_TIMEOUT_SECONDS = 30.0

# "nbp ledg" in ASCII: the key of the advisory lock that serialises writers on PostgreSQL.
_LEDGER_LOCK = 0x6E6270206C656467
# Alembic keeps the migration it runs in module globals: one at a time in this process.
_MIGRATION_LOCK = threading.Lock()
# Execution option of an engine on SQLite: the `_WriterLock` of its threads.
_WRITER_LOCK_OPTION = "nbp_writer_lock"
# Of libpq, in seconds; the last in milliseconds. A vanished server is noticed within a minute.
_POSTGRES_DEFAULTS = {
    "application_name": "nbp",
    "connect_timeout": "10",
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
_ACCEPTED = "a path, sqlite:////FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
_SERVER_AWAY = "check that the server runs, and the address and password in the ledger's URL"
_CLOSE_OTHERS = "wait for it, or end the process that holds it"
_FREE_DISK = "free space there, then run again"
# Error code -> what is wrong, what to do. SQLite's codes are matched without their extension.
_ADVICE = {
    "SQLITE_FULL": ("its disk is full", _FREE_DISK),
    "SQLITE_READONLY": ("it is read-only", "make the file and its folder writable"),
    "SQLITE_CANTOPEN": ("it cannot be opened", "make the file and its folder writable"),
    "SQLITE_BUSY": ("another process keeps it locked", _CLOSE_OTHERS),
    "SQLITE_LOCKED": ("another process keeps it locked", _CLOSE_OTHERS),
    "SQLITE_NOTADB": ("it is not a SQLite file", "name another file or restore a copy of it"),
    "SQLITE_CORRUPT": ("the file is damaged", "restore a copy of it"),
    "SQLITE_IOERR": ("its disk fails", "keep the ledger on a healthy local disk"),
    "53100": ("its disk is full", _FREE_DISK),
    "25006": ("it is read-only", "name the primary server, not a replica"),
    "42501": ("permission denied", "let this user create and write tables"),
    "55P03": ("another process keeps it locked", _CLOSE_OTHERS),
}


class LedgerDatabaseError(NbpError):
    """The ledger's database can't be opened, read, written or brought up to date."""


@dataclass(frozen=True)
class _WriterLock:
    """Held by the thread of this process that writes; others wait `timeout` seconds at most."""

    timeout: float
    lock: threading.Lock = field(default_factory=threading.Lock)


def open_ledger(url: str | Path, *, lock_timeout: float = LOCK_TIMEOUT_SECONDS) -> Engine:
    """Open the ledger, create it when new, and run the migrations it lacks.

    Several processes may do so at the same time. Use `begin_reading` to read, `begin_serialised` to
    write what depends on a read, and `begin_writing` for a single statement that writes.

    Args:
        url: The SQLite file, made for its owner alone, or a `sqlite:` or `postgresql:` URL.
        lock_timeout: Seconds that a transaction waits for another process's.

    Raises:
        LedgerDatabaseError: The URL is not one of those, the database can't be used, or a newer
            version of this program has changed its tables.
    """
    engine = connect_ledger(url, lock_timeout=lock_timeout)
    if engine.dialect.name == "sqlite":
        _make_file(Path(str(engine.url.database)))
    try:
        _migrate(engine)
    except DBAPIError as error:
        engine.dispose()
        raise to_ledger_error(error, engine) from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def connect_ledger(url: str | Path, *, lock_timeout: float = LOCK_TIMEOUT_SECONDS) -> Engine:
    """Return an engine for a ledger as it is: nothing is made, migrated or connected to yet.

    Raises:
        LedgerDatabaseError: The URL is none, or its driver is missing.
    """
    return _create_engine(_read_url(url), lock_timeout)


def find_ledger_file(url: str | Path) -> Path | None:
    """Return the file of a ledger on SQLite, there or not; None for one on PostgreSQL.

    Raises:
        LedgerDatabaseError: The URL is none.
    """
    found = _read_url(url)
    return Path(str(found.database)) if found.drivername == "sqlite" else None


def read_schema_version(url: str | Path) -> str:
    """Return which migration a ledger has come to; empty for none yet, or one older than these.

    Nothing is made or migrated.

    Raises:
        LedgerDatabaseError: As `open_ledger`.
    """
    if (file := find_ledger_file(url)) is not None and not file.exists():
        # SQLite would make it.
        return ""
    engine = connect_ledger(url)
    try:
        with engine.connect() as connection:
            return _read_version(connection)[0] or ""
    except DBAPIError as error:
        raise to_ledger_error(error, engine) from error
    finally:
        engine.dispose()


@contextmanager
def begin_serialised(engine: Engine) -> Iterator[Connection]:
    """Begin a serialised transaction: only one at a time, over all threads and machines.

    What it reads stays true until it ends, so that "is there one? then write one" is safe.

    Raises:
        sqlalchemy.exc.DBAPIError: Any failure, a lock timeout included; see `to_ledger_error`.
    """
    with begin_writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            # At READ COMMITTED every later statement sees what was committed before the lock.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LEDGER_LOCK)))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


@contextmanager
def begin_writing(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction of one statement, whose own conditions select what it changes.

    Raises:
        sqlalchemy.exc.DBAPIError: Any failure, a lock timeout included; see `to_ledger_error`.
    """
    with _hold_writer_lock(engine), engine.begin() as connection:
        yield connection


@contextmanager
def begin_reading(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that reads; on SQLite it reads one snapshot.

    Raises:
        sqlalchemy.exc.DBAPIError: Any failure; see `to_ledger_error`.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        yield connection


@contextmanager
def _hold_writer_lock(engine: Engine) -> Iterator[None]:
    """Let the threads that share an engine write one after the other, each as soon as it can.

    SQLite would let them poll, with sleeps of up to a tenth of a second.
    """
    writer_lock: _WriterLock | None = engine.get_execution_options().get(_WRITER_LOCK_OPTION)
    # After a timeout the transaction begins all the same, and the database reports the error.
    is_held = writer_lock is not None and acquire(writer_lock.lock, writer_lock.timeout)
    try:
        yield
    finally:
        if writer_lock is not None and is_held:
            writer_lock.lock.release()


@contextmanager
def translate_errors(
    transaction: AbstractContextManager[Connection],
    engine: Engine,
    *,
    but: tuple[type[DBAPIError], ...] = (),
) -> Iterator[Connection]:
    """Run one transaction; translate database errors into LedgerDatabaseError.

    Args:
        transaction: `begin_serialised(engine)` and the like.
        engine: The engine of the transaction.
        but: Errors that pass as they are, because the caller handles them.

    Raises:
        LedgerDatabaseError: The database failed.
    """
    try:
        with transaction as connection:
            yield connection
    except but:
        raise
    except DBAPIError as error:
        raise to_ledger_error(error, engine) from error


def to_ledger_error(error: DBAPIError, engine: Engine) -> LedgerDatabaseError:
    """Return one line about a database error: what, where and what to do, without a password."""
    where, text = location_of(engine), _first_line(error, engine)
    code = _code_of(error)
    known = _ADVICE.get("_".join(code.split("_")[:2]))
    if known is not None:
        what, advice = known
        return LedgerDatabaseError(f"cannot use the ledger {where}: {what} ({text}); {advice}")
    if engine.dialect.name == "postgresql" and _is_away(error, code):
        return LedgerDatabaseError(f"cannot reach the ledger {where} ({text}); {_SERVER_AWAY}")
    return LedgerDatabaseError(
        f"the ledger {where} did not do what was asked ({text}); nothing was changed, run again"
    )


def location_of(engine: Engine) -> str:
    """Return a ledger's location for messages: a file, or a URL without password and options."""
    if engine.dialect.name == "sqlite":
        return str(engine.url.database)
    shown = engine.url.set(drivername="postgresql", query={})
    return shown.render_as_string(hide_password=True)


def _code_of(error: DBAPIError) -> str:
    """Return SQLite's error name, or PostgreSQL's SQLSTATE; "" without either."""
    names = ("sqlite_errorname", "sqlstate")
    return next((code for name in names if (code := getattr(error.orig, name, None))), "")


def _is_away(error: DBAPIError, code: str) -> bool:
    # A failed connection has no code; 57P is a server that shuts down.
    is_connection_error = isinstance(error, OperationalError | InterfaceError)
    return is_connection_error and (
        not code or code.startswith("57P") or error.connection_invalidated
    )


def _first_line(error: DBAPIError, engine: Engine) -> str:
    text = " ".join(str(error.orig).split("\n")[0].split())
    password = engine.url.password
    return text.replace(str(password), "***") if password else text


def _read_url(url: str | Path) -> URL:
    if isinstance(url, Path):
        return URL.create("sqlite", database=str(url))
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        # Neither the URL nor the parser's message: either may hold a password.
        raise LedgerDatabaseError(f"the ledger's URL cannot be read; give {_ACCEPTED}") from None
    match parsed.drivername:
        case "sqlite" | "sqlite+pysqlite":
            return _check_sqlite(parsed)
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return _check_postgres(parsed)
    raise LedgerDatabaseError(
        f"the ledger cannot be kept in {parsed.drivername!r}; give {_ACCEPTED}"
    )


def _check_sqlite(url: URL) -> URL:
    name = url.database or ""
    if name in ("", ":memory:") or name.startswith("file:") or url.query:
        raise LedgerDatabaseError(
            f"the ledger must be a plain file, not {name or 'nothing'!r}; give {_ACCEPTED}"
        )
    try:
        require_whole_path(url.render_as_string())
    except ValueError as error:
        raise LedgerDatabaseError(f"the ledger's URL: {error}") from None
    return URL.create("sqlite", database=name)


def _check_postgres(url: URL) -> URL:
    if any("password" in key for key in url.query):
        raise LedgerDatabaseError(
            "the ledger's URL has a password among its options, where logs would show it; "
            "put it before the @, or into a file named by passfile="
        )
    if any("@" in part for part in (url.host or "", url.database or "")):
        # Cut at the first of two, a password would be shown as the name of a host.
        raise LedgerDatabaseError(
            "the ledger's URL has more than one @; write one in a user or password as %40"
        )
    missing = {key: value for key, value in _POSTGRES_DEFAULTS.items() if key not in url.query}
    return url.set(drivername="postgresql+psycopg").update_query_dict(missing)


def _create_engine(url: URL, lock_timeout: float) -> Engine:
    if url.drivername == "sqlite":
        return _create_sqlite(url, lock_timeout)
    try:
        # Without parameters, an error of the driver can't show a prompt in a log.
        engine = sa.create_engine(
            url, isolation_level="READ COMMITTED", pool_pre_ping=True, hide_parameters=True
        )
    except ImportError as error:
        raise LedgerDatabaseError(
            "a ledger on PostgreSQL needs the psycopg driver, which is not installed; "
            "pip install 'nbp-dagster[postgres]'"
        ) from error

    def limit_waits(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.execute(f"SET lock_timeout = {max(1, int(lock_timeout * 1000))}")
        connection.commit()

    sa.event.listen(engine, "connect", limit_waits)
    return engine


def _create_sqlite(url: URL, lock_timeout: float) -> Engine:
    engine = sa.create_engine(
        url,
        # The driver begins a transaction of its own accord only where a statement writes. An event
        # of SQLAlchemy's could begin all of them, and would cost each more than its statement does.
        connect_args={
            "timeout": lock_timeout,
            "isolation_level": "IMMEDIATE",
            "factory": WaitingConnection,
        },
        hide_parameters=True,
        execution_options={_WRITER_LOCK_OPTION: _WriterLock(lock_timeout)},
    )

    def prepare(connection: Any, _entry: ConnectionPoolEntry) -> None:
        # A commit survives a power cut.
        connection.execute("PRAGMA synchronous=FULL")

    sa.event.listen(engine, "connect", prepare)
    return engine


def _make_file(path: Path) -> None:
    """Make a SQLite file that only its owner may use, whatever the umask, unless there is one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerDatabaseError(
            f"cannot make the ledger's folder {path.parent}: {error.strerror}; "
            "set NBP_HOME to a folder that can be written"
        ) from error
    make_private_file(path)


def _migrate(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        _enable_wal(engine)
    with engine.begin() as connection:
        if _read_version(connection)[0] == HEAD:
            return
    with _MIGRATION_LOCK, begin_serialised(engine) as connection:
        version, table = _read_version(connection)
        _run_migrations(connection, version, table=table)


def _enable_wal(engine: Engine) -> None:
    try:
        _switch_to_wal(engine)
    except DBAPIError as error:
        if _code_of(error) != "SQLITE_BUSY":
            raise
        # Of two processes that switch at the same time, one fails at once: the file is busy. It
        # waits for the other's transaction; after that the switch is done, or can be made.
        with begin_serialised(engine):
            pass
        _switch_to_wal(engine)


def _switch_to_wal(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")


def _read_version(connection: Connection) -> tuple[str | None, str]:
    """Return the revision of the last migration, and the table that notes it.

    The revision is None for no ledger yet, "0001" for one older than migrations.
    """
    inspector = sa.inspect(connection)
    if inspector.has_table(_VERSION_TABLE):
        return _read_revision(connection, _VERSION_TABLE), _VERSION_TABLE
    has_ledger = inspector.has_table("purchases")
    if inspector.has_table(_SHARED_VERSION_TABLE):
        version = _read_revision(connection, _SHARED_VERSION_TABLE)
        # Without a ledger, a revision that is none of ours belongs to another program.
        if has_ledger or (version is not None and _OUR_REVISION.fullmatch(version)):
            return version, _SHARED_VERSION_TABLE
    return _BEFORE_MIGRATIONS if has_ledger else None, _VERSION_TABLE


def _read_revision(connection: Connection, table: str) -> str | None:
    version = connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table(table)))
    return None if version is None else str(version)


def _run_migrations(connection: Connection, version: str | None, *, table: str) -> None:
    # Imported here: it takes a third of a second, and most processes have nothing to migrate.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection, "version_table": table})
    config.set_main_option("script_location", "nbp_dagster.studio.ledger:migrations")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise LedgerDatabaseError(
            f"the ledger {location_of(connection.engine)} has the tables of a newer nbp-dagster "
            f"(version {version}; this one knows up to {HEAD}); upgrade this installation"
        )
    if version == _BEFORE_MIGRATIONS:
        command.stamp(config, version)
    command.upgrade(config, "head")
