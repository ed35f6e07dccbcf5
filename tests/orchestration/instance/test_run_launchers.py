"""Which launchers of Dagster start runs whose files go with them, or that are elsewhere."""

import dagster as dg
import pytest

from nbp_dagster.instance.run_launchers import loses_files_of_runs, may_run_elsewhere

# Those that stand in packages of their own, which need not be installed.
CONTAINERS = [
    type(name, (), {})
    for name in ("DockerRunLauncher", "K8sRunLauncher", "CeleryK8sRunLauncher", "EcsRunLauncher")
]


class OurDefault(dg.DefaultRunLauncher):
    """A team's own, which starts processes all the same."""


@pytest.mark.parametrize("launcher", CONTAINERS, ids=lambda launcher: launcher.__name__)
def test_a_container_of_a_run_loses_its_files_and_so_does_a_teams_own(launcher: type) -> None:
    assert loses_files_of_runs(launcher)
    assert loses_files_of_runs(type("Ours", (launcher,), {}))
    assert may_run_elsewhere(launcher)


@pytest.mark.parametrize("name", ["CeleryRunLauncher", "OneThatNobodyHereKnows"])
def test_workers_keep_their_files_and_may_be_elsewhere(name: str) -> None:
    launcher = type(name, (), {})

    assert not loses_files_of_runs(launcher)
    assert may_run_elsewhere(launcher)


def test_processes_of_this_machine_are_neither() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        in_this_process = type(instance.run_launcher)

    for launcher in (dg.DefaultRunLauncher, OurDefault, in_this_process):
        assert not loses_files_of_runs(launcher)
        assert not may_run_elsewhere(launcher)
