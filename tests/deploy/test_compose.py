"""The compose file: parts that exist, secrets by environment, nothing open to a network."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import jsonschema
import pytest
from pydantic import SecretStr

from nbp_dagster.settings import Settings, read_settings, variable_of
from tests.deploy.files import DOCKER, ROOT, fill, list_interpolated, read_environment, read_yaml

COMPOSE = read_yaml(DOCKER / "docker-compose.yaml")
SERVICES: dict[str, Any] = COMPOSE["services"]
RUNS = read_yaml(DOCKER / "docker-compose.runs.yaml")
# Services that are nobody's but ours, and so have the settings.
OURS = ("code", "webserver", "daemon", "worker", "review")
# Of the compose specification, those in use.
KEYS = {
    *("build", "cap_drop", "command", "cpus", "depends_on", "deploy", "entrypoint", "environment"),
    *("healthcheck", "image", "init", "logging", "mem_limit", "ports", "read_only", "restart"),
    *("security_opt", "stop_grace_period", "tmpfs", "volumes"),
}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
# Of the image, and of trials with files of yours.
NOT_PASSED_ON = {
    *("NBP_HOME", "NBP_CONFIG", "DAGSTER_HOME"),
    *("NBP_CHARACTER_MODEL", "NBP_SIMULATOR_LATENCY", "NBP_SIMULATOR_PICTURES"),
}
# Of the review page alone.
REVIEW = {
    *("NBP_REVIEW_TOKEN", "NBP_REVIEW_HOSTS", "NBP_REVIEW_PROXIES", "NBP_REVIEW_USER_HEADER"),
}


def test_every_key_is_one_of_the_specification() -> None:
    top = {key for key in COMPOSE if not key.startswith("x-")}

    assert top == {"name", "services", "networks", "volumes"}
    for name, service in SERVICES.items():
        assert set(service) <= KEYS, name


def test_the_schema_of_compose_files_takes_it() -> None:
    found = find_spec("compose")
    if found is None or found.origin is None:
        pytest.skip("docker-compose is not installed here; `make deploy-check` has its schema")
    schema = json.loads((Path(found.origin).parent / "config" / "compose_spec.json").read_bytes())

    for file in (COMPOSE, RUNS):
        # The specification has it since, and compose from version 2 on.
        rest = {key: value for key, value in file.items() if key != "name"}
        errors = list(jsonschema.Draft7Validator(schema).iter_errors(rest))
        assert [error.message for error in errors] == []


def test_what_a_service_waits_for_exists_and_can_become_true() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] in CONDITIONS, name
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], f"{name} waits for {other}"


def test_every_service_that_stays_has_a_health_check_and_a_limit_of_memory() -> None:
    staying = {name: service for name, service in SERVICES.items() if name != "bucket"}

    for name, service in staying.items():
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name
        assert re.fullmatch(r"[0-9]+[mg]", service["mem_limit"]), name
        assert service["restart"] == "unless-stopped", name


def test_the_bucket_keeps_versions_and_lets_them_go_after_a_month() -> None:
    [command] = SERVICES["bucket"]["command"]
    _, enabled, rules = command.partition("mc version enable store/nbp && ")

    assert enabled
    # Once: a second start finds the rule.
    assert rules == (
        "(mc ilm rule ls store/nbp || "
        "mc ilm rule add --noncurrent-expire-days 30 --expire-delete-marker store/nbp)"
    )


@pytest.mark.parametrize("name", SERVICES)
def test_the_log_of_a_service_does_not_grow_without_bound(name: str) -> None:
    assert SERVICES[name]["logging"] == {
        "driver": "local",
        "options": {"max-size": "20m", "max-file": "5"},
    }


def test_the_image_is_built_with_what_the_environment_asks_for() -> None:
    build = SERVICES["code"]["build"]
    text = (ROOT / build["dockerfile"]).read_text("utf-8")
    defaults = dict(re.findall(r"^ARG ([A-Z]+)=(.*)$", text, re.MULTILINE))
    example = read_environment(DOCKER / ".env.example")

    assert set(build["args"]) == {"EXTRAS", "CHARACTER"}
    for name, value in build["args"].items():
        assert dict(list_interpolated(value)) == {name: "-"}
        assert fill(value, secret="") == defaults[name] == example[name], name


def test_runs_as_containers_add_a_launcher_to_what_the_image_is_built_with() -> None:
    args = RUNS["services"]["code"]["build"]["args"]
    text = (DOCKER / "Dockerfile").read_text("utf-8")

    # Compose takes the keys of both mappings.
    assert isinstance(args, dict)
    assert set(args) == {"LAUNCHERS"}
    assert not set(args) & set(SERVICES["code"]["build"]["args"])
    assert set(args) <= set(re.findall(r"^ARG ([A-Z]+)=", text, re.MULTILINE))


@pytest.mark.parametrize("name", ["webserver", "daemon", "code"])
def test_dagsters_own_logs_have_the_format_of_the_environment(name: str) -> None:
    command = SERVICES[name]["command"]
    value = command[command.index("--log-format") + 1]

    assert dict(list_interpolated(value)) == {"DAGSTER_LOG_FORMAT": "-"}
    assert (
        fill(value, secret="")
        == (read_environment(DOCKER / ".env.example")["DAGSTER_LOG_FORMAT"])
        == "colored"
    )


def test_no_health_check_asks_the_service() -> None:
    # One that is away is no fault of a part that waits for it.
    assert SERVICES["daemon"]["healthcheck"]["test"] == ["CMD", "dagster-daemon", "liveness-check"]
    assert "inspect ping" in SERVICES["worker"]["healthcheck"]["test"][1]
    for name in OURS:
        assert "doctor" not in str(SERVICES[name]["healthcheck"]), name


@contextmanager
def answer_with(status: int) -> Iterator[int]:
    """Serve one status at any path; yields the port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (403, True), (500, False)])
def test_the_review_page_is_healthy_where_it_asks_who_we_are(status: int, is_healthy: bool) -> None:
    command = SERVICES["review"]["healthcheck"]["test"]
    assert command[:3] == ["CMD", "python", "-c"]
    assert "8901" in command[3]

    with answer_with(status) as port:
        probe = command[3].replace("8901", str(port))
        done = subprocess.run([sys.executable, "-c", probe], check=False)

    assert (done.returncode == 0) is is_healthy


def test_named_volumes_are_declared_and_used() -> None:
    used = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(("/", "."))
    }

    assert used == set(COMPOSE["volumes"])


def test_files_that_are_mounted_are_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (DOCKER / source).exists(), source
    build = SERVICES["code"]["build"]
    assert (DOCKER / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


def test_only_this_host_reaches_a_port() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_our_services_have_no_rights_they_do_not_need() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_no_secret_stands_in_the_file() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET|API_KEY|URL$|AUTH", variable) and value:
                bare = re.sub(r"\$\{[^}]*\}", "", str(value))
                assert not re.search(r"//[^@/]*:[^@/]+@", bare), f"{name}: {variable}"
                if not variable.endswith("URL"):
                    assert bare == "", f"{name}: {variable}"


def test_every_variable_that_is_asked_for_is_in_the_example_and_no_other() -> None:
    assert set(read_environment(DOCKER / ".env.example")) == {
        name for name, _ in list_interpolated(SERVICES)
    }


def test_every_setting_reaches_those_that_buy_and_the_review_page() -> None:
    settings = {variable_of(name) for name in Settings.model_fields}

    for name in ("code", "daemon", "worker"):
        passed_on = set(SERVICES[name]["environment"])
        assert settings - NOT_PASSED_ON - REVIEW <= passed_on, name
        assert not passed_on & REVIEW, name
    assert settings - NOT_PASSED_ON <= set(SERVICES["review"]["environment"])


def test_a_backfill_is_cut_and_events_are_written_in_batches() -> None:
    worker = SERVICES["worker"]["environment"]

    assert worker["NBP_PROMPTS_PER_RUN"] == "${NBP_PROMPTS_PER_RUN:-100}"
    assert worker["DAGSTER_EVENT_BATCH_SIZE"] == "${DAGSTER_EVENT_BATCH_SIZE:-500}"


@pytest.mark.parametrize("name", ["code", "daemon", "worker", "review"])
def test_the_settings_take_what_a_container_has_by_default(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in SERVICES[name]["environment"].items():
        given = fill(value, secret="0123456789abcdef")
        if variable in {variable_of(field) for field in Settings.model_fields}:
            monkeypatch.setenv(variable, given)

    settings = read_settings()

    assert (settings.mode, settings.prompts_per_run) == ("simulator", 100)
    assert settings.daily_budget_usd is None
    assert settings.dagster_event_batch_size == 500


def test_runs_as_containers_change_only_what_is_there() -> None:
    services = RUNS["services"]

    assert set(services) <= set(OURS)
    assert services["worker"] == {"deploy": {"replicas": 0}}
    for name in ("webserver", "daemon"):
        assert "/var/run/docker.sock:/var/run/docker.sock" in services[name]["volumes"]
        assert services[name]["group_add"]
    for name in ("code", "review"):
        assert "docker.sock" not in str(services[name])
    mounted = {volume for name in services for volume in services[name].get("volumes", [])}
    for volume in mounted:
        source, target, *_ = volume.split(":")
        assert source.startswith("/var/run") or (DOCKER / source).is_file()
        assert target in {source} | {each.split(":")[1] for each in SERVICES["code"]["volumes"][1:]}


def test_what_must_be_set_is_asked_for_with_an_error() -> None:
    kinds: dict[str, set[str | None]] = {}
    for name, kind in list_interpolated(SERVICES):
        kinds.setdefault(name, set()).add(kind)
    must = {name for name, kind in kinds.items() if kind == {"?"}}

    assert must == {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "STORE_PASSWORD", "NBP_REVIEW_TOKEN"}


def test_the_web_server_has_no_secret_of_the_settings() -> None:
    secrets = {
        variable_of(name)
        for name, field in Settings.model_fields.items()
        if SecretStr in getattr(field.annotation, "__args__", (field.annotation,))
    }

    assert "OXEN_API_KEY" in secrets
    assert not secrets & set(SERVICES["webserver"]["environment"])


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_names_a_version_and_no_registry(name: str) -> None:
    image = SERVICES[name]["image"]

    assert re.fullmatch(r"[a-z0-9-]+(/[a-z0-9-]+)?:[A-Za-z0-9.-]+", image)
    assert not image.endswith(":latest")
