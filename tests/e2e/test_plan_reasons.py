"""What `nbp plan` says of each picture: why it is due, what is free, and its prompt at any time."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.rigs.briefs import BRAND, campaign, shot, write_briefs
from tests.rigs.processes import Shell
from tests.rigs.service import ServiceProbe

SHEET = "hilltop/ada"
KITCHEN, GARDEN = "winter/kitchen/all/1x1/v1", "winter/garden/all/1x1/v1"
TITLED = {
    **shot("garden", characters=[]),
    "text": "composited",
    "copy": {"headline": {"en": "Tea outside"}},
}


@pytest.fixture
def shell(tmp_path: Path, service: ServiceProbe) -> Shell:
    """A picture of Ada, and one with a headline that is set on it."""
    shell = Shell(
        tmp_path,
        NBP_MODE="live",
        OXEN_API_KEY="reasons-key-07d1",
        OXEN_BASE_URL=service.url,
        NBP_CHARACTER_SCORER="off",
    )
    write(shell)
    return shell


def write(
    shell: Shell,
    *,
    kitchen: Mapping[str, Any] | None = None,
    garden: Mapping[str, Any] = TITLED,
    brand: Mapping[str, Any] = BRAND,
) -> None:
    write_briefs(shell.briefs, campaign(kitchen or shot("kitchen"), garden), brand=brand)


def plan(shell: Shell) -> dict[str, dict[str, Any]]:
    """The rows of the plan, by key."""
    done = shell.nbp("plan", "--json")
    assert done.returncode == 0, done.stderr
    return {row["key"]: row for row in json.loads(done.stdout)["images"]}


def buy(shell: Shell, *words: str) -> None:
    done = shell.nbp("run", "--yes", *words)
    assert done.returncode == 0, done.stderr


def test_the_prompt_is_shown_before_its_sheet_is_made(shell: Shell, service: ServiceProbe) -> None:
    done = shell.nbp("plan", "--show", KITCHEN)

    assert done.returncode == 0, done.stderr
    assert "Ada pours tea in the kitchen" in done.stdout
    assert f"Image 1  identity  ada  sheet:{SHEET}  not made yet" in done.stdout
    row = plan(shell)[KITCHEN]
    assert (row["standing"], row["fingerprint"]) == ("waits_for_sheet", None)
    assert service.bills == 0

    # Once the sheet is there, the text is the one that was shown.
    buy(shell)
    after = shell.nbp("plan", "--show", KITCHEN).stdout
    assert after.split("\n\nImage 1 ")[0] == done.stdout.split("\n\nImage 1 ")[0]


def test_each_edit_is_named_and_what_is_free_is_told_apart(shell: Shell) -> None:
    assert [row["why"] for row in plan(shell).values()] == [["new"], ["new"], ["new"]]
    buy(shell)
    assert [row["why"] for row in plan(shell).values()] == [[], [], []]

    write(shell, kitchen=shot("kitchen", scene="Ada reads in the kitchen"))
    assert plan(shell)[KITCHEN]["why"] == ["scene edited"]

    ada = {**BRAND["characters"]["ada"], "traits": ["woman in her sixties"]}
    write(shell, brand={**BRAND, "characters": {**BRAND["characters"], "ada": ada}})
    rows = plan(shell)
    assert rows[SHEET]["why"] == rows[KITCHEN]["why"] == ["traits of ada edited"]
    assert rows[GARDEN]["standing"] == "made"

    write(shell, garden={**TITLED, "copy": {"headline": {"en": "Tea in the sun"}}})
    table = shell.nbp("plan").stdout
    [line] = [line for line in table.splitlines() if line.startswith(GARDEN)]
    assert "files again, free: copy" in line
    assert "total: 0 of 3 to buy, 0.00 USD" in table
    assert "and 1 whose files are made again, free" in table
    buy(shell)
    assert plan(shell)[GARDEN]["why"] == []


def test_the_quote_of_a_run_says_why(shell: Shell, service: ServiceProbe) -> None:
    buy(shell)
    bills = service.bills
    write(shell, kitchen=shot("kitchen", scene="Ada reads in the kitchen"))

    declined = shell.nbp_at_terminal("run", answer="n")

    assert "winter: 1 of 2 to buy, 0.15 USD (1 scene edited)" in declined.screen
    again = shell.nbp_at_terminal("run", "--fresh", "winter/garden", answer="n")
    assert "(1 bought again on purpose)" in again.screen
    assert service.bills == bills


def test_what_became_of_earlier_attempts_is_said(shell: Shell, service: ServiceProbe) -> None:
    service.script({"kind": "refuse", "prompt": "kitchen"}, {"kind": "fail", "prompt": "garden"})
    assert shell.nbp("run", "--yes").returncode == 1

    rows = plan(shell)
    assert rows[KITCHEN]["standing"] == "refused"
    [why] = rows[GARDEN]["why"]
    assert why.startswith("failed before: ")

    for key in (KITCHEN, GARDEN):
        done = shell.nbp("ledger", "reopen", key, "--reason", "the scene is harmless")
        assert done.returncode == 0, done.stderr
        [why] = plan(shell)[key]["why"]
        assert why.startswith("reopened by ")
        assert why.endswith(": the scene is harmless")


def test_what_is_not_known_is_not_guessed(shell: Shell) -> None:
    buy(shell)

    # A picture without a purchase, then purchases without a record.
    ledger = shell.home / "ledger.sqlite"
    aside = shell.home.with_name("aside.sqlite")
    shutil.move(ledger, aside)
    for suffix in ("-wal", "-shm"):
        ledger.with_name(ledger.name + suffix).unlink(missing_ok=True)
    assert plan(shell)[GARDEN]["why"][0].startswith("new to this ledger, though its picture is")

    for path in shell.home.glob("ledger.sqlite*"):
        path.unlink()
    shutil.move(aside, ledger)
    shutil.rmtree(shell.home / "records")
    assert plan(shell)[GARDEN]["why"] == ["its files are not on this machine"]
    write(shell, kitchen=shot("kitchen", scene="Ada reads in the kitchen"))
    assert plan(shell)[KITCHEN]["why"] == ["scene edited"]
