"""Fixtures that several kinds of test share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from tests.fakes.painter import paint_plainly


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    """A simulator whose jobs take no time and whose pictures are plain."""
    with SimulatorServer(SimulatorOptions(latency=0.02), painter=paint_plainly) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty folder for state."""
    return tmp_path / "home"
