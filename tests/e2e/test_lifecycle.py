"""Weeks of a team with Dagster in one story: webserver, daemon, and the bills after each chapter.

By the clock, after an edit, by hand, after a failure, after a crash, after a change of mind.
"""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest

from nbp_dagster.project import open_instance
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.dagster import PROMPT_ASSETS, Operator
from tests.rigs.processes import Shell, wait_for
from tests.rigs.service import ServiceProbe

WINTER = ("winter/attic/all/1x1/v1", "winter/cellar/all/1x1/v1")
AUTUMN = tuple(f"autumn/room{number}/all/1x1/v1" for number in range(4))
SPRING = tuple(f"spring/room{number:02}/all/1x1/v1" for number in range(12))
SUMMER = tuple(f"summer/room{number:02}/all/1x1/v1" for number in range(12))
FAILING = AUTUMN[2]


@dataclass(frozen=True)
class Stage:
    """A running Dagster, and a service in another process that counts its bills."""

    operator: Operator
    shell: Shell
    service: ServiceProbe

    def switch(self, schedule: str, *, to: str) -> None:
        """Start or stop a schedule."""
        done = self.shell.dagster("schedule", to, schedule, "-w", "workspace.yaml")
        assert done.returncode == 0, done.stderr

    def wait_for_bills(self, count: int) -> None:
        """Wait until so many generations are billed in all."""
        wait_for(lambda: self.service.bills >= count, what=f"bill number {count}", every=0.1)


def rooms(keys: tuple[str, ...], **changes: str) -> dict[str, object]:
    """A campaign without characters, of the shots that the keys name; no scene is another's."""
    season = keys[0].split("/")[0]
    names = [key.split("/")[1] for key in keys]
    scenes = {name: f"Tea in the {name} on a {season} day" for name in names} | changes
    return campaign(*(shot(name, scene=scenes[name], characters=[]) for name in names), id=season)


def write_winter(shell: Shell, **scenes: str) -> None:
    write_briefs(shell.briefs, {**rooms(WINTER, **scenes), "refresh": "* * * * *"})


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    options = ("--latency", "0.4", "--painter", "plain")
    with Shell(tmp_path / "service").simulator(*options) as service:
        shell = Shell(
            tmp_path,
            NBP_MODE="live",
            OXEN_API_KEY="lifecycle-key-51c0",
            OXEN_BASE_URL=service.url,
            # Few at a time: a run is to be in the middle when it is killed or cancelled.
            NBP_IN_FLIGHT="3",
        )
        write_winter(shell)
        write_briefs(shell.briefs, rooms(AUTUMN), rooms(SPRING), rooms(SUMMER))
        look_often_for_dead_runs(shell.home / "dagster")
        with open_instance(shell.home / "dagster"), shell.dagster_dev() as dev:
            yield Stage(Operator(dev), shell, service)


def look_often_for_dead_runs(folder: Path) -> None:
    """Write the packaged settings of Dagster, which by itself looks every two minutes."""
    text = files("nbp_dagster.instance").joinpath("dagster.yaml").read_text(encoding="utf-8")
    monitoring = "run_monitoring: {enabled: true,"
    assert monitoring in text
    folder.mkdir(parents=True)
    often = text.replace(monitoring, f"{monitoring} poll_interval_seconds: 3,")
    (folder / "dagster.yaml").write_text(often, encoding="utf-8")


def refresh_by_the_clock(stage: Stage) -> None:
    stage.switch("refresh_winter", to="start")
    run = stage.operator.wait_for_run_by("refresh_winter")
    stage.switch("refresh_winter", to="stop")

    assert run.tags["nbp/reason"] == "winter: 2 of 2 prompts are due, quote 0.30 USD"
    assert stage.operator.partitions("generated_images").made == set(WINTER)


def follow_an_edit(stage: Stage) -> None:
    write_winter(stage.shell, attic="An open trunk")
    run = stage.operator.wait_for_run_by("briefs_changed")

    assert run.tags["nbp/reason"] == "requests of winter: 1 of 2 changed"
    assert stage.operator.partitions("generated_images").stale == {WINTER[0]}


def backfill_all_but_one(stage: Stage) -> str:
    """Backfill a campaign that is missing and one that is stale; the service fails for a prompt."""
    stage.service.script({"kind": "status", "status": 400, "prompt": "room2"})
    missing = stage.operator.backfill(PROMPT_ASSETS, AUTUMN)
    stale = stage.operator.backfill(PROMPT_ASSETS, WINTER)
    failed = stage.operator.wait_for_backfill(missing)
    assert stage.operator.wait_for_backfill(stale).status == "SUCCESS"

    assert failed.status == "FAILURE"
    images = stage.operator.partitions("generated_images")
    assert images.made == {*WINTER, *AUTUMN} - {FAILING}
    assert images.failed == {FAILING}
    assert images.stale == set()
    return failed.id


def retry_from_failure(stage: Stage, run_id: str) -> None:
    stage.service.heal()
    retried = stage.operator.wait_for_end(stage.operator.reexecute(run_id))

    assert retried.status == "SUCCESS"
    images = stage.operator.partitions("generated_images")
    assert images.failed == set()
    assert FAILING in images.made


def retry_after_a_crash(stage: Stage) -> None:
    before = stage.service.bills
    # Twelve pictures at 0.15 USD are all the budget: the retry has what the killed run left of it.
    killed = stage.operator.launch(SPRING[0], SPRING[-1], fresh=True, budget_usd=1.8)
    pid = stage.operator.process_of(killed)
    stage.wait_for_bills(before + 4)
    os.kill(pid, signal.SIGKILL)
    assert stage.operator.wait_for_end(killed).status == "FAILURE"
    retry = stage.operator.wait_for_end(stage.operator.wait_for_retry_of(killed).id)

    assert retry.status == "SUCCESS"
    assert retry.tags["nbp/progress"] == "12 of 12"


def cancel_and_go_on(stage: Stage) -> None:
    before = stage.service.bills
    run_id = stage.operator.launch(SUMMER[0], SUMMER[-1])
    stage.wait_for_bills(before + 4)
    stage.operator.terminate(run_id)
    assert stage.operator.wait_for_end(run_id).status == "CANCELED"
    assert stage.service.bills < before + len(SUMMER)
    again = stage.operator.launch(SUMMER[0], SUMMER[-1])

    assert stage.operator.wait_for_end(again).status == "SUCCESS"


def test_every_picture_is_paid_once_from_the_first_tick_to_the_last_cancel(stage: Stage) -> None:
    """Each chapter ends with the number of generations that the service has billed so far."""
    refresh_by_the_clock(stage)
    assert stage.service.bills == 2
    follow_an_edit(stage)
    assert stage.service.bills == 2
    failed = backfill_all_but_one(stage)
    assert stage.service.bills == 2 + 1 + 3
    retry_from_failure(stage, failed)
    assert stage.service.bills == 7
    retry_after_a_crash(stage)
    assert stage.service.bills == 7 + 12
    cancel_and_go_on(stage)
    assert stage.service.bills == 19 + 12
    # Meanwhile: free, and by themselves.
    assert stage.operator.wait_for_run_by("free_assets_follow").assets == {"campaign_sets"}
    assert (stage.shell.home / "sets" / "winter" / "index.html").is_file()
    assert stage.service.bills == 31
    books = stage.shell.nbp("ledger").stdout
    assert books.startswith("31 images, 4.65 USD billed, 0.00 USD reserved"), books
