"""A lost answer is bought again only where its job is proved absent; else its order waits."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from nbp_dagster.oxen.transport import HttpRequest, HttpResponse
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Failed, Generated
from tests.fakes.tampering import TamperingTransport
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import HastyClock, Workbench, order, workbench

LOST = {"kind": "reset_after", "method": "POST", "path": "/queue", "times": 1}
NOT_READ = {"kind": "reset", "method": "POST", "path": "/queue"}
VIEWS = ["blank_prompts", "short_prompts"]
LONG = "a red kite over a green hill, painted in oil on the cloth of an old sail"


def posts(service: ServiceProbe) -> int:
    return sum(entry["method"] == "POST" for entry in service.requests("/api/ai/queue"))


def test_a_job_that_is_listed_late_is_adopted_and_others_go_on_meanwhile(
    bench: Workbench, service: ServiceProbe
) -> None:
    """The service needs 1.5 s to list it; all looks of an impatient buyer are over by then."""
    patient = replace(bench, absence_seconds=30.0)
    service.script(
        {**LOST, "prompt": "number 1"}, {"kind": "late_list", "path": "/queue", "seconds": 1.5}
    )

    outcomes = list(patient.stream(order(1), *map(order, range(2, 6))))

    assert all(isinstance(outcome, Generated) for outcome in outcomes)
    assert outcomes[-1].key == order(1).key
    assert service.bills == 5


def test_a_post_that_left_no_job_is_sent_again_only_after_the_time_of_absence(
    bench: Workbench, service: ServiceProbe
) -> None:
    patient = replace(bench, absence_seconds=1.5)
    service.script({**NOT_READ, "times": 1})
    began = time.monotonic()

    [outcome] = patient.make(order()).values()

    assert isinstance(outcome, Generated)
    assert time.monotonic() - began >= 1.5
    assert posts(service) == 2
    assert service.bills == 1


def damage_prompts(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Show the prompts of a list with a byte that no UTF-8 has."""
    is_list = request.method == "GET" and "/api/ai/queue" in request.url
    return replace(answer, body=answer.body.replace(b"green", b"gr\xffn")) if is_list else answer


def test_a_list_that_shows_a_prompt_with_letters_lost_proves_nothing(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    service.script(LOST)
    with workbench(simulator.url, home, transport=TamperingTransport(damage_prompts)) as bench:
        [doubtful] = bench.make(order(prompt=LONG)).values()
    with workbench(simulator.url, home) as bench:
        [found] = bench.make(order(prompt=LONG)).values()

    assert isinstance(doubtful, Failed)
    assert "do not show their whole prompt" in doubtful.reason
    assert isinstance(found, Generated)
    assert service.bills == 1


@pytest.mark.parametrize("view", VIEWS)
def test_a_list_that_does_not_show_prompts_proves_nothing(
    simulator: SimulatorServer, home: Path, service: ServiceProbe, view: str
) -> None:
    service.script(LOST, {"kind": view, "method": "GET", "path": "/queue"})
    with workbench(simulator.url, home) as bench:
        [doubtful] = bench.make(order(prompt=LONG)).values()
    [row] = bench.ledger.rows()
    service.heal()
    with workbench(simulator.url, home) as bench:
        [found] = bench.make(order(prompt=LONG)).values()

    assert isinstance(doubtful, Failed)
    assert f"`nbp ledger settle {row.id} --absent`" in doubtful.reason
    assert row.is_open
    assert isinstance(found, Generated)
    assert service.bills == 1


@pytest.mark.parametrize("view", VIEWS)
def test_prompts_left_out_of_the_list_do_not_keep_what_was_never_read_from_other_accounts_jobs(
    bench: Workbench, service: ServiceProbe, view: str
) -> None:
    """Hidden jobs with owners are no doubt: only those that nobody owns may be ours."""
    bench.make(order(1), order(2))
    service.script({**NOT_READ, "times": 1}, {"kind": view, "method": "GET", "path": "/queue"})

    [outcome] = bench.make(order(3)).values()

    assert isinstance(outcome, Generated)
    assert service.bills == 3


def test_a_list_that_lacks_our_own_jobs_proves_nothing(
    bench: Workbench, service: ServiceProbe
) -> None:
    bench.make(*map(order, range(4)))
    cut = {"kind": "cut_list", "method": "GET", "path": "/queue", "count": 2}
    service.script({**NOT_READ, "times": 1}, cut)

    [outcome] = bench.make(order(9)).values()

    assert isinstance(outcome, Failed)
    assert "lacks 2 of our own jobs" in outcome.reason
    assert posts(service) == 5


def test_a_dead_run_s_purchase_waits_from_when_it_was_found_dead(
    bench: Workbench, service: ServiceProbe
) -> None:
    """Its request may have been sent until its process ended, long after it was claimed."""
    request = {"prompt": order().request.prompt, "parameters": {}, "references": [], "variant": 1}
    bench.ledger.claim(order(), owner="0" * 32, run_id="dead", request=request)
    time.sleep(0.6)
    began = time.monotonic()

    [outcome] = replace(bench, absence_seconds=0.5).make(order()).values()

    assert isinstance(outcome, Generated)
    assert time.monotonic() - began >= 0.5
    assert service.bills == 1


def test_no_more_than_three_requests_are_sent_for_an_order_of_one_run(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script(NOT_READ)

    [outcome] = replace(bench, absence_seconds=0.3).make(order()).values()

    assert isinstance(outcome, Failed)
    assert "3 requests left no job" in outcome.reason
    assert posts(service) == 3
    assert service.bills == 0


def test_words_of_an_empty_account_stop_the_run_and_leave_the_purchase_open(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    """The 5xx page may lie: its job is looked for by the next run, before anything is bought."""
    page = {"kind": "status_after", "status": 500, "message": "Insufficient credits"}
    service.script(
        {**page, "method": "POST", "path": "/queue", "times": 1},
        {"kind": "late_list", "path": "/queue", "seconds": 1.0},
    )
    with workbench(simulator.url, home, clock=HastyClock()) as bench:
        [stopped] = replace(bench, absence_seconds=30.0).make(order()).values()
    [row] = bench.ledger.rows()
    with workbench(simulator.url, home) as bench:
        [found] = replace(bench, absence_seconds=30.0).make(order()).values()

    assert isinstance(stopped, Failed)
    assert "Insufficient credits" in stopped.reason
    assert row.is_open
    assert isinstance(found, Generated)
    assert service.bills == 1


def test_an_order_that_waits_when_the_run_is_stopped_is_looked_for_by_the_next(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    """Here the key is withdrawn while one order waits."""
    service.script(
        {**LOST, "prompt": "number 1"},
        {"kind": "late_list", "path": "/queue", "seconds": 20.0},
        {"kind": "slow_job", "prompt": "number 2", "seconds": 0.3},
        {"kind": "no_credit", "method": "POST", "prompt": "number 3"},
    )
    with workbench(simulator.url, home) as bench:
        patient = replace(bench, absence_seconds=30.0)
        outcomes = patient.make(order(1), order(2), order(3))
    service.heal()
    with workbench(simulator.url, home) as bench:
        again = bench.make(order(1), order(2), order(3))

    waiting = outcomes[order(1).key]
    assert isinstance(waiting, Failed)
    assert "the next run looks for its job before it buys" in waiting.reason
    assert all(not isinstance(outcome, Failed) for outcome in again.values())
    assert service.bills == 3


def test_what_is_looked_for_is_said_once_nothing_else_is_due(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script(LOST, {"kind": "late_list", "path": "/queue", "seconds": 1.5})

    waits = [
        bench.studio.engine.waits_for_lost
        for _ in replace(bench, absence_seconds=30.0).batches(order())
    ]

    assert max(waits) == 1
    assert waits[-1] == 0
