"""What `nbp doctor` says of the ledger: who may write it, its lease, its clock, who shares it."""

import re
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import sqlalchemy as sa
import yaml

from nbp_dagster.cli.doctor.rights import WRITES, look_at_file
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.schema import metadata
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.doctor import Doctor, doctor, home
from tests.rigs.pooler import pooler
from tests.rigs.postgres import PostgresServer, postgres
from tests.rigs.processes import ROOT
from tests.rigs.unprivileged import open_folder, ordinary_user

__all__ = ["doctor", "home", "postgres"]

WRITING = re.compile(
    # `homes.delete()` and `insert(rate_states)`, as statements are made here.
    r"\b(?:(?P<table>\w+)\.(?P<how>insert|update|delete)\(\)"
    r"|(?:(?P<verb>insert|update|delete)|make)\((?P<of>\w+)\))"
)


@pytest.fixture
def role(postgres: PostgresServer) -> Iterator[str]:
    """A role that may log in and, as PostgreSQL has it, read and write nothing of others."""
    name = "Fin ance"
    postgres.execute(f'CREATE ROLE "{name}" LOGIN')
    yield name
    # What it owns and may do goes with each database.
    with psycopg.connect(postgres.url()) as connection:
        databases = connection.execute("SELECT datname FROM pg_database WHERE datallowconn")
        names = [each for (each,) in databases if each != "template1"]
    for each in names:
        run_sql(postgres.url(each), f'DROP OWNED BY "{name}" CASCADE')
    postgres.execute(f'DROP ROLE "{name}"')


def run_sql(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for each in statements:
            connection.execute(each.encode())


def as_role(url: str, role: str) -> str:
    return url.replace("nbp@", f"{quote(role)}@", 1)


def make_ledger(url: str | Path) -> None:
    open_ledger(url).dispose()


def set_launcher(home: Path, module: str, name: str, **config: str) -> None:
    launcher = {"module": module, "class": name, "config": config}
    (home / "dagster").mkdir(parents=True)
    text = yaml.safe_dump({"run_launcher": launcher})
    (home / "dagster" / "dagster.yaml").write_text(text, encoding="utf-8")


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Another connection writes, and does not end."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


def test_a_role_that_may_only_read_is_a_fault_that_its_own_advice_mends(
    postgres: PostgresServer, role: str, doctor: Doctor
) -> None:
    url = postgres.make_database()
    make_ledger(url)
    run_sql(url, f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role}"')
    theirs = as_role(url, role)

    status, found = doctor(NBP_LEDGER_URL=theirs)

    assert (status, found["ledger"]["verdict"]) == (1, "sound")
    assert found["ledger rights"]["verdict"] == "fault"
    assert f'"{role}" lacks rights' in found["ledger rights"]["words"]
    advice = found["ledger rights"]["advice"]
    assert "GRANT INSERT, UPDATE ON public.purchases, public.corrections" in advice
    assert "GRANT USAGE ON SEQUENCE public.purchases_id_seq" in advice
    run_sql(url, *advice.removeprefix("let their owner run: ").split("; "))
    status, found = doctor(NBP_LEDGER_URL=theirs)
    assert (status, found["ledger rights"]["verdict"]) == (0, "sound")


@pytest.mark.parametrize(
    ("taken", "advice"),
    [
        ("SELECT ON decisions", "GRANT SELECT ON public.decisions TO nbp_writer"),
        ("UPDATE ON purchases", "GRANT UPDATE ON public.purchases TO nbp_writer"),
        (
            "DELETE ON homes, run_signs",
            "GRANT DELETE ON public.homes, public.run_signs TO nbp_writer",
        ),
        (
            "USAGE ON SEQUENCE purchases_id_seq",
            "GRANT USAGE ON SEQUENCE public.purchases_id_seq TO nbp_writer",
        ),
    ],
)
def test_one_right_that_a_role_lacks_is_asked_for_and_no_other(
    postgres: PostgresServer, doctor: Doctor, taken: str, advice: str
) -> None:
    url = postgres.make_database()
    make_ledger(url)
    postgres.execute("CREATE ROLE nbp_writer LOGIN")
    try:
        run_sql(
            url,
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO nbp_writer",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO nbp_writer",
            f"REVOKE {taken} FROM nbp_writer",
        )

        _, found = doctor(NBP_LEDGER_URL=as_role(url, "nbp_writer"))
    finally:
        run_sql(url, "DROP OWNED BY nbp_writer", "DROP ROLE nbp_writer")

    assert found["ledger rights"]["advice"] == f"let their owner run: {advice}"


def test_the_rights_that_are_asked_for_are_those_that_statements_need() -> None:
    needed: dict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "nbp_dagster").rglob("*.py"):
        if "migrations" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        for found in WRITING.finditer(text):
            table, how = found["table"] or found["of"], found["how"] or found["verb"] or "insert"
            if table in metadata.tables:
                needed[table].add(how.upper())
                if "on_conflict_do_update" in text:
                    needed[table].add("UPDATE")

    assert set(WRITES) == set(metadata.tables)
    assert {table: set(rights) for table, rights in WRITES.items() if rights} == needed


def test_a_role_that_may_not_make_the_tables_is_told_before_the_first_run(
    postgres: PostgresServer, role: str, doctor: Doctor
) -> None:
    url = postgres.make_database()
    run_sql(url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    theirs = as_role(url, role)

    status, found = doctor(NBP_LEDGER_URL=theirs)

    assert (status, found["ledger"]["words"]) == (1, "no tables yet; the next run makes them")
    assert found["ledger rights"]["words"] == f'"{role}" may not make tables in the schema public'
    run_sql(url, found["ledger rights"]["advice"].removeprefix("let an administrator run: "))
    status, found = doctor(NBP_LEDGER_URL=theirs)
    assert (status, found["ledger rights"]["verdict"]) == (0, "sound")
    make_ledger(theirs)
    assert doctor(NBP_LEDGER_URL=theirs)[1]["ledger rights"]["verdict"] == "sound"


@pytest.mark.parametrize("may_create", [True, False])
def test_an_older_ledger_of_another_role_can_not_be_upgraded_by_this_one(
    postgres: PostgresServer, role: str, doctor: Doctor, may_create: bool
) -> None:
    url = postgres.make_database()
    make_ledger(url)
    run_sql(
        url,
        "UPDATE nbp_ledger_version SET version_num = '0008'",
        f'GRANT ALL ON ALL TABLES IN SCHEMA public TO "{role}"',
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        *([f'GRANT CREATE ON SCHEMA public TO "{role}"'] if may_create else []),
    )

    status, found = doctor(NBP_LEDGER_URL=as_role(url, role))

    assert (status, found["ledger"]["verdict"]) == (1, "warning")
    assert found["ledger rights"]["words"] == f'"{role}" may not change tables of nbp'
    assert doctor(NBP_LEDGER_URL=url)[1]["ledger rights"]["verdict"] == "sound"


def test_a_server_that_only_reads_is_a_fault(postgres: PostgresServer, doctor: Doctor) -> None:
    url = postgres.make_database()
    make_ledger(url)

    status, found = doctor(NBP_LEDGER_URL=f"{url}&options=-cdefault_transaction_read_only%3Don")

    assert (status, found["ledger rights"]["verdict"]) == (1, "fault")
    assert "not a replica" in found["ledger rights"]["advice"]


def test_a_pooler_that_shares_sessions_is_a_fault_and_no_lock_is_left(
    postgres: PostgresServer, doctor: Doctor
) -> None:
    url = postgres.make_database()
    with pooler(url, mode="transaction") as address:
        make_ledger(address)

        status, found = doctor(NBP_LEDGER_URL=address)

        assert (status, found["ledger lease"]["verdict"]) == (1, "fault")
        assert "pool_mode = session" in found["ledger lease"]["words"]
        with psycopg.connect(url) as connection:
            query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            assert connection.execute(query).fetchone() == (0,)


def test_the_lease_is_sound_at_the_server_and_behind_a_pooler_of_sessions(
    postgres: PostgresServer, doctor: Doctor
) -> None:
    url = postgres.make_database()
    make_ledger(url)

    with pooler(url, mode="session") as address:
        for each in (url, address):
            status, found = doctor(NBP_LEDGER_URL=each)
            assert (status, found["ledger lease"]["verdict"]) == (0, "sound")


def test_the_clock_of_the_server_is_compared_with_this_machines(
    postgres: PostgresServer, doctor: Doctor
) -> None:
    url = postgres.make_database()
    make_ledger(url)
    assert doctor(NBP_LEDGER_URL=url)[1]["clock of the ledger"]["verdict"] == "sound"
    # A server whose clock is slow, to whoever asks it in this database.
    run_sql(
        url,
        "CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS "
        "$$ SELECT pg_catalog.now() - interval '300 seconds' $$",
        f"ALTER DATABASE {sa.make_url(url).database} SET search_path = public, pg_catalog",
    )
    began = time.monotonic()

    status, found = doctor(NBP_LEDGER_URL=url)

    clock = found["clock of the ledger"]
    assert (status, clock["verdict"]) == (1, "fault")
    [seconds] = re.findall(r"this machine's is (\d+) s ahead", clock["words"])
    assert 299 <= int(seconds) <= 301 + (time.monotonic() - began)
    assert clock["advice"] == "set this machine's clock (NTP)"


def test_a_ledger_on_sqlite_can_be_written_also_while_another_process_does(
    home: Path, doctor: Doctor
) -> None:
    ledger = home / "ledger.sqlite"
    make_ledger(ledger)
    before = ledger.read_bytes()

    assert doctor()[1]["ledger rights"]["words"] == f"{ledger} can be written"
    with held(ledger):
        status, found = doctor()

    assert (status, found["ledger rights"]["verdict"]) == (0, "sound")
    assert ledger.read_bytes() == before


@pytest.mark.parametrize("closed", ["ledger.sqlite", "."])
def test_a_file_or_folder_that_this_user_may_not_write_is_a_fault(
    doctor: Doctor, closed: str
) -> None:
    with open_folder() as outer:
        write_briefs(outer / "briefs", campaign(shot("kitchen")))
        home = outer / "home"
        home.mkdir()
        home.chmod(0o777)
        variables = {"NBP_HOME": str(home), "NBP_CONFIG": str(outer / "briefs")}
        # What it imports late may lie where the ordinary user can't read.
        doctor(**variables)
        with ordinary_user():
            make_ledger(home / "ledger.sqlite")
            # Another process has it open, so that its log is there and it can be read.
            reader = sqlite3.connect(home / "ledger.sqlite")
            reader.execute("SELECT count(*) FROM purchases").fetchone()
        (home / closed).chmod(0o555 if closed == "." else 0o444)
        with ordinary_user():
            status, found = doctor(**variables)
            reader.close()

    assert status == 1
    assert found["ledger rights"]["verdict"] == "fault"
    assert f"can't write {(home / closed)}" in found["ledger rights"]["words"]
    assert "let this user write the file and its folder" in found["ledger rights"]["advice"]


def test_a_file_that_sqlite_refuses_to_write_is_a_fault_whoever_asks(home: Path) -> None:
    ledger = home / "ledger.sqlite"
    make_ledger(ledger)
    assert look_at_file(ledger).verdict == "sound"
    with ledger.open("r+b") as opened:
        # The header's version for writers is one of a newer SQLite: all others only read.
        opened.seek(18)
        opened.write(b"\x03")

    found = look_at_file(ledger)

    assert (found.part, found.verdict) == ("ledger rights", "fault")
    assert "it is read-only" in found.words


def test_a_named_file_that_is_not_there_is_not_made(home: Path, doctor: Doctor) -> None:
    file = home.parent / "other" / "ledger.sqlite"

    status, found = doctor(
        NBP_LEDGER_URL=f"sqlite:///{file}", NBP_STORE_URL=f"file://{home.parent}/shared"
    )

    assert (status, found["ledger"]["verdict"]) == (0, "sound")
    assert found["ledger"]["words"] == f"none yet; the first purchase makes {file}"
    assert not file.parent.exists()


def test_a_home_that_can_not_be_made_is_a_fault_before_the_first_run(doctor: Doctor) -> None:
    with open_folder() as outer:
        write_briefs(outer / "briefs", campaign(shot("kitchen")))
        variables = {"NBP_HOME": str(outer / "var" / "home"), "NBP_CONFIG": str(outer / "briefs")}
        doctor(**variables)
        (outer / "var").mkdir()
        (outer / "var").chmod(0o555)
        with ordinary_user():
            status, found = doctor(**variables)

    assert (status, found["ledger rights"]["verdict"]) == (1, "fault")
    assert f"can't write {outer / 'var'}" in found["ledger rights"]["words"]


@pytest.mark.parametrize("name", ["K8sRunLauncher", "DockerRunLauncher", "CeleryRunLauncher"])
def test_runs_that_may_be_elsewhere_without_a_shared_ledger_are_a_fault(
    home: Path, doctor: Doctor, name: str
) -> None:
    set_launcher(home, "tests.rigs.launchers", name)

    status, found = doctor()

    assert (status, found["dagster"]["verdict"]) == (1, "fault")
    assert "may pay again" in found["dagster"]["words"]
    address = found["dagster"]["advice"].split()[-1]
    assert address == f"sqlite:///{home}/ledger.sqlite"
    status, found = doctor(NBP_LEDGER_URL=address)
    assert "may pay again" not in found["dagster"]["words"]
    # One file for all only where all mount its folder, which can't be seen from here.
    assert (status, found["run launcher"]["verdict"]) == (0, "warning")
    assert (
        f"the ledger is {home}/ledger.sqlite, and runs of {name}" in found["run launcher"]["words"]
    )


def test_a_role_that_may_only_read_dagsters_tables_is_a_fault(
    postgres: PostgresServer, role: str, home: Path, doctor: Doctor
) -> None:
    url = postgres.make_database()
    theirs = as_role(url, role)
    settings = {"storage": {"postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}}}
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    assert doctor(DAGSTER_POSTGRES_URL=url)[1]["dagster"]["verdict"] == "sound"
    run_sql(url, f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role}"')

    status, found = doctor(DAGSTER_POSTGRES_URL=theirs)

    assert (status, found["dagster"]["verdict"]) == (1, "fault")
    assert f'"{role}" may not write public.runs, ' in found["dagster"]["words"]
    grants = found["dagster"]["advice"].removeprefix("let their owner run: ").split("; ")
    run_sql(url, *grants)
    status, found = doctor(DAGSTER_POSTGRES_URL=theirs)
    assert (status, found["dagster"]["verdict"]) == (0, "sound")


def test_processes_of_this_machine_need_no_shared_ledger(home: Path, doctor: Doctor) -> None:
    set_launcher(home, "dagster", "DefaultRunLauncher")

    assert doctor()[1]["dagster"]["verdict"] == "sound"
