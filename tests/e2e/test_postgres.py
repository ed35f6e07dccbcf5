"""Two machines with one PostgreSQL server, which keeps both Dagster's storage and the ledger."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.project import open_instance
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.dagster import PROMPT_ASSETS, Operator
from tests.rigs.postgres import PostgresServer, postgres
from tests.rigs.processes import ROOT, Shell
from tests.rigs.service import ServiceProbe

__all__ = ["postgres"]

NAMES = tuple(f"room{number}" for number in range(1, 9))
KEYS = tuple(f"winter/{name}/all/1x1/v1" for name in NAMES)
NORTHERN, SOUTHERN = KEYS[:5], KEYS[5:]


@dataclass(frozen=True)
class Machines:
    """Two homes with the same briefs, service, ledger and Dagster storage."""

    north: Shell
    south: Shell
    service: ServiceProbe


@pytest.fixture
def machines(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machines]:
    # One database: each keeps its tables and notes their version beside the other's.
    ledger = storage = postgres.make_database()
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", storage)
    options = ("--latency", "0.4", "--painter", "plain")
    with Shell(tmp_path / "service").simulator(*options) as service:

        def machine(name: str) -> Shell:
            shell = Shell(
                tmp_path / name,
                NBP_MODE="live",
                OXEN_API_KEY="postgres-key-7d21",
                OXEN_BASE_URL=service.url,
                NBP_LEDGER_URL=ledger,
                DAGSTER_POSTGRES_URL=storage,
            )
            shots = (shot(room, scene=f"Tea in the {room}", characters=[]) for room in NAMES)
            write_briefs(shell.briefs, campaign(*shots, id="winter"))
            write_settings(shell.home / "dagster")
            return shell

        yield Machines(machine("north"), machine("south"), service)


def write_settings(folder: Path) -> None:
    """Write the packaged settings of Dagster, with its storage as the docs say."""
    text = files("nbp_dagster.instance").joinpath("dagster.yaml").read_text(encoding="utf-8")
    [line] = [line for line in text.splitlines() if line.startswith("event_log_storage:")]
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    [storage] = re.findall(r"^```yaml\n(storage:\n.*?)^```", page, re.M | re.S)
    folder.mkdir(parents=True)
    (folder / "dagster.yaml").write_text(text.replace(line, storage), encoding="utf-8")


def run(shell: Shell, *words: str) -> None:
    done = shell.nbp("run", "--yes", *words)
    assert done.returncode == 0, done.stdout + done.stderr


def manifest_of(shell: Shell) -> dict[str, Any]:
    path = shell.home / "sets" / "winter" / "manifest.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_a_backfill_here_and_a_run_there_share_what_they_buy(machines: Machines) -> None:
    north, south, service = machines.north, machines.south, machines.service
    with (
        # Makes the tables: the processes of `dagster dev` would do so at once, and break them.
        open_instance(north.home / "dagster"),
        north.dagster_dev() as dev,
        ThreadPoolExecutor(2) as pool,
    ):
        operator = Operator(dev)
        backfill = operator.backfill(PROMPT_ASSETS, NORTHERN)
        bought = pool.submit(run, south, *SOUTHERN)
        assert operator.wait_for_backfill(backfill).status == "SUCCESS"
        bought.result()

        # Each home has its own share; the one Dagster knows both.
        for asset in PROMPT_ASSETS:
            assert operator.partitions(asset).made == set(KEYS)
        assert service.bills == len(KEYS)

        for done in [pool.submit(run, shell, "winter") for shell in (north, south)]:
            done.result()

    assert service.bills == len(KEYS)
    first, second = manifest_of(north), manifest_of(south)
    assert {picture["shot"] for picture in first["pictures"]} == set(NAMES)
    assert [picture["sha256"] for picture in first["pictures"]] == [
        picture["sha256"] for picture in second["pictures"]
    ]
    for manifest in (first, second):
        assert manifest["missing"] == []
        assert manifest["totals"]["spent_usd"] == "1.20"
    for shell in (north, south):
        assert len(list((shell.home / "records").rglob("*.json"))) == len(KEYS)
