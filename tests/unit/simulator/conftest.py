"""Simulators on loopback for the tests, with a painter that costs nothing, and a small client."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from tests.fakes.painter import paint_plainly

MODEL = "google-nano-banana-pro"


class Api:
    """Calls one simulator; `call` returns whatever was answered, `read` only good answers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update({"Authorization": "Bearer key", "User-Agent": "tests"})

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        url = path if path.startswith("http") else self.url + path
        return self.session.request(method, url, timeout=20, **arguments)

    def read(self, path: str, **arguments: Any) -> Any:
        answer = self.call("GET", path, **arguments)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, **body: Any) -> requests.Response:
        return self.call("POST", path, json=body)

    def enqueue(self, prompt: str = "a cup on a table", **fields: Any) -> list[str]:
        """Enqueue at the smallest size and return the generation ids."""
        body = {"model": MODEL, "prompt": prompt, "resolution": "1K", **fields}
        answer = self.post("/api/ai/queue", **body)
        answer.raise_for_status()
        return [item["generation_id"] for item in answer.json()["generations"]]

    def job(self, generation_id: str) -> Any:
        return self.read(f"/api/ai/queue/{generation_id}")

    def wait(
        self, generation_id: str, *, until: Sequence[str] = ("succeeded", "failed", "cancelled")
    ) -> Any:
        """Return the job as soon as it has one of these statuses."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            job = self.job(generation_id)
            if job["status"] in until:
                return job
            time.sleep(0.005)
        raise AssertionError(f"{generation_id} is still {job['status']}")

    def make(self, prompt: str = "a cup on a table", **fields: Any) -> Any:
        """Enqueue one picture and return the finished job."""
        return self.wait(self.enqueue(prompt, **fields)[0])

    def download(self, job: Any) -> bytes:
        """Return the bytes behind a job's link, fetched without a key."""
        answer = requests.get(job["result_url"], timeout=20, headers={"User-Agent": "tests"})
        answer.raise_for_status()
        return answer.content

    def script(self, **fault: Any) -> None:
        """Put one fault in force."""
        assert self.post("/_simulator/faults", faults=[fault]).status_code == 200

    def bills(self) -> Any:
        return self.read("/_simulator/bills")

    def stats(self) -> Any:
        return self.read("/_simulator/stats")


StartSimulator = Callable[..., Api]


@pytest.fixture
def start() -> Iterator[StartSimulator]:
    """Start simulators; keyword arguments are options, latency 0 unless told otherwise."""
    with ExitStack() as stack:

        def start_one(**options: Any) -> Api:
            settings = SimulatorOptions(**{"latency": 0.0, **options})
            server = stack.enter_context(SimulatorServer(settings, painter=paint_plainly))
            return Api(server.url)

        yield start_one


@pytest.fixture(scope="session")
def shared_server() -> Iterator[SimulatorServer]:
    """One simulator for all tests that need no options of their own."""
    with SimulatorServer(SimulatorOptions(latency=0.0), painter=paint_plainly) as server:
        yield server


@pytest.fixture
def api(shared_server: SimulatorServer) -> Api:
    """The shared simulator, reset."""
    client = Api(shared_server.url)
    client.post("/_simulator/reset").raise_for_status()
    return client
