"""`nbp doctor`: each part that can be wrong, what it says of it, and that it changes nothing."""

import json
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from nbp_dagster.cli.doctor import parts
from nbp_dagster.cli.doctor.finding import Finding
from nbp_dagster.cli.doctor.state import compare_clocks
from nbp_dagster.cli.main import main
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.database import HEAD, begin_serialised, open_ledger
from nbp_dagster.studio.ledger.schema import marked_stores
from nbp_dagster.studio.shared_state.homes import Home, enter
from nbp_dagster.studio.storage.store_note import write_note
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.doctor import Doctor, doctor, home
from tests.rigs.service import ServiceProbe
from tests.rigs.unprivileged import open_folder, ordinary_user

__all__ = ["doctor", "home"]


@pytest.fixture
def service(simulator: SimulatorServer) -> ServiceProbe:
    return ServiceProbe(simulator.url)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Host and port of a server that accepts and never answers; a part has 2 s for it."""
    monkeypatch.setattr(parts, "SECONDS", 2.0)
    # The kernel accepts for it.
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def set_schema(home: Path, version: str) -> None:
    engine = open_ledger(home / "ledger.sqlite")
    with begin_serialised(engine) as connection:
        connection.exec_driver_sql(f"UPDATE nbp_ledger_version SET version_num = '{version}'")
    engine.dispose()


def keep_dagster_in(home: Path, url: str) -> None:
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text(
        f"storage: {{postgres: {{postgres_url: '{url}'}}}}\n", encoding="utf-8"
    )


def schema_of(home: Path) -> str:
    with sqlite3.connect(home / "ledger.sqlite") as connection:
        return str(connection.execute("SELECT version_num FROM nbp_ledger_version").fetchone()[0])


def test_a_new_installation_is_sound_and_nothing_is_made(home: Path, doctor: Doctor) -> None:
    status, found = doctor()

    assert status == 0
    assert {each["verdict"] for each in found.values()} == {"sound", "not_used"}
    assert "none yet" in found["ledger"]["words"]
    assert "0.15 USD an image" in found["model google-nano-banana-pro"]["words"]
    assert not home.exists()


def test_an_older_ledger_is_told_and_not_upgraded(home: Path, doctor: Doctor) -> None:
    set_schema(home, "0008")

    status, found = doctor()

    assert (status, found["ledger"]["verdict"]) == (0, "warning")
    assert "its schema is 0008" in found["ledger"]["words"]
    assert "back it up first" in found["ledger"]["advice"]
    assert schema_of(home) == "0008"


def test_a_ledger_of_a_newer_version_is_a_fault(home: Path, doctor: Doctor) -> None:
    set_schema(home, "9999")

    status, found = doctor()

    assert (status, found["ledger"]["verdict"]) == (1, "fault")
    assert found["ledger"]["advice"] == "upgrade this installation"


def test_a_sound_ledger_says_where_it_is(home: Path, doctor: Doctor) -> None:
    open_ledger(home / "ledger.sqlite").dispose()

    _, found = doctor()

    assert f"{home}/ledger.sqlite, schema {HEAD}" in found["ledger"]["words"]


def test_what_others_may_read_is_told_with_the_command_that_mends_it(
    home: Path, doctor: Doctor
) -> None:
    ledger = home / "ledger.sqlite"
    open_ledger(ledger).dispose()
    ledger.chmod(0o644)

    _, found = doctor()
    assert (found["file rights"]["verdict"], found["file rights"]["advice"]) == (
        "warning",
        f"chmod -R go= {ledger}",
    )
    ledger.chmod(0o600)
    (home / "store").mkdir(mode=0o755)
    _, found = doctor()
    assert found["file rights"]["advice"] == f"chmod -R go= {home}/store"
    (home / "store").chmod(0o700)
    _, found = doctor()
    assert found["file rights"]["verdict"] == "sound"


def test_a_broken_brief_is_told_in_one_line_and_the_rest_is_looked_at(
    home: Path, doctor: Doctor
) -> None:
    (home.parent / "briefs" / "campaigns" / "winter.yaml").write_text("id: [", encoding="utf-8")

    status, found = doctor()

    assert (status, found["briefs"]["verdict"]) == (1, "fault")
    assert found["briefs"]["advice"] == "run `nbp validate`"
    assert found["versions"]["verdict"] == "sound"


def test_a_dagster_home_that_can_not_be_read_is_told(home: Path, doctor: Doctor) -> None:
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text("run_storage: 5\n", encoding="utf-8")

    status, found = doctor()

    assert (status, found["dagster"]["verdict"]) == (1, "fault")
    assert str(home / "dagster") in found["dagster"]["words"]


def test_a_database_of_dagster_that_is_away_says_why_and_not_its_password(
    home: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://nbp:s3cret-word@127.0.0.1:9/nbp"
    keep_dagster_in(home, url)

    def give_up(_: str) -> None:
        # As Dagster does, after a dozen seconds.
        try:
            sa.create_engine(url).connect()
        except sa.exc.OperationalError as error:
            raise RuntimeError("too many retries for DB connection") from error

    monkeypatch.setattr(dg.DagsterInstance, "from_config", give_up)

    status, found = doctor()

    assert (status, found["dagster"]["verdict"]) == (1, "fault")
    assert "Connection refused" in found["dagster"]["words"]
    assert "DAGSTER_POSTGRES_URL" in found["dagster"]["advice"]
    assert "s3cret-word" not in json.dumps(found)


def test_a_variable_that_dagsters_settings_name_is_named_where_it_is_not_set(
    home: Path, doctor: Doctor
) -> None:
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text(
        "storage: {postgres: {postgres_url: {env: NO_SUCH_VARIABLE}}}\n", encoding="utf-8"
    )

    status, found = doctor()

    assert (status, found["dagster"]["verdict"]) == (1, "fault")
    assert found["dagster"]["words"].endswith(": names NO_SUCH_VARIABLE, which is not set")


def test_a_file_of_dagsters_that_can_not_be_opened_is_no_server(home: Path, doctor: Doctor) -> None:
    folder = home / "dagster"
    # Where the file is expected.
    (folder / "history" / "runs.db").mkdir(parents=True)
    (folder / "dagster.yaml").write_text("{}\n", encoding="utf-8")

    status, found = doctor()

    assert (status, found["dagster"]["verdict"]) == (1, "fault")
    assert "unable to open database file" in found["dagster"]["words"]
    assert "free space on its disk" in found["dagster"]["advice"]
    assert "DAGSTER_POSTGRES_URL" not in found["dagster"]["advice"]


def test_a_ledger_and_a_dagster_that_never_answer_are_given_up(
    home: Path, doctor: Doctor, silent: str
) -> None:
    keep_dagster_in(home, f"postgresql://nbp:word@{silent}/nbp")

    status, found = doctor(
        NBP_LEDGER_URL=f"postgresql://nbp:word@{silent}/nbp",
        NBP_STORE_URL=f"file://{home.parent}/shared",
    )

    assert status == 1
    for part in ("ledger", "dagster"):
        assert found[part]["words"] == "no answer within 2 s"
    # The store is not kept waiting by the ledger.
    assert found["store"]["verdict"] == "sound"


def test_a_store_that_never_answers_is_given_up(doctor: Doctor, silent: str) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}

    status, found = doctor(
        NBP_STORE_URL="s3://pictures/nbp", AWS_ENDPOINT_URL=f"http://{silent}", **keys
    )

    assert (status, found["store"]["words"]) == (1, "no answer within 2 s")


def test_a_finding_is_given_before_the_next_one_is_there() -> None:
    released = threading.Event()

    def look() -> Iterator[Finding]:
        yield Finding("ledger", "sound", "first")
        released.wait()
        yield Finding("ledger", "sound", "second")

    found = parts.look_at("ledger", look, seconds=60.0)

    assert next(found).words == "first"
    released.set()
    assert [each.words for each in found] == ["second"]


def close_c2pa(outer: Path) -> dict[str, str]:
    return {"NBP_C2PA_KEY": str(outer / "private" / "key.pem")}


def close_home(outer: Path) -> dict[str, str]:
    return {"NBP_HOME": str(outer / "private" / "home")}


def close_briefs(outer: Path) -> dict[str, str]:
    return {"NBP_CONFIG": str(outer / "private" / "briefs")}


def close_dagster(outer: Path) -> dict[str, str]:
    return {"DAGSTER_HOME": str(outer / "private" / "dagster")}


def test_a_named_ledger_that_others_may_read_is_told_too(
    tmp_path: Path, home: Path, doctor: Doctor
) -> None:
    ledger = tmp_path / "shared.sqlite"
    open_ledger(ledger).dispose()
    ledger.chmod(0o640)

    _, found = doctor(NBP_LEDGER_URL=f"sqlite:///{ledger}")

    assert found["file rights"]["advice"] == f"chmod -R go= {ledger}"


@pytest.mark.parametrize(
    ("close", "faults"),
    [
        (close_c2pa, {"file rights"}),
        (close_home, {"disk", "file rights", "ledger", "dagster"}),
        (close_briefs, {"briefs"}),
        (close_dagster, {"dagster"}),
    ],
)
def test_what_may_not_be_read_is_a_fault_and_the_rest_is_looked_at(
    doctor: Doctor, close: Callable[[Path], dict[str, str]], faults: set[str]
) -> None:
    with open_folder() as outer:
        write_briefs(outer / "briefs", campaign(shot("kitchen")))
        usual = {"NBP_HOME": str(outer / "home"), "NBP_CONFIG": str(outer / "briefs")}
        (outer / "private").mkdir(mode=0o700)
        variables = {**usual, **close(outer)}
        # What it imports late may lie where the ordinary user can't read.
        doctor(**variables)
        (outer / "private").chmod(0)
        with ordinary_user():
            status, found = doctor(**variables)

    assert status == 1
    # The extra c2pa need not be there.
    assert {part for part, each in found.items() if each["verdict"] == "fault"} - {
        "extras"
    } == faults
    # `nbp validate` says why.
    assert all("Permission denied" in found[part]["words"] for part in faults - {"briefs"})


def test_live_mode_without_a_key_asks_for_one_and_for_nothing_else(doctor: Doctor) -> None:
    status, found = doctor(NBP_MODE="live", OXEN_API_KEY="")

    assert (status, found["key"]["words"]) == (1, "OXEN_API_KEY is not set")
    assert not [part for part in found if part.startswith("model")]


def test_live_mode_asks_for_clock_key_model_and_price_and_pays_nothing(
    doctor: Doctor, service: ServiceProbe
) -> None:
    status, found = doctor(NBP_MODE="live", OXEN_API_KEY="key-1", OXEN_BASE_URL=service.url)

    assert status == 0
    assert found["clock of the service"]["verdict"] == "sound"
    assert found["key"]["words"] == "accepted; 0 jobs at work"
    assert found["model google-nano-banana-pro"]["verdict"] == "sound"
    assert service.bills == 0


def test_a_model_that_left_the_catalogue_is_a_fault(
    home: Path, doctor: Doctor, service: ServiceProbe
) -> None:
    write_briefs(home.parent / "briefs", campaign(shot("kitchen"), model="gone-1"))

    status, found = doctor(NBP_MODE="live", OXEN_API_KEY="key-1", OXEN_BASE_URL=service.url)

    assert (status, found["model gone-1"]["words"]) == (1, "the catalogue does not have it")


def test_a_refused_key_is_a_fault_and_is_not_repeated(
    doctor: Doctor, service: ServiceProbe
) -> None:
    service.script({"kind": "status", "status": 401, "path": "/queue"})

    status, found = doctor(NBP_MODE="live", OXEN_API_KEY="key-77", OXEN_BASE_URL=service.url)

    assert (status, found["key"]["verdict"]) == (1, "fault")
    assert "key-77" not in json.dumps(found)


def test_a_service_out_of_reach_is_asked_once(doctor: Doctor) -> None:
    variables = {"OXEN_API_KEY": "key-1", "OXEN_BASE_URL": "https://127.0.0.1:9"}

    status, found = doctor(NBP_MODE="live", **variables)

    assert (status, found["service"]["verdict"]) == (1, "fault")
    assert "Connection refused" in found["service"]["words"]
    assert not [part for part in found if part.startswith("model")]


def test_the_password_of_a_ledger_out_of_reach_is_not_shown(doctor: Doctor) -> None:
    url = "postgresql://ada:s3cret-word@127.0.0.1:9/ledger"

    status, found = doctor(NBP_LEDGER_URL=url)

    assert (status, found["ledger"]["verdict"]) == (1, "fault")
    assert "s3cret-word" not in json.dumps(found)


def test_another_home_that_keeps_its_pictures_to_itself_is_a_fault(
    doctor: Doctor, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/shared.sqlite"
    engine = open_ledger(url)
    assert doctor(NBP_LEDGER_URL=url)[1]["homes"]["verdict"] == "sound"
    store = (tmp_path / "pictures").as_uri()
    enter(engine, Home("1a" * 16, "north", "/data/nbp", store, 1_800_000_000.0))
    engine.dispose()

    status, found = doctor(NBP_LEDGER_URL=url)

    assert (status, found["homes"]["verdict"]) == (1, "fault")
    assert "/data/nbp on north" in found["homes"]["words"]
    assert "forget-home 1a1a1a1a" in found["homes"]["words"]
    # It looks; a run enters.
    assert not list(tmp_path.rglob("home.id"))
    assert doctor(NBP_LEDGER_URL=url, NBP_STORE_URL=store)[1]["homes"]["verdict"] == "sound"


@pytest.mark.parametrize(
    ("theirs", "verdict", "words"),
    [(1000.0, "sound", "0 s"), (1059.0, "sound", "59 s behind"), (900.0, "fault", "100 s ahead")],
)
def test_two_clocks_may_differ_by_a_minute(theirs: float, verdict: str, words: str) -> None:
    found = compare_clocks("clock", theirs, 1000.0)

    assert found.verdict == verdict
    assert words in found.words


def test_a_store_that_machines_share_is_written_read_and_left_clean(
    tmp_path: Path, doctor: Doctor
) -> None:
    status, found = doctor(NBP_STORE_URL=f"file://{tmp_path}/shared")

    assert status == 0
    assert "writes in" in found["store"]["words"]
    assert found["clock of the store"]["verdict"] == "sound"
    assert not [path for path in (tmp_path / "shared").rglob("*") if path.is_file()]


def test_a_used_store_without_its_mark_is_a_fault_and_nothing_is_written_there(
    tmp_path: Path, home: Path, doctor: Doctor
) -> None:
    url = f"file://{tmp_path}/not-mounted"
    write_note(home / "store", marked=url)

    status, found = doctor(NBP_STORE_URL=url)

    assert (status, found["store"]["verdict"]) == (1, "fault")
    assert "not mounted" in found["store"]["words"]
    assert not (tmp_path / "not-mounted").exists()


def test_a_new_home_knows_from_the_ledger_that_the_store_had_its_mark(
    tmp_path: Path, home: Path, doctor: Doctor
) -> None:
    ledger, url = f"sqlite:///{tmp_path}/shared.sqlite", f"file://{tmp_path}/not-mounted"
    engine = open_ledger(ledger)
    with begin_serialised(engine) as connection:
        connection.execute(marked_stores.insert().values(name=url, epoch="1a" * 16))
    engine.dispose()

    status, found = doctor(NBP_LEDGER_URL=ledger, NBP_STORE_URL=url)

    assert (status, found["store"]["verdict"]) == (1, "fault")
    assert "not mounted" in found["store"]["words"]
    assert not (tmp_path / "not-mounted").exists()
    assert not home.exists()


def test_a_store_that_cannot_be_reached_is_a_fault_without_its_password(doctor: Doctor) -> None:
    status, found = doctor(NBP_STORE_URL="ftp://anna:geheim@127.0.0.1:1/pictures")

    assert status == 1
    assert found["store"]["verdict"] == "fault"
    assert "ftp://127.0.0.1:1/pictures" in found["store"]["words"]
    assert "geheim" not in json.dumps(found)


def test_a_store_whose_driver_is_not_installed_names_the_extra(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)

    status, found = doctor(NBP_STORE_URL="gs://acme/pictures")

    assert status == 1
    assert "nbp-dagster[gcs]" in found["store"]["words"]


def test_a_store_that_is_no_url_is_an_error_of_the_setting(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CliRunner().invoke(
        main, ["doctor"], env={"NBP_HOME": str(home), "NBP_STORE_URL": "acme-pictures"}
    )

    assert done.exit_code == 1
    assert "NBP_STORE_URL" in done.output
    assert "s3://bucket/folder" in done.output
