"""Runs that die or are stopped: whatever happens to `nbp run`, no picture is paid twice."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import Process, Shell, wait_for
from tests.rigs.service import ServiceProbe

FIRST = tuple(f"room{number}" for number in range(6))
SECOND = tuple(f"garden{number}" for number in range(6))
# Jobs at the service at one time: few, so that a run has a middle to be stopped in.
IN_FLIGHT = 3
QUEUE = "/api/ai/queue"
# One character's sheet, and a picture of every prompt.
DISTINCT = 1 + len(FIRST) + len(SECOND)


@pytest.fixture(scope="module")
def latency() -> str:
    return "0.3"


@pytest.fixture
def shell(tmp_path: Path, service: ServiceProbe) -> Shell:
    """Two campaigns with six pictures each."""
    shell = Shell(
        tmp_path,
        NBP_MODE="live",
        OXEN_API_KEY="crash-key-51c0",
        OXEN_BASE_URL=service.url,
        NBP_IN_FLIGHT=str(IN_FLIGHT),
        # The plain painter draws nobody: every picture would be unlike its sheet.
        NBP_CHARACTER_SCORER="off",
    )
    write_briefs(
        shell.briefs,
        campaign(*map(shot, FIRST), id="autumn"),
        campaign(*map(shot, SECOND), id="winter"),
    )
    return shell


def wait_for_bills(service: ServiceProbe, count: int, run: Process) -> None:
    """Wait until so many generations are billed in all, while the run is under way."""

    def reached() -> bool:
        assert run.is_running, f"ended at {service.bills} bills:\n{run.output}"
        return service.bills >= count

    wait_for(reached, what=f"bill number {count}", every=0.1)


def finish(shell: Shell) -> list[dict[str, Any]]:
    """Run to the end and return the rows of every picture in the manifests."""
    done = shell.nbp("run", "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    rows: list[dict[str, Any]] = []
    for item in json.loads(done.stdout)["campaigns"]:
        folder = Path(item["gallery"]).parent
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["missing"] == []
        for row in manifest["pictures"]:
            assert (folder / row["file"]).stat().st_size == row["bytes"]
        rows += manifest["pictures"]
    return rows


def assert_all_made_and_paid_once(service: ServiceProbe, rows: list[dict[str, Any]]) -> None:
    assert {row["shot"] for row in rows} == {*FIRST, *SECOND}
    assert len({row["generation_id"] for row in rows}) == len(rows)
    assert service.bills == DISTINCT


def test_a_run_killed_again_and_again_pays_nothing_twice(
    shell: Shell, service: ServiceProbe
) -> None:
    """While the sheet is drawn, soon after the first prompts, and with most of them bought."""
    for bills in (1, 4, DISTINCT - 2):
        with shell.started("run", "--yes") as run:
            wait_for_bills(service, bills, run)
            run.send(signal.SIGKILL)
            assert run.wait() == -signal.SIGKILL

    assert_all_made_and_paid_once(service, finish(shell))


def test_a_run_killed_before_it_read_that_it_had_bought_adopts_the_job(
    shell: Shell, service: ServiceProbe
) -> None:
    """The answer to the first POST gets lost, and the process dies while it looks for the job."""
    first, *others = (shot(name, characters=[]) for name in FIRST[:3])
    write_briefs(shell.briefs, campaign(first, *others, id="autumn"))
    done = shell.nbp("run", "--yes", f"autumn/{first['id']}", NBP_IN_FLIGHT="1")
    assert done.returncode == 0, done.stdout + done.stderr
    looks = count_looks_before_an_order(service)
    service.script(
        {"kind": "reset_after", "method": "POST", "path": QUEUE, "nth": 1},
        # What a run asks before it buys is answered at once: one call more than it is.
        {"kind": "slow", "method": "GET", "path": QUEUE, "seconds": 0, "times": looks + 1},
        {"kind": "slow", "method": "GET", "path": QUEUE, "seconds": 120},
    )
    with shell.started("run", "--yes", "autumn", NBP_IN_FLIGHT="1") as run:
        wait_for_bills(service, 2, run)
        run.send(signal.SIGKILL)
        run.wait()
    service.heal()

    done = shell.nbp("run", "--yes", "autumn", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["tally"]["generated"] == len(others)
    assert service.bills == 1 + len(others)


def count_looks_before_an_order(service: ServiceProbe) -> int:
    """How often the run so far looked into the queue before it ordered."""
    methods = [entry["method"] for entry in service.requests(QUEUE)]
    return methods.index("POST")


def test_a_stopped_run_ends_soon_in_one_line_and_loses_nothing(
    shell: Shell, service: ServiceProbe
) -> None:
    """By Ctrl-C, and the next one by SIGTERM; the third is left alone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        before = service.bills
        with shell.started("run", "--yes") as run:
            wait_for_bills(service, before + 3, run)
            run.send(number)
            ended = run.wait()

        # What was on its way is paid; nothing else was begun.
        assert service.bills <= before + 3 + IN_FLIGHT
        assert ended == 130, run.output
        assert "Traceback" not in run.output
        said = [line for line in run.output.splitlines() if line.startswith("nbp:")]
        assert len(said) == 1, run.output
        assert "interrupted" in said[0]
    assert_all_made_and_paid_once(service, finish(shell))


def test_two_runs_at_once_on_one_home_share_the_pictures(
    shell: Shell, service: ServiceProbe
) -> None:
    with shell.started("run", "--yes") as first, shell.started("run", "--yes") as second:
        statuses = {first.wait(), second.wait()}

    assert statuses == {0}, f"{first.output}\n{second.output}"
    assert_all_made_and_paid_once(service, finish(shell))
