"""Every private name of Dagster that this package uses, each with the reason.

Private is what `dagster` and `dagster.components` do not export. An upgrade of Dagster is checked
here: the names imported below, and the members that the functions below call.

Each import stands alone: a name that another Dagster lacks fails the modules that ask for it, not
this one, so that the event log of a home can still fall back to Dagster's own
(`nbp_dagster.instance.event_log`).

Private members that are used elsewhere:

- `nbp_dagster.assets.step`: `RepositoryDefinition.get_top_level_resources`, for a sensor that opens
  a resource only when it needs it;
- `nbp_dagster.instance.celery_launcher`, a subclass of Dagster's launcher: `_instance`;
- `nbp_dagster.instance.home_event_log`, a subclass of Dagster's storage: `_base_dir`;
- `nbp_dagster.instance.kept_open`, a subclass of that: overrides `_connect`, `_initdb` and
  `_has_asset_key_col_on_connection`, and uses `_db_lock`, `_initialized_dbs`, `_event_to_row`,
  `_get_asset_entry_values`, `_has_asset_key_index_cols_on_connection`, `_store_asset_event_tags`,
  `path_for_shard` and `conn_string_for_shard`.

Strings that Dagster reads, the tags that begin with `dagster/`, stand where they are used:
`nbp_dagster.assets.materializations`, `nbp_dagster.assets.partitions`,
`nbp_dagster.automation.notifications` and `nbp_dagster.resources.studio`.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import dagster as dg

# For the event log of a home: the class it extends, and the types in the signatures it overrides.
with suppress(ImportError):
    from dagster._core.storage.event_log import SqliteEventLogStorage
with suppress(ImportError):
    from dagster._config.config_schema import UserConfigSchema
with suppress(ImportError):
    from dagster._serdes import ConfigurableClassData
# Its tables, which it writes many rows at a time.
with suppress(ImportError):
    from dagster._core.storage.event_log.schema import (
        AssetKeyTable,
        SqlEventLogStorageMetadata,
        SqlEventLogStorageTable,
    )
# Its rows of checks; see `forget_runless_evaluations`.
with suppress(ImportError):
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
# The id of events that no run made.
with suppress(ImportError):
    from dagster._core.instance.utils import RUNLESS_RUN_ID
# Which events go into the index as well as into the run's file.
with suppress(ImportError):
    from dagster._core.events import ASSET_EVENTS
# The index's name among the files.
with suppress(ImportError):
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME

# What `dg.define_asset_job` returns; it has no public name for annotations.
with suppress(ImportError):
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )
# The statuses of a run that is begun and not ended; 1.13.0 has one less than 1.13.27.
with suppress(ImportError):
    from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
# Marks the events of one batch, so that they are written together.
with suppress(ImportError):
    from dagster._core.events import DagsterEventBatchMetadata
# What a run's failure event holds; the public property does not say that it may be missing.
with suppress(ImportError):
    from dagster._core.events import JobFailureData
# An error as events hold it, for annotations.
with suppress(ImportError):
    from dagster_shared.error import SerializableErrorInfo
# Tells an asset's function that is called by itself, as in a test, from one in a run.
with suppress(ImportError):
    from dagster._core.execution.context.invocation import DirectOpExecutionContext
# Adds this package to the libraries of a code location, as integrations do; `dagster` has the name
# without exporting it to type checkers.
with suppress(ImportError):
    from dagster_shared.libraries import DagsterLibraryRegistry
# What settings that name no class of a package raise; `dagster` has it without exporting it.
with suppress(ImportError):
    from dagster_shared.check import CheckError
# Opens an instance with settings beside those of its file; the public `from_config` takes none.
with suppress(ImportError):
    from dagster._core.instance.ref import InstanceRef

__all__ = [
    "ASSET_EVENTS",
    "INDEX_SHARD_NAME",
    "IN_PROGRESS_RUN_STATUSES",
    "RUNLESS_RUN_ID",
    "AssetCheckExecutionsTable",
    "AssetKeyTable",
    "CheckError",
    "ConfigurableClassData",
    "DagsterLibraryRegistry",
    "DirectOpExecutionContext",
    "JobFailureData",
    "SerializableErrorInfo",
    "SqlEventLogStorageMetadata",
    "SqlEventLogStorageTable",
    "SqliteEventLogStorage",
    "UnresolvedAssetJobDefinition",
    "UserConfigSchema",
    "forget_runless_evaluations",
    "free_pool_slots",
    "full_pool_runs",
    "latest_record_id",
    "latest_tags",
    "leave_out_unlooked_checks",
    "open_without_compute_logs",
    "store_materializations",
    "target_partitions",
    "waits_for_pool",
]

# As `dagster.yaml` would name it: settings name a class by its module.
_NO_COMPUTE_LOGS = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}


def open_without_compute_logs(folder: Path) -> dg.DagsterInstance:
    """Open the instance of a folder, whatever its `dagster.yaml` says of compute logs."""
    ref = InstanceRef.from_dir(str(folder), overrides={"compute_logs": _NO_COMPUTE_LOGS})
    return dg.DagsterInstance.from_ref(ref)


def replace_console_logger(make_logger: Callable[[dg.InitLoggerContext], logging.Logger]) -> None:
    """Have the runs of this process write to what a function returns, in place of coloured lines.

    Dagster takes a code location's own loggers only for runs whose config names them, which those
    of its daemon and UI do not.
    """
    dg.colored_console_logger._logger_fn = make_logger


def latest_record_id(instance: dg.DagsterInstance) -> int:
    """Return the storage id of the newest event, 0 without any; only the storage knows it."""
    return instance.event_log_storage.get_maximum_record_id() or 0


def latest_tags(
    instance: dg.DagsterInstance, asset: dg.AssetKey, tag: str, partitions: Iterable[str]
) -> dict[str, str]:
    """Return a tag of the latest materialization, by partition; empty where it has none.

    The public way reads one partition at a time.
    """
    found = instance.event_log_storage.get_latest_tags_by_partition(
        asset,
        event_type=dg.DagsterEventType.ASSET_MATERIALIZATION,
        tag_keys=[tag],
        asset_partitions=list(partitions),
    )
    return {partition: tags.get(tag, "") for partition, tags in found.items()}


def forget_runless_evaluations(
    instance: dg.DagsterInstance, evaluations: Iterable[dg.AssetCheckEvaluation]
) -> None:
    """Make room for evaluations of partitions that no run makes.

    Dagster keeps one row for each check, partition and run, and inserts those of no run: the second
    evaluation of a partition breaks its unique index, and the sensor that reported it would report
    it at every tick to come. The row before it goes; its event stays in the log.
    """
    storage = instance.event_log_storage
    if not hasattr(storage, "index_connection"):
        # Another storage than Dagster's own tables.
        return
    rows = AssetCheckExecutionsTable.c
    with storage.index_connection() as connection:
        for each in evaluations:
            if each.partition is not None:
                connection.execute(
                    AssetCheckExecutionsTable.delete().where(
                        rows.asset_key == each.asset_key.to_string(),
                        rows.check_name == each.check_name,
                        rows.run_id == RUNLESS_RUN_ID,
                        rows.partition == each.partition,
                    )
                )


class _WithoutOmittedOutputs(logging.Filter):
    """Leaves out Dagster's line on checks that a step has not evaluated."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "did not yield or return expected outputs" not in record.getMessage()


def leave_out_unlooked_checks(context: dg.AssetExecutionContext) -> None:
    """Keep a step's log free of Dagster's line on outputs that it did not yield.

    Dagster takes a check that looked at nothing for an output that is missing, and has no public
    way to say that it may be; the step says in plain words which checks have no verdict, and why.
    """
    context.log.addFilter(_WithoutOmittedOutputs())


def free_pool_slots(instance: dg.DagsterInstance, run_id: str) -> None:
    """Free a run's slots in concurrency pools; a daemon does so only where it is set to."""
    instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def full_pool_runs(instance: dg.DagsterInstance, pool: str) -> tuple[str, ...]:
    """Return the ids of the runs that hold a full concurrency pool; empty while it has a place."""
    info = instance.event_log_storage.get_concurrency_info(pool)
    if not info.slot_count or info.active_slot_count < info.slot_count:
        # Without slots it has never been used: its limit comes with its first claim.
        return ()
    return tuple(sorted(info.active_run_ids))


def waits_for_pool(instance: dg.DagsterInstance, pool: str, run_id: str) -> bool:
    """Return whether a step of a run waits for a place in a concurrency pool."""
    return run_id in instance.event_log_storage.get_concurrency_info(pool).pending_run_ids


def store_materializations(
    context: dg.AssetExecutionContext, materializations: Iterable[dg.AssetMaterialization]
) -> None:
    """Store materializations as one batch; `context.log_event` stores each by itself."""
    # There is no public way to write many at once: dagster-io/dagster#19829.
    # All are made first: a batch that is never ended would not be written.
    batch, members = str(uuid4()), list(materializations)
    step = context.op_execution_context.get_step_execution_context()
    for number, materialization in enumerate(members, start=1):
        metadata = DagsterEventBatchMetadata(batch, number == len(members))
        dg.DagsterEvent.asset_materialization(step, materialization, metadata)


def target_partitions(
    instance: dg.DagsterInstance, backfill_id: str, asset: dg.AssetKey
) -> frozenset[str]:
    """Return the partitions of an asset that a backfill was asked for; its data is not public."""
    backfill = instance.get_backfill(backfill_id)
    data = None if backfill is None else backfill.asset_backfill_data
    if data is None or asset not in data.target_subset.partitions_subsets_by_asset_key:
        return frozenset()
    return frozenset(data.target_subset.get_partitions_subset(asset).get_partition_keys())
