"""What people do and see in Dagster's UI, done by its GraphQL on a running Dagster."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.rigs.processes import DagsterDev, wait_for

PROMPT_ASSETS = ("image_requests", "generated_images", "channel_images")
_LOCATION = {"repositoryLocationName": "nbp_dagster", "repositoryName": "__repository__"}
ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})

_LAUNCH_RUN = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { id } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
  }
}
"""
_REEXECUTE = """
mutation ($params: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { id } }
    ... on PythonError { message }
  }
}
"""
_TERMINATE = """
mutation ($id: String!) {
  terminateRun(runId: $id) { __typename ... on TerminateRunFailure { message } }
}
"""
_LAUNCH_BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_RUNS = """
query {
  runsOrError {
    ... on Runs {
      results { id status parentRunId assetSelection { path } tags { key value } }
    }
  }
}
"""
_EVENTS = """
query ($id: ID!) {
  runOrError(runId: $id) {
    ... on Run {
      eventConnection {
        events {
          ... on MessageEvent { message }
          ... on ExecutionStepFailureEvent {
            failureMetadata {
              description
              metadataEntries { label ... on TableMetadataEntry { table { records } } }
            }
          }
        }
      }
    }
  }
}
"""
_BACKFILL_RUNS = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { runs { id } }
  }
}
"""
_BACKFILL_COUNTS = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill {
      assetBackfillData {
        assetBackfillStatuses {
          ... on AssetPartitionsStatusCounts {
            assetKey { path } numPartitionsMaterialized numPartitionsFailed
          }
        }
      }
    }
  }
}
"""
_START_SCHEDULE = """
mutation ($selector: ScheduleSelector!) {
  answer: startSchedule(scheduleSelector: $selector) {
    __typename ... on ScheduleStateResult { scheduleState { id } } ... on PythonError { message }
  }
}
"""
_STOP_SCHEDULE = """
mutation ($id: String!) {
  answer: stopRunningSchedule(id: $id) { __typename ... on PythonError { message } }
}
"""
_RELOAD = """
mutation ($name: String!) {
  reloadRepositoryLocation(repositoryLocationName: $name) {
    __typename ... on WorkspaceLocationEntry { locationOrLoadError { __typename } }
  }
}
"""
_PARTITIONS = """
query ($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) {
    ... on AssetNode {
      partitionKeys
      staleStatusByPartition
      assetPartitionStatuses {
        ... on DefaultPartitionStatuses { materializedPartitions failedPartitions }
      }
    }
  }
}
"""


@dataclass(frozen=True)
class Run:
    """A run as the list of runs shows it."""

    id: str
    status: str
    parent: str | None
    assets: frozenset[str]
    tags: dict[str, str]

    @property
    def partition(self) -> str | None:
        """The one partition it is about."""
        return self.tags.get("dagster/partition")


@dataclass(frozen=True)
class Partitions:
    """The partitions of an asset, as its page colours them."""

    made: frozenset[str]
    failed: frozenset[str]
    stale: frozenset[str]


@dataclass(frozen=True)
class Failure:
    """What a failed step says: one line, and a row for each prompt without an image."""

    description: str
    rows: tuple[dict[str, str], ...]


@dataclass(frozen=True)
class Operator:
    """Somebody at Dagster's UI."""

    dev: DagsterDev

    def launch(self, first: str, last: str, **config: Any) -> str:
        """Start one run over a range of prompts, as the launch dialog does; return its id.

        Args:
            first: First prompt of the range.
            last: Last prompt of the range.
            config: Of the paid step.
        """
        params = {
            "runConfigData": {"ops": {"prompt_images": {"config": config}}},
            "selector": {
                **_LOCATION,
                "pipelineName": "__ASSET_JOB",
                "assetSelection": [{"path": [asset]} for asset in PROMPT_ASSETS],
            },
            "executionMetadata": {
                "tags": [
                    {"key": "dagster/asset_partition_range_start", "value": first},
                    {"key": "dagster/asset_partition_range_end", "value": last},
                ]
            },
        }
        return self._started(self.dev.query(_LAUNCH_RUN, params=params)["launchRun"])

    def reexecute(self, run_id: str) -> str:
        """Press "Re-execute from failure" on a run; return the new one's id."""
        params = {"parentRunId": run_id, "strategy": "FROM_FAILURE"}
        answer = self.dev.query(_REEXECUTE, params=params)
        return self._started(answer["launchRunReexecution"])

    def reload(self) -> None:
        """Press "Reload definitions"."""
        answer = self.dev.query(_RELOAD, name="nbp_dagster")["reloadRepositoryLocation"]
        assert answer["__typename"] == "WorkspaceLocationEntry", answer
        assert answer["locationOrLoadError"]["__typename"] == "RepositoryLocation", answer

    def start_schedule(self, name: str) -> str:
        """Switch a schedule on; return its id."""
        selector = {**_LOCATION, "scheduleName": name}
        answer = self.dev.query(_START_SCHEDULE, selector=selector)["answer"]
        assert answer["__typename"] == "ScheduleStateResult", answer
        return str(answer["scheduleState"]["id"])

    def stop_schedule(self, identity: str) -> None:
        """Switch a schedule off, by the id that `start_schedule` gave."""
        answer = self.dev.query(_STOP_SCHEDULE, id=identity)["answer"]
        assert answer["__typename"] == "ScheduleStateResult", answer

    def terminate(self, run_id: str) -> None:
        """Cancel a run."""
        answer = self.dev.query(_TERMINATE, id=run_id)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer

    def backfill(self, assets: Sequence[str], keys: Sequence[str]) -> str:
        """Launch a backfill; return its id. Dagster begins with it within 30 seconds."""
        params = {
            "assetSelection": [{"path": [asset]} for asset in assets],
            "partitionNames": list(keys),
        }
        answer = self.dev.query(_LAUNCH_BACKFILL, params=params)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def runs(self) -> list[Run]:
        """All runs, the newest first."""
        return [
            Run(
                id=found["id"],
                status=found["status"],
                parent=found["parentRunId"],
                assets=frozenset(item["path"][-1] for item in found["assetSelection"] or ()),
                tags={item["key"]: item["value"] for item in found["tags"]},
            )
            for found in self.dev.query(_RUNS)["runsOrError"]["results"]
        ]

    def run(self, run_id: str) -> Run:
        """One run as it is now."""
        return next(run for run in self.runs() if run.id == run_id)

    def runs_of(self, backfill: str) -> list[Run]:
        """The runs of a backfill so far."""
        answer = self.dev.query(_BACKFILL_RUNS, id=backfill)["partitionBackfillOrError"]
        wanted = {found["id"] for found in answer["runs"]}
        return [run for run in self.runs() if run.id in wanted]

    def counts(self, backfill: str, asset: str) -> tuple[int, int]:
        """Partitions of an asset that a backfill counts as materialized and as failed."""
        answer = self.dev.query(_BACKFILL_COUNTS, id=backfill)["partitionBackfillOrError"]
        for row in answer["assetBackfillData"]["assetBackfillStatuses"]:
            if row["assetKey"]["path"] == [asset]:
                return row["numPartitionsMaterialized"], row["numPartitionsFailed"]
        return 0, 0

    def partitions(self, asset: str) -> Partitions:
        """How an asset's partitions stand."""
        node = self.dev.query(_PARTITIONS, asset={"path": [asset]})["assetNodeOrError"]
        staleness = zip(node["partitionKeys"], node["staleStatusByPartition"], strict=True)
        return Partitions(
            made=frozenset(node["assetPartitionStatuses"]["materializedPartitions"]),
            failed=frozenset(node["assetPartitionStatuses"]["failedPartitions"]),
            stale=frozenset(key for key, status in staleness if status == "STALE"),
        )

    def failure(self, run_id: str) -> Failure:
        """What the one failed step of a run says."""
        [found] = [event for event in self._events(run_id) if event.get("failureMetadata")]
        metadata = found["failureMetadata"]
        [table] = [
            entry["table"]["records"]
            for entry in metadata["metadataEntries"]
            if entry["label"] == "without_image"
        ]
        return Failure(metadata["description"], tuple(map(json.loads, table)))

    def process_of(self, run_id: str) -> int:
        """Wait for the process that works on a run, by its log."""

        def found() -> int | None:
            for event in self._events(run_id):
                match = re.search(r"pid: (\d+)", event.get("message") or "")
                if match is not None:
                    return int(match.group(1))
            return None

        return wait_for(found, what="process of the run", every=0.2)

    def wait_for_end(self, run_id: str) -> Run:
        """Wait until a run has ended."""
        wait_for(lambda: self.run(run_id).status in ENDED, what="end of the run", every=0.3)
        return self.run(run_id)

    def wait_for_run_by(self, name: str) -> Run:
        """Wait until a run that a schedule or sensor launched has succeeded."""

        def found() -> Run | None:
            for run in self.runs():
                if run.tags.get("nbp/launched_by") == name and run.status == "SUCCESS":
                    return run
            return None

        return wait_for(found, what=f"run of {name}", every=0.5)

    def wait_for_retry_of(self, run_id: str) -> Run:
        """Wait until Dagster has started a run in place of one that died."""
        return wait_for(
            lambda: next((run for run in self.runs() if run.parent == run_id), None),
            what="retry of the killed run",
            every=0.5,
        )

    def wait_for_backfill(self, backfill: str) -> Run:
        """Wait until the one run of a backfill has ended."""
        wait_for(
            lambda: any(run.status in ENDED for run in self.runs_of(backfill)),
            what="end of the backfill's run",
            every=0.5,
        )
        [run] = self.runs_of(backfill)
        return run

    def _events(self, run_id: str) -> list[dict[str, Any]]:
        connection = self.dev.query(_EVENTS, id=run_id)["runOrError"]["eventConnection"]
        return list(connection["events"])

    @staticmethod
    def _started(answer: dict[str, Any]) -> str:
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["id"])
