"""The `nbp` command as a user meets it: processes, exit codes, files.

What is read of a finished home is asked for in this process: a command takes seconds to start.
"""

import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nbp_dagster.cli.main import main
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return write_winter(tmp_path)


def write_winter(folder: Path) -> Shell:
    """Two prompts and the sheet of a character, nothing made yet."""
    shell = Shell(folder)
    write_briefs(
        shell.briefs, campaign(shot("kitchen"), shot("attic", characters=[]), locales=["en"])
    )
    return shell


def ask(shell: Shell, *words: str, **settings: str) -> Result:
    """Run `nbp` in this process, on the shell's briefs and state."""
    places = {"NBP_CONFIG": str(shell.briefs), "NBP_HOME": str(shell.home)}
    outside: dict[str, str | None] = dict.fromkeys(("NBP_MODE", "OXEN_API_KEY", "OXEN_BASE_URL"))
    return CliRunner().invoke(main, words, env={**outside, **places, **settings})


@dataclass(frozen=True)
class Made:
    """A home that one `nbp run` has made, with what the commands said."""

    shell: Shell
    plan_before: str
    status: int
    said: str
    errors: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    shell = write_winter(tmp_path_factory.mktemp("made"))
    before = ask(shell, "plan", "--json").stdout
    done = shell.nbp("run")
    return Made(shell, before, done.returncode, done.stdout, done.stderr)


def test_help_describes_every_setting(shell: Shell) -> None:
    text = ask(shell, "--help").stdout

    for name in ("NBP_MODE", "NBP_HOME", "NBP_CONFIG", "OXEN_API_KEY", "OXEN_BASE_URL"):
        assert name in text


def test_run_makes_pictures_and_ends_with_the_page(made: Made) -> None:
    assert made.status == 0, made.errors
    page = Path(made.said.splitlines()[-1])
    assert page.name == "index.html"
    assert page.is_file()
    manifest = json.loads((page.parent / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["simulated"] is True
    assert len(manifest["pictures"]) == 2
    for picture in manifest["pictures"]:
        assert (page.parent / picture["file"]).stat().st_size == picture["bytes"]


def test_a_run_ends_with_what_to_look_at(shell: Shell) -> None:
    scene = "[[sim:wrong_size]] a duel at the well"
    write_briefs(shell.briefs, campaign(shot("duel", scene=scene, characters=[]), locales=["en"]))

    done = shell.nbp("run")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "winter: look at 1 of 1 files, the worst first" in lines
    assert any("drawn in another size than asked (asked_size)" in line for line in lines)
    assert Path(lines[-1]).name == "index.html"


def test_a_second_run_makes_nothing(made: Made) -> None:
    done = json.loads(made.shell.nbp("run", "--json").stdout)

    assert done["complete"] is True
    assert done["tally"]["generated"] == 0
    assert done["campaigns"][0]["up_to_date"] == 2


def test_a_refused_prompt_is_named_and_the_rest_is_made(shell: Shell) -> None:
    write_briefs(
        shell.briefs, campaign(shot("kitchen"), shot("duel", scene="[[sim:refuse]] a duel"))
    )

    done = shell.nbp("run")

    assert done.returncode == 1
    assert "winter/duel/all/1x1/v1" in done.stderr
    assert "1 of 2 prompts have their pictures" in done.stdout
    assert "Traceback" not in done.stderr


def test_runs_say_what_they_were_billed_and_the_plan_what_is_left_alone(shell: Shell) -> None:
    scenes = {"kitchen": "a cup", "attic": "[[sim:no_image]] a duel"}
    shots = [shot(name, scene=scene, characters=[]) for name, scene in scenes.items()]
    write_briefs(shell.briefs, campaign(*shots, locales=["en"]))

    first, second = shell.nbp("run"), shell.nbp("run", "--json")

    assert "1 made, 1 failed, 0.30 USD, 0.15 of it for nothing usable" in first.stdout
    tally = json.loads(second.stdout)["tally"]
    assert (tally["spent_usd"], tally["unusable_usd"]) == ("0.15", "0.15")
    planned = ask(shell, "plan").stdout
    assert "total: 0 of 2 to buy, 0.00 USD" in planned
    assert "it is left alone: change the scene, allow it again with `nbp ledger reopen" in planned


def test_plan_quotes_what_run_would_spend_and_buys_nothing(made: Made) -> None:
    before = json.loads(made.plan_before)
    after = json.loads(ask(made.shell, "plan", "--json").stdout)

    # One sheet and two prompts at the model object's price.
    assert before["total_usd"] == "0.45"
    assert {image["standing"] for image in before["images"]} == {"to_make", "waits_for_sheet"}
    assert after["total_usd"] == "0"
    assert {image["standing"] for image in after["images"]} == {"made"}


def test_plan_shows_one_prompt_as_the_model_gets_it(shell: Shell) -> None:
    text = ask(shell, "plan", "--show", "winter/attic/all/1x1/v1").stdout

    assert "Ada pours tea in the attic" in text
    assert text.splitlines()[-1].startswith("Image 1  palette  hilltop  palette:hilltop  ")


def test_broken_briefs_are_one_line_an_error(shell: Shell) -> None:
    path = shell.briefs / "campaigns" / "winter.yaml"
    path.write_text(
        path.read_text(encoding="utf-8")
        .replace("brand: hilltop", "brand: hiltop")
        .replace("resolution: 1K", "resolution: 3K"),
        encoding="utf-8",
    )

    validated = shell.nbp("validate")

    assert validated.returncode == 1
    said = [validated.stderr]
    for command in ("plan", "run"):
        done = ask(shell, command)
        assert done.exit_code == 1
        said.append(done.stderr)
    for text in said:
        assert "campaigns/winter.yaml:" in text
        assert "'hiltop'" in text
        assert "'3K'" in text
        assert "Traceback" not in text


def test_live_mode_without_a_key_says_so_before_anything(shell: Shell) -> None:
    done = ask(shell, "run", NBP_MODE="live")

    assert done.exit_code == 1
    assert "OXEN_API_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_named(shell: Shell) -> None:
    done = ask(shell, "validate", NBP_MODE="alive")

    assert done.exit_code == 1
    assert "NBP_MODE" in done.stderr
    assert "'alive'" in done.stderr


@pytest.mark.parametrize("command", ["validate", "plan", "run"])
def test_a_folder_without_briefs_is_no_error_but_warned_of(shell: Shell, command: str) -> None:
    done = ask(shell, command, NBP_CONFIG=str(shell.briefs.parent))

    assert done.exit_code == 0
    assert f"nbp: warning: no briefs in {shell.briefs.parent}" in done.stderr


def test_an_unknown_campaign_is_answered_with_those_there_are(shell: Shell) -> None:
    done = ask(shell, "plan", "summer")

    assert done.exit_code == 2
    assert "winter" in done.stderr


def test_gallery_prints_the_finished_pages(made: Made) -> None:
    assert ask(made.shell, "gallery").stdout.strip().endswith("winter/index.html")


def test_ledger_shows_what_was_spent(made: Made) -> None:
    books = json.loads(ask(made.shell, "ledger", "--json").stdout)
    page = made.shell.nbp("ledger").stdout

    assert books["total"]["billed_usd"] == "0.45"
    assert {item["name"] for item in books["by_campaign"]} == {"brand:hilltop", "winter"}
    assert "3 images, 0.45 USD billed" in page


def test_a_budget_too_small_buys_nothing_of_the_campaign_and_says_why(shell: Shell) -> None:
    done = shell.nbp("run", "--budget", "0.30")

    assert done.returncode == 1
    assert "over budget" in done.stderr
    assert "0.15 too much" in done.stderr
    assert json.loads(ask(shell, "ledger", "--json").stdout)["total"]["images"] == 1


def test_a_budget_counts_what_the_command_has_paid_for_pictures_that_are_none(
    tmp_path: Path,
) -> None:
    """Two campaigns of two pictures each; whatever the first brings, it is billed."""
    shell = Shell(tmp_path)
    empty = [
        shot(name, scene=f"[[sim:no_image]] room {name}", characters=[]) for name in ("one", "two")
    ]
    good = [shot(name, characters=[]) for name in ("one", "two")]
    write_briefs(
        shell.briefs,
        campaign(*empty, id="autumn", locales=["en"]),
        campaign(*good, id="winter", locales=["en"]),
    )

    done = shell.nbp("run", "--budget", "0.30")

    books = json.loads(ask(shell, "ledger", "--json").stdout)
    assert books["total"]["billed_usd"] == "0.30"
    assert {item["name"] for item in books["by_campaign"]} == {"autumn"}
    assert "over budget: this run allows 0.00 USD" in done.stderr


def test_what_hangs_holds_up_neither_what_doctor_found_nor_its_end(shell: Shell) -> None:
    program = (
        "from nbp_dagster.cli.doctor import parts; from nbp_dagster.cli.main import main; "
        "parts.SECONDS = 1.0; main(['doctor'])"
    )
    # The kernel accepts for it, and nobody answers.
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            env={
                "NBP_HOME": str(shell.home),
                "NBP_CONFIG": str(shell.briefs),
                "NBP_MODE": "live",
                "OXEN_API_KEY": "key-1",
                "NBP_ALLOW_HTTP": "true",
                "OXEN_BASE_URL": f"http://{address}",
                "NBP_LEDGER_URL": f"postgresql://nbp:word@{address}/nbp",
            },
        )

    assert done.returncode == 1
    lines = {line[9:29].strip(): line for line in done.stdout.splitlines()}
    assert lines["versions"].startswith("ok ")
    assert "no answer within 1 s; check that" in lines["ledger"]
    assert "no answer within 1 s; check that" in lines["service"]
