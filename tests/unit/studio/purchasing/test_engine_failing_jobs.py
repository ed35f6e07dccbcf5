"""A service that takes orders and fails the jobs: little is bought until it works again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nbp_dagster.oxen.rate_limit.job_breaker import FIRST_PROBE, MIN_FAULTS
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Failed, Generated, Outcome
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import Workbench, order, workbench
from tests.unit.studio.purchasing.test_engine_outages import TIMES, SwiftClock

ORDERS = 40
IN_FLIGHT = 4
LIMITS = EngineLimits(in_flight=IN_FLIGHT, elsewhere_seconds=0.05, unproven_seconds=0.1)
MINUTES = 60.0


def accepted(service: ServiceProbe) -> int:
    return len([call for call in service.requests("queue") if call["method"] == "POST"])


def make_until(
    bench: Workbench, clock: SwiftClock, mend: Callable[[], None], *, seconds: float
) -> tuple[dict[str, Outcome], list[str]]:
    """Make all; the service is mended once nothing has been bought for some of the clock's time.

    Returns:
        The outcomes, and what the engine said of its wait.
    """
    outcomes: dict[str, Outcome] = {}
    told: list[str] = []
    broken_at: float | None = None
    for batch in bench.batches(*(order(number) for number in range(ORDERS))):
        outcomes.update((outcome.key, outcome) for outcome in batch)
        failures = bench.studio.engine.job_failures
        if failures is None:
            continue
        told.append(failures.in_words())
        broken_at = clock.monotonic() if broken_at is None else broken_at
        if clock.monotonic() - broken_at > seconds:
            mend()
    return outcomes, told


@pytest.mark.parametrize("kind", ["fail", "no_image"])
def test_nothing_but_probes_is_bought_while_jobs_fail_and_all_the_rest_after(
    simulator: SimulatorServer, service: ServiceProbe, tmp_path: Path, kind: str
) -> None:
    """Of `no_image` every job is billed: what is bought meanwhile is lost."""
    clock = SwiftClock()
    service.script({"kind": kind})
    bills: list[int] = []

    def mend() -> None:
        if not bills:
            bills.append(accepted(service))
            service.heal()

    with workbench(
        simulator.url,
        tmp_path,
        limits=LIMITS,
        clock=clock,
        outage_seconds=20 * MINUTES,
        times=TIMES,
    ) as bench:
        outcomes, told = make_until(bench, clock, mend, seconds=4 * MINUTES)

    # 15, 30, 60 and 120 s apart: in four minutes no more than five of them.
    assert bills[0] <= MIN_FAULTS + IN_FLIGHT + 5
    assert told[0].startswith("nothing more is bought: ")
    failed = [outcome for outcome in outcomes.values() if isinstance(outcome, Failed)]
    made = [outcome for outcome in outcomes.values() if isinstance(outcome, Generated)]
    assert len(failed) <= bills[0]
    assert len(made) == ORDERS - len(failed) >= ORDERS - bills[0]


def test_a_service_that_stays_broken_is_given_up_and_the_rest_is_not_bought(
    simulator: SimulatorServer, service: ServiceProbe, tmp_path: Path
) -> None:
    clock = SwiftClock()
    service.script({"kind": "no_image"})

    with workbench(
        simulator.url,
        tmp_path,
        limits=LIMITS,
        clock=clock,
        outage_seconds=2 * FIRST_PROBE,
        times=TIMES,
    ) as bench:
        outcomes = bench.make(*(order(number) for number in range(ORDERS)))

    assert len(outcomes) == ORDERS
    given_up = [
        outcome
        for outcome in outcomes.values()
        if isinstance(outcome, Failed) and outcome.kind == "unreachable"
    ]
    assert accepted(service) <= MIN_FAULTS + IN_FLIGHT + 2
    assert len(given_up) == ORDERS - accepted(service)
    assert "jobs failed" in given_up[0].reason
