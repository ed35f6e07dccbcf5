"""Every private name of Dagster that the tests use, each with the reason."""

# A class's configuration judged without making one, which would open a connection.
from dagster._config import process_config

# What the staleness shown in the UI is computed by.
from dagster._core.definitions.data_version import CachingStaleStatusResolver

# What a sensor's tick hears of each run.
from dagster._core.definitions.run_request import DagsterRunReaction

# Events written by hand: of one batch, without a step, or past the end of a run; and what was
# recorded of a check for one partition. A run's failure with its reason, as an executor ends it.
from dagster._core.event_api import EventLogCursor, PartitionKeyFilter
from dagster._core.events import (
    AssetObservationData,
    DagsterEvent,
    DagsterEventType,
    EngineEventData,
    JobFailureData,
    RunFailureReason,
    StepMaterializationData,
)
from dagster._core.events.log import EventLogEntry

# What the webserver writes down when a backfill is asked for.
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

# A home opened with another settings file than `dagster.yaml`.
from dagster._core.instance.ref import InstanceRef

# Events that belong to no run.
from dagster._core.instance.utils import RUNLESS_JOB_NAME, RUNLESS_RUN_ID

# What the staleness resolver reads through.
from dagster._core.loader import LoadingContextForTest

# A code server, asked as the webserver does.
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin

# What the webserver is sent of a code location, searched for secrets and weighed.
from dagster._core.remote_representation.external_data import RepositorySnap

# Dagster's own event logs, which ours is compared with.
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

# An hour that passes at once, for the daemon's look at pools.
from dagster._core.test_utils import freeze_time
from dagster._daemon.monitoring.concurrency import execute_concurrency_slots_iteration

# What the run launcher puts into a broker, for a message that comes a second time.
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import pack_value

# The oracle of our own check of cron expressions.
from dagster._utils.schedules import is_valid_cron_schedule

# Where a code location's libraries are listed.
from dagster_shared.libraries import DagsterLibraryRegistry

__all__ = [
    "RUNLESS_JOB_NAME",
    "RUNLESS_RUN_ID",
    "AssetObservationData",
    "BulkActionStatus",
    "CachingStaleStatusResolver",
    "DagsterEvent",
    "DagsterEventType",
    "DagsterLibraryRegistry",
    "DagsterRunReaction",
    "EngineEventData",
    "EventLogCursor",
    "EventLogEntry",
    "ExecuteRunArgs",
    "GrpcServerCodeLocationOrigin",
    "InstanceRef",
    "JobFailureData",
    "LoadingContextForTest",
    "PartitionBackfill",
    "PartitionKeyFilter",
    "RepositorySnap",
    "RunFailureReason",
    "SqlEventLogStorage",
    "SqlEventLogStorageTable",
    "SqliteEventLogStorage",
    "StepMaterializationData",
    "execute_concurrency_slots_iteration",
    "freeze_time",
    "is_valid_cron_schedule",
    "pack_value",
    "process_config",
]
