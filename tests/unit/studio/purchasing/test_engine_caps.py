"""The engine buys nothing that would break a cap, and says by how much it would."""

from decimal import Decimal
from pathlib import Path

from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.budget import campaign_cap
from nbp_dagster.studio.ledger.orders import Failed, Generated, Reused
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from nbp_dagster.studio.purchasing.failpoints import FailpointName
from tests.fakes.service import ServiceProbe
from tests.rigs.workbench import Workbench, order, workbench


def test_one_campaign_over_its_budget_does_not_stop_another(
    bench: Workbench, service: ServiceProbe
) -> None:
    caps = [campaign_cap("spring", Decimal("0.10")), campaign_cap("autumn", Decimal(10))]

    outcomes = bench.make(order(1), order(2, scope="autumn"), caps=caps)

    assert isinstance(outcomes["spring/shot1/en/1x1/v1"], Failed)
    assert isinstance(outcomes["autumn/shot2/en/1x1/v1"], Generated)


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
