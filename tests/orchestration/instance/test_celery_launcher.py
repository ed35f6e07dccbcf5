"""*Terminate* of runs that are Celery tasks: noted only where a signal can be sent."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

pytest.importorskip("dagster_celery", reason="the extra celery is not installed")

TASK_ID = "dagster-celery/task_id"
# Nobody listens there.
AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance whose runs are tasks, and whose broker is away."""
    launcher = {
        "module": "nbp_dagster.instance.celery_launcher",
        "class": "CeleryRunLauncher",
        "config": {"broker": AWAY, "backend": AWAY, "default_queue": "dagster"},
    }
    settings = {"run_launcher": launcher, "telemetry": {"enabled": False}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened


def begin(instance: dg.DagsterInstance, **tags: str) -> str:
    @dg.op
    def wait() -> None: ...

    @dg.job
    def theirs() -> None:
        wait()

    started = dg.DagsterRunStatus.STARTED
    return instance.create_run_for_job(theirs, tags=tags, status=started).run_id


def status_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_run_whose_process_no_signal_can_reach_is_not_noted_as_ending(
    instance: dg.DagsterInstance,
) -> None:
    """It would count as *Canceled* after a while, and go on all the same."""
    run_id = begin(instance, **{TASK_ID: "4711"})

    with pytest.raises(Exception, match="Connection refused"):
        instance.run_launcher.terminate(run_id)

    assert status_of(instance, run_id) is dg.DagsterRunStatus.STARTED


def test_a_run_that_is_no_task_can_not_be_terminated(instance: dg.DagsterInstance) -> None:
    """Such as one of `nbp run`, in its own process."""
    run_id = begin(instance)

    assert instance.run_launcher.terminate(run_id) is False
    assert status_of(instance, run_id) is dg.DagsterRunStatus.STARTED
