"""A real PostgreSQL server for as long as the tests run; knows nothing of our tables."""

import itertools
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest

from tests.rigs.processes import ROOT

# Seconds within which a new server answers, or an old one has ended, on a busy machine.
PATIENCE = 180.0
_INITDB_OPTIONS = (
    *("--auth=trust", "--username=nbp", "--encoding=UTF8", "--locale=C"),
    *("--no-sync", "--no-instructions"),
)
_NO_SERVER = "no PostgreSQL server here (initdb and postgres): run `make postgres` as root"


class PostgresServer:
    """A server that only listens on a Unix socket, whose every client is trusted.

    Attributes:
        folder: Holds its data, its socket and its log.
    """

    def __init__(self, folder: Path, *, binaries: Path, user: str | None) -> None:
        self.folder = folder
        self._binaries, self._user = binaries, user
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """The Unix socket that it listens on."""
        return self.folder / ".s.PGSQL.5432"

    def start(self) -> None:
        """Start it on the data that it has; return when it answers."""
        options = ("fsync=off", "listen_addresses=", f"unix_socket_directories={self.folder}")
        settings = [word for option in options for word in ("-c", option)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self.folder / "data", *settings],
                user=self._user,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        _wait_for_answer(self, self._process)

    def stop(self, *, orderly: bool = True) -> None:
        """End it with the sessions that are still open; out of order it recovers when started."""
        if self._process is not None:
            # "Fast" and "immediate" in its own words.
            self._process.send_signal(signal.SIGINT if orderly else signal.SIGQUIT)
            self._process.wait(PATIENCE)

    def url(self, database: str = "postgres") -> str:
        """Return the address of one of its databases."""
        return f"postgresql://nbp@/{database}?host={self.folder}"

    def make_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"ledger{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def execute(self, statement: str) -> None:
        """Run a statement as the administrator, outside a transaction."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def serve_postgres() -> Iterator[PostgresServer]:
    """Run a server for as long as the context lasts; ends the process where there is none."""
    binaries = _find_binaries()
    if binaries is None:
        raise SystemExit(_NO_SERVER)
    with _running_server(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for all tests of this process; skips, or fails under CI, where there is none."""
    binaries = _find_binaries()
    if binaries is None:
        if os.environ.get("CI") == "true":
            pytest.fail(_NO_SERVER)
        pytest.skip(_NO_SERVER)
    with _running_server(binaries) as server:
        yield server


def _find_binaries() -> Path | None:
    """Return the folder of the server's programs, which Debian keeps out of the PATH."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: int(path.parent.name))
    program = shutil.which("initdb")
    return None if program is None else Path(program).resolve().parent


def write_dagster_settings(folder: Path) -> None:
    """Write the packaged settings of Dagster, with its storage as the docs say."""
    text = files("nbp_dagster.instance").joinpath("dagster.yaml").read_text(encoding="utf-8")
    [line] = [line for line in text.splitlines() if line.startswith("event_log_storage:")]
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    [storage] = re.findall(r"^```yaml\n(storage:\n.*?)^```", page, re.M | re.S)
    folder.mkdir(parents=True)
    (folder / "dagster.yaml").write_text(text.replace(line, storage), encoding="utf-8")


@contextmanager
def _running_server(binaries: Path) -> Iterator[PostgresServer]:
    """Run a server on new data, which go with it."""
    user = _unprivileged_user()
    # Not pytest's own temporary folder: that of root can't be entered by another user, and the
    # path of a Unix socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="nbp-postgres-", dir="/tmp") as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        subprocess.run(
            [binaries / "initdb", "-D", data, *_INITDB_OPTIONS],
            user=user,
            cwd=folder,
            capture_output=True,
            check=True,
        )
        server = PostgresServer(folder, binaries=binaries, user=user)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _unprivileged_user() -> str | None:
    """Whom the server runs as: it refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _wait_for_answer(server: PostgresServer, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            server.execute("SELECT 1")
            return
        except psycopg.OperationalError:
            words = (server.folder / "log").read_text(encoding="utf-8", errors="replace")
            assert process.poll() is None, words
            assert time.monotonic() < give_up, words
            time.sleep(0.05)
