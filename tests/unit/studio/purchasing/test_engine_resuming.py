"""Purchases that another run, or a lost answer, left open: adopted, not bought again."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nbp_dagster.clock import SystemClock
from nbp_dagster.oxen.transport import HttpRequest, HttpResponse
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Failed, Generated, Reused
from nbp_dagster.studio.purchasing.reconcile import list_unowned, recognisable
from tests.fakes.tampering import TamperingTransport
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import TIMES, HastyClock, Workbench, order, workbench

# No job that takes its time counts as stuck.
PATIENT = replace(TIMES, stuck=60.0)


@pytest.mark.parametrize("fault", ["reset_after", "status_after"])
def test_a_lost_answer_is_found_in_the_queue_and_adopted(
    bench: Workbench, service: ServiceProbe, fault: str
) -> None:
    service.script({"kind": fault, "method": "POST", "path": "/queue", "times": 1})

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated)
    assert service.bills == 1
    assert outcome.receipt.attempt == 1


@pytest.mark.parametrize("key", ["k", "simulator", "red-kite-show", "red-kite-show-3f9a"])
def test_a_lost_answer_is_found_whatever_words_of_its_request_are_in_the_key(
    service: ServiceProbe, home: Path, key: str
) -> None:
    service.script({"kind": "reset_after", "method": "POST", "path": "/queue", "times": 4})
    orders = []
    for number, words in enumerate(("club", "simulator", "red-kite-show"), start=1):
        named, plain = order(number, prompt=f"A {words}, morning"), order(number + 9)
        parameters = {**plain.request.parameters, "negative_prompt": f"no {words}"}
        orders += [named, replace(plain, request=replace(plain.request, parameters=parameters))]

    with workbench(service.url, home, key=key) as bench:
        outcomes = bench.make(*orders)
        for each in orders:
            outcome = outcomes[each.key]
            assert isinstance(outcome, Generated)
            sold = bench.client.get_generation(outcome.receipt.generation_id)
            assert sold.prompt == each.request.prompt

    assert service.bills == 6


class Misnaming:
    """Names the first jobs that are enqueued by ids that nobody has, and may have none end."""

    def __init__(self, times: int = 1, *, ends: bool = True) -> None:
        self.times, self.ends = times, ends

    def __call__(self, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        if request.method == "GET" and "/api/ai/queue/" in request.url and not self.ends:
            job = {**json.loads(answer.body), "status": "processing", "result_url": None}
            return replace(answer, body=json.dumps(job).encode())
        if request.method != "POST" or not self.times:
            return answer
        self.times -= 1
        [job] = json.loads(answer.body)["generations"]
        named = {**job, "generation_id": job["generation_id"][:-9]}
        return replace(answer, body=json.dumps({"generations": [named]}).encode())


@pytest.mark.parametrize("ends", [True, False])
def test_a_job_whose_id_came_damaged_is_known_by_its_request_and_not_bought_again(
    simulator: SimulatorServer, home: Path, service: ServiceProbe, ends: bool
) -> None:
    transport = TamperingTransport(Misnaming(ends=ends))
    with workbench(simulator.url, home, transport=transport, times=PATIENT) as bench:
        [first] = bench.make(order()).values()
    with workbench(simulator.url, home, times=PATIENT, run_id="another") as bench:
        [second] = bench.make(order()).values()
        [row] = bench.ledger.rows()

    assert isinstance(first, Generated if ends else Failed), first
    assert ends or "the next run fetches it, free" in str(first)
    assert isinstance(second, Generated | Reused)
    assert list_unowned(bench.client, bench.ledger) == []
    assert (service.bills, row.state) == (1, "made")


class Lagging:
    """Answers for jobs as a copy of the service's data does that has not heard of them yet."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[str, float] = {}

    def __call__(self, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        if request.method == "POST":
            for job in json.loads(answer.body)["generations"]:
                self._since[job["generation_id"]] = time.monotonic()
        elif "/api/ai/queue/" in request.url:
            if not self._knows(request.url.rsplit("/", 1)[1]):
                fault = {"type": "resource_not_found", "title": "Not found", "detail": "no such"}
                return replace(answer, status=404, body=json.dumps({"error": fault}).encode())
        elif "/api/ai/queue" in request.url:
            told = json.loads(answer.body)
            jobs = [job for job in told["generations"] if self._knows(job["generation_id"])]
            told = {**told, "generations": jobs, "count": len(jobs)}
            return replace(answer, body=json.dumps(told).encode())
        return answer

    def _knows(self, generation_id: str) -> bool:
        return time.monotonic() - self._since.get(generation_id, 0.0) >= self._seconds


def test_a_job_that_the_service_does_not_know_of_yet_is_waited_for(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    transport = TamperingTransport(Lagging(1.0), with_events=False)
    with workbench(simulator.url, home, transport=transport, times=PATIENT) as bench:
        bench.absence_seconds = 60.0
        [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated), outcome
    assert service.bills == 1


@pytest.mark.parametrize("fault", ["short_prompts", "blank_prompts"])
def test_a_job_of_a_damaged_id_that_the_list_may_hide_is_left_to_a_person(
    simulator: SimulatorServer, home: Path, service: ServiceProbe, fault: str
) -> None:
    service.script({"kind": fault, "method": "GET", "path": "/queue"})
    wanted = order(
        prompt="A red kite over a green hill, in oil on the cloth of an old sail, evening"
    )
    transport = TamperingTransport(Misnaming())
    with workbench(simulator.url, home, transport=transport, times=PATIENT) as bench:
        [first] = bench.make(wanted).values()
    with workbench(simulator.url, home, times=PATIENT, run_id="another") as bench:
        [hidden] = bench.make(wanted).values()
    service.heal()
    with workbench(simulator.url, home, times=PATIENT, run_id="a third") as bench:
        [shown] = bench.make(wanted).values()

    for left in (first, hidden):
        assert isinstance(left, Failed)
        assert "do not show their whole prompt. Purchase 1 stays open" in left.reason
        assert "`nbp ledger settle 1 --absent`" in left.reason
    assert isinstance(shown, Generated)
    assert service.bills == 1


def test_a_job_ordered_by_a_clock_that_was_ahead_is_old(
    simulator: SimulatorServer, home: Path
) -> None:
    ahead = SystemClock().now() + 3600.0
    with workbench(simulator.url, home, clock=HastyClock(ShiftedClock(3600.0))) as bench:
        asked = recognisable(order().request, ())
        row = bench.ledger.claim(order(), owner="e" * 32, run_id="gone", request=asked)
        row = bench.ledger.record_enqueued(row, "0b6f2f4e-0000-4000-8000-000000000000")
    with workbench(simulator.url, home, times=PATIENT) as bench:
        bench.absence_seconds = 60.0
        [outcome] = bench.make(order()).values()

    assert (row.enqueued_at or 0.0) >= ahead
    assert isinstance(outcome, Failed)
    assert "no longer knows paid generation" in outcome.reason


class ShiftedClock(SystemClock):
    """A clock that is ahead by some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self) -> float:
        return super().now() + self._seconds


def test_twins_whose_ids_came_damaged_have_one_job_each(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    """Their collectors look at once, and both see both jobs."""
    twins = [order(1, prompt="the same words", variant=number) for number in range(1, 5)]
    transport = TamperingTransport(Misnaming(times=len(twins)))
    with workbench(simulator.url, home, transport=transport, times=PATIENT) as bench:
        bench.make(*twins)
    with workbench(simulator.url, home, times=PATIENT, run_id="another") as bench:
        outcomes = bench.make(*twins).values()
        jobs = {row.generation_id for row in bench.ledger.rows()}

    assert all(isinstance(outcome, Generated | Reused) for outcome in outcomes)
    assert len(jobs) == service.bills == len(twins)


def test_a_job_that_the_service_has_lost_takes_no_job_of_another_purchase(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    twins = (order(1, prompt="the same words"), order(1, prompt="the same words", variant=2))
    with workbench(simulator.url, home) as bench:
        bench.make(twins[1])
        asked = recognisable(twins[0].request, ())
        row = bench.ledger.claim(twins[0], owner="e" * 32, run_id="gone", request=asked)
        bench.ledger.record_enqueued(row, "0b6f2f4e-0000-4000-8000-000000000000")
        [outcome] = bench.make(twins[0]).values()

    assert isinstance(outcome, Failed)
    assert "no longer knows paid generation" in outcome.reason
    assert service.bills == 1


class WithoutUrl:
    """Leaves out where the picture of a job is, the first times that it is asked for."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        is_job = "/api/ai/queue/" in request.url and b"succeeded" in answer.body
        if not is_job or not self.times:
            return answer
        self.times -= 1
        job = {**json.loads(answer.body), "result_url": None}
        return replace(answer, body=json.dumps(job).encode())


@pytest.mark.parametrize(("times", "made"), [(1, True), (2, False)])
def test_a_finished_job_without_a_picture_is_asked_for_once_more(
    simulator: SimulatorServer, home: Path, service: ServiceProbe, times: int, made: bool
) -> None:
    transport = TamperingTransport(WithoutUrl(times), with_events=False)
    quick = replace(TIMES, stream_wait=0.1)
    with workbench(simulator.url, home, transport=transport, times=quick) as bench:
        [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated) is made, outcome
    assert service.bills == 1


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
    with workbench(simulator.url, home, times=PATIENT) as first:
        flight = first.stream(order(1), order(2, prompt="[[sim:refuse]] quick"))
        next(flight)  # the refusal; the other job is still at the service
        flight.close()
    with workbench(simulator.url, home, times=PATIENT) as second:
        outcomes = second.make(order(1))

    [outcome] = outcomes.values()
    assert isinstance(outcome, Generated)
    assert service.bills == 1


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


def test_an_open_purchase_of_an_edited_brief_is_looked_after(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    asked = recognisable(order(9).request, ())
    # A run that ends at once may leave it to the next; these have time for it.
    service.script({"kind": "slow_job", "seconds": 1.0})
    with workbench(simulator.url, home, times=PATIENT) as bench:
        bench.ledger.claim(order(9), owner="e" * 32, run_id="gone", request=asked)
        for number in range(1, 6):
            bench.make(order(number))
            states = {row.key: row.state for row in bench.ledger.rows()}
            if states["spring/shot9/en/1x1/v1"] != "intended":
                break

    assert states["spring/shot9/en/1x1/v1"] == "withdrawn"


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
