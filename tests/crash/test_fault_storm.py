"""Everything that can go wrong at the service, at once and often: the books still balance."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Generated, Outcome, Reused
from nbp_dagster.studio.ledger.purchases import Purchase
from tests.fakes.painter import paint_plainly
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import order, workbench

# Three digits each, so that no number is part of another.
NUMBERS = range(100, 220)
MAX_RUNS = 12
# Jobs that fail (3 %) and jobs that never end (2 %), by the number of their order.
FAILING = (103, 141, 168, 207)
STUCK = (115, 199)
API = "/api/"
QUEUE = "/api/ai/queue"


def storm() -> list[dict[str, Any]]:
    """The faults; the first that strikes a call wins, so later ones get a little less."""
    return [
        {"kind": "status", "status": 429, "path": API, "probability": 0.10, "seed": 1},
        {
            **{"kind": "status", "status": 429, "retry_after": 0.02, "path": API},
            **{"probability": 0.05, "seed": 2},
        },
        {"kind": "status", "status": 502, "path": API, "probability": 0.08, "seed": 3},
        {"kind": "reset", "path": API, "probability": 0.04, "seed": 4},
        {"kind": "reset_after", "method": "POST", "path": QUEUE, "probability": 0.03, "seed": 5},
        {"kind": "status_after", "method": "POST", "path": QUEUE, "probability": 0.03, "seed": 6},
        {"kind": "drop_stream", "seconds": 0.3},
        {"kind": "truncate", "probability": 0.05, "seed": 7},
        {"kind": "expire", "probability": 0.30, "seed": 8},
        *({"kind": "fail", "prompt": f"number {item}", "times": 1} for item in FAILING),
        *({"kind": "stuck", "prompt": f"number {item}", "times": 1} for item in STUCK),
    ]


@pytest.fixture
def service() -> Iterator[ServiceProbe]:
    options = SimulatorOptions(latency=0.03, slots=32)
    with SimulatorServer(options, painter=paint_plainly) as server:
        yield ServiceProbe(server.url)


def test_a_storm_of_faults_costs_no_picture_and_pays_none_twice(
    service: ServiceProbe, home: Path
) -> None:
    service.script(*storm())

    outcomes, rows = _run_until_complete(service, home)

    assert all(isinstance(outcome, Generated | Reused) for outcome in outcomes.values()), outcomes
    _assert_paid_once(rows)
    _assert_books_balance(_bills(service), rows)
    assert all(fault["struck"] for fault in _faults(service)), "a fault never struck"


def _run_until_complete(
    service: ServiceProbe, home: Path
) -> tuple[dict[str, Outcome], list[Purchase]]:
    orders = [order(number) for number in NUMBERS]
    for number in range(MAX_RUNS):
        with workbench(service.url, home, run_id=f"run {number}") as bench:
            listed = list(bench.stream(*orders))
            rows = list(bench.ledger.rows())
        outcomes = {outcome.key: outcome for outcome in listed}
        assert len(listed) == len(outcomes) == len(orders), "not one outcome an order"
        if all(isinstance(outcome, Generated | Reused) for outcome in listed):
            break
    return outcomes, rows


def _assert_paid_once(rows: list[Purchase]) -> None:
    """Each fingerprint brought one picture, and one billed job but for those that never ended."""
    attempts: dict[str, list[Purchase]] = defaultdict(list)
    for row in rows:
        attempts[row.fingerprint].append(row)
    assert len(attempts) == len(NUMBERS)
    for number in NUMBERS:
        *earlier, last = attempts[order(number).request.fingerprint]
        assert last.state == "made", last
        jobs = [row for row in earlier if row.generation_id is not None]
        assert [row.state for row in jobs] == ["failed"] * (number in FAILING + STUCK), jobs
        assert [row.billed for row in jobs] == [True] * (number in STUCK) + [False] * (
            number in FAILING
        )
        unread = [row for row in earlier if row.generation_id is None]
        assert all(row.state == "withdrawn" and not row.billed for row in unread), unread


def _assert_books_balance(bills: Mapping[str, bool], rows: list[Purchase]) -> None:
    """The service's generations are the ledger's, each with one owner and the same charge."""
    owned = [(row.generation_id, row.billed) for row in rows if row.generation_id is not None]
    assert len(owned) == len(dict(owned)), "a generation has two owners"
    assert dict(owned) == bills
    assert sum(bills.values()) == len(NUMBERS) + len(STUCK)


def _bills(service: ServiceProbe) -> dict[str, bool]:
    answer = _look(service, "bills")
    return {item["generation_id"]: item["billed"] for item in answer["generations"]}


def _faults(service: ServiceProbe) -> list[dict[str, Any]]:
    return list(_look(service, "faults")["faults"])


def _look(service: ServiceProbe, name: str) -> dict[str, Any]:
    answer = requests.get(f"{service.url}/_simulator/{name}", timeout=10)
    return dict(json.loads(answer.text))
