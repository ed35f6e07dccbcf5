"""The compose file: parts that exist, secrets by environment, nothing open to a network."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import SecretStr

from nbp_dagster.settings import Settings, variable_of
from tests.deploy.files import DOCKER, ROOT, list_interpolated, read_environment, read_yaml

COMPOSE = read_yaml(DOCKER / "docker-compose.yaml")
SERVICES: dict[str, Any] = COMPOSE["services"]
# Services that are nobody's but ours, and so have the settings.
OURS = ("code", "webserver", "daemon", "worker", "review")
# Of the compose specification, those in use.
KEYS = {
    *("build", "cap_drop", "command", "cpus", "depends_on", "deploy", "entrypoint", "environment"),
    *("healthcheck", "image", "init", "mem_limit", "ports", "read_only", "restart"),
    *("security_opt", "stop_grace_period", "tmpfs", "volumes"),
}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
# Signatures need a file of yours: see docs/marking.md.
NOT_PASSED_ON = {"NBP_C2PA_KEY"}


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
    # The specification has it since, and compose from version 2 on.
    rest = {key: value for key, value in COMPOSE.items() if key != "name"}

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
    assert {SERVICES[name]["healthcheck"]["test"][1] for name in ("worker", "daemon")} == {"nbp"}


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


def test_what_must_be_set_is_asked_for_with_an_error() -> None:
    kinds: dict[str, set[str | None]] = {}
    for name, kind in list_interpolated(SERVICES):
        kinds.setdefault(name, set()).add(kind)
    must = {name for name, kind in kinds.items() if kind == {"?"}}

    assert must == {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "STORE_PASSWORD", "NBP_REVIEW_TOKEN"}


def test_every_secret_of_the_settings_reaches_our_services() -> None:
    secrets = {
        variable_of(name)
        for name, field in Settings.model_fields.items()
        if SecretStr in getattr(field.annotation, "__args__", (field.annotation,))
    }

    for name in OURS:
        passed_on = set(SERVICES[name]["environment"])
        assert secrets - NOT_PASSED_ON <= passed_on, name


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_names_a_version_and_no_registry(name: str) -> None:
    image = SERVICES[name]["image"]

    assert re.fullmatch(r"[a-z0-9-]+(/[a-z0-9-]+)?:[A-Za-z0-9.-]+", image)
    assert not image.endswith(":latest")
