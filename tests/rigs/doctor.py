"""`nbp doctor` as tests run it: in this process, on a home beside small briefs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nbp_dagster.cli.main import main
from tests.rigs.briefs import campaign, shot, write_briefs

Doctor = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that is not made yet, beside briefs of one shot."""
    write_briefs(tmp_path / "briefs", campaign(shot("kitchen")))
    return tmp_path / "home"


@pytest.fixture
def doctor(home: Path) -> Doctor:
    """Runs the command; returns its status and what it found by part."""

    def run(**variables: str) -> tuple[int, dict[str, dict[str, Any]]]:
        environment = {
            "NBP_HOME": str(home),
            "NBP_CONFIG": str(home.parent / "briefs"),
            "DAGSTER_HOME": None,
            **variables,
        }
        done = CliRunner().invoke(main, ["doctor", "--json"], env=environment)
        assert "Traceback" not in done.output
        found = json.loads(done.stdout)["findings"]
        return done.exit_code, {each["part"]: each for each in found}

    return run
