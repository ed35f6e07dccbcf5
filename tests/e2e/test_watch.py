"""`nbp watch` beside an editor: what each save changes is told, and nothing is ever bought."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from nbp_dagster.cli.authoring.watch import render_free
from nbp_dagster.cli.choice import choose_prompts
from nbp_dagster.disclosure.own_table import load_briefs
from nbp_dagster.settings import read_settings
from nbp_dagster.studio.ordering.planned_images import Plan, PlannedImage
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import Process, Shell, wait_for
from tests.rigs.service import ServiceProbe

KITCHEN, GARDEN = "winter/kitchen/all/1x1/v1", "winter/garden/all/1x1/v1"


@pytest.fixture
def shell(tmp_path: Path, service: ServiceProbe) -> Shell:
    shell = Shell(
        tmp_path,
        NBP_MODE="live",
        OXEN_API_KEY="watching-key-3b7c",
        OXEN_BASE_URL=service.url,
        NBP_CHARACTER_SCORER="off",
        PYTHONUNBUFFERED="1",
    )
    write(shell)
    return shell


def write(shell: Shell, *, scene: str = "Ada pours tea", headline: str = "Tea outside") -> None:
    garden = {
        **shot("garden", characters=[]),
        "text": "composited",
        "copy": {"headline": {"en": headline}},
    }
    write_briefs(shell.briefs, campaign(shot("kitchen", scene=scene), garden))


@contextmanager
def watched(shell: Shell, *words: str) -> Iterator[Callable[[str], str]]:
    """Run the command; yields what waits for a text and returns what came up to it."""
    with shell.started("watch", *words) as process:
        seen = 0

        def expect(text: str) -> str:
            nonlocal seen

            def look() -> str | None:
                assert process.is_running, process.output
                place = process.output.find(text, seen)
                return process.output[seen : place + len(text)] if place >= 0 else None

            found = wait_for(look, what=text)
            seen += len(found)
            return found

        yield expect
        require_calm_end(process)


def require_calm_end(process: Process) -> None:
    process.send(signal.SIGINT)
    assert process.wait() == 0, process.output
    assert process.output.rstrip().endswith("stopped")
    assert "Traceback" not in process.output


def test_each_save_tells_what_is_stale_at_what_price_and_how_its_prompt_changed(
    shell: Shell, service: ServiceProbe
) -> None:
    assert shell.nbp("run", "--yes").returncode == 0
    bills = service.bills

    with watched(shell) as expect:
        assert "total: 0 of 3 to buy, 0.00 USD" in expect("watching")

        write(shell, scene="Ada spills tea")
        told = expect("total: 1 of 3 to buy, 0.15 USD")
        assert f"stale: {KITCHEN}  0.15 USD  scene edited" in told
        assert f"prompt of {KITCHEN}:\n  - " in told
        assert "Ada pours tea" in told
        assert "Ada spills tea" in told
        assert "by this edit: +0.15 USD" in told

        (shell.briefs / "campaigns" / "winter.yaml").write_text("id: [", encoding="utf-8")
        expect("1 problem in the briefs")
        expect("campaigns/winter.yaml:2: ")

        write(shell)
        told = expect("total: 0 of 3 to buy, 0.00 USD")
        assert f"not due any more: {KITCHEN}" in told

    assert service.bills == bills


def test_render_makes_files_again_of_pictures_that_are_here_and_buys_nothing_stale(
    shell: Shell, service: ServiceProbe
) -> None:
    assert shell.nbp("run", "--yes").returncode == 0
    bills = service.bills
    [page] = shell.home.glob("sets/winter/index.html")
    assert "Tea outside" in page.read_text(encoding="utf-8")

    with watched(shell, "--render") as expect:
        expect("watching")
        write(shell, headline="Tea in the sun", scene="Ada spills tea")
        told = expect("index.html")

    assert f"files again, free: {GARDEN}" in told
    assert f"stale: {KITCHEN}" in told
    assert "Tea in the sun" in page.read_text(encoding="utf-8")
    assert service.bills == bills


def test_a_folder_that_is_not_there_is_told_in_one_line(shell: Shell) -> None:
    done = shell.nbp("watch", NBP_CONFIG=str(shell.folder / "none"))

    assert done.returncode == 1
    assert "no such folder; create it or set NBP_CONFIG" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_render_runs_in_live_mode_has_a_budget_of_nothing(
    shell: Shell, service: ServiceProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where what was planned as made is not: its ledger is gone in between."""
    for name, value in shell.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NBP_HOME", str(shell.home))
    monkeypatch.setenv("NBP_CONFIG", str(shell.briefs))
    settings, briefs = read_settings(), load_briefs(shell.briefs)
    chosen = choose_prompts(briefs, [GARDEN])
    made = PlannedImage(GARDEN, "prompt", "made", Decimal(0), why=("copy edited",))

    assert render_free(settings, briefs, chosen, Plan((made,)))

    assert service.bills == 0
    # Nor is anything run of what is only stale.
    stale = PlannedImage(GARDEN, "prompt", "to_make", Decimal("0.15"), why=("scene edited",))
    assert not render_free(settings, briefs, chosen, Plan((stale,)))
