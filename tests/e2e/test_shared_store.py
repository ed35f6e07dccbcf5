"""Two homes apart, with one ledger, one service and one bucket: what is made in one is in both."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.postgres import PostgresServer, postgres
from tests.rigs.processes import Shell
from tests.rigs.s3 import count_requests, serve_s3, variables_of
from tests.rigs.service import ServiceProbe
from tests.rigs.written_sets import read_written_set

__all__ = ["postgres"]

BUCKET = "acme-pictures"
NAMES = tuple(f"room{number}" for number in range(1, 9))
KEYS = tuple(f"winter/{name}/all/1x1/v1" for name in NAMES)


@dataclass(frozen=True)
class Homes:
    """Two machines that share no folder, what they share, and the log of the bucket."""

    north: Shell
    south: Shell
    service: ServiceProbe
    log: Path
    ledger: str

    def shell(self, folder: Path, **settings: str) -> Shell:
        """Another machine."""
        made = Shell(folder, **{**self.north.environment, **settings})
        write_briefs(made.briefs, _winter())
        return made


@pytest.fixture
def homes(postgres: PostgresServer, tmp_path: Path) -> Iterator[Homes]:
    ledger, log = postgres.make_database(), tmp_path / "s3.log"
    with (
        serve_s3(BUCKET, log=log) as address,
        Shell(tmp_path / "service").simulator("--latency", "0.1", "--painter", "plain") as service,
    ):

        def machine(name: str) -> Shell:
            shell = Shell(
                tmp_path / name,
                NBP_MODE="live",
                OXEN_API_KEY="shared-key-31aa",
                OXEN_BASE_URL=service.url,
                NBP_LEDGER_URL=ledger,
                NBP_STORE_URL=f"s3://{BUCKET}/nbp",
                **variables_of(address),
            )
            write_briefs(shell.briefs, _winter())
            return shell

        yield Homes(machine("north"), machine("south"), service, log, ledger)


def _winter() -> dict[str, Any]:
    shots = (shot(room, scene=f"Tea in the {room}", characters=[]) for room in NAMES)
    return campaign(*shots, id="winter")


def run(shell: Shell, *words: str) -> None:
    done = shell.nbp("run", "--yes", *words)
    assert done.returncode == 0, done.stdout + done.stderr


def read_set(shell: Shell) -> dict[str, Any]:
    return read_written_set(shell.home, "winter")


def downloads(service: ServiceProbe) -> int:
    """Return how many results were fetched from the service."""
    return len([each for each in service.requests("/generations/") if each["method"] == "GET"])


def test_halves_made_in_two_homes_are_one_set_in_both_and_nothing_is_fetched_again(
    homes: Homes,
) -> None:
    north, south = homes.north, homes.south
    with ThreadPoolExecutor(2) as pool:
        for done in [
            pool.submit(run, north, *KEYS[:4]),
            pool.submit(run, south, *KEYS[4:]),
        ]:
            done.result()
    fetched = downloads(homes.service)
    assert fetched == len(KEYS)
    assert homes.service.bills == len(KEYS)

    run(north, "winter")
    assert len(read_set(north)["pictures"]) == len(KEYS)
    run(south, "winter")

    assert read_set(south)["pictures"] == read_set(north)["pictures"]
    assert homes.service.bills == len(KEYS)
    assert downloads(homes.service) == fetched


def test_a_machine_that_made_nothing_shows_reports_and_exports_what_others_made(
    homes: Homes, tmp_path: Path
) -> None:
    run(homes.north, "winter")
    fetched = downloads(homes.service)
    reader = homes.shell(tmp_path / "reader")

    report = reader.nbp("report", "winter", "--json")
    assert report.returncode == 0, report.stderr
    assert json.loads(report.stdout)["pictures"] == len(KEYS)
    export = reader.nbp("export", "winter")
    assert export.returncode == 0, export.stderr
    pages = reader.nbp("gallery")

    assert pages.stdout.strip() == str(reader.home / "sets" / "winter" / "index.html")
    assert read_set(reader)["pictures"] == read_set(homes.north)["pictures"]
    assert downloads(homes.service) == fetched


def test_another_ledger_with_the_store_ends_a_run_before_it_buys(
    homes: Homes, postgres: PostgresServer, tmp_path: Path
) -> None:
    run(homes.north, KEYS[0])
    stranger = homes.shell(tmp_path / "stranger", NBP_LEDGER_URL=postgres.make_database())

    done = stranger.nbp("run", "--yes", KEYS[1])

    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert f"the store s3://{BUCKET}/nbp belongs to another ledger" in said
    assert "Traceback" not in said
    assert homes.service.bills == 1


def test_a_disk_that_is_not_mounted_stops_a_pod_of_today_before_it_buys(
    homes: Homes, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    old, new = (
        homes.shell(tmp_path / name, NBP_STORE_URL=disk.as_uri()) for name in ("old", "new")
    )
    run(old, KEYS[0])
    disk.rename(tmp_path / "unmounted")

    done = new.nbp("run", "--yes", KEYS[1])

    assert done.returncode == 1
    line, *_ = [line for line in done.stderr.splitlines() if "not mounted" in line]
    assert "`nbp ledger forget-store`" in line
    assert homes.service.bills == 1
    assert not disk.exists()
    assert "not mounted" in new.nbp("doctor").stdout

    # Emptied on purpose: the machine that has the picture sends it to the new disk.
    told = old.nbp("ledger", "forget-store")
    assert told.returncode == 0, told.stderr
    run(old, KEYS[0])
    run(new, *KEYS[:2])

    assert homes.service.bills == 2
    assert downloads(homes.service) == 2


def test_a_prompt_costs_one_upload_for_each_of_its_pictures_and_no_other_request(
    homes: Homes,
) -> None:
    run(homes.north, KEYS[0])
    before = count_requests(homes.log, BUCKET)
    run(homes.north, *KEYS[1:3])
    few = count_requests(homes.log, BUCKET) - before
    before = count_requests(homes.log, BUCKET)
    run(homes.north, *KEYS[3:8])
    many = count_requests(homes.log, BUCKET) - before

    # Original and rendition of three more prompts: what else a run asks for does not grow with it.
    # The mark of the ledger is written every 15 seconds: once more where the machine is slow.
    assert 2 * 3 <= many["PUT"] - few["PUT"] < 3 * 3
    assert many["GET"] - few["GET"] < 3
    assert many["LIST"] == few["LIST"]
    assert few["HEAD"] == many["HEAD"] == 0
