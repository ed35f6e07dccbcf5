"""The database under the ledger: opened, brought up to date, locked; knows no rule about money."""

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

from nbp_dagster.errors import NbpError

# The newest migration, named here so that Alembic is imported only when there is one to run.
HEAD = "0006"
# What a ledger made by the versions without migrations is equal to.
_BEFORE_MIGRATIONS = "0001"
# Seconds to wait for another process before giving up: a serialised transaction takes milliseconds.
PATIENCE_SECONDS = 30.0

# "nbp ledg" in ASCII: the key of the advisory lock that serialises writers on PostgreSQL.
_LEDGER_LOCK = 0x6E6270206C656467
# Alembic keeps the migration it runs in module globals: one at a time in this process.
_UPGRADING = threading.Lock()
# Execution option of an engine on SQLite: the `_Turn` of its threads.
_TURN_OPTION = "nbp_turn"
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
_ACCEPTED = "a path, sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
_SERVER_AWAY = "check that the server runs, and the address and password in the ledger's URL"
_CLOSE_OTHERS = "wait for it, or end the process that holds it"
_FREE_DISK = "free space there, then run again"
# What the database said -> what to do. SQLite's codes are matched without their extension.
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
class _Turn:
    """Who of one process may write; its others wait for `patience` seconds at most."""

    patience: float
    lock: threading.Lock = field(default_factory=threading.Lock)


def open_ledger(url: str | Path, *, patience: float = PATIENCE_SECONDS) -> Engine:
    """Open the ledger, make it when new, and bring its tables up to date.

    Several processes may do so at the same time. Reading takes `begin_reading`, what decides and
    writes `begin_serialised`, and a single statement that writes `begin_writing`.

    Args:
        url: The SQLite file, whose folder is made, or a `sqlite:` or `postgresql:` URL.
        patience: Seconds that a transaction waits for another process's.

    Raises:
        LedgerDatabaseError: The URL is not one of those, the database can't be used, or a newer
            version of this program has changed its tables.
    """
    engine = _create_engine(_read_url(url), patience)
    try:
        _bring_up_to_date(engine)
    except DBAPIError as error:
        engine.dispose()
        raise explain(error, engine) from error
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def begin_serialised(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction beside which nobody else can be in another of these, on any machine.

    What it reads stays true until it ends, so that "is there one? then write one" is safe.

    Raises:
        sqlalchemy.exc.DBAPIError: Any trouble, waiting for too long included; see `explain`.
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
    """Begin a transaction of one statement, which finds what it changes by its own conditions.

    Raises:
        sqlalchemy.exc.DBAPIError: Any trouble, waiting for too long included; see `explain`.
    """
    with _turn(engine), engine.begin() as connection:
        yield connection


@contextmanager
def begin_reading(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that reads; on SQLite all it reads is of one moment.

    Raises:
        sqlalchemy.exc.DBAPIError: Any trouble; see `explain`.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        yield connection


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """Let the threads that share an engine write one after the other, each as soon as it can.

    SQLite would have them look again after naps of up to a tenth of a second.
    """
    turn: _Turn | None = engine.get_execution_options().get(_TURN_OPTION)
    # Whoever waits in vain goes on all the same: the database says what is wrong.
    is_mine = turn is not None and turn.lock.acquire(timeout=turn.patience)
    try:
        yield
    finally:
        if turn is not None and is_mine:
            turn.lock.release()


@contextmanager
def explained(
    transaction: AbstractContextManager[Connection],
    engine: Engine,
    *,
    but: tuple[type[DBAPIError], ...] = (),
) -> Iterator[Connection]:
    """Run one transaction; say what is wrong with the database in words for people.

    Args:
        transaction: `begin_serialised(engine)` and the like.
        engine: Whose it is.
        but: Errors that the caller can tell more of; they pass as they are.

    Raises:
        LedgerDatabaseError: The database did not do what was asked.
    """
    try:
        with transaction as connection:
            yield connection
    except but:
        raise
    except DBAPIError as error:
        raise explain(error, engine) from error


def explain(error: DBAPIError, engine: Engine) -> LedgerDatabaseError:
    """Return one line about a database error: what, where and what to do, without a password."""
    where, words = place(engine), _first_line(error, engine)
    code = _code_of(error)
    known = _ADVICE.get("_".join(code.split("_")[:2]))
    if known is not None:
        what, advice = known
        return LedgerDatabaseError(f"cannot use the ledger {where}: {what} ({words}); {advice}")
    if engine.dialect.name == "postgresql" and _is_away(error, code):
        return LedgerDatabaseError(f"cannot reach the ledger {where} ({words}); {_SERVER_AWAY}")
    return LedgerDatabaseError(
        f"the ledger {where} did not do what was asked ({words}); nothing was changed, run again"
    )


def place(engine: Engine) -> str:
    """Return where a ledger is, to be shown: a file, or a URL without password and options."""
    if engine.dialect.name == "sqlite":
        return str(engine.url.database)
    shown = engine.url.set(drivername="postgresql", query={})
    return shown.render_as_string(hide_password=True)


def _code_of(error: DBAPIError) -> str:
    """Return SQLite's name of an error, or PostgreSQL's five characters; "" when it has neither."""
    names = ("sqlite_errorname", "sqlstate")
    return next((code for name in names if (code := getattr(error.orig, name, None))), "")


def _is_away(error: DBAPIError, code: str) -> bool:
    # A connection that fails, for whatever reason, has no code; 57P is a server that goes down.
    trouble = isinstance(error, OperationalError | InterfaceError)
    return trouble and (not code or code.startswith("57P") or error.connection_invalidated)


def _first_line(error: DBAPIError, engine: Engine) -> str:
    words = " ".join(str(error.orig).split("\n")[0].split())
    password = engine.url.password
    return words.replace(str(password), "***") if password else words


def _read_url(url: str | Path) -> URL:
    if isinstance(url, Path):
        return URL.create("sqlite", database=str(url))
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        # Neither the text nor the parser's words: either may hold a password.
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


def _create_engine(url: URL, patience: float) -> Engine:
    if url.drivername == "sqlite":
        return _create_sqlite(url, patience)
    try:
        # Without its parameters, an error of the driver's can't carry a prompt into a log.
        engine = sa.create_engine(
            url, isolation_level="READ COMMITTED", pool_pre_ping=True, hide_parameters=True
        )
    except ImportError as error:
        raise LedgerDatabaseError(
            "a ledger on PostgreSQL needs the psycopg driver, which is not installed; "
            "pip install 'nbp-dagster[postgres]'"
        ) from error

    def limit_waits(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.execute(f"SET lock_timeout = {max(1, int(patience * 1000))}")
        connection.commit()

    sa.event.listen(engine, "connect", limit_waits)
    return engine


def _create_sqlite(url: URL, patience: float) -> Engine:
    path = Path(str(url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerDatabaseError(
            f"cannot make the ledger's folder {path.parent}: {error.strerror}; "
            "set NBP_HOME to a folder that can be written"
        ) from error
    engine = sa.create_engine(
        url,
        # The driver begins a transaction of its own accord only where a statement writes. An event
        # of SQLAlchemy's could begin all of them, and would cost each more than its statement does.
        connect_args={"timeout": patience, "isolation_level": "IMMEDIATE"},
        hide_parameters=True,
        execution_options={_TURN_OPTION: _Turn(patience)},
    )

    def prepare(connection: Any, _entry: ConnectionPoolEntry) -> None:
        # A commit survives a power cut.
        connection.execute("PRAGMA synchronous=FULL")

    sa.event.listen(engine, "connect", prepare)
    return engine


def _bring_up_to_date(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        _let_readers_beside_the_writer(engine)
    with engine.begin() as connection:
        if _read_version(connection) == HEAD:
            return
    with _UPGRADING, begin_serialised(engine) as connection:
        _upgrade(connection, _read_version(connection))


def _let_readers_beside_the_writer(engine: Engine) -> None:
    try:
        _switch_to_wal(engine)
    except DBAPIError as error:
        if _code_of(error) != "SQLITE_BUSY":
            raise
        # Two processes that switch at once do not wait: one is told at once that the file is busy.
        # This one waits for the other's transaction; after it the switch is done, or is free.
        with begin_serialised(engine):
            pass
        _switch_to_wal(engine)


def _switch_to_wal(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")


def _read_version(connection: Connection) -> str | None:
    """Return the last migration that ran; "0001" for a ledger older than migrations."""
    inspector = sa.inspect(connection)
    if inspector.has_table("alembic_version"):
        version = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return None if version is None else str(version)
    return _BEFORE_MIGRATIONS if inspector.has_table("purchases") else None


def _upgrade(connection: Connection, version: str | None) -> None:
    # These take a third of a second to import, and most processes find nothing to upgrade.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "nbp_dagster.studio.ledger:migrations")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise LedgerDatabaseError(
            f"the ledger {place(connection.engine)} has the tables of a newer nbp-dagster "
            f"(version {version}; this one knows up to {HEAD}); upgrade this installation"
        )
    if version == _BEFORE_MIGRATIONS:
        command.stamp(config, version)
    command.upgrade(config, "head")
