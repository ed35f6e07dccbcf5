"""Orders of the same words are asked for in one call, and each is a purchase of its own."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from nbp_dagster.oxen.errors import TimedOut
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, RequestsTransport
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.budget import campaign_cap
from nbp_dagster.studio.ledger.orders import Failed, Generated, Order, Outcome, Reused
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import PRICE, Workbench, bind, order, rename, workbench

ENQUEUED = "/api/ai/queue"


class DeafToOnePost(RequestsTransport):
    """The network, but the answer to the first order never comes."""

    def __init__(self) -> None:
        super().__init__()
        self.is_deaf = True

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        with super().stream(request) as answer:
            if self.is_deaf and request.method == "POST" and request.url.endswith(ENQUEUED):
                self.is_deaf = False
                raise TimedOut("no answer", endpoint=request.endpoint, maybe_sent=True)
            yield answer


def candidates(count: int = 3, *, prompt: str = "") -> tuple[Order, ...]:
    return bind(*(order(1, variant=number, prompt=prompt) for number in range(1, count + 1)))


def posts(service: ServiceProbe) -> int:
    return sum(entry["method"] == "POST" for entry in service.requests(ENQUEUED))


def kinds(outcomes: dict[str, Outcome]) -> Counter[str]:
    return Counter(type(outcome).__name__ for outcome in outcomes.values())


def test_one_call_asks_for_all_and_each_is_booked_at_its_own_price(
    bench: Workbench, service: ServiceProbe
) -> None:
    outcomes = bench.make(*candidates(4))

    assert kinds(outcomes) == {"Generated": 4}
    assert (posts(service), service.bills) == (1, 4)
    rows = list(bench.ledger.rows())
    assert len({row.generation_id for row in rows}) == len({row.fingerprint for row in rows}) == 4
    assert [row.price_usd for row in rows] == [PRICE] * 4
    spent = bench.ledger.spent(campaign_cap("spring", Decimal(1)), provider="oxen")
    assert spent == 4 * PRICE


def test_what_is_made_is_not_asked_for_again_when_more_are_wanted(
    bench: Workbench, service: ServiceProbe
) -> None:
    bench.make(*candidates(1))

    outcomes = bench.make(*candidates(3))

    assert isinstance(outcomes["spring/shot1/en/1x1/v1"], Reused)
    assert kinds(outcomes) == {"Reused": 1, "Generated": 2}
    assert (posts(service), service.bills) == (2, 3)


def test_a_cap_without_room_for_all_of_them_buys_none(
    bench: Workbench, service: ServiceProbe
) -> None:
    outcomes = bench.make(*candidates(3), caps=[campaign_cap("spring", 2 * PRICE)])

    assert kinds(outcomes) == {"Failed": 3}
    assert (posts(service), service.bills) == (0, 0)


def test_a_cap_that_is_filled_meanwhile_leaves_no_claim_behind(
    bench: Workbench, service: ServiceProbe
) -> None:
    """Only the claims see it: of what was claimed before nothing is asked for, or stays open."""
    caps = [campaign_cap("spring", 2 * PRICE)]
    [first, *_] = candidates(3)

    outcomes = bench.make(first, caps=caps)

    assert kinds(outcomes) == {"Failed": 1}
    assert service.bills == 0
    assert {row.state for row in bench.ledger.rows()} == {"withdrawn"}


def test_an_answer_that_is_lost_loses_no_job_and_buys_none_again(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    network = DeafToOnePost()
    with workbench(simulator.url, home, transport=network) as bench:
        outcomes = bench.make(*candidates(3))
        rows = list(bench.ledger.rows())

    assert not network.is_deaf, "no answer was lost"
    assert kinds(outcomes) == {"Generated": 3}
    assert service.bills == 3
    assert len({row.generation_id for row in rows}) == 3


def test_a_call_that_is_turned_away_is_made_again_for_all(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script(
        {"kind": "status", "status": 429, "path": "/queue", "method": "POST", "times": 4}
    )

    outcomes = bench.make(*candidates(3))

    assert kinds(outcomes) == {"Generated": 3}
    assert service.bills == 3


def test_a_refusal_refuses_all_of_them(bench: Workbench, service: ServiceProbe) -> None:
    outcomes = bench.make(*candidates(3, prompt="[[sim:refuse]] something"))

    assert kinds(outcomes) == {"Refused": 3}
    assert posts(service) == 1


def test_one_that_fails_takes_no_other_with_it(bench: Workbench, service: ServiceProbe) -> None:
    service.script({"kind": "fail", "times": 1})

    outcomes = bench.make(*candidates(3))
    again = bench.make(*candidates(3))

    assert kinds(outcomes) == {"Failed": 1, "Generated": 2}
    assert kinds(again) == {"Generated": 1, "Reused": 2}


def test_bought_again_on_purpose_all_are_asked_for_in_one_call(
    simulator: SimulatorServer, home: Path, service: ServiceProbe
) -> None:
    with workbench(simulator.url, home, run_id="first") as bench:
        bench.make(*candidates(3))
    with workbench(simulator.url, home, run_id="second") as bench:
        outcomes = bench.make(*candidates(3), fresh=True)

    assert kinds(outcomes) == {"Generated": 3}
    assert (posts(service), service.bills) == (2, 6)


def test_other_orders_go_on_beside_them(bench: Workbench, service: ServiceProbe) -> None:
    others = [rename(order(number), f"spring/other{number}/en/1x1/v1") for number in range(2, 8)]

    outcomes = bench.make(*candidates(3), *others)

    assert not any(isinstance(outcome, Failed) for outcome in outcomes.values())
    assert all(isinstance(outcome, Generated) for outcome in outcomes.values())
    assert service.bills == 9
