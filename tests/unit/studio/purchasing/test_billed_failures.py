"""What a run says it was billed is what the service billed, whatever came of it."""

from pathlib import Path

from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import OutcomeCounts
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import order, rename, workbench

BAD = "over hill number 2"


def run(url: str, home: Path, name: str, *, twins: bool = False) -> OutcomeCounts:
    """Make three orders, or two of one request, in a run of that name; return its counts."""
    same = [order(2), rename(order(2), "spring/twin/en/1x1/v1")]
    orders = same if twins else [order(number) for number in (1, 2, 3)]
    tally = OutcomeCounts()
    with workbench(url, home, run_id=name) as bench:
        for outcome in bench.make(*orders).values():
            tally = tally.add(outcome)
    return tally


def test_a_job_that_brings_no_picture_is_counted_in_each_run_that_was_billed_for_it(
    simulator: SimulatorServer, service: ServiceProbe, home: Path
) -> None:
    service.script({"kind": "no_image", "prompt": BAD})

    said, billed = [], []
    for number in range(3):
        said.append(run(simulator.url, home, f"run {number}"))
        billed.append(service.billed_usd)

    assert [f"{tally.spent_usd:.2f}" for tally in said] == ["0.45", "0.15", "0.00"]
    assert [f"{tally.unusable_usd:.2f}" for tally in said] == ["0.15", "0.15", "0.00"]
    assert [f"{usd:.2f}" for usd in billed] == ["0.45", "0.60", "0.60"]


def test_one_job_for_two_prompts_is_counted_once(
    simulator: SimulatorServer, service: ServiceProbe, home: Path
) -> None:
    service.script({"kind": "no_image", "prompt": BAD})

    tally = run(simulator.url, home, "run", twins=True)

    assert (tally.failed, str(tally.spent_usd)) == (2, "0.15")
    assert service.bills == 1
