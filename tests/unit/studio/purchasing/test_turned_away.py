"""Requests billed although the answer says no: each is paid once, and its picture is kept."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from nbp_dagster.oxen.transport import HttpRequest, HttpResponse
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Failed, Generated, Outcome, Refused
from tests.fakes.tampering import TamperingTransport
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import Workbench, bind, order, workbench

REFUSAL = b'{"error": {"detail": "Content policy violation"}}'
NO_CREDIT = b'{"error": {"detail": "Insufficient credits"}}'


class Denying:
    """Carries the first POSTs of every prompt out, or none, and answers them with a denial."""

    def __init__(self, status: int, body: bytes = b"", *, times: int = 1) -> None:
        self._status = status
        self._body = body
        self._times = times
        self._denied: dict[str, int] = {}

    def __call__(self, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        if request.method != "POST" or not request.url.endswith("/api/ai/queue"):
            return answer
        prompt = str(json.loads(request.body or b"{}")["prompt"])
        self._denied[prompt] = self._denied.get(prompt, 0) + 1
        if self._denied[prompt] > self._times:
            return answer
        return replace(answer, status=self._status, body=self._body)


@contextmanager
def denied(simulator: SimulatorServer, home: Path, denying: Denying) -> Iterator[Workbench]:
    with workbench(simulator.url, home, transport=TamperingTransport(denying)) as bench:
        yield bench


def posts(service: ServiceProbe) -> int:
    return sum(entry["method"] == "POST" for entry in service.requests("/api/ai/queue"))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"error": {"message": "bad gateway of a kind"}}'),
        (400, b"<html>no</html>"),
        (422, b""),
        (400, REFUSAL),
        (429, b""),
        (500, b"<title>no credits left: payment required</title>"),
        (502, NO_CREDIT),
        (503, REFUSAL),
        (408, REFUSAL),
    ],
)
def test_what_was_billed_is_adopted_whatever_the_answer_says(
    simulator: SimulatorServer, service: ServiceProbe, home: Path, status: int, body: bytes
) -> None:
    orders = tuple(order(number) for number in range(1, 5))

    with denied(simulator, home, Denying(status, body)) as bench:
        outcomes = bench.make(*orders)

    assert all(isinstance(item, Generated) for item in outcomes.values()), outcomes
    assert (service.bills, posts(service)) == (4, 4)


@pytest.mark.parametrize("status", [401, 402, 403, 426])
def test_what_was_billed_is_adopted_though_the_answer_ends_the_run(
    simulator: SimulatorServer, service: ServiceProbe, home: Path, status: int
) -> None:
    with denied(simulator, home, Denying(status, b"<html>no</html>")) as bench:
        [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Generated), outcome
    assert (service.bills, posts(service)) == (1, 1)


def test_a_key_that_may_not_list_either_has_bought_nothing(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "status", "status": 401, "path": "/queue"})

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Failed)
    assert "answered 401" in outcome.reason
    assert "stays open" not in outcome.reason
    assert [row.state for row in bench.ledger.rows()] == ["withdrawn"]


def test_an_account_without_credit_is_no_end_while_the_list_cannot_be_read(
    bench: Workbench, service: ServiceProbe
) -> None:
    script(service, 402)
    service.script({"kind": "status", "method": "GET", "path": "/queue", "status": 503})

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Failed)
    assert "stays open" in outcome.reason
    assert [row.state for row in bench.ledger.rows()] == ["intended"]


def test_a_429_that_bills_every_time_is_paid_once(
    simulator: SimulatorServer, service: ServiceProbe, home: Path
) -> None:
    with denied(simulator, home, Denying(429, times=50)) as bench:
        outcomes = bench.make(*(order(number) for number in range(1, 9)))

    assert all(isinstance(item, Generated) for item in outcomes.values()), outcomes
    assert service.bills == 8


def test_companions_of_a_denied_request_are_adopted_too(
    simulator: SimulatorServer, service: ServiceProbe, home: Path
) -> None:
    group = bind(order(1, variant=1), order(1, variant=2), order(1, variant=3))

    with denied(simulator, home, Denying(400, b"no")) as bench:
        outcomes = bench.make(*group)

    assert all(isinstance(item, Generated) for item in outcomes.values()), outcomes
    assert service.bills == 3


def script(service: ServiceProbe, status: int, **more: object) -> None:
    service.script({"kind": "status", "method": "POST", "path": "/queue", "status": status, **more})


def test_a_429_that_bills_nothing_is_looked_for_once_and_then_trusted(
    bench: Workbench, service: ServiceProbe
) -> None:
    script(service, 429, times=12)

    outcomes = bench.make(*(order(number) for number in range(1, 9)))

    assert all(isinstance(item, Generated) for item in outcomes.values())
    assert service.bills == 8
    looked = [entry for entry in service.requests("/api/ai/queue") if entry["method"] == "GET"]
    # Eight buyers may meet the first 429 at once, with five states to list; polls come besides.
    assert len(looked) < 8 * 5 + 40


@pytest.mark.parametrize(
    ("status", "message", "kind"), [(422, None, Failed), (400, "NSFW", Refused)]
)
def test_a_4xx_that_bought_nothing_says_what_it_is(
    bench: Workbench, service: ServiceProbe, status: int, message: str | None, kind: type[Outcome]
) -> None:
    script(service, status, message=message)

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, kind)
    assert service.bills == 0
    assert posts(service) == 1


def test_a_4xx_is_no_end_while_the_list_cannot_be_read(
    bench: Workbench, service: ServiceProbe
) -> None:
    """A refusal for ever, or a second purchase, must not rest on a list that nobody saw."""
    script(service, 400, message="content policy")
    service.script({"kind": "status", "method": "GET", "path": "/queue", "status": 503})

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Failed)
    assert "stays open" in outcome.reason
    assert [row.state for row in bench.ledger.rows()] == ["intended"]


def test_a_5xx_about_an_empty_account_that_bought_nothing_stops_the_run(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    script(service, 503, message="Insufficient credits")

    with workbench(simulator.url, home, outage_seconds=60.0) as bench:
        outcomes = bench.make(*(order(number) for number in range(1, 41)))

    assert all(isinstance(item, Failed) for item in outcomes.values())
    assert sum(item.kind == "not_attempted" for item in outcomes.values()) > 20
    assert {row.state for row in bench.ledger.rows()} == {"withdrawn"}
    assert posts(service) <= 8


def test_a_5xx_about_the_content_is_no_dead_letter(bench: Workbench, service: ServiceProbe) -> None:
    script(service, 500, message="content policy violation")

    [first] = bench.make(order()).values()
    asked = posts(service)
    service.heal()
    [second] = bench.make(order()).values()

    assert isinstance(first, Failed)
    assert asked == 1
    assert isinstance(second, Generated)
    assert service.bills == 1
