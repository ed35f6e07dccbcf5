"""Dagster's SQLite event log with connections kept open, and batches written as batches.

Dagster's own class opens a database, looks at its tables, and syncs the disk twice for every single
event; a run over a thousand prompts writes six thousand. This one writes the same rows to the same
files, so that a home can change from one to the other and back. `event_log` says when it is used.
"""

import logging
import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from weakref import WeakSet

import dagster as dg
from sqlalchemy import (
    Column,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    create_engine,
    func,
    inspect,
    select,
)
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from nbp_dagster._dagster_private import (
    ASSET_EVENTS,
    INDEX_SHARD_NAME,
    AssetKeyTable,
    ConfigurableClassData,
    SqlEventLogStorageMetadata,
    SqlEventLogStorageTable,
)
from nbp_dagster.instance.home_event_log import HomeEventLog
from nbp_dagster.lock_waits import HomeConnection, WaitingCursor

# As Dagster waits for a file that another process writes.
_BUSY_TIMEOUT_SECONDS = 30
# Runs whose files stay open; a web server looks at any number of them in its life.
_RUNS_KEPT_OPEN = 8

_INSERT_EVENTS = SqlEventLogStorageTable.insert()
_LAST_ID = select(func.last_insert_rowid())

# An `EventLogRecord`, serialised.
_RECORD = '{{"__class__": "EventLogRecord", "event_log_entry": {event}, "storage_id": {id}}}'

# As Alembic makes it.
_VERSIONS = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

_log = logging.getLogger(__name__)


class _ClosingConnection(HomeConnection):
    """Remembers its cursors: one left half read would hold a read transaction open for ever."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()

    def cursor(self, factory: Any = WaitingCursor) -> Any:
        cursor = super().cursor(factory)
        self._cursors.add(cursor)
        return cursor

    def close_cursors(self) -> None:
        for cursor in list(self._cursors):
            cursor.close()
        self._cursors.clear()


@dataclass(frozen=True)
class _Stored:
    """An event in the index.

    Attributes:
        event: The event.
        id: Its storage id.
        text: How it was serialised.
    """

    event: dg.EventLogEntry
    id: int
    text: str


@dataclass(frozen=True)
class _Shard:
    """One open database file.

    Attributes:
        connection: Idle between uses, without a transaction.
        identity: Device and inode of the file it was opened on.
    """

    connection: Connection
    identity: tuple[int, int]

    @property
    def driver(self) -> _ClosingConnection:
        driver = self.connection.connection.driver_connection
        assert isinstance(driver, _ClosingConnection)
        return driver


class KeptOpenEventLog(HomeEventLog):
    """The rows of `SqliteEventLogStorage`, for a tenth of the time.

    Disks are synced when SQLite folds its write-ahead log into the file, not at each event: a power
    cut may cost the last events, never the file. Money is in the ledger, which is synced.

    Args:
        base_dir: Folder of the database files; Dagster's usual one within its home when None, known
            as soon as an instance takes this storage.
        inst_data: How Dagster was configured to make this.
    """

    def __init__(
        self, base_dir: str | None = None, inst_data: ConfigurableClassData | None = None
    ) -> None:
        self._shards: OrderedDict[str, _Shard] = OrderedDict()
        self._process = os.getpid()
        self._abandoned: list[_Shard] = []
        self._tables: set[str] = set()
        self._columns: set[str] = set()
        # What a new file's tables are at; None until Dagster has made one.
        self._revision: str | None = None
        super().__init__(base_dir, inst_data)

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store one event, in the run's file and, when others ask for it, in the index."""
        if _is_of_asset(event):
            self._store_asset_events(event.run_id, [event])
        else:
            super().store_event(event)

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events in their order, those of assets together."""
        # Dagster's class for SQLite writes a batch one by one: dagster-io/dagster#19829.
        for (run_id, is_of_asset), members in groupby(events, key=_kind):
            group = list(members)
            if is_of_asset and self._try_together(run_id, group):
                continue
            try:
                for event in group:
                    self.store_event(event)
            except DBAPIError as error:
                # Dagster prints it: the driver's own words, without the rows.
                raise (error.orig or error) from None

    def _try_together(self, run_id: str, events: Sequence[dg.EventLogEntry]) -> bool:
        try:
            self._store_asset_events(run_id, events)
        except SQLAlchemyError as error:
            # Raised, it would make Dagster store the whole batch again, also what is there already.
            words = getattr(error, "orig", None) or error
            _log.warning("%d events not stored together, now one by one: %s", len(events), words)
            return False
        return True

    def _store_asset_events(self, run_id: str, events: Sequence[dg.EventLogEntry]) -> None:
        # Both files are written before either commits: neither keeps what the other refuses.
        with self._using(run_id, INDEX_SHARD_NAME) as (run, index):
            rows = [self._event_to_row(event) for event in events]
            run.execute(_INSERT_EVENTS, rows)
            index.execute(_INSERT_EVENTS, rows)
            last = index.execute(_LAST_ID).scalar_one()
            # Within one transaction SQLite numbers rows without a gap.
            ids = range(last - len(events) + 1, last + 1)
            self._store_asset_event_tags(index, events, ids)
            texts = [str(row["event"]) for row in rows]
            stored = list(map(_Stored, events, ids, texts))
            self._update_assets(index, stored)

    def _update_assets(self, index: Connection, stored: Sequence["_Stored"]) -> None:
        """Write each asset's row once, as it would be after all its events.

        What a kind of event writes is overwritten by the next of its kind.
        """
        latest: dict[tuple[str, str], _Stored] = {}
        values: dict[str, dict[str, Any]] = {}
        for item in stored:
            dagster_event = item.event.get_dagster_event()
            if dagster_event.asset_key is None:
                continue
            asset = dagster_event.asset_key.to_string()
            values.setdefault(asset, {})
            latest.pop((asset, dagster_event.event_type_value), None)
            latest[asset, dagster_event.event_type_value] = item
        has_columns = self._has_asset_key_index_cols_on_connection(index)
        for (asset, _), item in latest.items():
            values[asset].update(self._asset_values(item, has_columns))
        for asset, row in values.items():
            if row:
                known = AssetKeyTable.update().where(AssetKeyTable.c.asset_key == asset)
                if index.execute(known.values(**row)).rowcount == 0:
                    index.execute(AssetKeyTable.insert().values(asset_key=asset, **row))

    def _asset_values(self, stored: "_Stored", has_columns: bool) -> dict[str, Any]:
        event = stored.event
        if not event.get_dagster_event().is_step_materialization:
            return self._get_asset_entry_values(event, stored.id, has_columns)
        # Dagster's own words; it would serialise the event, a third of its cost, a second time.
        values: dict[str, Any] = {
            "last_materialization": _RECORD.format(event=stored.text, id=stored.id),
            "last_run_id": event.run_id,
        }
        if has_columns:
            values["last_materialization_timestamp"] = datetime.fromtimestamp(event.timestamp, UTC)
        return values

    def has_table(self, table_name: str) -> bool:
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        if column_name not in self._columns and super()._has_asset_key_col_on_connection(
            conn, column_name
        ):
            self._columns.add(column_name)
        return column_name in self._columns

    def wipe(self) -> None:
        self._close_shards()
        super().wipe()

    def dispose(self) -> None:
        self._close_shards()
        super().dispose()

    def _close_shards(self) -> None:
        with self._db_lock:
            for name in list(self._shards):
                self._discard(name)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._using(shard) as (connection,):
            yield connection

    @contextmanager
    def _using(self, *names: str) -> Iterator[list[Connection]]:
        """Lend connections with a transaction each, committed in this order at the end."""
        with self._db_lock:
            shards = [self._open(name) for name in names]
            changes = [shard.driver.total_changes for shard in shards]
            try:
                transactions = [shard.connection.begin() for shard in shards]
                yield [shard.connection for shard in shards]
                for transaction in transactions:
                    transaction.commit()
                for shard in shards:
                    shard.driver.close_cursors()
            except BaseException:
                # Closed, it rolls back; the next use opens anew.
                for name in names:
                    self._discard(name)
                raise
            for name, shard, before in zip(names, shards, changes, strict=True):
                if shard.driver.total_changes != before:
                    self._announce(name)

    def _announce(self, name: str) -> None:
        """Have those who watch the file look at it: what was written is in its log beside it.

        Dagster's class closes the file each time, which writes to it; the UI's live log waits for
        that.
        """
        os.utime(self.path_for_shard(name))

    def _open(self, name: str) -> _Shard:
        self._leave_parent()
        path = self.path_for_shard(name)
        shard = self._shards.get(name)
        if shard is not None and shard.identity == _identity(path):
            self._shards.move_to_end(name)
            return shard
        if shard is not None:
            self._discard(name)
        shard = self._shards[name] = self._open_file(name, path)
        runs = [other for other in self._shards if other != INDEX_SHARD_NAME]
        for other in runs[:-_RUNS_KEPT_OPEN]:
            self._discard(other)
        return shard

    def _open_file(self, name: str, path: str) -> _Shard:
        engine = create_engine(
            self.conn_string_for_shard(name),
            poolclass=NullPool,
            connect_args={
                "timeout": _BUSY_TIMEOUT_SECONDS,
                "factory": _ClosingConnection,
                # One thread at a time: the storage's lock sees to it.
                "check_same_thread": False,
            },
        )
        if name not in self._initialized_dbs or _identity(path) is None:
            self._initdb(engine)
            self._initialized_dbs.add(name)
        connection = engine.connect()
        connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
        connection.rollback()
        identity = _identity(path)
        assert identity is not None, path
        return _Shard(connection, identity)

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        """Make a file's tables, where it has none; Dagster reads all its migrations for that."""
        try:
            with engine.connect() as connection:
                tables = set(inspect(connection).get_table_names())
                if _VERSIONS.name in tables and connection.scalar(select(_VERSIONS)):
                    return
            if not tables and self._revision is not None:
                self._make_tables(engine, self._revision)
                return
        except SQLAlchemyError as error:
            # Another process makes them at this moment: Dagster waits for it.
            _log.debug("%s is left to Dagster: %s", engine.url.database, error)
            tables = {"unknown"}
        super()._initdb(engine, for_index_shard)
        if not tables:
            with engine.connect() as connection:
                self._revision = connection.scalar(select(_VERSIONS))

    @staticmethod
    def _make_tables(engine: Engine, revision: str) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        with engine.begin() as connection:
            SqlEventLogStorageMetadata.create_all(connection)
            # Last: a file without it is looked at again.
            _VERSIONS.create(connection)
            connection.execute(_VERSIONS.insert().values(version_num=revision))

    def _discard(self, name: str) -> None:
        shard = self._shards.pop(name, None)
        if shard is not None:
            shard.connection.close()

    def _leave_parent(self) -> None:
        """Use none of the connections a fork has copied: closing one could break its owner's."""
        if self._process != os.getpid():
            self._abandoned.extend(self._shards.values())
            self._shards.clear()
            self._process = os.getpid()


def _kind(event: dg.EventLogEntry) -> tuple[str, bool]:
    return event.run_id, _is_of_asset(event)


def _is_of_asset(event: dg.EventLogEntry) -> bool:
    return event.is_dagster_event and event.dagster_event_type in ASSET_EVENTS


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
