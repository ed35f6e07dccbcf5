"""Orders that are bought: once each, whoever asks and however often."""

import threading
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image

from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.budget import campaign_cap
from nbp_dagster.studio.ledger.orders import Failed, Generated, Made, Outcome, Refused, Reused
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import Workbench, order, rename, workbench


def test_every_order_is_made_and_billed_once(bench: Workbench, service: ServiceProbe) -> None:
    orders = [order(number) for number in range(30)]

    outcomes = bench.make(*orders)

    assert {item.key for item in orders} == outcomes.keys()
    assert all(isinstance(outcome, Generated) for outcome in outcomes.values())
    assert service.bills == 30
    assert bench.ledger.spent(campaign_cap("spring", Decimal(1)), provider="oxen") == Decimal(
        "4.50"
    )


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


def test_fresh_buys_again_on_purpose_and_says_so(bench: Workbench, service: ServiceProbe) -> None:
    bench.make(order())
    bench.run_id = "the next run"

    [again] = bench.make(order(), fresh=True).values()
    [third] = bench.make(order(), fresh=True).values()

    assert isinstance(again, Generated)
    assert again.receipt.attempt == 2
    assert isinstance(third, Reused), "the same run does not buy its own purchase again"
    assert service.bills == 2
    assert [row.fresh for row in bench.ledger.rows()] == [False, True]


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


def test_what_was_billed_twice_for_nothing_is_not_bought_a_third_time(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "no_image"})

    outcomes: list[Outcome] = []
    for number in range(4):
        bench.run_id = f"run {number}"
        outcomes += bench.make(order()).values()

    assert all(isinstance(outcome, Failed) for outcome in outcomes)
    assert len(list(bench.ledger.rows())) == 2


@pytest.mark.parametrize("fresh", [False, True])
def test_a_retry_of_a_run_does_not_buy_again_what_was_billed_for_nothing(
    bench: Workbench, service: ServiceProbe, fresh: bool
) -> None:
    service.script({"kind": "no_image", "times": 1})
    bench.make(order(), fresh=fresh)

    # Dagster's retries count for the run that they retry.
    [retried] = bench.make(order(), fresh=fresh).values()
    bench.run_id = "a new run"
    [anew] = bench.make(order(), fresh=fresh).values()

    assert isinstance(retried, Failed)
    assert "billed without an image in this run" in retried.reason
    assert isinstance(anew, Generated)
    assert service.bills == 2


def test_two_runs_at_once_buy_each_fingerprint_once(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    service.script({"kind": "slow_job", "seconds": 0.2})
    orders = [order(number) for number in range(10)]
    results: list[dict[str, Outcome]] = []

    def run(name: str) -> None:
        with workbench(simulator.url, home, run_id=name) as bench:
            results.append(bench.make(*orders))

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert service.bills == 10
    assert len(results) == 2
    for outcomes in results:
        assert len(outcomes) == 10
        assert all(isinstance(item, Generated | Reused) for item in outcomes.values())


class PostprocessorLog:
    """Notes each outcome it is given, and whether the pixels came with it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, type[Made], bool]] = []

    def postprocess(self, made: Made, image: Image.Image | None) -> None:
        self.calls.append((made.key, type(made), image is not None))


def test_an_image_is_postprocessed_once_for_each_order_it_serves(bench: Workbench) -> None:
    orders = (order(1), rename(order(1), "autumn/shot9/en/1x1/v1"))
    first, second = PostprocessorLog(), PostprocessorLog()

    bench.make(*orders, postprocessor=first)
    bench.make(*orders, postprocessor=second)

    keys = [item.key for item in orders]
    assert first.calls == [(keys[0], Generated, True), (keys[1], Reused, True)]
    assert second.calls == [(key, Reused, False) for key in keys], "read from the store if need be"
