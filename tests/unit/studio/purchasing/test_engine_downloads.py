"""Finished jobs whose picture is stuck, cut, expired, no picture, or lost from the store."""

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from nbp_dagster.oxen.transport import HttpRequest, HttpResponse
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Failed, Generated, Reused
from tests.fakes.tampering import TamperingTransport
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import Workbench, order, workbench

PAGE = "<!DOCTYPE html><html><title>ログイン</title><body>Sign in</body></html>"
OTHERS = {
    "a page with ESC": PAGE.encode("iso-2022-jp"),
    "a page with NUL": b"<html>\0",
    "a page in gzip": gzip.compress(PAGE.encode()),
    "a page in UTF-16 without its mark": PAGE.encode("utf-16-le"),
    "the one pixel of a filter": b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\0\0\0\0\0,",
    "zeros": b"\0" * 500,
    "a PDF": b"%PDF-1.4\n\xe2\xe3\xcf\xd3",
}


def downloading(body: bytes) -> TamperingTransport:
    """A network that gives every file of the service the same bytes."""

    def change(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        is_file = "/file/" in request.url and answer.status == 200
        return replace(answer, body=body) if is_file else answer

    return TamperingTransport(change, with_events=True)


def test_a_stuck_job_is_cancelled_and_reported(bench: Workbench) -> None:
    [outcome] = bench.make(order(1, prompt="[[sim:stuck]] never")).values()

    assert isinstance(outcome, Failed)
    assert outcome.kind == "stuck"


def test_a_download_that_stays_cut_fails_and_says_so(
    bench: Workbench, service: ServiceProbe
) -> None:
    service.script({"kind": "truncate"})

    [outcome] = bench.make(order()).values()

    assert isinstance(outcome, Failed)


def test_a_page_that_stays_in_place_of_pictures_leaves_them_paid_and_they_are_fetched_later(
    bench: Workbench, service: ServiceProbe
) -> None:
    """The sign-in page of a network: 3 pictures, 0.45 USD, and not 0.90."""
    service.script({"kind": "html"})
    orders = [order(number) for number in range(3)]

    behind_page = bench.make(*orders)
    rows = list(bench.ledger.rows())
    service.heal()
    fetched = bench.make(*orders)

    for outcome in behind_page.values():
        assert isinstance(outcome, Failed)
        assert "an HTML page" in outcome.reason
        assert "stays open, and the next run fetches it, free" in outcome.reason
    assert [row.state for row in rows] == ["enqueued"] * 3
    assert all(isinstance(outcome, Generated) for outcome in fetched.values())
    assert service.bills == 3


@pytest.mark.parametrize("kind", OTHERS)
def test_what_begins_like_no_picture_says_nothing_of_it_and_it_is_fetched_later(
    simulator: SimulatorServer, service: ServiceProbe, home: Path, kind: str
) -> None:
    with workbench(simulator.url, home, transport=downloading(OTHERS[kind])) as bench:
        [unread] = bench.make(order()).values()
    with workbench(simulator.url, home, run_id="another") as bench:
        [fetched] = bench.make(order()).values()

    assert isinstance(unread, Failed)
    assert "stays open, and the next run fetches it, free" in unread.reason
    assert isinstance(fetched, Generated)
    assert service.bills == 1


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


def test_a_page_in_place_of_a_lost_image_does_not_ask_for_it_to_be_bought_again(
    simulator: SimulatorServer, service: ServiceProbe, home: Path
) -> None:
    with workbench(simulator.url, home) as bench:
        [made] = bench.make(order()).values()
        assert isinstance(made, Generated)
        bench.store.path(made.image.sha256).unlink()

    with workbench(simulator.url, home, transport=downloading(PAGE.encode())) as bench:
        [lost] = bench.make(order()).values()
    with workbench(simulator.url, home) as bench:
        [found] = bench.make(order()).values()

    assert isinstance(lost, Failed)
    assert "an HTML page came in its place; that says nothing of the picture" in lost.reason
    assert "--fresh" not in lost.reason
    assert isinstance(found, Reused)
    assert service.bills == 1


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
