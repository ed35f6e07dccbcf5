"""Refused orders, and the milder wordings they may have."""

from nbp_dagster.studio.ledger.orders import Generated, Refused, Reused
from nbp_dagster.studio.ordering.order_builder import build_order
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import PRICE, Workbench, order


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
