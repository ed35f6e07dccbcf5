"""The event stream and the list beneath it: either alone is enough."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbp_dagster.oxen.errors import ConnectionFailed
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, RequestsTransport
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Generated
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import Workbench, order, workbench


class NoList(RequestsTransport):
    """The network, but for the list of jobs, which never answers."""

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        if request.method == "GET" and request.url.endswith("/api/ai/queue"):
            raise ConnectionFailed("no answer", endpoint=request.endpoint, maybe_sent=True)
        with super().stream(request) as answer:
            yield answer


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
