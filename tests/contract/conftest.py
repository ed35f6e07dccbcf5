"""Which service the contract is held against: an own simulator, any URL, or the live service.

    pytest tests/contract                                   an in-process simulator
    pytest tests/contract --base-url http://127.0.0.1:8123  a running simulator
    pytest tests/contract --live                            OXEN_BASE_URL with OXEN_API_KEY; spends

Without `--live`, a host that is not loopback is asked for nothing that costs or stays.
"""

import ipaddress
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from nbp_dagster.clock import SystemClock
from nbp_dagster.oxen.client import DEFAULT_BASE_URL, OxenClient
from nbp_dagster.oxen.errors import ConnectionFailed
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import HttpRequest, RequestsTransport
from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from tests.fakes.painter import paint_plainly

MakeClient = Callable[..., OxenClient]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("contract")
    group.addoption("--base-url", default=None, help="hold the contract against this service")
    group.addoption(
        "--live", action="store_true", default=False, help="allow calls that cost money or stay"
    )


@dataclass(frozen=True)
class Target:
    """The service under test and what may be asked of it."""

    url: str
    key: str = field(repr=False)
    may_spend: bool
    simulated: bool

    @property
    def patience(self) -> float:
        """Seconds a job may take."""
        return 30.0 if self.simulated else 300.0

    @property
    def poll_seconds(self) -> float:
        """Seconds between polls."""
        return 0.02 if self.simulated else 3.0


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The service named on the command line, else a simulator of our own."""
    live = bool(request.config.getoption("--live", default=False))
    url = request.config.getoption("--base-url", default=None)
    if live and url is None:
        url = os.environ.get("OXEN_BASE_URL", DEFAULT_BASE_URL)
    if url is None:
        with SimulatorServer(SimulatorOptions(latency=0.02), painter=paint_plainly) as server:
            yield Target(server.url, "key-5d1e7c90", may_spend=True, simulated=True)
        return
    url = url.rstrip("/")
    loopback = _is_loopback(url)
    key = os.environ.get("OXEN_API_KEY") or ("key-5d1e7c90" if loopback else "")
    if not key:
        pytest.exit(f"{url} wants a key: set OXEN_API_KEY", returncode=4)
    yield Target(url, key, may_spend=live or loopback, simulated=_is_simulator(url))


@pytest.fixture
def spending(target: Target) -> None:
    """Skip what costs money or leaves something behind, unless that is allowed."""
    if not target.may_spend:
        pytest.skip(f"costs money or stays at {target.url}; --live allows it")


@pytest.fixture
def make_client(target: Target) -> MakeClient:
    """Build clients of the service; keyword arguments go to the client."""

    def make(**options: object) -> OxenClient:
        settings: dict[str, object] = {
            "api_key": target.key,
            "transport": RequestsTransport(),
            "clock": SystemClock(),
            "retry": RetryPolicy(attempts=3, base_delay=0.01, throttle_delay=0.01),
        }
        return OxenClient(target.url, **{**settings, **options})

    return make


@pytest.fixture
def client(make_client: MakeClient) -> OxenClient:
    """A client of the service."""
    return make_client()


@pytest.fixture
def break_service(target: Target) -> Iterator[Callable[..., None]]:
    """Script faults of a simulator, taken back after the test; skips elsewhere."""
    if not target.simulated:
        pytest.skip(f"{target.url} is no simulator: its faults cannot be scripted")
    url = f"{target.url}/_simulator/faults"
    transport = RequestsTransport()

    def script(**fault: object) -> None:
        body = json.dumps({"faults": [fault]}).encode()
        headers = {"Content-Type": "application/json"}
        answer = transport.send(HttpRequest(method="POST", url=url, body=body, headers=headers))
        assert answer.status == 200, answer.body

    yield script
    transport.send(HttpRequest(method="DELETE", url=url))


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_simulator(url: str) -> bool:
    request = HttpRequest(method="GET", url=f"{url}/_simulator/health")
    try:
        answer = RequestsTransport().send(request)
    except ConnectionFailed as error:
        pytest.exit(f"no service to hold the contract against: {error}", returncode=4)
    return answer.status == 200 and b'"simulated"' in answer.body
