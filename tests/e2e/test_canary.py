"""`nbp canary` from the command line: what it asks for, buys and prints."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import Shell
from tests.rigs.service import ServiceProbe

MODEL = "nano-banana-2-1"


@pytest.fixture
def shell(tmp_path: Path, service: ServiceProbe) -> Shell:
    """Two shots without a cast, in live mode at the simulator."""
    shell = Shell(
        tmp_path,
        NBP_MODE="live",
        OXEN_API_KEY="canary-key-88b1",
        OXEN_BASE_URL=service.url,
        NBP_CHARACTER_SCORER="off",
    )
    shots = (shot("attic", characters=[]), shot("cellar", characters=[]))
    write_briefs(shell.briefs, campaign(*shots))
    return shell


def test_live_mode_wants_a_yes_and_then_buys_exactly_both_sides(
    shell: Shell, service: ServiceProbe
) -> None:
    words = ("canary", "winter", "--model", MODEL, "--budget", "1", "--json")

    unasked = shell.nbp(*words)
    assert unasked.returncode == 1
    [line] = unasked.stderr.splitlines()
    assert line.startswith("nbp: live mode buys pictures, and there is no terminal to ask on")
    assert line == shell.nbp("run", "winter").stderr.strip()
    assert service.bills == 0

    done = shell.nbp(*words, "--yes")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [side["spent_usd"] for side in found["sides"]] == ["0.30", "0.1742"]
    assert service.billed_usd == Decimal("0.4742")
    assert Path(found["page"]).is_file()

    again = shell.nbp(*words)
    assert again.returncode == 0, again.stderr
    assert service.billed_usd == Decimal("0.4742")


def test_more_than_a_campaign_is_an_error(shell: Shell, service: ServiceProbe) -> None:
    done = shell.nbp("canary", "winter/attic", "--model", MODEL, "--budget", "1")

    assert done.returncode == 2
    assert "winter/attic is more than a campaign" in done.stderr
    assert service.bills == 0
