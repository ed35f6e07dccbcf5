"""The engine against the simulator: what is bought, what is not, and what each order comes to."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.budget import Cap
from nbp_dagster.studio.engine import EngineLimits
from nbp_dagster.studio.outcomes import Failed, Generated, Refused, Reused
from tests.fakes.service import ServiceProbe
from tests.fakes.studio import Workbench, order, rename, workbench


@pytest.fixture
def service(simulator: SimulatorServer) -> ServiceProbe:
    return ServiceProbe(simulator.url)


@pytest.fixture
def bench(simulator: SimulatorServer, home: Path) -> Iterator[Workbench]:
    with workbench(simulator.url, home) as bench:
        yield bench


def test_every_order_is_made_and_billed_once(bench: Workbench, service: ServiceProbe) -> None:
    orders = [order(number) for number in range(30)]

    outcomes = bench.make(*orders)

    assert {item.key for item in orders} == outcomes.keys()
    assert all(isinstance(outcome, Generated) for outcome in outcomes.values())
    assert service.bills == 30
    assert bench.ledger.spent(scope="spring") == Decimal("4.50")


def test_the_kept_image_has_the_pixels_that_were_asked(bench: Workbench) -> None:
    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated)
    assert (outcome.image.width, outcome.image.height) == (1024, 1024)
    assert len(bench.store.get(outcome.image.sha256)) == outcome.image.bytes


def test_a_finished_fingerprint_is_reused_without_a_call(
    bench: Workbench, service: ServiceProbe
) -> None:
    bench.make(order())
    calls = len(service.requests("/api/"))

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Reused)
    assert service.bills == 1
    assert len(service.requests("/api/")) == calls


def test_the_same_request_under_two_keys_is_one_purchase(
    bench: Workbench, service: ServiceProbe
) -> None:
    outcomes = bench.make(order(1), rename(order(1), "autumn/shot9/en/1x1/v1"))

    assert isinstance(outcomes["spring/shot1/en/1x1/v1"], Generated)
    assert isinstance(outcomes["autumn/shot9/en/1x1/v1"], Reused)
    assert service.bills == 1


def test_a_refused_order_is_not_asked_again(bench: Workbench, service: ServiceProbe) -> None:
    refused = order(1, prompt="[[sim:refuse]] something")

    [first] = bench.make(refused).values()
    asked = len(service.requests("/api/ai/queue"))
    [second] = bench.make(refused).values()

    assert isinstance(first, Refused)
    assert isinstance(second, Refused)
    assert first.reason == second.reason
    assert len(service.requests("/api/ai/queue")) == asked


def test_one_bad_order_holds_back_no_other(bench: Workbench) -> None:
    outcomes = bench.make(
        order(1), order(2, prompt="[[sim:refuse]] no"), order(3, prompt="[[sim:fail]] no"), order(4)
    )

    kinds = [type(outcome) for _, outcome in sorted(outcomes.items())]
    assert kinds == [Generated, Refused, Failed, Generated]


def test_a_failed_job_is_asked_again_by_the_next_run_and_recorded_as_a_second_attempt(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "fail", "times": 1})

    [first] = bench.make(order()).values()
    [second] = bench.make(order()).values()

    assert isinstance(first, Failed)
    assert isinstance(second, Generated)
    assert second.receipt.attempt == 2


@pytest.mark.parametrize("fault", ["reset_after", "status_after"])
def test_a_lost_answer_is_found_in_the_queue_and_adopted(
    bench: Workbench, service: ServiceProbe, fault: str
) -> None:
    service.script({"kind": fault, "method": "POST", "path": "/queue", "times": 1})

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated)
    assert service.bills == 1
    assert outcome.receipt.attempt == 1


@pytest.mark.parametrize("fault", ["reset", "status"])
def test_a_post_that_left_no_job_is_sent_again(
    bench: Workbench, service: ServiceProbe, fault: str
) -> None:
    service.script({"kind": fault, "method": "POST", "path": "/queue", "times": 1})

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated)
    assert service.bills == 1


def test_two_identical_lost_posts_are_adopted_by_one_owner_each(
    bench: Workbench, service: ServiceProbe
) -> None:
    """Variants of one shot may be word for word the same; each job still gets one owner."""
    service.script({"kind": "reset_after", "method": "POST", "path": "/queue", "times": 2})

    outcomes = bench.make(
        order(1, prompt="the same words"), order(1, prompt="the same words", variant=2)
    )

    made = [outcome for outcome in outcomes.values() if isinstance(outcome, Generated)]
    assert len({outcome.receipt.generation_id for outcome in made}) == 2
    assert service.bills == 2


def test_a_job_that_an_earlier_run_left_is_fetched_not_bought(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    service.script({"kind": "slow_job", "seconds": 0.4, "prompt": "hill"})
    with workbench(simulator.url, home) as first:
        flight = first.stream(order(1), order(2, prompt="[[sim:refuse]] quick"))
        next(flight)  # the refusal; the other job is still at the service
        flight.close()
    with workbench(simulator.url, home) as second:
        outcomes = second.make(order(1))

    [outcome] = outcomes.values()
    assert isinstance(outcome, Generated)
    assert service.bills == 1


def test_a_run_that_is_closed_stops_buying(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    orders = [order(number) for number in range(40)]
    with workbench(simulator.url, home, limits=EngineLimits(in_flight=4, buyers=2)) as bench:
        flight = bench.stream(*orders)
        next(flight)
        flight.close()

    assert service.bills < 40


def test_no_more_jobs_are_in_flight_than_allowed(simulator: SimulatorServer, home: Path) -> None:
    with workbench(simulator.url, home, limits=EngineLimits(in_flight=3)) as bench:
        bench.make(*(order(number) for number in range(12)))

    assert ServiceProbe(simulator.url).stats["peak_processing"] <= 3


def test_a_stuck_job_is_cancelled_and_reported(bench: Workbench) -> None:
    [outcome] = bench.make(order(1, prompt="[[sim:stuck]] never")).values()

    assert isinstance(outcome, Failed)
    assert outcome.kind == "stuck"


@pytest.mark.parametrize("fault", ["truncate", "html"])
def test_a_download_that_is_no_image_fails_and_says_so(
    bench: Workbench, service: ServiceProbe, fault: str
) -> None:
    service.script({"kind": fault})

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Failed)


def test_a_cut_download_is_repeated(bench: Workbench, service: ServiceProbe) -> None:
    service.script({"kind": "truncate", "times": 1})

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated)


def test_an_expired_link_is_minted_anew(bench: Workbench, service: ServiceProbe) -> None:
    service.script({"kind": "expire", "times": 1})

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated)
    assert service.bills == 1


def test_throttling_is_waited_out(bench: Workbench, service: ServiceProbe) -> None:
    service.script(
        {"kind": "status", "status": 429, "retry_after": 0.01, "path": "/queue", "times": 2}
    )

    assert all(isinstance(item, Generated) for item in bench.make(order(1), order(2)).values())


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


def test_a_cap_stops_buying_and_names_itself(bench: Workbench, service: ServiceProbe) -> None:
    cap = Cap("campaign spring", Decimal("0.40"), "budget_usd in campaigns/spring.yaml", "spring")

    outcomes = list(bench.make(*(order(number) for number in range(4)), caps=[cap]).values())

    left_out = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert service.bills == 2
    assert {outcome.kind for outcome in left_out} == {"over_budget"}
    assert "campaign spring allows 0.40 USD" in left_out[0].reason
    assert "campaigns/spring.yaml" in left_out[0].reason


def test_a_dropped_event_stream_costs_nothing_but_time(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "drop_stream", "seconds": 0.01})

    outcomes = bench.make(*(order(number) for number in range(5)))

    assert all(isinstance(outcome, Generated) for outcome in outcomes.values())


def test_an_image_lost_from_the_store_is_fetched_again_without_paying(
    bench: Workbench, service: ServiceProbe
) -> None:
    [made] = bench.make(order()).values()
    assert isinstance(made, Generated)
    bench.store.path(made.image.sha256).unlink()

    [again] = bench.make(order()).values()

    assert isinstance(again, Reused)
    assert bench.store.has(made.image.sha256)
    assert service.bills == 1
