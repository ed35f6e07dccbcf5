"""Runs that Dagster itself starts: retried after a crash, terminated in the UI; paid once."""

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.project import open_instance
from tests.fakes.briefs import campaign, shot, write_briefs
from tests.fakes.processes import DagsterDev, Shell, wait_for
from tests.fakes.service import ServiceProbe

ROOMS = tuple(f"room{number}" for number in range(12))
PROMPTS = tuple(f"autumn/{room}/all/1x1/v1" for room in ROOMS)
PROMPT_ASSETS = ("image_requests", "generated_images", "channel_images")
IN_FLIGHT = 3
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}

LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { id } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
  }
}
"""
RUNS = """
query { runsOrError { ... on Runs { results { id status parentRunId tags { key value } } } } }
"""
MESSAGES = """
query ($id: ID!) {
  runOrError(runId: $id) {
    ... on Run { eventConnection { events { ... on MessageEvent { message } } } }
  }
}
"""
TERMINATE = """
mutation ($id: String!) {
  terminateRun(runId: $id) { __typename ... on TerminateRunFailure { message } }
}
"""


@dataclass(frozen=True)
class Stage:
    """A running Dagster on a service in another process."""

    dev: DagsterDev
    service: ServiceProbe

    def launch(self) -> str:
        """Start one run over all prompts, as the launch dialog does; return its id."""
        params = {
            "selector": {
                "repositoryLocationName": "nbp_dagster",
                "repositoryName": "__repository__",
                "pipelineName": "__ASSET_JOB",
                "assetSelection": [{"path": [asset]} for asset in PROMPT_ASSETS],
            },
            "executionMetadata": {
                "tags": [
                    {"key": "dagster/asset_partition_range_start", "value": PROMPTS[0]},
                    {"key": "dagster/asset_partition_range_end", "value": PROMPTS[-1]},
                ]
            },
        }
        answer = self.dev.query(LAUNCH, params=params)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["id"])

    def runs(self) -> list[dict[str, Any]]:
        """All runs, the newest first."""
        return list(self.dev.query(RUNS)["runsOrError"]["results"])

    def run(self, run_id: str) -> dict[str, Any]:
        """One run as it is now."""
        return next(run for run in self.runs() if run["id"] == run_id)

    def messages(self, run_id: str) -> list[str]:
        """What the run's log says."""
        events = self.dev.query(MESSAGES, id=run_id)["runOrError"]["eventConnection"]["events"]
        return [event["message"] for event in events if event.get("message")]

    def process_of(self, run_id: str) -> int:
        """The process that works on a run, by its log."""

        def found() -> int | None:
            for message in self.messages(run_id):
                match = re.search(r"pid: (\d+)", message)
                if match is not None:
                    return int(match.group(1))
            return None

        return wait_for(found, what="process of the run", every=0.2)

    def wait_for_bills(self, count: int) -> None:
        """Wait until so many generations are billed in all."""
        wait_for(lambda: self.service.bills >= count, what=f"bill number {count}")

    def wait_for_end(self, run_id: str) -> str:
        """Wait until a run has ended, and return its status."""
        wait_for(lambda: self.run(run_id)["status"] in ENDED, what="end of the run", every=0.3)
        return str(self.run(run_id)["status"])


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Shell(tmp_path / "service").simulator("--latency", "0.4") as service:
        shell = Shell(
            tmp_path,
            NBP_MODE="live",
            OXEN_API_KEY="runs-key-77aa",
            OXEN_BASE_URL=service.url,
            NBP_IN_FLIGHT=str(IN_FLIGHT),
        )
        shots = [shot(room, characters=[]) for room in ROOMS]
        write_briefs(shell.briefs, campaign(*shots, id="autumn"))
        with open_instance(shell.home / "dagster"), shell.dagster_dev() as dev:
            yield Stage(dev, service)


def test_a_run_that_dagster_retries_after_a_crash_goes_on_where_it_was(stage: Stage) -> None:
    killed = stage.launch()
    pid = stage.process_of(killed)
    stage.wait_for_bills(4)
    os.kill(pid, signal.SIGKILL)

    assert stage.wait_for_end(killed) == "FAILURE"
    retry = wait_for(
        lambda: next((run for run in stage.runs() if run["parentRunId"] == killed), None),
        what="retry of the killed run",
        every=0.5,
    )

    assert stage.wait_for_end(retry["id"]) == "SUCCESS"
    assert stage.service.bills == len(PROMPTS)
    tags = {tag["key"]: tag["value"] for tag in stage.run(retry["id"])["tags"]}
    assert tags["nbp/progress"] == "12 of 12"


def test_a_run_terminated_in_the_ui_leaves_its_jobs_to_the_next(stage: Stage) -> None:
    first = stage.launch()
    stage.wait_for_bills(4)

    answer = stage.dev.query(TERMINATE, id=first)["terminateRun"]

    assert answer["__typename"] == "TerminateRunSuccess", answer
    assert stage.wait_for_end(first) == "CANCELED"
    bills = stage.service.bills
    assert bills < len(PROMPTS)
    assert stage.wait_for_end(stage.launch()) == "SUCCESS"
    assert stage.service.bills == len(PROMPTS)
