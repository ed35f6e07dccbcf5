"""Two accounts on one ledger, and jobs that were ordered at another address."""

from pathlib import Path

import pytest

from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.accounts import UnknownAccount
from nbp_dagster.studio.ledger.orders import Failed, Generated, Reused
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import order, workbench


def test_an_account_buys_its_own_picture_of_what_another_has_made(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    with workbench(simulator.url, home, key="north-1", account="north") as north:
        north.make(order())
    with workbench(simulator.url, home, key="south-1", account="south") as south:
        [outcome] = south.make(order()).values()
        [again] = south.make(order()).values()

    assert isinstance(outcome, Generated)
    assert isinstance(again, Reused)
    assert service.bills == 2


def test_a_key_that_the_ledger_has_not_seen_buys_nothing(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    with workbench(simulator.url, home, key="north-1") as north:
        north.make(order())

    opening = workbench(simulator.url, home, key="north-2")
    with pytest.raises(UnknownAccount, match="adopt-account"), opening:
        pass

    assert service.bills == 1


def test_a_job_ordered_at_another_address_is_left_open_and_not_bought_again(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    with workbench(simulator.url, home) as bench:
        purchase = bench.ledger.claim(order(), owner="", run_id="earlier", request=REQUEST)
        bench.ledger.record_enqueued(purchase, "0b6f2f4e-0000-4000-8000-000000000000")
    other = simulator.url.replace("127.0.0.1", "localhost")

    with workbench(other, home) as bench:
        [outcome] = bench.make(order()).values()
        [row] = bench.ledger.open_in(["spring"])

    assert isinstance(outcome, Failed)
    assert f"was ordered at {simulator.url}, and the service in use" in outcome.reason
    assert row.is_open
    assert service.bills == 0


REQUEST = {"prompt": order().request.prompt, "parameters": {}, "references": [], "variant": 1}


def test_a_job_that_another_run_has_posted_and_not_yet_recorded_is_not_taken_for_a_forgotten_one(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    """Variants of a prompt send one request: the other run's job matches our order as well."""
    theirs, ours = order(), order(variant=2)
    with workbench(simulator.url, home) as bench:
        described = {**REQUEST, "parameters": dict(theirs.request.parameters)}
        bench.ledger.claim(theirs, owner="", run_id="another", request=described)
        bench.client.enqueue(
            model=theirs.request.model,
            prompt=theirs.request.prompt,
            parameters=dict(theirs.request.parameters),
        )

        outcomes = bench.make(theirs, ours)

    assert all(isinstance(outcome, Generated) for outcome in outcomes.values())
    assert service.bills == 2
