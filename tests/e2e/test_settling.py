"""A purchase that no list can prove, closed by hand as a user does it."""

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import Shell
from tests.rigs.service import ServiceProbe


@dataclass(frozen=True)
class Doubtful:
    """A campaign of which one of two prompts may be bought or not.

    Attributes:
        shell: Runs commands.
        service: Its list hides prompts.
        number: The purchase in doubt.
        job: The job that it has left.
    """

    shell: Shell
    service: ServiceProbe
    number: str
    job: str


@pytest.fixture
def doubtful(tmp_path: Path) -> Iterator[Doubtful]:
    (tmp_path / "service").mkdir()
    with Shell(tmp_path / "service").simulator("--latency", "0.05") as service:
        shell = Shell(
            tmp_path / "live", NBP_MODE="live", OXEN_API_KEY="key-1", OXEN_BASE_URL=service.url
        )
        shots = (shot("kitchen", characters=[]), shot("attic", characters=[]))
        write_briefs(shell.briefs, campaign(*shots))
        lost = {"kind": "reset_after", "method": "POST", "path": "/queue", "nth": 2}
        service.script(lost, {"kind": "blank_prompts", "method": "GET", "path": "/queue"})
        done = shell.nbp("run", "--yes")
        assert done.returncode == 1, done.stdout + done.stderr
        [number] = set(re.findall(r"nbp ledger settle (\d+) --absent", done.stdout + done.stderr))
        books = json.loads(shell.nbp("ledger", "--json", "--orphans").stdout)
        [job] = books["orphans"]
        yield Doubtful(shell, service, number, job["generation_id"])


def test_the_job_of_a_lost_answer_is_adopted_by_hand_and_fetched_without_another_bill(
    doubtful: Doubtful,
) -> None:
    shell, number = doubtful.shell, doubtful.number
    listed = shell.nbp("ledger").stdout
    [other] = [row for row in _rows(doubtful) if str(row["id"]) != number]

    wrong = shell.nbp("ledger", "settle", number, "--adopt", str(other["generation_id"]))
    unknown = shell.nbp("ledger", "settle", number, "--adopt", "no-such-job")
    unsaid = shell.nbp("ledger", "settle", number)
    settled = shell.nbp("ledger", "settle", number, "--adopt", doubtful.job)
    again = shell.nbp("ledger", "settle", number, "--adopt", doubtful.job)
    done = shell.nbp("run", "--yes")
    closed = shell.nbp("ledger", "settle", number, "--absent")

    assert f"purchase {number}  winter/" in listed
    assert (wrong.returncode, unknown.returncode, unsaid.returncode) == (1, 1, 2)
    assert "it shows another model, prompt, parameters or references" in wrong.stderr
    assert "the service has no generation no-such-job for this key" in unknown.stderr
    assert "--absent, or --adopt GENERATION" in unsaid.stderr
    assert settled.returncode == 0, settled.stderr
    assert "the next run fetches its picture" in settled.stdout
    assert f"has its job already: generation {doubtful.job}" in again.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is made, not open: there is nothing to settle" in closed.stderr
    assert doubtful.service.bills == 2


def test_a_purchase_settled_as_absent_is_bought_by_the_next_run(doubtful: Doubtful) -> None:
    """Here the person errs: what the service has is paid beside it, on their word."""
    settled = doubtful.shell.nbp("ledger", "settle", doubtful.number, "--absent")
    doubtful.service.heal()
    done = doubtful.shell.nbp("run", "--yes", "--fresh", "--all")

    assert settled.returncode == 0, settled.stderr
    assert "is withdrawn: the next run buys it again where it is wanted" in settled.stdout
    assert done.returncode == 0, done.stdout + done.stderr


def _rows(doubtful: Doubtful) -> list[dict[str, object]]:
    with sqlite3.connect(doubtful.shell.home / "ledger.sqlite") as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM purchases")]
    connection.close()
    return rows
