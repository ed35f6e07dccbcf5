"""Everything that launches runs by itself, over one folder of briefs."""

from dataclasses import dataclass
from typing import Literal

import dagster as dg

from nbp_dagster._dagster_private import UnresolvedAssetJobDefinition
from nbp_dagster.assets.automation_conditions import build_automation_sensor
from nbp_dagster.assets.names import Names
from nbp_dagster.automation.decisions_sensor import build_decisions_sensor
from nbp_dagster.automation.reload import Reload
from nbp_dagster.automation.schedules import build_refresh_job, build_refresh_schedules
from nbp_dagster.automation.sensors import build_briefs_sensor, build_free_jobs
from nbp_dagster.automation.silent_runs import build_silent_runs_sensor
from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.resources.studio import StudioResource

SensorsDefault = Literal["running", "stopped"]


@dataclass(frozen=True)
class Automation:
    """Jobs, schedules and sensors for `dg.Definitions`."""

    jobs: tuple[UnresolvedAssetJobDefinition, ...]
    schedules: tuple[dg.ScheduleDefinition, ...]
    sensors: tuple[dg.SensorDefinition, ...]


def build_automation(
    briefs: Briefs,
    names: Names,
    studio: StudioResource,
    *,
    sensors: SensorsDefault = "running",
    reload: Reload | None = None,
) -> Automation:
    """Return what runs by itself; only the schedules spend, and they begin stopped.

    Args:
        briefs: Those the assets are built from.
        names: Keys of the assets.
        studio: What they work with.
        sensors: Whether the sensors, which are free, run unless somebody says otherwise.
        reload: Has the code location reloaded; None asks people to.
    """
    status = dg.DefaultSensorStatus[sensors.upper()]
    refresh, free = build_refresh_job(names), build_free_jobs(names)
    return Automation(
        jobs=(refresh, *free),
        schedules=tuple(build_refresh_schedules(briefs, names, refresh)),
        sensors=(
            build_decisions_sensor(names, studio, status=status),
            build_briefs_sensor(briefs, names, jobs=free, status=status, reload=reload),
            build_automation_sensor(names, status=status),
            build_silent_runs_sensor(names, studio, jobs=(refresh, *free), status=status),
        ),
    )
