"""The engine against the simulator: what is bought, what is not, and what each order comes to."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image

from nbp_dagster.oxen.errors import ConnectionFailed
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, RequestsTransport
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.budget import campaign_cap
from nbp_dagster.studio.ledger.orders import Failed, Generated, Made, Outcome, Refused, Reused
from nbp_dagster.studio.ordering.order_builder import build_order
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from nbp_dagster.studio.purchasing.buyer import recognisable
from nbp_dagster.studio.purchasing.failpoints import FailpointName
from tests.fakes.service import ServiceProbe
from tests.rigs.workbench import PRICE, HastyClock, Workbench, order, rename, workbench


class NoList(RequestsTransport):
    """The network, but for the list of jobs, which never answers."""

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        if request.method == "GET" and request.url.endswith("/api/ai/queue"):
            raise ConnectionFailed("no answer", endpoint=request.endpoint, maybe_sent=True)
        with super().stream(request) as answer:
            yield answer


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


class SlowHands:
    """Somebody who takes long over each picture, and counts what is out: sent, but not dealt with.

    Attributes:
        most: The most there ever was.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._out = 0
        self.most = 0

    def failpoint(self, step: FailpointName) -> None:
        if step == "posted":
            self._count(1)

    def postprocess(self, made: Made, image: Image.Image | None) -> None:
        time.sleep(self._seconds)
        self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._out += change
            self.most = max(self.most, self._out)


def test_orders_are_sent_no_faster_than_pictures_can_be_dealt_with(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    hands = SlowHands(0.2)
    orders = [order(number) for number in range(24)]

    with workbench(simulator.url, tmp_path, failpoint=hands.failpoint) as bench:
        outcomes = bench.make(*orders, postprocessor=hands)

    assert all(isinstance(outcome, Generated) for outcome in outcomes.values())
    assert hands.most < len(orders) * 3 / 4


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


def test_a_page_in_place_of_the_picture_is_asked_for_again_not_bought_again(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "html", "times": 1})

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated)
    assert service.bills == 1


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


def test_a_wrong_key_stops_those_who_wait_for_a_buyer_too(
    bench: Workbench, service: ServiceProbe
) -> None:
    """The whole window is with the buyers' pool when the first of them is turned away."""
    service.script({"kind": "status", "status": 401, "method": "POST"})

    bench.make(*(order(number) for number in range(60)))

    posts = [entry for entry in service.requests("/queue") if entry["method"] == "POST"]
    assert len(posts) <= 8, "one for each buyer thread at most"


def test_a_clock_ahead_of_the_service_does_not_pay_twice(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    class Ahead(HastyClock):
        def now(self) -> float:
            return super().now() + 600

    service.script({"kind": "reset_after", "method": "POST", "path": "/queue", "times": 1})
    with workbench(simulator.url, home, clock=Ahead()) as bench:
        [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated)
    assert service.bills == 1


def test_a_404_of_somebody_in_between_leaves_a_paid_job_open(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script(
        # Without events the job is asked for.
        {"kind": "status", "status": 503, "path": "/api/events"},
        {"kind": "status", "status": 404, "method": "GET", "path": "/queue/", "times": 1},
    )

    [first] = bench.make(order()).values()
    [row] = bench.ledger.rows()
    service.heal()
    [second] = bench.make(order()).values()

    assert isinstance(first, Failed)
    assert row.is_open
    assert isinstance(second, Generated)
    assert service.bills == 1


def test_a_paid_image_that_cannot_be_fetched_again_stays_paid(
    bench: Workbench, service: ServiceProbe
) -> None:
    [made] = bench.make(order()).values()
    assert isinstance(made, Generated)
    bench.store.path(made.image.sha256).unlink()
    service.script({"kind": "html", "path": "/api/", "times": 50})

    [lost] = bench.make(order()).values()
    service.heal()
    [found] = bench.make(order()).values()

    assert isinstance(lost, Failed)
    assert isinstance(found, Reused)
    assert service.bills == 1


def test_what_was_billed_twice_for_nothing_is_not_bought_a_third_time(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "no_image"})

    kinds = [next(iter(bench.make(order()).values())) for _ in range(4)]

    assert all(isinstance(outcome, Failed) for outcome in kinds)
    assert len(list(bench.ledger.rows())) == 2


def test_one_campaign_over_its_budget_does_not_stop_another(
    bench: Workbench, service: ServiceProbe
) -> None:
    caps = [campaign_cap("spring", Decimal("0.10")), campaign_cap("autumn", Decimal(10))]

    outcomes = bench.make(order(1), order(2, scope="autumn"), caps=caps)

    assert isinstance(outcomes["spring/shot1/en/1x1/v1"], Failed)
    assert isinstance(outcomes["autumn/shot2/en/1x1/v1"], Generated)


def test_an_open_purchase_of_an_edited_brief_is_looked_after(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    asked = recognisable(order(9).request, ())
    with workbench(simulator.url, home) as bench:
        bench.ledger.claim(order(9), owner="e" * 32, run_id="gone", request=asked)
        # A run that ends at once may leave it to the next.
        for number in range(1, 6):
            bench.make(order(number))
            states = {row.key: row.state for row in bench.ledger.rows()}
            if states["spring/shot9/en/1x1/v1"] != "intended":
                break

    assert states["spring/shot9/en/1x1/v1"] == "withdrawn"


def test_a_service_too_busy_for_an_order_is_asked_again(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script(
        {"kind": "status", "status": 429, "retry_after": 0.01, "path": "/queue", "times": 8}
    )

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated)


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


def test_two_runs_at_once_buy_each_fingerprint_once(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    service.script({"kind": "slow_job", "seconds": 0.3})
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


def test_a_purchase_whose_run_is_gone_is_taken_over(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    with workbench(simulator.url, home) as bench:
        bench.ledger.claim(
            order(), owner="e" * 32, run_id="gone", request=recognisable(order().request, ())
        )
        [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated)
    assert service.bills == 1


def test_a_cancelled_run_can_cancel_its_jobs(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    service.script({"kind": "slow_job", "seconds": 30, "prompt": "hill"})
    with workbench(simulator.url, home, on_cancel="cancel") as bench:
        flight = bench.stream(order(1), order(2, prompt="[[sim:refuse]] quick"))
        next(flight)
        flight.close()
        states = {row.key: row.state for row in bench.ledger.rows()}

    assert states["spring/shot1/en/1x1/v1"] == "failed"


class Trickling(RequestsTransport):
    """Downloads come to a halt after their first bytes, until the run is told to stop."""

    def __init__(self, clock: HastyClock) -> None:
        super().__init__()
        self.clock = clock
        self.has_begun = threading.Event()

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        with super().stream(request) as answer:
            if "/api/ai/" not in request.url:
                answer.chunks = self._hold(answer.chunks)
            yield answer

    def _hold(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        yield next(chunks)
        self.has_begun.set()
        while self.clock.token.may_buy:
            time.sleep(0.005)
        yield from chunks
        yield b"more"


def test_a_cancelled_run_drops_its_downloads_and_the_next_fetches_them(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    clock = HastyClock()
    transport = Trickling(clock)
    with workbench(simulator.url, home, transport=transport, clock=clock) as bench:
        flight = bench.stream(order(1), order(2, prompt="[[sim:refuse]] quick"))
        next(flight)
        assert transport.has_begun.wait(10)
        flight.close()
        [left] = [row for row in bench.ledger.rows() if row.state != "refused"]
    bills = service.bills
    with workbench(simulator.url, home) as bench:
        [outcome] = bench.make(order(1)).values()

    assert left.state == "enqueued"
    assert isinstance(outcome, Generated)
    assert service.bills == bills


def test_a_dropped_event_stream_costs_nothing_but_time(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "drop_stream", "seconds": 0.01})

    outcomes = bench.make(*(order(number) for number in range(5)))

    assert all(isinstance(outcome, Generated) for outcome in outcomes.values())


def test_without_an_event_stream_polling_finds_every_finished_job(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "status", "path": "/api/events", "status": 503})

    outcomes = bench.make(*(order(number) for number in range(5)))

    assert all(isinstance(outcome, Generated) for outcome in outcomes.values())
    assert service.bills == 5


def test_without_the_list_of_jobs_the_event_stream_carries_on(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    with workbench(simulator.url, home, transport=NoList()) as bench:
        outcomes = bench.make(*(order(number) for number in range(5)))

    assert all(isinstance(outcome, Generated) for outcome in outcomes.values())
    assert service.bills == 5


def test_a_job_whose_event_says_where_the_picture_lies_is_not_asked_for(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    with workbench(simulator.url, home, transport=NoList()) as bench:
        outcomes = bench.make(*(order(number) for number in range(5)))

    assert not [entry for entry in service.requests("/api/ai/queue/") if entry["method"] == "GET"]
    for outcome in outcomes.values():
        assert isinstance(outcome, Generated)
        assert outcome.receipt.seconds_taken is not None
        assert outcome.receipt.seconds_working is None, "nobody said when it was begun"


def test_jobs_of_other_people_on_the_stream_are_left_alone(
    bench: Workbench, service: ServiceProbe
) -> None:
    others = [
        job.generation_id
        for _ in range(3)
        for job in bench.client.enqueue(model="google-nano-banana-pro", prompt="Not ours")
    ]

    outcomes = bench.make(*(order(number) for number in range(3)))

    made = [outcome for outcome in outcomes.values() if isinstance(outcome, Generated)]
    assert len(made) == 3
    assert not {outcome.receipt.generation_id for outcome in made} & set(others)
    assert service.bills == 6
    assert all(bench.client.get_generation(other).status != "cancelled" for other in others)


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


def test_a_busy_service_gets_fewer_jobs_at_once(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    with workbench(simulator.url, home, limits=EngineLimits(in_flight=40)) as bench:
        service.script(
            {"kind": "status", "status": 429, "retry_after": 0.01, "method": "POST", "times": 1}
        )
        bench.make(*(order(number) for number in range(2)))
        bench.make(*(order(number) for number in range(2, 12)))

        assert bench.rate_limiter.room(0, 40) < 8
    assert service.bills == 12


class BuyersWait(HastyClock):
    """Buyers that must wait are held until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()
        self.let_go = threading.Event()

    def sleep(self, seconds: float) -> None:
        if threading.current_thread().name.startswith("nbp-buy"):
            self.waiting.set()
            assert self.let_go.wait(30)
        super().sleep(seconds)


def test_an_order_waits_for_its_turn_before_it_is_written_down(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    steps: list[FailpointName] = []
    clock = BuyersWait()
    with workbench(simulator.url, home, clock=clock, failpoint=steps.append) as bench:
        bench.rate_limiter.record_throttle(60.0, bench.rate_limiter.acquire(), is_post=True)
        run = threading.Thread(target=bench.make, args=(order(),))
        run.start()
        assert clock.waiting.wait(30)
        written, taken = list(bench.ledger.rows()), tuple(steps)
        clock.token.stop_buying()
        clock.let_go.set()
        run.join(30)

        assert (written, taken) == ([], ())
        assert list(bench.ledger.rows()) == []
    assert service.bills == 0, "told to stop while it waited"


class StandingClock(HastyClock):
    """A clock whose monotonic time jumps ahead with every look at it, as that of a busy thread."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self._step = step
        self._ahead = 0.0

    def monotonic(self) -> float:
        self._ahead += self._step
        return super().monotonic() + self._ahead


@pytest.mark.parametrize("step", [0.0, 0.02, 0.05, 0.2])
def test_an_order_that_was_too_early_goes_though_nobody_says_a_word(
    simulator: SimulatorServer, tmp_path: Path, step: float
) -> None:
    """The moment may come between the look whether it has come and the wait for it."""
    orders = [order(number) for number in range(6)]
    hands = SlowHands(0.0)
    with workbench(simulator.url, tmp_path, clock=StandingClock(step)) as bench:
        outcomes = bench.make(*orders, postprocessor=hands)
    assert all(isinstance(outcome, Generated) for outcome in outcomes.values())
