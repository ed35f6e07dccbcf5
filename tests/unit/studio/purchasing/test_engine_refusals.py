"""The engine softens or reports what the service refuses or fails; some errors stop the run."""

from pathlib import Path

from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Failed, Generated, Refused, Reused
from nbp_dagster.studio.ordering.order_builder import build_order
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from tests.fakes.service import ServiceProbe
from tests.rigs.workbench import PRICE, Workbench, order, workbench


def test_a_refused_order_is_not_asked_again(bench: Workbench, service: ServiceProbe) -> None:
    refused = order(1, prompt="[[sim:refuse]] something")

    [first] = bench.make(refused).values()
    asked = len(service.requests("/api/ai/queue"))
    [second] = bench.make(refused).values()

    assert isinstance(first, Refused)
    assert isinstance(second, Refused)
    assert first.reason == second.reason
    assert len(service.requests("/api/ai/queue")) == asked


def test_a_refused_request_is_softened_where_the_order_allows_it(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "refuse", "prompt": "hill", "times": 1})
    request = order(1).request
    soft = build_order(request, price=PRICE, scope="spring", softer=2)

    [made] = bench.make(soft).values()
    [again] = bench.make(soft).values()

    assert isinstance(made, Generated)
    assert isinstance(again, Reused)
    first, second = bench.ledger.rows()
    assert (first.state, second.state) == ("refused", "made")
    assert second.parent == first.fingerprint
    assert made.receipt.fingerprint == second.fingerprint


def test_a_request_refused_in_every_wording_stays_refused(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "refuse", "prompt": "hill"})
    soft = build_order(order(1).request, price=PRICE, scope="spring", softer=2)

    [outcome] = bench.make(soft).values()

    assert isinstance(outcome, Refused)
    assert outcome.key == soft.key
    assert len(list(bench.ledger.rows())) == 3
    assert service.bills == 0


def test_a_failed_job_is_asked_again_by_the_next_run_and_recorded_as_a_second_attempt(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "fail", "times": 1})

    [first] = bench.make(order()).values()
    [second] = bench.make(order()).values()

    assert isinstance(first, Failed)
    assert isinstance(second, Generated)
    assert second.receipt.attempt == 2


def test_what_was_billed_twice_for_nothing_is_not_bought_a_third_time(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "no_image"})

    kinds = [next(iter(bench.make(order()).values())) for _ in range(4)]

    assert all(isinstance(outcome, Failed) for outcome in kinds)
    assert len(list(bench.ledger.rows())) == 2


def test_a_stuck_job_is_cancelled_and_reported(bench: Workbench) -> None:
    [outcome] = bench.make(order(1, prompt="[[sim:stuck]] never")).values()

    assert isinstance(outcome, Failed)
    assert outcome.kind == "stuck"


def test_a_wrong_key_stops_orders_that_wait_for_a_buyer_too(
    bench: Workbench, service: ServiceProbe
) -> None:
    """The whole window is with the buyers' pool when the first of them is turned away."""
    service.script({"kind": "status", "status": 401, "method": "POST"})

    bench.make(*(order(number) for number in range(60)))

    posts = [entry for entry in service.requests("/queue") if entry["method"] == "POST"]
    assert len(posts) <= 8, "one for each buyer thread at most"


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
