"""Each `dagster.yaml` and the Helm values, as Dagster's own classes read them."""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster_postgres import DagsterPostgresStorage

from nbp_dagster.instance.run_launchers import may_run_elsewhere
from tests.deploy.files import DEPLOY, DOCKER, ROOT, list_interpolated, read_yaml
from tests.rigs.dagster_private import InstanceRef, process_config

INSTANCES = sorted(DEPLOY.rglob("dagster*.yaml"))
HELM = read_yaml(DEPLOY / "helm" / "values.yaml")
# Package of each launcher; `make deploy-check` installs those that this environment lacks.
PACKAGES = {
    "CeleryRunLauncher": "dagster_celery",
    "DockerRunLauncher": "dagster_docker",
    "K8sRunLauncher": "dagster_k8s",
}


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that the files name, each set to an address that nobody is asked at."""
    for name in ("DAGSTER_POSTGRES_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"):
        monkeypatch.setenv(name, "redis://broker.invalid/0")
    monkeypatch.setenv("DAGSTER_CURRENT_IMAGE", "nbp-dagster:local")


def load(path: Path, tmp_path: Path) -> InstanceRef:
    (tmp_path / "dagster.yaml").write_text(path.read_text("utf-8"), "utf-8")
    return InstanceRef.from_dir(str(tmp_path))


def require(launcher: str) -> None:
    if find_spec(PACKAGES[launcher]) is None:
        pytest.skip(f"{PACKAGES[launcher]} is not installed here; `make deploy-check` has it")


@pytest.mark.parametrize("path", INSTANCES, ids=lambda path: path.name)
def test_dagster_reads_the_file_and_its_own_parts(path: Path, tmp_path: Path) -> None:
    ref = load(path, tmp_path)

    assert type(ref.run_coordinator).__name__ == "QueuedRunCoordinator"
    assert ref.settings["run_monitoring"]["max_resume_run_attempts"] == 0
    assert ref.settings["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert process_config(
        DagsterPostgresStorage.config_type(), read_yaml(path)["storage"]["postgres"]
    ).success


@pytest.mark.parametrize("path", INSTANCES, ids=lambda path: path.name)
def test_the_launcher_is_made_from_the_file(path: Path, tmp_path: Path) -> None:
    require(read_yaml(path)["run_launcher"]["class"])

    launcher = load(path, tmp_path).run_launcher
    assert launcher is not None
    assert may_run_elsewhere(type(launcher))


def test_there_are_as_many_workers_as_runs_at_one_time() -> None:
    worker = read_yaml(DOCKER / "docker-compose.yaml")["services"]["worker"]
    celery = read_yaml(DEPLOY / "celery" / "dagster.yaml")

    at_once = int(worker["command"][worker["command"].index("--concurrency") + 1])
    assert (
        worker["deploy"]["replicas"] * at_once
        == (celery["concurrency"]["runs"]["max_concurrent_runs"])
    )


def test_a_container_of_a_run_gets_what_a_worker_has() -> None:
    compose = read_yaml(DOCKER / "docker-compose.yaml")
    worker = set(compose["services"]["worker"]["environment"])
    passed_on = read_yaml(DOCKER / "dagster-docker.yaml")["run_launcher"]["config"]["env_vars"]

    # There is no broker.
    assert set(passed_on) == {name for name in worker if not name.startswith("CELERY_")}
    # Dagster fails a run for a name that its launcher, the daemon, does not have.
    assert set(passed_on) <= set(compose["services"]["daemon"]["environment"])


def test_a_container_of_a_run_has_the_briefs_and_no_rights_it_does_not_need() -> None:
    config = read_yaml(DOCKER / "dagster-docker.yaml")["run_launcher"]["config"]["container_kwargs"]

    assert [volume.split(":")[1:] for volume in config["volumes"]] == [
        ["/opt/nbp/assets_config", "ro"]
    ]
    assert (config["cap_drop"], config["security_opt"]) == (["ALL"], ["no-new-privileges:true"])


def test_the_chart_limits_runs_once_and_listens_where_no_root_may() -> None:
    assert HELM["concurrency"]["enabled"] is True
    assert HELM["concurrency"]["runs"]["maxConcurrentRuns"] >= 1
    assert HELM["concurrency"]["pools"]["defaultLimit"] >= 1
    # The chart refuses both.
    assert "maxConcurrentRuns" not in str(HELM["dagsterDaemon"])
    webserver = HELM["dagsterWebserver"]
    assert webserver["service"]["port"] >= 1024
    assert webserver["readinessProbe"]["httpGet"]["port"] == webserver["service"]["port"]


def test_helm_values_have_no_secret_and_only_parts_of_the_chart() -> None:
    text = (DEPLOY / "helm" / "values.yaml").read_text("utf-8")
    said = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))

    assert not re.search(r"(?i)(password|token|key|secret):\s*(?!false)\S", said)
    assert list(list_interpolated(HELM)) == []
    assert set(HELM) == {
        *("global", "generatePostgresqlPasswordSecret", "postgresql", "dagsterWebserver"),
        *("dagsterDaemon", "dagster-user-deployments", "runLauncher", "computeLogManager"),
        *("telemetry", "concurrency", "imagePullSecrets"),
    }


def test_the_code_location_pulls_its_image_with_the_same_secrets_as_the_rest() -> None:
    text = (DEPLOY / "helm" / "values.yaml").read_text("utf-8")

    # One object: what is written at the anchor is in both places.
    assert HELM["dagster-user-deployments"]["imagePullSecrets"] is HELM["imagePullSecrets"]
    named = yaml.safe_load(text.replace("&pull []", "&pull [{name: registry}]"))
    assert named["imagePullSecrets"] == [{"name": "registry"}]
    assert named["dagster-user-deployments"]["imagePullSecrets"] == [{"name": "registry"}]


def list_resources(value: object) -> list[Mapping[str, Any]]:
    if isinstance(value, list):
        return [found for each in value for found in list_resources(each)]
    if not isinstance(value, Mapping):
        return []
    here = [value["resources"]] if "resources" in value else []
    return here + [found for each in value.values() for found in list_resources(each)]


def test_every_part_of_the_chart_asks_for_what_it_needs_and_has_a_limit_of_memory() -> None:
    found = list_resources(HELM)

    assert len(found) == 4
    for each in found:
        assert set(each["requests"]) == {"cpu", "memory"}
        assert set(each["limits"]) == {"memory"}


def test_dagster_takes_the_launcher_of_the_helm_values() -> None:
    require("K8sRunLauncher")
    from dagster_k8s import K8sRunLauncher

    assert may_run_elsewhere(K8sRunLauncher)
    given = HELM["runLauncher"]["config"]["k8sRunLauncher"]
    run = {snake(key): value for key, value in given["runK8sConfig"].items()}
    config = {
        "dagster_home": "/opt/dagster/dagster_home",
        "instance_config_map": "nbp-instance",
        "service_account_name": "nbp",
        "image_pull_policy": given["imagePullPolicy"],
        "env_secrets": [each["name"] for each in given["envSecrets"]],
        "fail_pod_on_run_failure": given["failPodOnRunFailure"],
        "resources": given["resources"],
        "run_k8s_config": run,
    }
    known = {*map(snake, given), "run_k8s_config"}

    assert known <= set(K8sRunLauncher.config_type())
    read = process_config(K8sRunLauncher.config_type(), config)
    assert read.success, read.errors


def snake(name: str) -> str:
    """Return a name of the chart as Dagster's configuration has it."""
    name = name.replace("K8s", "_k8s_").replace("__", "_").removesuffix("_")
    return (
        re.sub(r"(?<=[a-z])([A-Z])", lambda found: f"_{found[1]}", name).lower().replace("__", "_")
    )


def test_the_launchers_of_the_image_go_with_the_locked_dagster() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    [version] = re.findall(r"^dagster-postgres==(\S+)", lock, re.MULTILINE)
    texts = [
        (DOCKER / "Dockerfile").read_text("utf-8"),
        (DEPLOY / "helm" / "values.yaml").read_text("utf-8"),
        (ROOT / "Makefile").read_text("utf-8"),
        (ROOT / "docs" / "deployment.md").read_text("utf-8"),
    ]

    named = [found for text in texts for found in re.findall(r"dagster-\w+==([0-9.]+)", text)]
    assert len(named) >= 3
    assert set(named) == {version}
