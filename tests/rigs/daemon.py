"""Evaluating schedules, sensors and conditions as the daemon does, on a test's own instance."""

from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from nbp_dagster.assets.names import Names
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

NAMES = Names()
ADA = "hilltop/ada"
KITCHEN = "winter/kitchen/all/1x1/v1"
GARDEN = "winter/garden/all/1x1/v1"
ATTIC = "winter/attic/all/1x1/v1"


def all_made(location: CodeLocation) -> None:
    """Everything from brand to set, as `nbp run` does it."""
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    assert location.materialize([NAMES.campaign_sets]).success


def range_of(request: dg.RunRequest) -> tuple[str, str]:
    """The first and the last partition of a requested run."""
    tags = request.tags
    return (
        tags["dagster/asset_partition_range_start"],
        tags["dagster/asset_partition_range_end"],
    )


def tick_schedule(location: CodeLocation, campaign: str = "winter") -> dg.RunRequest | str:
    """Evaluate a campaign's schedule: the one run it asks for, or why there is none."""
    found = tick_for_runs(location, campaign)
    if isinstance(found, str):
        return found
    [request] = found
    return request


def tick_for_runs(location: CodeLocation, campaign: str = "winter") -> list[dg.RunRequest] | str:
    """Evaluate a campaign's schedule: the runs it asks for, or why there are none."""
    definitions = location.definitions()
    schedule = definitions.get_repository_def().get_schedule_def(f"refresh_{campaign}")
    with dg.build_schedule_context(
        instance=location.instance, resources=dict(definitions.resources or {})
    ) as context:
        data = schedule.evaluate_tick(context)
    if data.skip_message is not None:
        return data.skip_message
    return list(data.run_requests or [])


@dataclass
class BriefsSensor:
    """The sensor of a code location that was loaded once; keeps its cursor from tick to tick."""

    location: CodeLocation
    cursor: str | None = None
    definitions: dg.Definitions = field(init=False)

    def __post_init__(self) -> None:
        self.reload()

    def reload(self) -> None:
        """Load the definitions anew, as the UI's button does."""
        self.definitions = self.location.definitions()

    def tick(self, sensor: dg.SensorDefinition | None = None) -> list[dg.RunRequest] | str:
        """Evaluate it once: the runs it asks for, or what it says instead."""
        repository = self.definitions.get_repository_def()
        sensor = sensor or repository.get_sensor_def("briefs_changed")
        with dg.build_sensor_context(
            instance=self.location.instance,
            cursor=self.cursor,
            repository_def=repository,
        ) as context:
            data = sensor.evaluate_tick(context)
        if data.cursor is not None:
            self.cursor = data.cursor
        return data.skip_message or list(data.run_requests or [])

    def launch(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Do what the daemon does with a request."""
        assert request.job_name is not None
        job = self.location.definitions().get_repository_def().get_job(request.job_name)
        return job.execute_in_process(
            instance=self.location.instance,
            tags=dict(request.tags),
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )


@dataclass
class Follower:
    """The automation conditions, evaluated tick by tick."""

    location: CodeLocation
    cursor: Any = None

    def tick(self) -> dict[str, set[str]]:
        """Return the partitions requested, by asset."""
        repository = self.location.definitions().get_repository_def()
        result = dg.evaluate_automation_conditions(
            self.location.definitions(), instance=self.location.instance, cursor=self.cursor
        )
        self.cursor = result.cursor
        wanted = {
            key.to_user_string(): {
                str(partition) for partition in result.get_requested_partitions(key)
            }
            for key in repository.asset_graph.get_all_asset_keys()
        }
        return {key: partitions for key, partitions in wanted.items() if partitions}
