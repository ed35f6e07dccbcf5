"""A model that changes and leaves, from the command line: what plan says, and exact bills."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import Shell
from tests.rigs.raw_server import RawServer, respond
from tests.rigs.service import ServiceProbe

FIRST, SECOND = "google-nano-banana-pro", "nano-banana-2-1"
GONE = f"nbp: warning: {FIRST} is not in the service's catalogue, where it was last on"


@pytest.fixture
def shell(tmp_path: Path, service: ServiceProbe) -> Shell:
    return Shell(
        tmp_path,
        NBP_MODE="live",
        OXEN_API_KEY="life-key-20ad",
        OXEN_BASE_URL=service.url,
        NBP_CHARACTER_SCORER="off",
    )


def write(shell: Shell, **changes: Any) -> None:
    """Two shots without a cast, each a square and a leaderboard."""
    shots = (shot("attic", characters=[]), shot("cellar", characters=[]))
    channels = ["instagram_square", "display_728x90"]
    write_briefs(shell.briefs, campaign(*shots, channels=channels, **changes))


def test_a_change_and_a_loss_are_one_line_each_and_the_chain_goes_on(
    shell: Shell, service: ServiceProbe
) -> None:
    write(shell, models=[FIRST, SECOND], fall_back="shot")
    assert shell.nbp("run", "--yes", "winter/attic").returncode == 0
    service.change_price(FIRST, 0.2)

    planned = shell.nbp("plan")
    assert planned.stderr.count("it costs 0.2 USD an image, 0.15 USD before") == 1

    service.change_model(FIRST, offered=False)
    planned = shell.nbp("plan", "--json")
    found = json.loads(planned.stdout)
    assert found["total_usd"] == "0.1742"
    assert [row["standing"] for row in found["images"]] == ["made", "made", "to_make", "to_make"]
    assert [item["is_gone"] for item in found["models"]] == [True]
    assert found["falls"] == [
        f"winter: 2 prompts are asked of {SECOND}: {FIRST} is not in the service's catalogue"
    ]

    [line] = found["disclosure"]
    assert line.startswith("no market is named, so no disclosure label is set: winter")

    assert shell.nbp("run", "--yes").returncode == 0
    assert service.billed_usd == Decimal("0.30") + 2 * Decimal("0.0871")
    manifest = json.loads((shell.home / "sets" / "winter" / "manifest.json").read_text("utf-8"))
    models = {(row["shot"], row["model"]) for row in manifest["pictures"]}
    assert models == {("attic", FIRST), ("cellar", SECOND)}


def test_with_its_only_model_gone_what_is_made_stands_and_the_rest_says_why(
    shell: Shell, service: ServiceProbe
) -> None:
    write(shell)
    assert shell.nbp("run", "--yes", "winter/attic").returncode == 0
    service.change_model(FIRST, offered=False)

    planned = shell.nbp("plan")
    document = shell.nbp("plan", "--json")
    done = shell.nbp("run", "--yes")

    assert planned.returncode == 1
    assert planned.stderr.count(GONE) == 1
    assert planned.stdout.count(f": invalid: {FIRST} is not in the service's catalogue") == 2
    assert "total: 0 of 4 to buy, no sum: the price of 2 is not known" in planned.stdout
    assert document.returncode == 1
    found = json.loads(document.stdout)
    assert found["total_usd"] is None
    assert [row["price_usd"] for row in found["images"]] == ["0", "0", None, None]
    assert done.returncode == 1
    assert "winter: 2 of 4 prompts have their pictures" in done.stdout
    assert service.billed_usd == Decimal("0.30")


def test_a_plan_without_the_service_has_no_total(shell: Shell) -> None:
    write(shell)

    # Port 9 is `discard`, where nobody listens.
    planned = shell.nbp("plan", OXEN_BASE_URL="http://127.0.0.1:9")

    assert planned.returncode == 1
    assert "total" not in planned.stdout
    assert "127.0.0.1:9" in planned.stderr


def test_a_panorama_that_is_gone_is_told_before_anything_is_bought(
    shell: Shell, service: ServiceProbe
) -> None:
    write(shell, model=SECOND)
    service.change_model(SECOND, ratios=["auto", "1:1", "16:9", "21:9"])

    done = shell.nbp("run", "--yes", "winter/*/all/8x1/*")

    assert done.returncode == 1
    assert f"{SECOND} does not list the aspect ratio 8:1 now" in done.stdout + done.stderr
    assert service.bills == 0


@pytest.mark.parametrize("command", [("plan",), ("run", "--yes")])
def test_where_every_answer_is_a_sign_in_page_the_last_line_says_so(
    shell: Shell, command: tuple[str, ...]
) -> None:
    write(shell)

    with RawServer(lambda _: respond(b"<!doctype html><title>Guest wifi</title>")) as portal:
        done = shell.nbp(*command, OXEN_BASE_URL=portal.url)

    assert done.returncode == 1
    assert "look for a proxy or sign-in page on the way to the service" in done.stderr
