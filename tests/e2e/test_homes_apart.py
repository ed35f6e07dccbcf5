"""Machines with homes apart and one ledger on PostgreSQL: what they share beside purchases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.manifest.records import PromptRecords
from nbp_dagster.studio.shared_state.shared_documents import SharedDocuments
from nbp_dagster.studio.storage.documents import DocumentFolder
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.postgres import PostgresServer, postgres
from tests.rigs.processes import Shell
from tests.rigs.service import ServiceProbe

__all__ = ["postgres"]

NAMES = tuple(f"room{number:02}" for number in range(1, 41))
KEYS = tuple(f"winter/{name}/all/1x1/v1" for name in NAMES)
HALVES = (KEYS[: len(KEYS) // 2], KEYS[len(KEYS) // 2 :])
# Requests a second: two processes ask for more even on a busy machine.
RATE_LIMIT = 3


class Rig:
    """One service, and as many homes as a test wants."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self._folder, self._running = folder, running

    def service(self, name: str, *options: str) -> ServiceProbe:
        shell = Shell(self._folder / name)
        context = shell.simulator("--latency", "0.2", "--painter", "plain", *options)
        return ServiceProbe(self._running.enter_context(context).url)

    def home(self, name: str, service: ServiceProbe, **settings: str) -> Shell:
        shell = Shell(
            self._folder / name,
            NBP_MODE="live",
            OXEN_API_KEY="apart-key-31f0",
            OXEN_BASE_URL=service.url,
            **settings,
        )
        shots = (shot(room, scene=f"Tea in the {room}", characters=[]) for room in NAMES)
        write_briefs(shell.briefs, campaign(*shots, id="winter"))
        return shell


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with ExitStack() as running:
        yield Rig(tmp_path, running)


def run(shell: Shell, *keys: str) -> str:
    done = shell.nbp("run", "--yes", *keys)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_halves(north: Shell, south: Shell) -> None:
    """Have each home make half of the prompts, at the same time."""
    with ThreadPoolExecutor(2) as threads:
        for done in [
            threads.submit(run, north, *HALVES[0]),
            threads.submit(run, south, *HALVES[1]),
        ]:
            done.result()


def test_half_here_and_half_there_leaves_the_records_of_all_on_both_and_nothing_to_do(
    rig: Rig, postgres: PostgresServer, tmp_path: Path
) -> None:
    service, ledger = rig.service("service"), postgres.make_database()
    store = (tmp_path / "pictures").as_uri()
    shared = {"NBP_LEDGER_URL": ledger, "NBP_STORE_URL": store}
    north, south = (rig.home(name, service, **shared) for name in ("north", "south"))

    run_halves(north, south)

    assert service.bills == len(KEYS)
    engine = open_ledger(ledger)
    for shell in (north, south):
        local = DocumentFolder(shell.home / "records")
        records = PromptRecords(SharedDocuments(engine, "records", local=local))
        assert records.list_keys() == KEYS
        found = [records.read(key) for key in KEYS]
        assert all(record is not None and record.pictures for record in found)
        # What was read is there for the next process.
        assert set(local.list_names()) == set(KEYS)
    engine.dispose()
    # The Dagster of each home has not heard of the other half: reused there, and not drawn again.
    drawn = read_times(ledger)
    for shell in (north, south):
        run(shell, "winter")
    assert read_times(ledger) == drawn
    forget_documents(ledger, north, south)

    assert f"{len(KEYS)} needed nothing" in run(south, "winter")

    assert read_times(ledger).keys() == drawn.keys()
    assert service.bills == len(KEYS)


def read_times(ledger: str) -> dict[str, float]:
    """Return when each record was written."""
    with psycopg.connect(ledger) as connection:
        query = "SELECT name, written_at FROM shared_documents WHERE kind = 'records'"
        return {name: written_at for name, written_at in connection.execute(query)}


def forget_documents(ledger: str, *shells: Shell) -> None:
    """Leave a ledger and homes as a version did that knew of files alone."""
    with psycopg.connect(ledger) as connection:
        connection.execute("DELETE FROM shared_documents")
    for shell in shells:
        (shell.home / "handed_over.json").unlink()


def count_429s(service: ServiceProbe, north: Shell, south: Shell) -> int:
    run_halves(north, south)
    assert service.bills == len(KEYS)
    return sum(entry["status"] == 429 for entry in service.requests(""))


def test_homes_apart_meet_no_more_429s_than_one_home(
    rig: Rig, postgres: PostgresServer, tmp_path: Path
) -> None:
    limit = ("--rate-limit", str(RATE_LIMIT))

    service = rig.service("service1", *limit)
    home = rig.home("one", service)
    other = rig.home("other", service, NBP_HOME=str(home.home))
    in_one_home = count_429s(service, home, other)

    service = rig.service("service2", *limit)
    shared = {
        "NBP_LEDGER_URL": postgres.make_database(),
        "NBP_STORE_URL": (tmp_path / "pictures").as_uri(),
    }
    north, south = (rig.home(name, service, **shared) for name in ("north", "south"))
    apart = count_429s(service, north, south)
    with psycopg.connect(shared["NBP_LEDGER_URL"]) as connection:
        rows = connection.execute("SELECT version, state FROM rate_states").fetchall()

    [(changes, _)] = rows
    # About two a request: one for its slot, and one for each order that begins or ends.
    assert changes <= 3 * len(service.requests(""))
    assert "apart-key-31f0" not in str(rows)
    assert in_one_home > 0
    assert apart <= 1.5 * in_one_home + 3, (in_one_home, apart)


def test_a_second_home_without_a_common_store_is_told_what_to_set_and_may_take_its_place(
    rig: Rig, postgres: PostgresServer
) -> None:
    service, ledger = rig.service("service"), postgres.make_database()
    north, south = (rig.home(name, service, NBP_LEDGER_URL=ledger) for name in ("north", "south"))
    run(north, KEYS[0])

    done = south.nbp("run", "--yes", KEYS[1])

    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if "is used by another home" in line]
    assert str(north.home) in line
    assert "NBP_STORE_URL" in line
    assert "Traceback" not in done.stderr
    assert service.bills == 1
    doctor = south.nbp("doctor")
    assert doctor.returncode == 1
    assert "FAULT" in doctor.stdout
    [listed] = south.nbp("ledger", "homes").stdout.splitlines()
    home_id = listed.split()[0]
    assert home_id in line

    assert south.nbp("ledger", "forget-home", home_id).returncode == 0
    run(south, KEYS[1])

    assert service.bills == 2
    # The one that was said to be gone is not.
    assert north.nbp("run", "--yes", KEYS[0]).returncode == 1
