"""A service that is away in the middle of a run: waited for, and nothing is paid twice."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from nbp_dagster.clock import SystemClock
from nbp_dagster.oxen.errors import ConnectionFailed
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, RequestsTransport
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Failed, Generated, Reused
from nbp_dagster.studio.purchasing.cancellation import CancellableClock, CancellationToken
from nbp_dagster.studio.purchasing.job_watcher import WatchTimes
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import Workbench, order, workbench

SPEED = 40
TIMES = WatchTimes(poll=0.05, poll_beside_stream=0.2, poll_at_most=0.4, stuck=1e6)

# How the service is away: nobody listens; its gateway answers; it bills and its gateway answers.
Manner = Literal["refused", "answers 503", "bills and answers 503"]


class SwiftClock(CancellableClock):
    """Time that passes forty times as fast."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), CancellationToken())

    def now(self) -> float:
        return SPEED * super().now()

    def monotonic(self) -> float:
        return SPEED * super().monotonic()

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / SPEED)


class Interrupted(RequestsTransport):
    """Away for some seconds from the n-th POST on, for every kind of request."""

    def __init__(self, *, seconds: float, manner: Manner, from_post: int = 20) -> None:
        super().__init__()
        self.clock = SwiftClock()
        self.began = threading.Event()
        self._seconds = seconds
        self._manner = manner
        self._posts_left = from_post
        self._lock = threading.Lock()
        self._until = float("inf")

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        if not self._is_away(request):
            with super().stream(request) as answer:
                yield answer
            return
        if self._manner == "refused":
            detail = "ConnectionRefusedError: Connection refused"
            raise ConnectionFailed(detail, endpoint=request.endpoint, maybe_sent=False)
        if self._manner == "bills and answers 503" and request.method == "POST":
            with super().stream(request) as answer:
                list(answer.chunks)
        yield HttpStream(503, {}, chunks=[b"no upstream"])

    def _is_away(self, request: HttpRequest) -> bool:
        with self._lock:
            if request.method == "POST" and self._posts_left:
                self._posts_left -= 1
                if not self._posts_left:
                    self._until = self.clock.monotonic() + self._seconds
                    self.began.set()
            return self.began.is_set() and self.clock.monotonic() < self._until


@contextmanager
def outlasting(
    simulator: SimulatorServer, home: Path, transport: Interrupted, *, seconds: float
) -> Iterator[Workbench]:
    """An engine that waits for the service for so long, with the waits of every user."""
    with workbench(
        simulator.url,
        home,
        clock=transport.clock,
        transport=transport,
        outage_seconds=seconds,
        times=TIMES,
        retry=RetryPolicy(),
    ) as bench:
        yield bench


@pytest.mark.parametrize("manner", ["refused", "answers 503", "bills and answers 503"])
@pytest.mark.parametrize("seconds", [15.0, 180.0])
def test_a_run_of_48_outlasts_an_outage_and_pays_once(
    simulator: SimulatorServer, home: Path, service: ServiceProbe, seconds: float, manner: Manner
) -> None:
    transport = Interrupted(seconds=seconds, manner=manner)
    with outlasting(simulator, home, transport, seconds=600) as bench:
        outcomes = bench.make(*(order(number) for number in range(48)))

    assert transport.began.is_set()
    assert [item for item in outcomes.values() if not isinstance(item, Generated)] == []
    assert service.bills == 48


@pytest.mark.parametrize("manner", ["refused", "answers 503", "bills and answers 503"])
def test_an_outage_without_end_is_given_up_and_the_next_run_pays_the_rest_once(
    simulator: SimulatorServer, home: Path, service: ServiceProbe, manner: Manner
) -> None:
    transport = Interrupted(seconds=1e9, manner=manner)
    with outlasting(simulator, home, transport, seconds=60) as bench:
        outcomes = bench.make(*(order(number) for number in range(40)))
    failed = [item for item in outcomes.values() if isinstance(item, Failed)]
    with workbench(simulator.url, home) as bench:
        again = bench.make(*(order(number) for number in range(40)))

    assert len(failed) >= 20
    assert {item.kind for item in failed} == {"unreachable"}
    assert all(isinstance(item, Generated | Reused) for item in again.values())
    assert service.bills == 40


def test_an_outage_is_told_while_it_is_waited_for(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    transport = Interrupted(seconds=120.0, manner="refused", from_post=5)
    told: list[str] = []
    with outlasting(simulator, home, transport, seconds=600) as bench:
        for _ in bench.batches(*(order(number) for number in range(20))):
            outage = bench.studio.breaker.outage()
            if outage is not None:
                told.append(outage.in_words())
        assert bench.studio.breaker.outage() is None

    assert told
    assert told[-1].startswith("waiting for the service: connection refused for ")
    assert service.bills == 20


def test_a_run_that_waits_for_the_service_can_be_cancelled(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    transport = Interrupted(seconds=1e9, manner="refused", from_post=5)
    with outlasting(simulator, home, transport, seconds=3600) as bench:
        flight = bench.batches(*(order(number) for number in range(20)))
        while bench.studio.breaker.outage() is None:
            next(flight)
        began = time.monotonic()
        flight.close()

    assert time.monotonic() - began < 5.0
    with workbench(simulator.url, home) as bench:
        again = bench.make(*(order(number) for number in range(20)))
    assert all(isinstance(item, Generated | Reused) for item in again.values())
    assert service.bills == 20
