"""What Dagster's daemon launches by itself: by the clock, after an image, after an edit."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.project import open_instance
from tests.fakes.briefs import campaign, shot, write_briefs
from tests.fakes.processes import DagsterDev, Shell, wait_for
from tests.fakes.service import ServiceProbe

RUNS = """
query {
  runsOrError { ... on Runs { results { status assetSelection { path } tags { key value } } } }
}
"""
# The next full minute, or a sensor's next tick, and a run on a busy machine.
PATIENCE = 150


@dataclass(frozen=True)
class Stage:
    """A running Dagster over one campaign, on a service in another process."""

    dev: DagsterDev
    shell: Shell
    service: ServiceProbe

    def switch(self, schedule: str, *, to: str) -> None:
        """Start or stop a schedule."""
        done = self.shell.dagster("schedule", to, schedule, "-w", "workspace.yaml")
        assert done.returncode == 0, done.stderr

    def wait_for_run(self, launched_by: str) -> dict[str, Any]:
        """Wait until a run of a schedule or sensor has succeeded; return its assets and tags."""

        def found() -> dict[str, Any] | None:
            for run in self.dev.query(RUNS)["runsOrError"]["results"]:
                tags = {item["key"]: item["value"] for item in run["tags"]}
                if tags.get("nbp/launched_by") == launched_by and run["status"] == "SUCCESS":
                    assets = {item["path"][-1] for item in run["assetSelection"] or ()}
                    return {"assets": assets, "tags": tags}
            return None

        return wait_for(found, what=f"run of {launched_by}", every=1, seconds=PATIENCE)


def write_campaign(briefs: Path, scene: str) -> None:
    write_briefs(briefs, campaign(shot("attic", scene=scene, characters=[]), refresh="* * * * *"))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Shell(tmp_path / "service").simulator("--latency", "0.1") as service:
        shell = Shell(
            tmp_path,
            NBP_MODE="live",
            OXEN_API_KEY="automation-key-51c0",
            OXEN_BASE_URL=service.url,
        )
        write_campaign(shell.briefs, "Dust in a beam of light")
        with open_instance(shell.home / "dagster"), shell.dagster_dev() as dev:
            yield Stage(dev, shell, service)


def test_a_campaign_is_refreshed_its_set_follows_and_so_does_an_edit(stage: Stage) -> None:
    stage.switch("refresh_winter", to="start")
    refreshed = stage.wait_for_run("refresh_winter")
    stage.switch("refresh_winter", to="stop")

    assert refreshed["tags"]["nbp/reason"] == "winter: 1 of 1 prompts are due, quote 0.15 USD"
    assert stage.service.bills == 1
    assert stage.wait_for_run("free_assets_follow")["assets"] == {"campaign_sets"}
    assert (stage.shell.home / "sets" / "winter" / "index.html").is_file()

    write_campaign(stage.shell.briefs, "An open trunk")
    followed = stage.wait_for_run("briefs_changed")

    assert followed["tags"]["nbp/reason"] == "requests of winter: 1 of 1 changed"
    assert stage.service.bills == 1
