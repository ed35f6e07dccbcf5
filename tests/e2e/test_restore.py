"""The restore drill: backed up while a run is going, lost, restored by the docs' own commands."""

import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from nbp_dagster.cli.openings import create_access_rules, open_review, read_decisions
from nbp_dagster.project import open_instance
from nbp_dagster.settings import Settings
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.schema import purchases
from nbp_dagster.studio.review.reviews import Seen
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.postgres import PostgresServer, postgres, write_dagster_settings
from tests.rigs.processes import ROOT, Shell, wait_for
from tests.rigs.service import ServiceProbe

__all__ = ["postgres"]

NAMES = tuple(f"room{number}" for number in range(1, 15))
KEYS = tuple(f"winter/{name}/all/1x1/v1" for name in NAMES)
BACKED_UP = "backup"


@pytest.fixture(scope="module")
def latency() -> str:
    """Slow enough that a run of one job at a time still buys when a backup is done."""
    return "1.5"


@dataclass
class Installation:
    """A home in live mode, its ledger's address where it is a server's, and what bought there.

    Attributes:
        store: The folder that machines share as a store; None where the home has its own.
    """

    shell: Shell
    service: ServiceProbe
    server: PostgresServer | None = None
    databases: dict[str, str] = field(default_factory=dict)
    store: Path | None = None

    def settings(self) -> Settings:
        url = self.databases.get("NBP_LEDGER_URL")
        return Settings(
            home=self.shell.home,
            config=self.shell.briefs,
            ledger_url=None if url is None else SecretStr(url),
        )

    def bash(self, *commands: str) -> str:
        """Run commands as somebody types them in the folder of the home."""
        done = subprocess.run(
            ["bash", "-c", "\n".join(["set -e", *commands])],
            cwd=self.shell.folder,
            env=self.shell.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def lose_everything(self) -> None:
        shutil.rmtree(self.shell.home)
        if self.store is not None:
            shutil.rmtree(self.store)
        for url in set(self.databases.values()):
            assert self.server is not None
            name = url.partition("@/")[2].partition("?")[0]
            self.server.execute(f"DROP DATABASE {name} WITH (FORCE)")
            self.server.execute(f"CREATE DATABASE {name} TEMPLATE template0")


def commands_of(kind: str) -> list[str]:
    """Return the blocks of the docs' section that have a command of a kind, as they stand."""
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    section = page.partition("\n## Backup and restore\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```bash\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    found = [block for block in blocks if re.search(rf"^{kind}", block, re.MULTILINE)]
    assert found, f"the section has no block with {kind}"
    return found


@pytest.fixture(params=["sqlite", "postgresql", "shared store"])
def place(request: pytest.FixtureRequest, tmp_path: Path, service: ServiceProbe) -> Installation:
    databases: dict[str, str] = {}
    server: PostgresServer | None = None
    store = tmp_path / "mounted" if request.param == "shared store" else None
    if request.param != "sqlite":
        server = request.getfixturevalue("postgres")
        names = ("NBP_LEDGER_URL", "DAGSTER_POSTGRES_URL")
        databases = {name: server.make_database() for name in names}
    shell = Shell(
        tmp_path,
        NBP_MODE="live",
        OXEN_API_KEY="restore-key-51b7",
        OXEN_BASE_URL=service.url,
        NBP_IN_FLIGHT="1",
        **databases,
        **({} if store is None else {"NBP_STORE_URL": f"file://{store}"}),
    )
    # The commands of the docs name `nbp` and `python` as an installation has them.
    programs = Path(shutil.which("nbp") or ROOT / ".venv/bin/nbp").parent
    shell.environment["PATH"] = f"{programs}:{shell.environment['PATH']}"
    shots = (shot(room, scene=f"Tea in the {room}", characters=[]) for room in NAMES)
    write_briefs(shell.briefs, campaign(*shots, id="winter"))
    if server is not None:
        write_dagster_settings(shell.home / "dagster")
    return Installation(shell, service, server, databases, store)


def approve_first(place: Installation) -> str:
    """Approve a file of the set; return its digest."""
    settings = place.settings()
    access = create_access_rules(settings, listen="127.0.0.1", default_name="ada")
    with open_review(settings, access) as context:
        picture = context.reviews.open("winter").rows[0].picture
        context.reviews.decide(
            "winter", Seen(picture.file, picture.sha256, 0), "approved", who="ada"
        )
        return picture.sha256


def read_set(shell: Shell) -> dict[str, Any]:
    """Return the manifest of a home's set, once every file of it is found whole."""
    folder = shell.home / "sets" / "winter"
    manifest = dict(json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    for picture in manifest["pictures"]:
        data = (folder / picture["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == picture["sha256"]
    return manifest


def originals(place: Installation) -> set[str]:
    """Return the digests of the originals that the ledger has."""
    engine = open_ledger(place.databases["NBP_LEDGER_URL"])
    with engine.connect() as connection:
        made = connection.scalars(sa.select(purchases.c.image).where(purchases.c.state == "made"))
        found = {image["sha256"] for image in made}
    engine.dispose()
    return found


def stored(store: Path) -> set[str]:
    return {path.name for path in (store / "images").glob("??/*")}


def back_up(place: Installation) -> None:
    if place.store is not None:
        place.bash(*commands_of("tar -cf backup/store.tar"))
        known = originals(place)
        wait_for(lambda: len(originals(place) - known) >= 1, what="picture after the store's copy")
    place.bash(*commands_of("tar -cf backup/home.tar"))
    if place.server is not None:
        place.bash(*commands_of("pg_dump"))


def restore(place: Installation) -> None:
    [files] = commands_of("tar -xf backup/home.tar")
    *steps, doctor = files.strip().splitlines()
    assert doctor == "nbp doctor"
    if place.server is not None:
        steps += commands_of("pg_restore")
    if place.store is not None:
        steps += commands_of('mkdir -p "\\$')
    place.bash(*steps)
    assert "FAULT" not in place.bash(doctor)


def runs_in_dagster(place: Installation) -> int:
    with open_instance(place.shell.home / "dagster") as instance:
        return int(instance.get_runs_count())


def on_another_machine(place: Installation) -> None:
    """Have a machine without a home of before make the set of what the restored store has."""
    shell = Shell(place.shell.folder / "another", **place.shell.environment)
    shutil.copytree(place.shell.briefs, shell.briefs)
    bought, fetched = place.service.bills, downloads(place.service)
    done = shell.nbp("run", "--yes", "winter")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (place.service.bills, downloads(place.service)) == (bought, fetched)
    assert {picture["shot"] for picture in read_set(shell)["pictures"]} == set(NAMES)


def downloads(service: ServiceProbe) -> int:
    """Return how many results were fetched from the service."""
    return len([each for each in service.requests("/generations/") if each["method"] == "GET"])


def test_a_home_that_was_backed_up_while_a_run_bought_is_whole_again_and_pays_nothing_twice(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, url in place.databases.items():
        monkeypatch.setenv(name, url)
    first = place.shell.nbp("run", "--yes", *KEYS[:2])
    assert first.returncode == 0, first.stdout + first.stderr
    approved = approve_first(place)
    with place.shell.started("run", "--yes", "winter") as run:
        wait_for(lambda: place.service.bills >= 3, what="third purchase")
        back_up(place)
        bought = place.service.bills
        # What is bought after the backup is in no copy of the ledger.
        wait_for(lambda: place.service.bills > bought, what="purchase after the backup")
        assert run.is_running
    runs = runs_in_dagster(place)
    place.lose_everything()

    restore(place)

    if place.store is not None:
        assert originals(place) - stored(place.store), "the ledger is to be ahead of the store"
    assert runs_in_dagster(place) == runs
    assert approved in {where.sha256 for where in read_decisions(place.settings(), "winter")}
    bought = place.service.bills
    refused = place.shell.nbp("run", "--yes", "winter")
    assert refused.returncode == 1
    assert "nbp ledger rebuild" in refused.stdout + refused.stderr
    assert place.service.bills == bought
    rebuilt = place.shell.nbp("ledger", "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr

    done = place.shell.nbp("run", "--yes", "winter", NBP_IN_FLIGHT="8")

    assert done.returncode == 0, done.stdout + done.stderr
    assert place.service.bills == len(KEYS)
    manifest = read_set(place.shell)
    assert manifest["missing"] == []
    assert {picture["shot"] for picture in manifest["pictures"]} == set(NAMES)
    assert approved in {picture["sha256"] for picture in manifest["pictures"]}
    if place.store is not None:
        assert originals(place) <= stored(place.store)
        on_another_machine(place)
    for word in ("restore-key-51b7", "OXEN_API_KEY"):
        assert not any(
            word.encode() in path.read_bytes()
            for path in (place.shell.folder / BACKED_UP).rglob("*")
            if path.is_file()
        )
