"""Two runs that ask two models for one prompt: one of them buys."""

from dataclasses import replace

import pytest

from nbp_dagster.studio.ledger.ledger_mark import LedgerBehind
from nbp_dagster.studio.ledger.orders import Failed, Generated, Order
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import Workbench, order, workbench


def pair() -> tuple[Order, Order]:
    """One prompt's orders at two models, each the other's rival."""
    first = order()
    second = replace(first, request=replace(first.request, model="nano-banana-2-1"))
    return (
        replace(first, rivals=(second.request.fingerprint,)),
        replace(second, rivals=(first.request.fingerprint,)),
    )


def claim(bench: Workbench, item: Order) -> None:
    """Stand for another run that has claimed an order and not posted it yet."""
    bench.ledger.claim(item, owner="f" * 32, run_id="another", request={})


def test_what_another_run_has_claimed_at_another_model_is_not_bought(
    bench: Workbench, service: ServiceProbe
) -> None:
    first, second = pair()
    claim(bench, first)

    outcome = bench.make(second)[second.key]

    assert isinstance(outcome, Failed)
    assert "asks google-nano-banana-pro for it; nothing was bought here" in outcome.reason
    assert service.bills == 0
    row = bench.ledger.latest([second.request.fingerprint])[second.request.fingerprint]
    assert row.state == "withdrawn"


def test_a_claim_that_came_later_does_not_stop_an_earlier_one(
    bench: Workbench, service: ServiceProbe
) -> None:
    """The later one withdraws: of two that see each other exactly one goes on."""
    first, second = pair()

    def claim_second(name: str) -> None:
        if name == "claimed" and not claimed:
            claimed.append(name)
            claim(bench, second)

    claimed: list[str] = []
    with workbench(service.url, bench.studio.paths.home, failpoint=claim_second) as other:
        assert isinstance(other.make(first)[first.key], Generated)
    assert claimed
    assert service.bills == 1


def test_what_was_made_meanwhile_at_another_model_is_not_bought(
    bench: Workbench, service: ServiceProbe
) -> None:
    first, second = pair()
    assert isinstance(bench.make(first)[first.key], Generated)

    assert isinstance(bench.make(second)[second.key], Failed)
    assert service.bills == 1


def test_what_failed_at_another_model_stands_in_nobodys_way(
    bench: Workbench, service: ServiceProbe
) -> None:
    first, second = pair()
    service.script({"kind": "at_capacity", "model": first.request.model})
    assert isinstance(bench.make(first)[first.key], Failed)

    assert isinstance(bench.make(second)[second.key], Generated)
    assert service.bills == 1


def test_a_model_at_capacity_never_leaves_a_request_alone(
    bench: Workbench, service: ServiceProbe
) -> None:
    first, _ = pair()
    service.script({"kind": "at_capacity"})
    for _ in range(3):
        assert isinstance(bench.make(first)[first.key], Failed)
    service.heal()

    assert isinstance(bench.make(first)[first.key], Generated)
    assert service.bills == 1


def test_a_forgotten_job_of_any_model_of_a_batch_is_found_before_buying(
    bench: Workbench, service: ServiceProbe
) -> None:
    """The ledger is an older copy: the job was paid, and its row is not here."""
    first, second = order(1), order(2)
    second = replace(second, request=replace(second.request, model="nano-banana-2-1"))
    bench.client.enqueue(
        model=second.request.model,
        prompt=second.request.prompt,
        parameters=dict(second.request.parameters),
    )

    with pytest.raises(LedgerBehind, match="1 of the 2 pictures"):
        bench.make(first, second)

    assert service.bills == 1
