"""Our event log writes what Dagster's writes, and gets along with everyone at the same files."""

import json
import multiprocessing
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from nbp_dagster.instance.kept_open import KeptOpenEventLog
from nbp_dagster.project import open_instance
from tests.rigs.dagster_private import (
    AssetObservationData,
    DagsterEvent,
    EngineEventData,
    EventLogCursor,
    EventLogEntry,
    InstanceRef,
    SqlEventLogStorageTable,
    SqliteEventLogStorage,
    StepMaterializationData,
)

Opener = Callable[[Path], dg.DagsterInstance]
KEYS = [f"p{number}" for number in range(7)]
RUN = "11111111-1111-1111-1111-111111111111"
# Seconds until a test gives up on another thread.
PATIENCE = 20.0


@dg.multi_asset(
    specs=[dg.AssetSpec("first", skippable=True), dg.AssetSpec("second", skippable=True)],
    check_specs=[dg.AssetCheckSpec("is_good", asset="second")],
    partitions_def=dg.StaticPartitionsDefinition(KEYS),
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
)
def pictures(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult]:
    for key in context.partition_keys:
        for asset in ("first", "second"):
            tags = {"dagster/data_version": f"{asset} {key}", "dagster/code_version": "1"}
            context.log_event(
                dg.AssetMaterialization(asset, partition=key, metadata={"n": 1}, tags=tags)
            )
        context.log_event(dg.AssetObservation("first", partition=key))
    context.log.info("made")
    yield dg.AssetCheckResult(passed=False, asset_key="second", check_name="is_good")
    raise dg.Failure("one has no image")


@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition(KEYS),
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def returned() -> None:
    """Dagster records its partitions, as one batch."""


def open_dagsters(folder: Path) -> dg.DagsterInstance:
    """Open a home as ours, but with the event log that Dagster takes by itself."""
    open_instance(folder).dispose()
    settings = yaml.safe_load((folder / "dagster.yaml").read_text())
    del settings["event_log_storage"]
    (folder / "bare.yaml").write_text(yaml.dump(settings))
    return dg.DagsterInstance.from_ref(
        InstanceRef.from_dir(str(folder), config_filename="bare.yaml")
    )


def run_everything(opener: Opener, folder: Path, *, run: int = 1) -> None:
    folder.mkdir(exist_ok=True)
    with opener(folder) as instance:
        assert (opener is open_instance) == (type(instance.event_log_storage) is KeptOpenEventLog)
        for number, asset in enumerate((pictures, returned)):
            job = dg.Definitions(assets=[asset], executor=dg.in_process_executor)
            job.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=instance,
                run_id=f"{run}{number}" + RUN[2:],
                tags={
                    "dagster/asset_partition_range_start": KEYS[0],
                    "dagster/asset_partition_range_end": KEYS[-1],
                },
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )


def rows_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every file, without what no two runs share."""
    return {
        f"{path.name} {table}": _rows(path, table)
        for path in sorted((folder / "history" / "runs").glob("*.db"))
        for table in ("event_logs", "asset_keys", "asset_event_tags", "asset_check_executions")
    }


def _rows(path: Path, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        found = [dict(row) for row in database.execute(f"SELECT * FROM {table} ORDER BY id")]
    for row in found:
        for name, value in row.items():
            if name.endswith("timestamp"):
                row[name] = value is None
            elif isinstance(value, str) and value.startswith("{"):
                row[name] = _timeless(json.loads(value))
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        unlike = ("timestamp", "duration_ms", "pid", "message", "user_message", "log_key")
        return {key: _timeless(item) for key, item in value.items() if key not in unlike}
    if isinstance(value, list):
        return [_timeless(item) for item in value]
    return re.sub(r"[\d.]+(ms|s)\b", "...", value) if isinstance(value, str) else value


def materialized(key: str, *, run_id: str = RUN) -> EventLogEntry:
    data = StepMaterializationData(dg.AssetMaterialization("first", partition=key))
    return _entry("ASSET_MATERIALIZATION", data, run_id=run_id)


def observed(key: str, *, timestamp: float) -> EventLogEntry:
    tags = {"dagster/data_version": key}
    data = AssetObservationData(dg.AssetObservation("first", partition=key, tags=tags))
    return _entry("ASSET_OBSERVATION", data, timestamp=timestamp)


def said(words: str) -> EventLogEntry:
    return _entry("ENGINE_EVENT", EngineEventData({}), words=words)


def _entry(
    kind: str, data: Any, *, run_id: str = RUN, timestamp: float = 1.0, words: str = ""
) -> EventLogEntry:
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        user_message=words,
        level=10,
        run_id=run_id,
        timestamp=timestamp,
        job_name="job",
        dagster_event=DagsterEvent(event_type_value=kind, job_name="job", event_specific_data=data),
    )


def partitions_in(folder: Path, file: str) -> list[str]:
    return [row["partition"] for row in _rows(folder / f"{file}.db", "event_logs")]


@contextmanager
def opened(folder: Path) -> Iterator[KeptOpenEventLog]:
    log = KeptOpenEventLog(str(folder))
    try:
        yield log
    finally:
        log.dispose()


@pytest.mark.parametrize("batch", ["0", "3", "500"])
def test_the_rows_are_those_dagster_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: str
) -> None:
    run_everything(open_dagsters, tmp_path / "dagsters")
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", batch)
    run_everything(open_instance, tmp_path / "ours")

    ours, theirs = rows_of(tmp_path / "ours"), rows_of(tmp_path / "dagsters")

    assert len(ours["index.db asset_event_tags"]) == 3 * len(KEYS)
    assert len(ours["index.db asset_check_executions"]) == 1
    assert ours == theirs


def test_a_new_file_has_the_tables_that_dagster_makes(tmp_path: Path) -> None:
    with opened(tmp_path / "ours") as log:
        log.store_event(said("first"))
    theirs = SqliteEventLogStorage(str(tmp_path / "dagsters"))
    theirs.store_event(said("first"))

    for file in ("index.db", f"{RUN}.db"):
        # The index is made by Dagster, the run's file by us.
        assert made_in(tmp_path / "ours" / file) == made_in(tmp_path / "dagsters" / file)


def made_in(path: Path) -> tuple[set[str], list[str], str]:
    """Tables and indexes, the version they are at, and the kind of journal."""
    with closing(sqlite3.connect(path)) as connection:
        parts = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        [[journal]] = connection.execute("PRAGMA journal_mode")
        versions = connection.execute("SELECT version_num FROM alembic_version")
        return (
            {re.sub(r"\s+", " ", sql).replace(" ,", ",") for [sql] in parts},
            [version for [version] in versions],
            journal,
        )


def test_a_home_changes_to_our_event_log_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
    for run, opener in enumerate((open_dagsters, open_instance, open_dagsters)):
        run_everything(opener, tmp_path / "changing", run=run)
        run_everything(open_dagsters, tmp_path / "dagsters", run=run)

    assert rows_of(tmp_path / "changing") == rows_of(tmp_path / "dagsters")
    with open_instance(tmp_path / "changing") as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("second")) == set(KEYS)


def test_a_mixed_batch_leaves_an_asset_as_single_events_do(tmp_path: Path) -> None:
    events = [
        observed("p0", timestamp=5.0),
        materialized("p0"),
        said("in between"),
        materialized("elsewhere", run_id="another"),
        observed("p1", timestamp=2.0),
        materialized("p1"),
        materialized("p2"),
        observed("p2", timestamp=3.0),
    ]
    dagsters = SqliteEventLogStorage(str(tmp_path / "dagsters"))
    for event in events:
        dagsters.store_event(event)

    with opened(tmp_path / "ours") as log:
        log.store_event_batch(events)

    for file in (RUN, "another", "index"):
        for table in ("event_logs", "asset_event_tags", "asset_keys"):
            columns = "*" if table != "asset_keys" else _ASSET_COLUMNS
            ours, theirs = (
                _select(tmp_path / home / f"{file}.db", f"SELECT {columns} FROM {table}")
                for home in ("ours", "dagsters")
            )
            assert ours == theirs, (file, table)


# All that an event writes.
_ASSET_COLUMNS = "id, asset_key, last_materialization, last_run_id, last_materialization_timestamp"


def _select(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return list(database.execute(f"{query} ORDER BY id"))


def test_a_result_left_half_read_keeps_no_transaction_open(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.store_event_batch([materialized(key) for key in KEYS])
        with log.index_connection() as connection:
            half_read = connection.execute(SqlEventLogStorageTable.select())
            half_read.fetchone()
        log.store_event(materialized("later"))
        with closing(sqlite3.connect(tmp_path / "index.db")) as other:
            busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

        # A reader anywhere would have kept the log from being emptied.
        assert not busy


def test_looking_at_many_runs_keeps_few_files_open(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not list open files")
    runs = [f"run{number}" for number in range(30)]
    with opened(tmp_path) as log:
        for run_id in runs:
            log.store_event(materialized("p", run_id=run_id))
        for run_id in runs:
            assert len(log.get_records_for_run(run_id).records) == 1

        assert len(_open_files(descriptors, tmp_path)) <= 3 * 9
    assert _open_files(descriptors, tmp_path) == []


def _open_files(descriptors: Path, folder: Path) -> list[Path]:
    targets = []
    for descriptor in descriptors.iterdir():
        try:
            targets.append(descriptor.readlink())
        except FileNotFoundError:
            continue
    return [target for target in targets if target.is_relative_to(folder)]


def test_files_that_another_process_wiped_are_made_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as log, opened(tmp_path) as other:
        log.store_event(materialized("before"))
        other.wipe()

        log.store_event_batch([materialized("after"), materialized("after too")])

        assert len(other.get_records_for_run(RUN).records) == 2
    assert partitions_in(tmp_path, "index") == ["after", "after too"]


def test_threads_and_dagsters_own_class_write_at_once(tmp_path: Path) -> None:
    def write(log: SqliteEventLogStorage, name: str) -> None:
        for number in range(10):
            log.store_event_batch([materialized(f"{name} {number} {part}") for part in "ab"])

    dagsters = SqliteEventLogStorage(str(tmp_path))
    with opened(tmp_path) as log:
        threads = [
            threading.Thread(target=write, args=(writer, f"{number}"))
            for number, writer in enumerate((log, log, log, dagsters))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)

    expected = sorted(f"{name} {n} {part}" for name in range(4) for n in range(10) for part in "ab")
    assert sorted(partitions_in(tmp_path, RUN)) == expected
    assert sorted(partitions_in(tmp_path, "index")) == expected


def test_a_forked_child_opens_its_own_connections(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.store_event(materialized("parent"))
        parents = _connection_of(log)

        def write() -> None:
            log.store_event(materialized("child"))
            assert _connection_of(log) is not parents

        child = multiprocessing.get_context("fork").Process(target=write)
        child.start()
        child.join(PATIENCE)
        log.store_event(materialized("parent again"))

        assert child.exitcode == 0
    assert partitions_in(tmp_path, "index") == ["parent", "child", "parent again"]


def _connection_of(log: KeptOpenEventLog) -> object:
    with log.index_connection() as connection:
        return connection.connection.driver_connection


def test_one_event_that_is_refused_leaves_the_others_stored_once(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.store_event(materialized("p0"))
        with closing(sqlite3.connect(tmp_path / "index.db")) as database:
            database.execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON event_logs WHEN NEW.partition = 'bad' "
                "BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )

        with pytest.raises(Exception, match="refused"):
            log.store_event_batch([materialized(key) for key in ("p1", "p2", "bad")])

    assert partitions_in(tmp_path, "index") == ["p0", "p1", "p2"]
    assert partitions_in(tmp_path, RUN) == ["p0", "p1", "p2"]


@pytest.mark.parametrize("watcher", [KeptOpenEventLog, SqliteEventLogStorage])
def test_who_watches_a_run_hears_of_events_at_once(
    tmp_path: Path, watcher: type[SqliteEventLogStorage]
) -> None:
    heard: list[str] = []
    complete = threading.Event()

    def listen(event: EventLogEntry, cursor: str) -> None:
        assert EventLogCursor.parse(cursor).is_id_cursor()
        heard.append(str(event.get_dagster_event().partition))
        if len(heard) == 3:
            complete.set()

    with opened(tmp_path) as log:
        log.store_event(materialized("p0"))
        watching = watcher(str(tmp_path))
        watching.watch(RUN, None, listen)
        log.store_event_batch([materialized("p1"), materialized("p2")])

        assert complete.wait(PATIENCE), heard
        watching.end_watch(RUN, listen)
        watching.dispose()
    assert heard == ["p0", "p1", "p2"]
