"""A studio whose one prompt has its picture, for whoever asks for another."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.studio import Studio
from tests.crash.correcting import make, open_prompts


@pytest.fixture
def studio(simulator: SimulatorServer, tmp_path: Path) -> Iterator[Studio]:
    with open_prompts(simulator.url, tmp_path, count=1, fails=False) as opened:
        make(opened)
        yield opened
