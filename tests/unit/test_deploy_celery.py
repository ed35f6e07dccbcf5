"""The two files of deploy/celery say the same, and what the docs say of them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "celery"


def read_dagster() -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / "dagster.yaml").read_text(encoding="utf-8")))


def read_workers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://broker/0")
    monkeypatch.setenv("CELERY_RESULT_BACKEND", "redis://broker/1")
    path = FOLDER / "dagster_celery_config.py"
    found: dict[str, Any] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), found)
    return found


def test_who_sends_a_run_and_who_takes_it_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = read_dagster()["run_launcher"]["config"]["config_source"]
    worker = read_workers(monkeypatch)

    for name, value in sender.items():
        assert worker[name] == value, name


def test_addresses_come_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    config = read_dagster()["run_launcher"]["config"]
    worker = read_workers(monkeypatch)

    assert (config["broker"], config["backend"]) == (
        {"env": "CELERY_BROKER_URL"},
        {"env": "CELERY_RESULT_BACKEND"},
    )
    assert worker["broker_url"] == "redis://broker/0"
    assert worker["result_backend"] == "redis://broker/1"


def test_a_run_is_acknowledged_as_it_begins_and_never_waits_behind_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = read_workers(monkeypatch)

    assert worker["task_acks_late"] is False
    assert worker["worker_prefetch_multiplier"] == 1
    assert worker["worker_disable_prefetch"] is True


def test_a_dead_run_is_started_anew_and_no_run_is_resumed() -> None:
    settings = read_dagster()

    assert settings["run_retries"]["enabled"]
    assert settings["run_retries"]["max_retries"] > 0
    assert settings["run_monitoring"]["max_resume_run_attempts"] == 0
    places = settings["concurrency"]
    # A step that waits for a place in the pool keeps its worker.
    assert places["pools"]["default_limit"] >= places["runs"]["max_concurrent_runs"]
