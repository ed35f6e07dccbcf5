"""Fixtures that several kinds of test share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from tests.fakes.painter import paint_plainly

# Files of these take minutes: begun last, they would leave one worker waiting for the other.
_LONG = ("tests/e2e", "tests/crash")


# Reading a picture takes a second, and most tests make pictures to look at something else; those
# about reading switch it on themselves.
os.environ.setdefault("NBP_OCR", "off")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files; the order within a file stays."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    """A simulator whose jobs take no time and whose pictures are plain."""
    with SimulatorServer(SimulatorOptions(latency=0.02), painter=paint_plainly) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty folder for state."""
    return tmp_path / "home"
