"""The code location kept as text in tests/goldens; run as a module it writes the file anew."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from nbp_dagster.project import build_definitions
from nbp_dagster.settings import Settings
from tests.rigs.briefs import campaign, shot, write_briefs

GOLDEN = Path(__file__).parents[1] / "goldens" / "definitions.txt"
UPDATE_COMMAND = "python -m tests.orchestration.definitions_golden"


def render_definitions() -> str:
    """Return what Dagster is told of two campaigns, one with a schedule, one line a thing."""
    with tempfile.TemporaryDirectory() as folder:
        shots = (shot("kitchen"), shot("garden"))
        briefs = write_briefs(
            Path(folder) / "briefs",
            campaign(*shots, refresh="0 6 * * 1", time_zone="Europe/Berlin"),
            campaign(shot("attic"), id="summer"),
        )
        settings = Settings(config=briefs, home=Path(folder) / "home", mode="simulator")
        repository = build_definitions(settings).get_repository_def()
    lines = [
        *_assets(repository),
        *_jobs(repository),
        *_schedules(repository),
        *_sensors(repository),
        *_checks(repository),
    ]
    return "\n".join(lines) + "\n"


def _assets(repository: dg.RepositoryDefinition) -> Iterator[str]:
    graph = repository.asset_graph
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        assert node.partitions_def is not None
        policy = node.backfill_policy
        condition = node.automation_condition
        yield (
            f"asset {key.to_user_string()}: "
            f"{len(node.partitions_def.get_partition_keys())} static partitions; "
            f"kinds {', '.join(sorted(node.kinds))}; code {node.code_version}; "
            f"pool {', '.join(sorted(node.pools or [])) or 'none'}; "
            f"backfill {'none' if policy is None else policy.policy_type.value.lower()}; "
            f"follows {'nothing' if condition is None else condition.get_label()}"
        )


def _jobs(repository: dg.RepositoryDefinition) -> Iterator[str]:
    for job in sorted(repository.get_all_jobs(), key=lambda job: job.name):
        if not job.name.startswith("__"):
            keys = sorted(key.to_user_string() for key in job.asset_layer.selected_asset_keys)
            yield f"job {job.name}: {', '.join(keys)}"


def _schedules(repository: dg.RepositoryDefinition) -> Iterator[str]:
    for schedule in repository.schedule_defs:
        yield (
            f"schedule {schedule.name}: {schedule.cron_schedule} {schedule.execution_timezone}; "
            f"job {schedule.job_name}; {schedule.default_status.value.lower()}"
        )


def _sensors(repository: dg.RepositoryDefinition) -> Iterator[str]:
    for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name):
        target = sensor.asset_selection
        what = (
            ", ".join(sorted(job.name for job in sensor.jobs) if sensor.has_jobs else ["no job"])
            if target is None
            else ", ".join(
                sorted(key.to_user_string() for key in target.resolve(repository.asset_graph))
            )
        )
        yield (
            f"sensor {sensor.name}: {sensor.sensor_type.value.lower()}; launches {what}; "
            f"{sensor.default_status.value.lower()}"
        )


def _checks(repository: dg.RepositoryDefinition) -> Iterator[str]:
    for key in sorted(repository.asset_graph.asset_check_keys):
        yield f"check {key.asset_key.to_user_string()}: {key.name}"


if __name__ == "__main__":
    GOLDEN.write_text(render_definitions(), encoding="utf-8")
    sys.stdout.write(f"{GOLDEN} written\n")
