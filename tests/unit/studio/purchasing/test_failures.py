"""A request that keeps failing is left alone, whatever the words, until somebody allows it."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from nbp_dagster.clock import SystemClock
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.orders import Failed, Generated, Outcome, Refused
from nbp_dagster.studio.ledger.reopening import reopen
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import Workbench, order, workbench


def posts(service: ServiceProbe) -> int:
    return sum(entry["method"] == "POST" for entry in service.requests("/api/ai/queue"))


WORDS = "the flux capacitor is out of range"
RESPONSIBLE = "contains sensitive words that violate Google's Responsible AI practices"


@pytest.fixture
def run(simulator: SimulatorServer, home: Path) -> Callable[..., Outcome]:
    """Buys the order in a run of its own, or in one that it names."""
    numbers = count()

    def run_once(*, run_id: str = "", **options: bool) -> Outcome:
        with workbench(simulator.url, home, run_id=run_id or f"run {next(numbers)}") as bench:
            [outcome] = bench.make(order(), **options).values()
        return outcome

    return run_once


def test_the_same_words_twice_and_the_request_is_left_alone(
    run: Callable[..., Outcome], service: ServiceProbe
) -> None:
    service.script({"kind": "fail", "message": WORDS})

    *asked, left = [run() for _ in range(5)]

    assert posts(service) == 2
    assert all(isinstance(outcome, Failed) for outcome in asked)
    assert isinstance(left, Failed)
    assert "failed 2 times with the same words" in left.reason
    assert WORDS in left.reason


def test_words_that_differ_in_ids_and_numbers_are_the_same(
    run: Callable[..., Outcome], service: ServiceProbe
) -> None:
    for number in range(4):
        service.heal()
        service.script(
            {"kind": "fail", "message": f"{WORDS} (request 7f3a-{number}c91, 1{number} s)"}
        )
        run()

    assert posts(service) == 2


@pytest.mark.parametrize(
    "words",
    [
        "boom at 2026-01-02T03:0{n}:05.{n}23Z",
        "boom after {n}.{n}s",
        "boom (request req_{n}1CPkQ{n}x)",
        "boom on gen-{n}-alpha",
    ],
)
def test_times_durations_and_ids_do_not_make_other_words(
    run: Callable[..., Outcome], service: ServiceProbe, words: str
) -> None:
    for number in range(4):
        service.heal()
        service.script({"kind": "fail", "message": words.format(n=number)})
        run()

    assert posts(service) == 2


@pytest.mark.parametrize(
    ("fault", "runs"),
    [
        ({"message": "boom on host {word}"}, 4),
        ({"message": "boom on host {word}", "retryable": True}, 8),
        ({"message": "The model is currently unavailable"}, 8),
        ({"message": "Safety check timed out"}, 8),
        ({"message": "Safety check could not be completed"}, 8),
        ({"message": "Quota exceeded for online_prediction_requests_per_base_model"}, 8),
    ],
)
def test_a_request_is_left_alone_after_some_runs_whatever_the_words(
    run: Callable[..., Outcome], service: ServiceProbe, fault: dict[str, object], runs: int
) -> None:
    greek = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa")
    for word in greek:
        service.heal()
        service.script(
            {"kind": "fail", **fault, "message": str(fault["message"]).format(word=word)}
        )
        left = run()

    assert posts(service) == runs
    assert isinstance(left, Failed)
    assert f"failed in {runs} runs" in left.reason
    assert "left alone" in left.reason


def test_the_retries_of_one_run_count_as_one(
    run: Callable[..., Outcome], service: ServiceProbe
) -> None:
    for word in ("alpha", "beta", "gamma", "delta", "epsilon"):
        service.heal()
        service.script({"kind": "fail", "message": f"boom on host {word}"})
        run(run_id="one and its retries")
    service.heal()

    assert isinstance(run(), Generated)


def test_other_words_are_another_failure(
    run: Callable[..., Outcome], service: ServiceProbe
) -> None:
    for words in ("out of range", "out of reach", "out of order"):
        service.heal()
        service.script({"kind": "fail", "message": words})
        run()
    service.heal()

    assert isinstance(run(), Generated)


@pytest.mark.parametrize(
    "words",
    [
        "Request blocked by WAF policy",
        "Images of this size are not allowed",
        "Your IP address has been flagged",
        "Unknown parameter: 'moderation'.",
    ],
)
def test_a_fault_that_sounds_like_a_refusal_is_asked_for_again(
    run: Callable[..., Outcome], service: ServiceProbe, words: str
) -> None:
    service.script({"kind": "fail", "message": words, "times": 1})

    failed, made = run(), run()

    assert isinstance(failed, Failed)
    assert isinstance(made, Generated)


def test_a_failure_that_the_service_says_may_pass_is_asked_again(
    run: Callable[..., Outcome], service: ServiceProbe
) -> None:
    service.script({"kind": "fail", "message": WORDS, "retryable": True, "times": 3})

    *failed, made = [run() for _ in range(4)]

    assert all(isinstance(outcome, Failed) for outcome in failed)
    assert isinstance(made, Generated)


def test_what_is_left_alone_is_asked_again_once_reopened_or_insisted_on(
    run: Callable[..., Outcome], service: ServiceProbe, home: Path
) -> None:
    service.script({"kind": "fail", "message": WORDS, "times": 3})
    for _ in range(3):
        left = run()
    assert isinstance(left, Failed)
    database = open_ledger(home / "ledger.sqlite")
    reopen(database, order().key, clock=SystemClock(), who="jo@desk", reason="they mended it")
    database.dispose()

    third, made = run(), run()

    assert isinstance(third, Failed)
    assert "left alone" not in third.reason
    assert isinstance(made, Generated)


def test_a_request_that_was_not_even_sent_lifts_no_limit(
    run: Callable[..., Outcome], service: ServiceProbe, home: Path
) -> None:
    """Somebody insisted, and the key was wrong: that says nothing of the request."""
    service.script({"kind": "no_image", "times": 2})
    for _ in range(2):
        run()
    service.script({"kind": "status", "status": 401, "method": "POST", "path": "/queue"})
    run(fresh=True)
    service.heal()

    left = run()

    assert isinstance(left, Failed)
    assert "left alone" in left.reason
    assert service.bills == 2
    database = open_ledger(home / "ledger.sqlite")
    reopen(database, order().key, clock=SystemClock(), who="jo@desk", reason="they mended it")
    database.dispose()
    assert isinstance(run(), Generated)


def test_the_retries_of_a_fresh_run_are_billed_once_where_another_run_had_made_the_picture(
    run: Callable[..., Outcome], service: ServiceProbe
) -> None:
    made = run()
    service.script({"kind": "no_image"})

    said = [run(run_id="insisting", fresh=True) for _ in range(3)]

    assert isinstance(made, Generated)
    assert all(isinstance(outcome, Failed) for outcome in said)
    assert "its retry buys none" in str(said[-1])
    assert service.bills == 2


def test_fresh_asks_again_for_what_is_left_alone(
    run: Callable[..., Outcome], service: ServiceProbe
) -> None:
    service.script({"kind": "fail", "message": WORDS, "times": 2})
    for _ in range(3):
        run()

    assert isinstance(run(fresh=True), Generated)


@pytest.mark.parametrize(
    "words",
    [
        f"Generation failed: the prompt {RESPONSIBLE}.",
        "Image generation was blocked by safety filters. Please try again.",
        "I can't create images of minors",
        "blocked due to RECITATION",
    ],
)
def test_a_refusal_in_the_model_s_own_words_is_not_asked_again(
    run: Callable[..., Outcome], service: ServiceProbe, words: str
) -> None:
    service.script({"kind": "fail", "message": words})

    first, second = run(), run()

    assert isinstance(first, Refused)
    assert isinstance(second, Refused)
    assert posts(service) == 1


@pytest.mark.parametrize("reason", ["IMAGE_OTHER", "NO_IMAGE"])
def test_a_picture_that_did_not_come_is_asked_for_twice(
    run: Callable[..., Outcome], service: ServiceProbe, reason: str
) -> None:
    service.script({"kind": "fail", "message": f"no image, finishReason: {reason}"})

    outcomes = [run() for _ in range(4)]

    assert all(isinstance(outcome, Failed) for outcome in outcomes)
    assert posts(service) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"message": "Safety filter timed out, please retry", "retryable": True},
        {"message": "Blocked by the safety filter", "retryable": True},
        {"message": "Safety check timed out"},
    ],
)
def test_a_filter_that_failed_has_refused_nothing(
    run: Callable[..., Outcome], service: ServiceProbe, fault: dict[str, object]
) -> None:
    service.script({"kind": "fail", "times": 1, **fault})

    first, second = run(), run()

    assert isinstance(first, Failed)
    assert isinstance(second, Generated)


@pytest.mark.parametrize(
    "words",
    [
        "You exceeded your current quota, please check your plan and billing details",
        "Payment method declined",
        "Too many requests. Please retry in 24h",
    ],
)
def test_a_429_about_a_quota_ends_the_run_with_its_words(
    bench: Workbench, service: ServiceProbe, words: str
) -> None:
    service.script(
        {"kind": "status", "status": 429, "path": "/queue", "method": "POST", "message": words}
    )

    outcomes = bench.make(*map(order, range(20)))

    reasons = {outcome.reason for outcome in outcomes.values() if isinstance(outcome, Failed)}
    assert len(outcomes) == 20
    assert all(words in reason for reason in reasons), reasons
    assert posts(service) <= 8
    assert service.bills == 0


def test_a_quota_s_429_that_was_billed_is_adopted(bench: Workbench, service: ServiceProbe) -> None:
    words = "monthly quota exhausted"
    fault = {"kind": "status_after", "status": 429, "path": "/queue", "method": "POST"}
    service.script({**fault, "message": words})

    [first] = bench.make(order()).values()

    assert isinstance(first, Generated)
    assert service.bills == 1


@pytest.mark.parametrize(
    "words",
    [
        "Billing hard limit has been reached",
        "quota_exceeded",
        "content moderation API quota exceeded",
    ],
)
def test_a_job_that_fails_for_a_quota_stops_the_run_and_counts_against_no_prompt(
    simulator: SimulatorServer, service: ServiceProbe, home: Path, words: str
) -> None:
    orders = [order(number) for number in range(150)]
    service.script({"kind": "fail", "message": words})
    for number in range(3):
        with workbench(simulator.url, home, run_id=f"run {number}") as bench:
            stopped = bench.make(*orders)
        assert all(isinstance(outcome, Failed) for outcome in stopped.values())
        assert any(words in item.reason for item in stopped.values() if isinstance(item, Failed))
        assert posts(service) < 100 * (number + 1)
    service.heal()

    with workbench(simulator.url, home, run_id="paid up") as bench:
        [made] = bench.make(orders[0]).values()

    assert isinstance(made, Generated)


def test_a_400_of_a_billing_limit_counts_against_no_prompt(
    run: Callable[..., Outcome], service: ServiceProbe
) -> None:
    fault = {"kind": "status", "status": 400, "path": "/queue", "method": "POST"}
    service.script({**fault, "message": "Billing hard limit has been reached", "times": 3})

    *stopped, made = [run() for _ in range(4)]

    assert all(isinstance(outcome, Failed) for outcome in stopped)
    assert isinstance(made, Generated)


def test_a_400_of_a_billing_limit_that_was_billed_is_adopted(
    run: Callable[..., Outcome], service: ServiceProbe
) -> None:
    fault = {"kind": "status_after", "status": 400, "path": "/queue", "method": "POST"}
    service.script({**fault, "message": "Billing hard limit has been reached", "times": 1})

    assert isinstance(run(), Generated)
    assert service.bills == 1
