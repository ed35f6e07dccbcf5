"""The pool of the paid steps: what it lets through, and that a dead run does not hold it."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from nbp_dagster.assets.names import POOL
from nbp_dagster.project import open_instance
from tests.rigs.dagster_private import execute_concurrency_slots_iteration, freeze_time


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A home with the packaged settings."""
    with open_instance(tmp_path / "dagster") as opened:
        yield opened


def claim(instance: dg.DagsterInstance, *runs: str) -> list[bool]:
    """Ask for a slot for the step of each run; whether it got one."""
    storage = instance.event_log_storage
    storage.initialize_concurrency_limit_to_default(POOL)
    return [storage.claim_concurrency_slot(POOL, run, "prompt_images").is_claimed for run in runs]


def test_two_paid_steps_run_at_once_and_a_third_waits(instance: dg.DagsterInstance) -> None:
    assert claim(instance, "one", "two", "three") == [True, True, False]


def test_slots_of_runs_that_died_are_given_back(instance: dg.DagsterInstance) -> None:
    """A killed process gives nothing back: after two of them no picture would be bought again."""

    @dg.job
    def buying() -> None: ...

    dead = [instance.create_run_for_job(buying) for _ in range(2)]
    claim(instance, *(run.run_id for run in dead))
    for run in dead:
        instance.report_run_failed(run)
    daemon: Any = SimpleNamespace(instance=instance)

    with freeze_time(datetime.now(UTC) + timedelta(minutes=2)):
        list(execute_concurrency_slots_iteration(daemon, logging.getLogger(__name__)))

    assert claim(instance, "next") == [True]
