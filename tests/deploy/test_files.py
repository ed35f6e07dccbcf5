"""Units, images and environment files of `deploy/`."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Set
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nbp_dagster.settings import Settings, variable_of
from tests.deploy.files import (
    DEPLOY,
    DOCKER,
    ENVIRONMENTS,
    ROOT,
    UNITS,
    read_environment,
    read_unit,
    read_yaml,
)

BIN = "/opt/nbp/.venv/bin/"
# Bytecode appears beside a module once something has imported it.
FILES = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
SYSTEMD_SECONDS = 90  # DefaultTimeoutStartSec
PROGRAMS = {"nbp", "dagster-webserver", "dagster-daemon", "celery"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_of_ours_is_a_setting(path: Path) -> None:
    known = {variable_of(name) for name in Settings.model_fields}
    named = set(re.findall(r"\b(?:NBP|OXEN)_[A-Z0-9_]+\b", path.read_text("utf-8")))

    assert named <= known


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: str(path.parent.name))
def test_an_example_has_no_secret_and_simulates(path: Path) -> None:
    values = read_environment(path)

    assert values["NBP_MODE"] == "simulator"
    for name, value in values.items():
        if re.search(r"PASSWORD|TOKEN|KEY", name):
            assert value == "", name


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: str(path.parent.name))
def test_an_example_cuts_backfills_and_batches_events(path: Path) -> None:
    values = read_environment(path)

    assert values["NBP_PROMPTS_PER_RUN"] == "100"
    assert values["DAGSTER_EVENT_BATCH_SIZE"] == "500"


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: str(path.parent.name))
def test_a_filled_in_example_stays_out_of_git_and_the_example_in_it(path: Path) -> None:
    filled = path.with_name(path.name.removesuffix(".example"))

    done = subprocess.run(
        ["git", "check-ignore", str(path), str(filled)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines() == [str(filled)]


def test_a_worker_of_celery_has_time_to_end_its_run() -> None:
    unit = read_unit(DEPLOY / "systemd" / "nbp-worker.service")["Service"]
    compose = read_yaml(DOCKER / "docker-compose.yaml")["services"]["worker"]

    assert unit["TimeoutStopSec"] == "30min"
    assert compose["stop_grace_period"] == "30m"


def test_there_is_a_unit_for_each_part_of_a_plain_host() -> None:
    assert [path.stem for path in UNITS] == [
        *("nbp-daemon", "nbp-review", "nbp-webserver", "nbp-worker")
    ]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_has_its_secrets_from_a_file_and_few_rights(path: Path) -> None:
    service = read_unit(path)["Service"]

    assert service["EnvironmentFile"] == "/etc/nbp/nbp.env"
    assert (service["User"], service["UMask"], service["NoNewPrivileges"]) == ("nbp", "0077", "yes")
    # Dagster refuses a home that is not there.
    state = {f"/var/lib/{name}" for name in service["StateDirectory"].split()}
    homes = read_environment(DEPLOY / "systemd" / "nbp.env.example")
    assert state == {homes["NBP_HOME"], homes["DAGSTER_HOME"]}
    assert service["ProtectSystem"] == "strict"
    assert service["ExecStart"].removeprefix(BIN).split()[0] in PROGRAMS
    assert re.fullmatch(r"[1-9]G", service["MemoryMax"])
    # No page of ours is open to a network by itself.
    assert "0.0.0.0" not in service["ExecStart"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_what_is_looked_at_before_a_start_holds_it_up_for_less_than_systemd_waits(
    path: Path,
) -> None:
    service = read_unit(path)["Service"]
    if "ExecStartPre" not in service:
        pytest.skip("starts at once")

    # Its failure is ignored.
    limit, seconds, command = service["ExecStartPre"].split(maxsplit=2)
    assert limit == "-/usr/bin/timeout"
    assert int(seconds) < int(service.get("TimeoutStartSec", SYSTEMD_SECONDS))
    assert command == f"{BIN}nbp doctor"


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze here")
    copies = []
    for path in UNITS:
        copy = tmp_path / path.name
        copy.write_text(path.read_text("utf-8").replace(BIN, f"{tmp_path}/"), "utf-8")
        copies.append(copy)
    for name in PROGRAMS:
        (tmp_path / name).write_text("#!/bin/sh\n", "utf-8")
        (tmp_path / name).chmod(0o755)

    done = subprocess.run([program, "verify", *copies], capture_output=True, text=True, check=False)

    ours = [line for line in done.stderr.splitlines() if "nbp-" in line or str(tmp_path) in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_the_image_is_built_from_locked_wheels_by_nobodys_root() -> None:
    text = (DOCKER / "Dockerfile").read_text("utf-8")
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    [extras] = re.findall(r"^ARG EXTRAS=(\S+)", text, re.MULTILINE)

    assert bases == ["python:3.11-slim"] * 2
    assert "--require-hashes" in text
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE) == ["nbp"]
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    for extra in extras.split(","):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE), extra


def test_every_home_of_dagster_is_its_users_own() -> None:
    text = (DOCKER / "Dockerfile").read_text("utf-8")
    [made] = re.findall(r"install -d -o nbp -g nbp -m 0700 (.+)", text)
    helm = read_yaml(DEPLOY / "helm" / "values.yaml")
    chart = helm["global"].get("dagsterHome", "/opt/dagster/dagster_home")

    assert {chart, *re.findall(r"DAGSTER_HOME=(\S+)", text)} <= set(made.split())


def list_needed(names: Set[str]) -> set[str]:
    """Return what packages ask for, and those in turn, as far as they are installed here."""
    needed: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        needed.add(name)
        try:
            asked = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        for each in map(Requirement, asked):
            if each.marker is None or each.marker.evaluate({"extra": ""}):
                waiting |= {canonicalize_name(each.name)} - needed
    return needed


def test_every_extra_that_the_image_offers_is_built_from_the_locks() -> None:
    text = (DOCKER / "Dockerfile").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    locks = [ROOT / name for name in ("requirements.lock", "requirements-extras.lock")]
    locked = {
        canonicalize_name(name)
        for lock in locks
        for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text("utf-8"), re.MULTILINE)
    }

    def can_be_built(extra: str) -> bool:
        asked = {
            canonicalize_name(Requirement(each).name)
            for each in project["optional-dependencies"][extra]
        }
        return list_needed(asked) <= locked

    offered = {"postgres", "s3", "celery", "ocr", "c2pa", "heic", "svg", "otel"}
    assert {extra for extra in offered if not can_be_built(extra)} == set()
    said = re.search(r"there are ([a-z0-9, ]+) and (\w+) besides", text)
    chosen = re.search(r"^ARG EXTRAS=(\S+)", text, re.MULTILINE)
    assert said is not None
    assert chosen is not None
    assert {*said[1].split(", "), said[2], *chosen[1].split(",")} == offered


def test_what_the_image_copies_is_there_and_let_through() -> None:
    text = (DOCKER / "Dockerfile").read_text("utf-8")
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    copied = [
        name
        for line in re.findall(r"^COPY (?!--)(.+) \S+$", text, re.MULTILINE)
        for name in line.split()
    ]

    assert len(copied) >= 8
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored, name


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: str(path.parent.name))
def test_the_driver_of_s3_takes_the_region_of_an_example(path: Path) -> None:
    values = read_environment(path)

    # botocore reads no AWS_REGION, and makes a host of an empty region: s3..amazonaws.com.
    assert "AWS_REGION" not in values
    assert values["AWS_DEFAULT_REGION"]
