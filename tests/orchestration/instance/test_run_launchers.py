"""Which launchers of Dagster start runs that may be elsewhere, and what a run does there."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from nbp_dagster.instance.run_launchers import may_run_elsewhere
from nbp_dagster.resources.oxen import SimulatedOxenResource
from nbp_dagster.resources.studio import StudioResource
from tests.rigs.briefs import campaign, shot, write_briefs

# Those that stand in packages of their own, which need not be installed.
ELSEWHERE = [
    type(name, (), {})
    for name in (
        *("DockerRunLauncher", "K8sRunLauncher", "CeleryK8sRunLauncher", "EcsRunLauncher"),
        *("CeleryRunLauncher", "OneThatNobodyHereKnows"),
    )
]


class OurDefault(dg.DefaultRunLauncher):
    """A team's own, which starts processes all the same."""


@pytest.mark.parametrize("launcher", ELSEWHERE, ids=lambda launcher: launcher.__name__)
def test_containers_and_workers_may_be_elsewhere_and_so_may_a_teams_own(launcher: type) -> None:
    assert may_run_elsewhere(launcher)
    assert may_run_elsewhere(type("Ours", (launcher,), {}))


def test_a_launcher_of_containers_is_elsewhere_whatever_it_extends() -> None:
    assert may_run_elsewhere(type("K8sRunLauncher", (dg.DefaultRunLauncher,), {}))


def test_processes_of_this_machine_are_not() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        in_this_process = type(instance.run_launcher)

    for launcher in (dg.DefaultRunLauncher, OurDefault, in_this_process):
        assert not may_run_elsewhere(launcher)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """One whose runs are pods."""
    launcher = {"module": "tests.rigs.launchers", "class": "K8sRunLauncher"}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({"run_launcher": launcher}), "utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def test_a_run_that_may_be_elsewhere_fails_at_its_start_without_a_common_ledger(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    briefs = write_briefs(tmp_path / "briefs", campaign(shot("one")))
    home = tmp_path / "home"
    begun = []

    def make(ledger_url: str) -> dg.ExecuteInProcessResult:
        studio = StudioResource(
            oxen=SimulatedOxenResource(), home=str(home), config=str(briefs), ledger_url=ledger_url
        )

        @dg.asset(required_resource_keys={"studio"})
        def made() -> None:
            begun.append(ledger_url)

        return dg.materialize(
            [made], resources={"studio": studio}, instance=instance, raise_on_error=False
        )

    refused = make("")
    told = str(
        [
            event.event_specific_data
            for event in refused.all_events
            if event.event_type is dg.DagsterEventType.RESOURCE_INIT_FAILURE
        ]
    )

    assert not refused.success
    assert "StateApart: the runs that K8sRunLauncher starts may be in other containers" in told
    address = f"sqlite:///{home}{os.sep}ledger.sqlite"
    assert f"set NBP_LEDGER_URL to {address}" in told
    assert not home.exists()
    assert make(address).success
    assert begun == [address]
