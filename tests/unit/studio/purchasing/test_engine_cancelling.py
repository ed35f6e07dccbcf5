"""A cancelled run buys nothing more, drops its downloads, and keeps or cancels its jobs."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbp_dagster.oxen.transport import HttpRequest, HttpStream, RequestsTransport
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Generated
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from tests.fakes.service import ServiceProbe
from tests.rigs.workbench import HastyClock, order, workbench


def test_a_run_that_is_closed_stops_buying(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    orders = [order(number) for number in range(40)]
    with workbench(simulator.url, home, limits=EngineLimits(in_flight=4, buyers=2)) as bench:
        stream = bench.stream(*orders)
        next(stream)
        stream.close()

    assert service.bills < 40


def test_a_cancelled_run_can_cancel_its_jobs(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    service.script({"kind": "slow_job", "seconds": 30, "prompt": "hill"})
    with workbench(simulator.url, home, on_cancel="cancel") as bench:
        stream = bench.stream(order(1), order(2, prompt="[[sim:refuse]] quick"))
        next(stream)
        stream.close()
        states = {row.key: row.state for row in bench.ledger.rows()}

    assert states["spring/shot1/en/1x1/v1"] == "failed"


class Trickling(RequestsTransport):
    """Downloads come to a halt after their first bytes, until the run is stopped."""

    def __init__(self, clock: HastyClock) -> None:
        super().__init__()
        self.clock = clock
        self.has_begun = threading.Event()

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        with super().stream(request) as answer:
            if "/api/ai/" not in request.url:
                answer.chunks = self._hold(answer.chunks)
            yield answer

    def _hold(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        yield next(chunks)
        self.has_begun.set()
        while self.clock.token.may_buy:
            time.sleep(0.005)
        yield from chunks
        yield b"more"


def test_a_cancelled_run_drops_its_downloads_and_the_next_fetches_them(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    clock = HastyClock()
    transport = Trickling(clock)
    with workbench(simulator.url, home, transport=transport, clock=clock) as bench:
        stream = bench.stream(order(1), order(2, prompt="[[sim:refuse]] quick"))
        next(stream)
        assert transport.has_begun.wait(10)
        stream.close()
        [left] = [row for row in bench.ledger.rows() if row.state != "refused"]
    bills = service.bills
    with workbench(simulator.url, home) as bench:
        [outcome] = bench.make(order(1)).values()

    assert left.state == "enqueued"
    assert isinstance(outcome, Generated)
    assert service.bills == bills
