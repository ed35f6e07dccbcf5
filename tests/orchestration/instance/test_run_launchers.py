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
    settings = {
        "run_launcher": {"module": "tests.rigs.launchers", "class": "K8sRunLauncher"},
        "run_retries": {"enabled": True, "max_retries": 3},
    }
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def run_with(
    tmp_path: Path, instance: dg.DagsterInstance, ledger_url: str, begun: list[str]
) -> dg.ExecuteInProcessResult:
    """Run a step that opens the studio, and notes its ledger once it is open."""
    briefs = write_briefs(tmp_path / "briefs", campaign(shot("one")))
    studio = StudioResource(
        oxen=SimulatedOxenResource(),
        home=str(tmp_path / "home"),
        config=str(briefs),
        ledger_url=ledger_url,
    )

    @dg.asset(required_resource_keys={"studio"})
    def made() -> None:
        begun.append(ledger_url)

    return dg.materialize(
        [made], resources={"studio": studio}, instance=instance, raise_on_error=False
    )


def words_of_refusal(result: dg.ExecuteInProcessResult) -> str:
    return str(
        [
            event.event_specific_data
            for event in result.all_events
            if event.event_type is dg.DagsterEventType.RESOURCE_INIT_FAILURE
        ]
    )


def test_a_run_that_may_be_elsewhere_fails_at_its_start_without_a_common_ledger(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    home = tmp_path / "home"
    begun: list[str] = []

    refused = run_with(tmp_path, instance, "", begun)
    told = words_of_refusal(refused)

    assert not refused.success
    assert "StateApart: the runs that K8sRunLauncher starts may be in other containers" in told
    address = f"sqlite:///{home}{os.sep}ledger.sqlite"
    assert f"set NBP_LEDGER_URL to {address}" in told
    assert not home.exists()
    # It would be refused again.
    [run] = instance.get_runs()
    assert run.tags["dagster/will_retry"] == "false"
    assert run_with(tmp_path, instance, address, begun).success
    assert begun == [address]


@pytest.mark.parametrize(
    "launcher",
    [
        {"module": "no_such_package", "class": "DockerRunLauncher"},
        {
            "module": "dagster",
            "class": "DefaultRunLauncher",
            "config": {"no_such_option": {"env": "NO_SUCH_VARIABLE"}},
        },
    ],
    ids=["package", "settings"],
)
def test_a_launcher_that_can_not_be_loaded_is_known_by_its_name(
    tmp_path: Path, launcher: dict[str, object]
) -> None:
    """Where a run is, its launcher's package and variables may not be."""
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({"run_launcher": launcher}), "utf-8")
    begun: list[str] = []

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        done = run_with(tmp_path, instance, "", begun)

    if launcher["class"] == "DefaultRunLauncher":
        assert begun == [""]
    else:
        assert begun == []
        told = words_of_refusal(done)
        assert "StateApart: the runs that DockerRunLauncher starts may be in other" in told
