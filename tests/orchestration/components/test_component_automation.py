"""Schedules and sensors of component instances: each under its own names, on its own simulator."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster.components.testing import DefsFolderSandbox, create_defs_folder_sandbox

from nbp_dagster.automation.set_notifications import SetNotification
from nbp_dagster.components import BrandCampaigns
from nbp_dagster.project import open_instance
from tests.rigs.briefs import campaign, shot, write_briefs

ATTIC = "winter/attic/all/1x1/v1"

pytestmark = [
    # Dagster and what it calls warn about themselves while a defs folder is loaded.
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning"),
    pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated"),
]


@pytest.fixture
def sandbox() -> Iterator[DefsFolderSandbox]:
    with create_defs_folder_sandbox() as project:
        yield project


def add(sandbox: DefsFolderSandbox, name: str, **attributes: Any) -> Path:
    """Add an instance with one campaign that is refreshed."""
    folder = sandbox.defs_folder_path / name
    write_briefs(folder / "briefs", campaign(shot("attic", characters=[]), refresh="0 6 * * 1"))
    document = {
        "type": "nbp_dagster.components.BrandCampaigns",
        "attributes": {"key_prefix": name, "simulator_latency": 0, **attributes},
    }
    (folder / "defs.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return folder


def test_two_instances_have_schedules_and_sensors_of_their_own(sandbox: DefsFolderSandbox) -> None:
    add(sandbox, "north")
    add(sandbox, "south", sensors="stopped")

    with sandbox.build_all_defs() as definitions:
        repository = definitions.get_repository_def()

    assert {item.name for item in repository.schedule_defs} == {
        "north__refresh_winter",
        "south__refresh_winter",
    }
    assert {item.name: item.default_status.value for item in repository.sensor_defs} == {
        "north__briefs_changed": "RUNNING",
        "north__decisions_made": "RUNNING",
        "north__free_assets_follow": "RUNNING",
        "north__silent_runs": "RUNNING",
        "south__briefs_changed": "STOPPED",
        "south__decisions_made": "STOPPED",
        "south__free_assets_follow": "STOPPED",
        "south__silent_runs": "STOPPED",
    }


def test_schedule_and_sensor_work_on_the_instances_own_simulator(
    sandbox: DefsFolderSandbox, tmp_path: Path
) -> None:
    folder = add(sandbox, "north")

    with (
        sandbox.build_all_defs() as definitions,
        open_instance(tmp_path / "dagster") as instance,
    ):
        repository = definitions.get_repository_def()
        schedule = repository.get_schedule_def("north__refresh_winter")
        with dg.build_schedule_context(
            instance=instance, resources=dict(definitions.resources or {})
        ) as context:
            [request] = schedule.evaluate_tick(context).run_requests or []
        job = repository.get_job("north__read_requests")
        assert job.execute_in_process(instance=instance, partition_key=ATTIC).success
        sensor = repository.get_sensor_def("north__briefs_changed")
        with dg.build_sensor_context(instance=instance, repository_def=repository) as first:
            cursor = sensor.evaluate_tick(first).cursor
        scene = shot("attic", scene="Dust in a beam of light", characters=[])
        write_briefs(folder / "briefs", campaign(scene, refresh="0 6 * * 1"))
        with dg.build_sensor_context(
            instance=instance, repository_def=repository, cursor=cursor
        ) as second:
            [follow] = sensor.evaluate_tick(second).run_requests or []

    assert request.tags["nbp/reason"].startswith("winter: 1 of 1 prompts are due, quote ")
    assert follow.job_name == "north__read_requests"


def test_an_address_with_a_password_is_refused_without_being_shown(
    sandbox: DefsFolderSandbox,
) -> None:
    add(sandbox, "north", dagster_url="http://me:secret-77c1@host:3000")

    with pytest.raises(Exception) as caught, sandbox.build_all_defs():
        pass

    assert "secret-77c1" not in str(caught.value)


class Told(BrandCampaigns):
    """An instance that tells of its finished sets."""

    def get_set_notify(self) -> Callable[[SetNotification], object]:
        return print


def test_an_instance_tells_of_its_sets_where_it_is_asked_to(tmp_path: Path) -> None:
    briefs = write_briefs(tmp_path / "briefs", campaign(shot("attic", characters=[])))
    told = Told(briefs=str(briefs), home=str(tmp_path), key_prefix="acme", sensors="stopped")
    silent = BrandCampaigns(briefs=str(briefs), home=str(tmp_path), key_prefix="acme")

    def names_of(component: BrandCampaigns) -> set[str]:
        return {sensor.name for sensor in dg.build_defs_for_component(component).sensors or []}

    assert names_of(told) - names_of(silent) == {"acme__set_notifications"}
    repository = dg.build_defs_for_component(told).get_repository_def()
    sensor = repository.get_sensor_def("acme__set_notifications")
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
