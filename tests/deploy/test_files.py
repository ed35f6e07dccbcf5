"""Units, images and environment files of `deploy/`."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from nbp_dagster.settings import Settings, variable_of
from tests.deploy.files import (
    DEPLOY,
    DOCKER,
    ENVIRONMENTS,
    ROOT,
    UNITS,
    read_environment,
    read_unit,
)

BIN = "/opt/nbp/.venv/bin/"
FILES = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()]
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


def test_there_is_a_unit_for_each_part_of_a_plain_host() -> None:
    assert [path.stem for path in UNITS] == [
        *("nbp-daemon", "nbp-review", "nbp-webserver", "nbp-worker")
    ]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_has_its_secrets_from_a_file_and_few_rights(path: Path) -> None:
    service = read_unit(path)["Service"]

    assert service["EnvironmentFile"] == "/etc/nbp/nbp.env"
    assert (service["User"], service["UMask"], service["NoNewPrivileges"]) == ("nbp", "0077", "yes")
    assert (service["ProtectSystem"], service["StateDirectory"]) == ("strict", "nbp")
    assert service["ExecStart"].removeprefix(BIN).split()[0] in PROGRAMS
    assert re.fullmatch(r"[1-9]G", service["MemoryMax"])
    # No page of ours is open to a network by itself.
    assert "0.0.0.0" not in service["ExecStart"]


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
