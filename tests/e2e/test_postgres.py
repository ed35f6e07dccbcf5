"""Two machines with one PostgreSQL server, which keeps both Dagster's storage and the ledger.

`TEST_ABSENCE_SECONDS=180` has the service stay away for three minutes, as `make crash` does.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from nbp_dagster.project import open_instance
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.dagster import PROMPT_ASSETS, Operator
from tests.rigs.postgres import PostgresServer, postgres, write_dagster_settings
from tests.rigs.processes import Shell, wait_for
from tests.rigs.service import ServiceProbe

__all__ = ["postgres"]

ABSENCE_SECONDS = float(os.environ.get("TEST_ABSENCE_SECONDS", "8"))
NAMES = tuple(f"room{number}" for number in range(1, 9))
KEYS = tuple(f"winter/{name}/all/1x1/v1" for name in NAMES)
NORTHERN, SOUTHERN = KEYS[:5], KEYS[5:]


class Service:
    """A simulator at one address that can be stopped and started again with the jobs it has."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._shell = Shell(folder)
        self._options = (*options, "--state", str(folder / "state"))
        self._running = ExitStack()
        self.url = self.start()
        self.probe = ServiceProbe(self.url)

    def start(self, *options: str) -> str:
        """Start it; return its address."""
        context = self._shell.simulator(*self._options, *options)
        return self._running.enter_context(context).url

    def stop(self) -> None:
        """Kill it: from now on connections are refused."""
        self._running.close()

    def be_away(self, seconds: float) -> None:
        """Have it refuse connections for so long."""
        self.stop()
        time.sleep(seconds)
        port = str(urlsplit(self.url).port)
        assert self.start("--port", port) == self.url


@dataclass(frozen=True)
class Machines:
    """Two homes with the same briefs, service, ledger and Dagster storage."""

    north: Shell
    south: Shell
    simulator: Service

    @property
    def service(self) -> ServiceProbe:
        return self.simulator.probe


@pytest.fixture
def machines(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machines]:
    # One database: each keeps its tables and notes their version beside the other's.
    ledger = storage = postgres.make_database()
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", storage)
    simulator = Service(tmp_path / "service", "--latency", "0.4", "--painter", "plain")

    def machine(name: str) -> Shell:
        shell = Shell(
            tmp_path / name,
            NBP_MODE="live",
            OXEN_API_KEY="postgres-key-7d21",
            OXEN_BASE_URL=simulator.url,
            NBP_LEDGER_URL=ledger,
            NBP_STORE_URL=(tmp_path / "pictures").as_uri(),
            DAGSTER_POSTGRES_URL=storage,
            # One after the other: what takes long enough can be interrupted.
            NBP_IN_FLIGHT="1",
        )
        shots = (shot(room, scene=f"Tea in the {room}", characters=[]) for room in NAMES)
        write_briefs(shell.briefs, campaign(*shots, id="winter"))
        write_dagster_settings(shell.home / "dagster")
        return shell

    try:
        yield Machines(machine("north"), machine("south"), simulator)
    finally:
        simulator.stop()


def run(shell: Shell, *words: str) -> None:
    done = shell.nbp("run", "--yes", *words)
    assert done.returncode == 0, done.stdout + done.stderr


def manifest_of(shell: Shell) -> dict[str, Any]:
    path = shell.home / "sets" / "winter" / "manifest.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_a_backfill_here_and_a_run_there_share_what_they_buy(machines: Machines) -> None:
    buy_on_both(machines, meanwhile=lambda: None)

    assert_all_made_once(machines)


def test_a_service_that_is_away_in_the_middle_is_waited_for_and_nothing_is_paid_twice(
    machines: Machines,
) -> None:
    def disappear() -> None:
        # Each home has one job at a time.
        service = machines.service
        wait_for(lambda: service.stats["jobs"]["processing"] == 2, what="job of each home")
        machines.simulator.be_away(ABSENCE_SECONDS)

    # Forgotten with the process: what is ordered after the absence is quick.
    machines.service.script({"kind": "slow_job", "seconds": 30})
    buy_on_both(machines, meanwhile=disappear)

    assert_all_made_once(machines)


def buy_on_both(machines: Machines, *, meanwhile: Callable[[], None]) -> None:
    """Make a backfill in the north and a run in the south, then all of the set on both."""
    north, south = machines.north, machines.south
    with (
        # Makes the tables: the processes of `dagster dev` would do so at once, and break them.
        open_instance(north.home / "dagster"),
        north.dagster_dev() as dev,
        ThreadPoolExecutor(2) as pool,
    ):
        operator = Operator(dev)
        backfill = operator.backfill(PROMPT_ASSETS, NORTHERN)
        bought = pool.submit(run, south, *SOUTHERN)
        meanwhile()
        assert operator.wait_for_backfill(backfill).status == "SUCCESS"
        bought.result()

        # Each home has its own share; the one Dagster knows both.
        for asset in PROMPT_ASSETS:
            assert operator.partitions(asset).made == set(KEYS)
        assert machines.service.bills == len(KEYS)

        for done in [pool.submit(run, shell, "winter") for shell in (north, south)]:
            done.result()


def assert_all_made_once(machines: Machines) -> None:
    """Make sure that both homes have the whole set and its records, paid once."""
    north, south = machines.north, machines.south
    assert machines.service.bills == len(KEYS)
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
