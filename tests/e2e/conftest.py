"""What tests of `nbp` in other processes share: a service that outlives their runs."""

from collections.abc import Iterator

import pytest

from tests.rigs.processes import Shell
from tests.rigs.service import ServiceProbe


@pytest.fixture(scope="module")
def latency() -> str:
    """Seconds that a job takes; a module whose runs need a middle has a fixture of its own."""
    return "0.05"


@pytest.fixture(scope="module")
def running_service(
    tmp_path_factory: pytest.TempPathFactory, latency: str
) -> Iterator[ServiceProbe]:
    options = ("--latency", latency, "--painter", "plain")
    with Shell(tmp_path_factory.mktemp("service")).simulator(*options) as probe:
        yield probe


@pytest.fixture
def service(running_service: ServiceProbe) -> ServiceProbe:
    """A service that outlives the runs, and has not sold anything yet."""
    running_service.reset()
    return running_service
