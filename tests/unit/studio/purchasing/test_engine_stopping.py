"""What stops a run, wholly or in part: a wrong key, no credit, a cap, a cancellation."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from nbp_dagster.oxen.sockets.watchdog import GRACE_SECONDS
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, RequestsTransport
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.budget import campaign_cap
from nbp_dagster.studio.ledger.orders import Failed, Generated, Reused
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from nbp_dagster.studio.purchasing.failpoints import FailpointName
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import HastyClock, Workbench, order, workbench


def test_a_run_that_is_closed_stops_buying(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    orders = [order(number) for number in range(40)]
    with workbench(simulator.url, home, limits=EngineLimits(in_flight=4, buyers=2)) as bench:
        flight = bench.stream(*orders)
        next(flight)
        flight.close()

    assert service.bills < 40


def test_a_wrong_key_stops_those_who_wait_for_a_buyer_too(
    bench: Workbench, service: ServiceProbe
) -> None:
    """The whole window is with the buyers' pool when the first of them is turned away."""
    service.script({"kind": "status", "status": 401, "method": "POST"})

    bench.make(*(order(number) for number in range(60)))

    posts = [entry for entry in service.requests("/queue") if entry["method"] == "POST"]
    assert len(posts) <= 8, "one for each buyer thread at most"


def test_one_campaign_over_its_budget_does_not_stop_another(
    bench: Workbench, service: ServiceProbe
) -> None:
    caps = [campaign_cap("spring", Decimal("0.10")), campaign_cap("autumn", Decimal(10))]

    outcomes = bench.make(order(1), order(2, scope="autumn"), caps=caps)

    assert isinstance(outcomes["spring/shot1/en/1x1/v1"], Failed)
    assert isinstance(outcomes["autumn/shot2/en/1x1/v1"], Generated)


def test_a_wrong_key_stops_the_run_before_the_rest_is_tried(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    service.script({"kind": "status", "status": 401, "method": "POST"})
    with workbench(simulator.url, home, limits=EngineLimits(in_flight=1, buyers=1)) as bench:
        outcomes = bench.make(*(order(number) for number in range(5)))

    posts = [entry for entry in service.requests("/queue") if entry["method"] == "POST"]
    assert len(posts) == 1
    assert all(isinstance(outcome, Failed) for outcome in outcomes.values())
    assert service.bills == 0


def test_running_out_of_credit_keeps_what_is_paid(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    service.script({"kind": "no_credit", "method": "POST", "path": "/queue", "nth": 3})
    with workbench(simulator.url, home, limits=EngineLimits(in_flight=1, buyers=1)) as bench:
        outcomes = list(bench.make(*(order(number) for number in range(6))).values())

    assert sum(isinstance(outcome, Generated) for outcome in outcomes) == 2
    assert sum(isinstance(outcome, Failed) for outcome in outcomes) == 4
    assert service.bills == 2


def test_a_quote_over_its_cap_buys_nothing_and_says_by_how_much(
    bench: Workbench, service: ServiceProbe
) -> None:
    cap = campaign_cap("spring", Decimal("0.40"))
    bench.make(order(0), caps=[cap])

    outcomes = bench.make(*(order(number) for number in range(4)), caps=[cap])

    reused = outcomes.pop(order(0).key)
    left_out = outcomes.values()
    assert isinstance(reused, Reused)
    assert service.bills == 1
    for outcome in left_out:
        assert isinstance(outcome, Failed)
        assert outcome.kind == "over_budget"
        assert outcome.reason == (
            "over budget: campaign spring allows 0.40 USD, 0.15 is spent or reserved, and this "
            "would cost 0.45: 0.20 too much; raise budget_usd in campaigns/spring.yaml, or make "
            "fewer images"
        )


def test_a_cap_that_another_run_fills_stops_buying_and_keeps_what_is_paid(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    cap = campaign_cap("spring", Decimal("0.60"))
    others: list[object] = []

    def spend_elsewhere(step: FailpointName) -> None:
        if step == "enqueued" and not others:
            others.append(step)
            for number in (100, 101):
                item = order(number)
                bench.ledger.claim(item, owner="f" * 32, run_id="another", request={})

    limits = EngineLimits(in_flight=1, buyers=1)
    with workbench(simulator.url, home, limits=limits, failpoint=spend_elsewhere) as bench:
        outcomes = list(bench.make(*(order(number) for number in range(4)), caps=[cap]).values())

    made = [outcome for outcome in outcomes if isinstance(outcome, Generated)]
    left_out = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert (len(made), len(left_out)) == (2, 2)
    assert service.bills == 2
    assert all("campaign spring allows 0.60 USD" in outcome.reason for outcome in left_out)


def test_a_cancelled_run_can_cancel_its_jobs(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    service.script({"kind": "slow_job", "seconds": 30, "prompt": "hill"})
    with workbench(simulator.url, home, on_cancel="cancel") as bench:
        flight = bench.stream(order(1), order(2, prompt="[[sim:refuse]] quick"))
        next(flight)
        flight.close()
        states = {row.key: row.state for row in bench.ledger.rows()}

    assert states["spring/shot1/en/1x1/v1"] == "failed"


class Trickling(RequestsTransport):
    """Downloads come to a halt after their first bytes, until the run is told to stop."""

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
        flight = bench.stream(order(1), order(2, prompt="[[sim:refuse]] quick"))
        next(flight)
        assert transport.has_begun.wait(10)
        flight.close()
        [left] = [row for row in bench.ledger.rows() if row.state != "refused"]
    bills = service.bills
    with workbench(simulator.url, home) as bench:
        [outcome] = bench.make(order(1)).values()

    assert left.state == "enqueued"
    assert isinstance(outcome, Generated)
    assert service.bills == bills


class Stoppable(RequestsTransport):
    """Cuts what is under way when the run is cancelled, as that of every user does."""

    def __init__(self, clock: HastyClock) -> None:
        super().__init__(clock=clock, is_abandoned=lambda: clock.token.is_cancelled)
        self.has_posted = threading.Event()

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        if b"red kite" in (request.body or b""):
            self.has_posted.set()
        with super().stream(request) as answer:
            yield answer


def test_a_service_that_stalls_does_not_keep_a_cancelled_run(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    """Ctrl-C: what is being answered is cut after a grace, and what it paid is found again."""
    service.script({"kind": "slow", "method": "POST", "prompt": "red kite", "seconds": 25})
    clock = HastyClock()
    transport = Stoppable(clock)
    quick, *stalled = (order(100, prompt="[[sim:refuse]]"), *(order(item) for item in range(6)))
    with workbench(simulator.url, home, transport=transport, clock=clock) as bench:
        flight = bench.stream(quick, *stalled)
        next(flight)
        assert transport.has_posted.wait(10)
        began = time.monotonic()
        flight.close()
        took = time.monotonic() - began
    service.heal()
    with workbench(simulator.url, home) as bench:
        outcomes = bench.make(*stalled)

    assert GRACE_SECONDS <= took < 10.0
    assert all(isinstance(outcome, Generated | Reused) for outcome in outcomes.values())
    assert service.bills == 6
