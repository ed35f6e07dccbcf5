"""Caps hold whatever the service bills: failures, refusals, nothing at all, another price."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.budget import campaign_cap
from nbp_dagster.studio.ledger.orders import Failed, Order
from nbp_dagster.studio.ordering.current_prices import ORDERS_A_READING
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import PRICE, Workbench, order, workbench

MODEL = "google-nano-banana-pro"


def test_failed_jobs_count_since_the_service_may_bill_them(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "fail", "billed": True})
    orders = [order(number) for number in range(1, 5)]
    cap = campaign_cap("spring", 4 * PRICE)

    rounds = [bench.make(*orders, caps=[cap]) for _ in range(5)]

    assert service.billed_usd == 4 * PRICE == Decimal("0.60")
    assert {item.kind for item in rounds[-1].values() if isinstance(item, Failed)} == {
        "over_budget"
    }


def test_refused_jobs_count_and_so_do_their_milder_wordings(
    bench: Workbench, service: ServiceProbe
) -> None:
    """Eight prompts with three milder wordings each: 4.80 USD where all are asked for."""
    service.script({"kind": "refuse", "billed": True})
    orders = [soften(order(number), 3) for number in range(1, 9)]
    cap = campaign_cap("spring", 8 * PRICE)

    for _ in range(3):
        bench.make(*orders, caps=[cap])

    assert service.billed_usd == 8 * PRICE == Decimal("1.20")


def soften(item: Order, tries: int) -> Order:
    if not tries:
        return item
    request = replace(item.request, prompt=f"{item.request.prompt}, milder")
    return replace(item, on_refusal=soften(replace(item, request=request), tries - 1))


@pytest.mark.parametrize("kind", ["html", "no_image"])
def test_what_was_billed_and_is_no_picture_counts(
    bench: Workbench, service: ServiceProbe, kind: str
) -> None:
    service.script({"kind": kind})
    cap = campaign_cap("spring", 2 * PRICE)

    for number in range(1, 4):
        bench.make(order(number), caps=[cap])

    assert service.billed_usd == 2 * PRICE


@pytest.fixture
def one_buyer(simulator: SimulatorServer, home: Path) -> Iterator[Workbench]:
    limits = EngineLimits(buyers=1, in_flight=1)
    with workbench(simulator.url, home, limits=limits) as bench:
        yield bench


def test_a_price_that_rises_while_a_run_buys_is_met_at_the_next_reading(
    one_buyer: Workbench, service: ServiceProbe
) -> None:
    cheap, dear = Decimal("0.09"), Decimal("0.15")
    service.change_price(MODEL, 0.09)
    orders = [replace(order(number), price=cheap) for number in range(1, 31)]
    cap = campaign_cap("spring", 30 * cheap)

    flight = one_buyer.stream(*orders, caps=[cap])
    next(flight)
    service.change_price(MODEL, 0.15)
    outcomes = list(flight)

    unseen = ORDERS_A_READING * (dear - cheap)
    assert cap.limit - dear < service.billed_usd <= cap.limit + unseen
    prices = {row.price_usd for row in one_buyer.ledger.rows()}
    assert prices == {cheap, dear}
    assert any(isinstance(item, Failed) and item.kind == "over_budget" for item in outcomes)


def test_the_price_at_which_an_order_is_bought_is_what_the_ledger_has(
    bench: Workbench, service: ServiceProbe
) -> None:
    """The quote is an hour old: the service has become cheaper since."""
    service.change_price(MODEL, 0.05)

    bench.make(order(1))

    assert [row.price_usd for row in bench.ledger.rows()] == [Decimal("0.05")]


def test_a_price_that_cannot_be_read_stays_as_it_was_quoted(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "status", "path": "/models/", "status": 404})

    bench.make(order(1))

    assert [row.price_usd for row in bench.ledger.rows()] == [PRICE]
    assert service.bills == 1
