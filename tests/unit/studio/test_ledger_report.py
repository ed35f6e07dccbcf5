"""The books: what is summed up, and what the service holds that nobody here owns."""

from pathlib import Path

from nbp_dagster.cli.ledger_table import describe_accounts
from nbp_dagster.clock import SystemClock
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.reopening import reopen
from nbp_dagster.studio.ledger_report import read_accounts
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import Workbench, order


def test_spending_adds_up_by_campaign_shot_and_model(bench: Workbench) -> None:
    bench.make(order(1), order(2), order(3, scope="autumn"))

    accounts = read_accounts(bench.ledger)

    assert (accounts.total.images, str(accounts.total.billed_usd)) == (3, "0.45")
    assert {item.name: str(item.billed_usd) for item in accounts.by_campaign} == {
        "autumn": "0.15",
        "spring": "0.30",
    }
    assert [item.name for item in accounts.by_model] == ["google-nano-banana-pro"]
    assert len(accounts.by_day) == 1


def test_what_is_open_is_reserved_not_billed(bench: Workbench) -> None:
    bench.ledger.claim(order(1), owner="a" * 32, run_id="run", request={})

    accounts = read_accounts(bench.ledger)

    assert str(accounts.total.reserved_usd) == "0.15"
    assert str(accounts.total.billed_usd) == "0"
    assert [item.key for item in accounts.open] == ["spring/shot1/en/1x1/v1"]


def test_a_refusal_is_kept_with_the_services_words(bench: Workbench) -> None:
    bench.make(order(1, prompt="[[sim:refuse]] a duel"))

    [refused] = read_accounts(bench.ledger).refused
    page = "\n".join(describe_accounts(read_accounts(bench.ledger)))

    assert refused.reason
    assert refused.reason in page


def test_a_reopened_refusal_is_told_as_such(bench: Workbench, home: Path) -> None:
    bench.make(order(1, prompt="[[sim:refuse]] a duel"))
    database = open_ledger(home / "ledger.sqlite")
    reopen(database, order(1).key, clock=SystemClock(), who="jo@desk", reason="a proxy's page")
    database.dispose()

    accounts = read_accounts(bench.ledger)

    assert accounts.refused == ()
    [row] = accounts.to_json()["reopened"]
    assert "reopened by jo@desk: a proxy's page" in row["reason"]
    assert "reopened by jo@desk: a proxy's page" in "\n".join(describe_accounts(accounts))


def test_a_job_that_nobody_owns_is_reported_and_left_alone(
    bench: Workbench, simulator: SimulatorServer
) -> None:
    bench.make(order(1))
    [stray] = bench.client.enqueue(model="google-nano-banana-pro", prompt="made by hand")

    accounts = read_accounts(bench.ledger, client=bench.client)

    assert accounts.orphans is not None
    assert [job.generation_id for job in accounts.orphans] == [stray.generation_id]
    deletes = ServiceProbe(simulator.url).requests("/queue/")
    assert not [entry for entry in deletes if entry["method"] == "DELETE"]


def test_the_books_as_json_are_plain_values(bench: Workbench) -> None:
    bench.make(order(1), order(2, prompt="[[sim:refuse]] no"))

    books = read_accounts(bench.ledger).to_json()

    assert books["total"] == {
        "name": "total",
        "images": 1,
        "billed_usd": "0.15",
        "reserved_usd": "0.00",
        "in_vain_usd": "0.15",
    }
    assert books["refused"][0]["state"] == "refused"
    assert books["orphans"] is None


def test_what_caps_count_and_nobody_knows_to_be_billed_is_told_apart(bench: Workbench) -> None:
    bench.make(order(1), order(2, prompt="[[sim:fail]] no"), order(3, prompt="[[sim:refuse]] no"))

    page = list(describe_accounts(read_accounts(bench.ledger)))

    assert page[0].startswith("1 images, 0.15 USD billed, 0.00 USD reserved")
    assert page[1].startswith("caps count 0.30 USD more, of jobs that failed or were refused")
