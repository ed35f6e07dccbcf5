"""How many orders are sent, and when: limits, 429s, busy services, the interval between orders."""

import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Generated, Made
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from nbp_dagster.studio.purchasing.failpoints import FailpointName
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import HastyClock, Workbench, order, workbench


class SlowPostprocessor:
    """Takes long over each picture, and counts orders that are sent and not yet postprocessed.

    Attributes:
        most: The highest count there was.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._out = 0
        self.most = 0

    def failpoint(self, step: FailpointName) -> None:
        if step == "posted":
            self._count(1)

    def postprocess(self, made: Made, image: Image.Image | None) -> None:
        time.sleep(self._seconds)
        self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._out += change
            self.most = max(self.most, self._out)


def test_orders_are_sent_no_faster_than_pictures_can_be_dealt_with(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    postprocessor = SlowPostprocessor(0.2)
    # Enough of them that a slow first few, on a busy machine, are not most of all.
    orders = [order(number) for number in range(48)]

    with workbench(simulator.url, tmp_path, failpoint=postprocessor.failpoint) as bench:
        outcomes = bench.make(*orders, postprocessor=postprocessor)

    assert all(isinstance(outcome, Generated) for outcome in outcomes.values())
    assert postprocessor.most < len(orders) * 3 / 4


def test_no_more_jobs_are_in_flight_than_allowed(simulator: SimulatorServer, home: Path) -> None:
    with workbench(simulator.url, home, limits=EngineLimits(in_flight=3)) as bench:
        bench.make(*(order(number) for number in range(12)))

    assert ServiceProbe(simulator.url).stats["peak_processing"] <= 3


def test_throttling_is_waited_out(bench: Workbench, service: ServiceProbe) -> None:
    service.script(
        {"kind": "status", "status": 429, "retry_after": 0.01, "path": "/queue", "times": 2}
    )

    assert all(isinstance(item, Generated) for item in bench.make(order(1), order(2)).values())


def test_a_service_too_busy_for_an_order_is_asked_again(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script(
        {"kind": "status", "status": 429, "retry_after": 0.01, "path": "/queue", "times": 8}
    )

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated)


def test_a_busy_service_gets_fewer_jobs_at_once(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    with workbench(simulator.url, home, limits=EngineLimits(in_flight=40)) as bench:
        service.script(
            {"kind": "status", "status": 429, "retry_after": 0.01, "method": "POST", "times": 1}
        )
        bench.make(*(order(number) for number in range(2)))
        bench.make(*(order(number) for number in range(2, 12)))

        assert bench.rate_limiter.room(0, 40) < 8
    assert service.bills == 12


class BuyersWait(HastyClock):
    """Buyers that must wait are held until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()
        self.let_go = threading.Event()

    def sleep(self, seconds: float) -> None:
        if threading.current_thread().name.startswith("nbp-buy"):
            self.waiting.set()
            assert self.let_go.wait(30)
        super().sleep(seconds)


def test_an_order_waits_for_its_turn_before_it_is_written_down(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    steps: list[FailpointName] = []
    clock = BuyersWait()
    with workbench(simulator.url, home, clock=clock, failpoint=steps.append) as bench:
        bench.rate_limiter.record_throttle(60.0, bench.rate_limiter.acquire(), is_post=True)
        run = threading.Thread(target=bench.make, args=(order(),))
        run.start()
        assert clock.waiting.wait(30)
        written, taken = list(bench.ledger.rows()), tuple(steps)
        clock.token.stop_buying()
        clock.let_go.set()
        run.join(30)

        assert (written, taken) == ([], ())
        assert list(bench.ledger.rows()) == []
    assert service.bills == 0, "told to stop while it waited"


class StandingClock(HastyClock):
    """A clock whose monotonic time jumps ahead with every look at it, as that of a busy thread."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self._step = step
        self._ahead = 0.0

    def monotonic(self) -> float:
        self._ahead += self._step
        return super().monotonic() + self._ahead


@pytest.mark.parametrize("step", [0.0, 0.02, 0.05, 0.2])
def test_an_order_that_was_too_early_is_sent_without_a_message(
    simulator: SimulatorServer, tmp_path: Path, step: float
) -> None:
    """The moment may come between the look whether it has come and the wait for it."""
    orders = [order(number) for number in range(6)]
    postprocessor = SlowPostprocessor(0.0)
    with workbench(simulator.url, tmp_path, clock=StandingClock(step)) as bench:
        outcomes = bench.make(*orders, postprocessor=postprocessor)
    assert all(isinstance(outcome, Generated) for outcome in outcomes.values())
