"""A role that has on the ledger's tables what `nbp doctor` asks for, and nothing more."""

import re
from pathlib import Path

import psycopg
import pytest

from nbp_dagster.studio.ledger.database import open_ledger
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.postgres import PostgresServer, postgres
from tests.rigs.processes import Shell

__all__ = ["postgres"]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(
        tmp_path / "machine",
        NBP_MODE="live",
        OXEN_API_KEY="rights-key-41cc",
        NBP_STORE_URL=(tmp_path / "pictures").as_uri(),
    )
    write_briefs(shell.briefs, campaign(shot("kitchen")))
    return shell


def test_the_rights_that_doctor_asks_for_are_enough_for_a_campaign(
    postgres: PostgresServer, shell: Shell
) -> None:
    url = postgres.make_database()
    open_ledger(url).dispose()
    postgres.execute("CREATE ROLE worker LOGIN")
    theirs = {"NBP_LEDGER_URL": url.replace("nbp@", "worker@", 1)}
    with psycopg.connect(url, autocommit=True) as owner:
        # Which schema the tables are at is read before anything else.
        owner.execute("GRANT SELECT ON nbp_ledger_version TO worker")
        with shell.simulator("--latency", "0", "--painter", "plain") as simulator:
            live = {**theirs, "OXEN_BASE_URL": simulator.url}
            told = shell.nbp("doctor", **live)
            assert told.returncode == 1, told.stdout
            for grant in re.findall(r"GRANT [^;\n]+", told.stdout):
                owner.execute(grant.encode())
            assert "FAULT" not in shell.nbp("doctor", **live).stdout

            done = shell.nbp("run", "--yes", "winter", **live)

            assert done.returncode == 0, done.stderr
            assert "permission denied" not in done.stdout + done.stderr
            # The picture, and the sheet of its character before.
            assert simulator.bills == 2
