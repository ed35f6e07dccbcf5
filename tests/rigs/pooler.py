"""PgBouncer in front of a test's PostgreSQL server; knows nothing of our tables."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import psycopg
import pytest
import sqlalchemy as sa

from tests.rigs.postgres import PATIENCE

_PROGRAMS = "/usr/sbin:/usr/local/sbin"


@contextmanager
def pooler(url: str, *, mode: Literal["session", "transaction"]) -> Iterator[str]:
    """Run a pooler for a database; yield the address at which it answers.

    Skips where PgBouncer is not installed.

    Args:
        url: The database, of `PostgresServer`.
        mode: What a server connection is lent for.
    """
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:{_PROGRAMS}")
    if program is None:
        pytest.skip("no pgbouncer here: run `make postgres` as root")
    parsed = sa.make_url(url)
    database, server = parsed.database, parsed.query["host"]
    # As of the server: the path of a Unix socket is short, and another user must enter.
    with tempfile.TemporaryDirectory(prefix="nbp-pooler-", dir="/tmp") as name:
        folder = Path(name)
        (folder / "users").write_text('"nbp" ""\n')
        (folder / "ini").write_text(
            f"[databases]\n{database} = host={server} user=nbp\n"
            f"[pgbouncer]\nunix_socket_dir = {folder}\nlisten_addr =\nauth_type = any\n"
            f"auth_file = {folder}/users\npool_mode = {mode}\n"
        )
        command = [program, str(folder / "ini")]
        if os.geteuid() == 0:
            # It refuses root.
            owner = Path(str(server)).owner()
            command[1:1] = ["-u", owner]
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, owner)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        address = f"postgresql://nbp@/{database}?host={folder}&port=6432"
        try:
            _wait_for_answer(address, process, folder / "log")
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


def _wait_for_answer(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            with psycopg.connect(address):
                return
        except psycopg.OperationalError:
            words = log.read_text(encoding="utf-8", errors="replace")
            assert process.poll() is None, words
            assert time.monotonic() < give_up, words
            time.sleep(0.05)
