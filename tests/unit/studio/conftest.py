"""What tests of the studio share: ledgers on both databases, and a workbench at the simulator."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbp_dagster.simulator.server import SimulatorServer
from tests.rigs.postgres import PostgresServer, postgres
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import Workbench, workbench

__all__ = ["postgres"]


@pytest.fixture
def service(simulator: SimulatorServer) -> ServiceProbe:
    return ServiceProbe(simulator.url)


@pytest.fixture
def bench(simulator: SimulatorServer, home: Path) -> Iterator[Workbench]:
    with workbench(simulator.url, home) as bench:
        yield bench


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a ledger that does not exist yet; a test that asks for it runs on each."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/home/ledger.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.make_database()
