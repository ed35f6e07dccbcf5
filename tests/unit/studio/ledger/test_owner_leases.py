"""Leases of owners: of this process, and of others that end, are killed or are stopped."""

import fcntl
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.database import LedgerDatabaseError, open_ledger
from nbp_dagster.studio.ledger.owner_leases import LeaseLost, OwnerLease, take_lease
from nbp_dagster.studio.storage.files import StoreError
from tests.rigs.pooler import pooler
from tests.rigs.postgres import PostgresServer

# Seconds for another process to start, and for a server to notice that one has gone.
PATIENCE = 60.0
spawning = multiprocessing.get_context("spawn")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "owners"


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Engine]:
    engine = open_ledger(ledger_url)
    yield engine
    engine.dispose()


@pytest.fixture
def lease(ledger: Engine, folder: Path) -> Iterator[OwnerLease]:
    with take_lease(ledger, folder=folder) as lease:
        yield lease


def hold_lease(url: str, folder: Path, line: Connection) -> None:
    """What another process does: take a lease, send its owner, hold it until told to end."""
    engine = open_ledger(url)
    with take_lease(engine, folder=folder) as lease:
        line.send(lease.owner)
        line.recv()


class Other:
    """Another process that holds a lease."""

    def __init__(self, url: str, folder: Path) -> None:
        self._line, theirs = spawning.Pipe()
        self.process = spawning.Process(target=hold_lease, args=(url, folder, theirs))
        self.process.start()
        assert self._line.poll(PATIENCE), "the other process took no lease"
        self.owner: str = self._line.recv()

    def send(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def end(self) -> None:
        self._line.send("go")
        self.process.join(PATIENCE)
        assert self.process.exitcode == 0


@contextmanager
def another(url: str, folder: Path) -> Iterator[Other]:
    other = Other(url, folder)
    try:
        yield other
    finally:
        other.process.kill()
        other.process.join(PATIENCE)


def eventually(look: Callable[[], bool]) -> bool:
    give_up = time.monotonic() + PATIENCE
    while not look():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.01)
    return True


def test_a_run_is_alive_for_itself_and_holds_its_lease(lease: OwnerLease) -> None:
    assert lease.is_alive(lease.owner)
    lease.require()


def test_runs_see_each_other_until_they_end(
    lease: OwnerLease, ledger: Engine, folder: Path
) -> None:
    with take_lease(ledger, folder=folder) as other:
        assert lease.is_alive(other.owner)
        assert other.is_alive(lease.owner)

    assert not lease.is_alive(other.owner)
    lease.require()


def test_a_run_that_fails_frees_its_lease_too(
    lease: OwnerLease, ledger: Engine, folder: Path
) -> None:
    with pytest.raises(ZeroDivisionError), take_lease(ledger, folder=folder) as other:
        raise ZeroDivisionError

    assert not lease.is_alive(other.owner)


@pytest.mark.parametrize("owner", ["", "nobody", "../" * 10 + "a", "0" * 31, "G" * 32, "0" * 33])
def test_what_is_no_owner_is_not_alive(lease: OwnerLease, owner: str) -> None:
    assert not lease.is_alive(owner)


def test_an_unknown_owner_is_not_alive(lease: OwnerLease) -> None:
    assert not lease.is_alive(uuid4().hex)


def test_a_stopped_process_is_alive_and_a_killed_one_is_not(
    lease: OwnerLease, ledger_url: str, folder: Path
) -> None:
    with another(ledger_url, folder) as other:
        assert lease.is_alive(other.owner)
        other.send(signal.SIGSTOP)
        assert lease.is_alive(other.owner)
        other.send(signal.SIGKILL)
        other.process.join(PATIENCE)
        assert eventually(lambda: not lease.is_alive(other.owner))


def test_a_process_that_ends_is_not_alive(lease: OwnerLease, ledger_url: str, folder: Path) -> None:
    with another(ledger_url, folder) as other:
        assert lease.is_alive(other.owner)
        other.end()
        assert not lease.is_alive(other.owner)


def test_probes_from_many_threads_do_not_disturb_each_other(
    lease: OwnerLease, ledger: Engine, folder: Path
) -> None:
    with take_lease(ledger, folder=folder) as other:

        def look(_: int) -> bool:
            lease.require()
            return lease.is_alive(other.owner)

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(look, range(100)))


# Leases on files


@pytest.fixture
def file_ledger(tmp_path: Path) -> Iterator[Engine]:
    engine = open_ledger(tmp_path / "ledger.sqlite")
    yield engine
    engine.dispose()


@pytest.mark.parametrize("by", ["taking", "probing"])
def test_the_file_of_a_killed_run_is_removed(
    file_ledger: Engine, folder: Path, tmp_path: Path, by: str
) -> None:
    with take_lease(file_ledger, folder=folder) as lease:
        with another(f"sqlite:///{tmp_path}/ledger.sqlite", folder) as other:
            other.send(signal.SIGKILL)
            other.process.join(PATIENCE)
        lock_file = folder / f"{other.owner}.lock"
        assert lock_file.exists()

        if by == "probing":
            assert not lease.is_alive(other.owner)
        else:
            with take_lease(file_ledger, folder=folder):
                pass

        assert list(folder.iterdir()) == [folder / f"{lease.owner}.lock"]
    assert list(folder.iterdir()) == []


def test_two_probes_of_a_dead_run_at_once_do_not_take_each_other_for_it(
    file_ledger: Engine, folder: Path
) -> None:
    with (
        take_lease(file_ledger, folder=folder) as one,
        take_lease(file_ledger, folder=folder) as two,
    ):
        dead = uuid4().hex
        lock_file = folder / f"{dead}.lock"
        lock_file.touch()
        # As long as this is open, the first of them is still probing.
        with lock_file.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            assert not one.is_alive(dead)
        assert not two.is_alive(dead)
        assert not lock_file.exists()


def test_the_file_of_a_run_that_is_just_taking_its_lease_is_not_removed(
    file_ledger: Engine, folder: Path
) -> None:
    """Each run that takes a lease sweeps the folder, where others made files not yet locked."""

    def come_and_go(_: int) -> None:
        with (
            take_lease(file_ledger, folder=folder) as mine,
            take_lease(file_ledger, folder=folder) as other,
        ):
            mine.require()
            assert mine.is_alive(other.owner)
            assert other.is_alive(mine.owner)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(come_and_go, range(300)))
    assert list(folder.iterdir()) == []


def test_a_run_whose_file_was_removed_has_lost_its_lease(file_ledger: Engine, folder: Path) -> None:
    with take_lease(file_ledger, folder=folder) as lease:
        [lock_file] = folder.iterdir()
        lock_file.unlink()

        with pytest.raises(LeaseLost, match=f"{lock_file} that shows .* was removed"):
            lease.require()


def test_a_folder_that_cannot_be_made_is_explained(file_ledger: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with (
        pytest.raises(StoreError, match=r"cannot take the lease .* in .*/file/owners: Not a"),
        take_lease(file_ledger, folder=tmp_path / "file" / "owners"),
    ):
        pass


# Leases on sessions


@pytest.fixture
def server_ledger(postgres: PostgresServer) -> Iterator[Engine]:
    engine = open_ledger(postgres.make_database())
    yield engine
    engine.dispose()


def cut_connections(postgres: PostgresServer, engine: Engine) -> None:
    postgres.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        f"WHERE datname = '{engine.url.database}'"
    )


def test_a_run_whose_connection_dropped_has_lost_its_lease(
    postgres: PostgresServer, server_ledger: Engine, folder: Path
) -> None:
    with take_lease(server_ledger, folder=folder) as lost:
        cut_connections(postgres, server_ledger)

        with take_lease(server_ledger, folder=folder) as lease:
            assert not lease.is_alive(lost.owner)
            # Again: a connection made anew holds no lock.
            for _ in range(2):
                with pytest.raises(LeaseLost, match="that shows that this run is alive broke"):
                    lost.require()
            lease.require()
    assert not folder.exists()


def test_a_lock_that_another_session_holds_does_not_count(
    postgres: PostgresServer, server_ledger: Engine, folder: Path
) -> None:
    """A pooler may hand a run's statements to sessions that are not the one with the lock."""
    connections: list[sa.Connection] = []
    sa.event.listen(server_ledger, "engine_connect", connections.append)
    with (
        take_lease(server_ledger, folder=folder) as lease,
        psycopg.connect(postgres.url(str(server_ledger.url.database))) as other,
    ):
        [key] = other.execute(
            "SELECT classid::bigint << 32 | objid::bigint FROM pg_locks WHERE locktype = 'advisory'"
        ).fetchone() or [0]
        lease.require()
        connections[0].exec_driver_sql("SELECT pg_advisory_unlock_all()")
        other.execute("SELECT pg_advisory_lock(%s)", [key])

        with pytest.raises(LeaseLost):
            lease.require()


def test_a_lock_on_another_database_does_not_count(
    postgres: PostgresServer, server_ledger: Engine, folder: Path
) -> None:
    elsewhere = open_ledger(postgres.make_database())
    with (
        take_lease(elsewhere, folder=folder) as far,
        take_lease(server_ledger, folder=folder) as near,
    ):
        assert not near.is_alive(far.owner)
    elsewhere.dispose()


def test_a_server_that_refuses_connections_is_explained(
    postgres: PostgresServer, server_ledger: Engine, folder: Path
) -> None:
    with take_lease(server_ledger, folder=folder) as lease:
        postgres.execute(f"ALTER DATABASE {server_ledger.url.database} ALLOW_CONNECTIONS false")
        cut_connections(postgres, server_ledger)

        with pytest.raises(LedgerDatabaseError, match="cannot reach the ledger"):
            lease.is_alive(uuid4().hex)
        with (
            pytest.raises(LedgerDatabaseError, match="cannot reach the ledger"),
            take_lease(server_ledger, folder=folder),
        ):
            pass


def test_a_pooler_that_shares_sessions_is_refused_before_anything_is_bought(
    postgres: PostgresServer, folder: Path
) -> None:
    with pooler(postgres.make_database(), mode="transaction") as address:
        ledger = open_ledger(address)

        with (
            pytest.raises(LedgerDatabaseError, match="pool_mode = session"),
            take_lease(ledger, folder=folder),
        ):
            pass

        # The lock that was tried is free again.
        with ledger.connect() as connection:
            query = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            assert connection.scalar(query) == 0
        ledger.dispose()


def test_through_a_pooler_of_sessions_runs_see_who_lives_and_who_died(
    postgres: PostgresServer, folder: Path
) -> None:
    with pooler(postgres.make_database(), mode="session") as address:
        ledger = open_ledger(address)
        with take_lease(ledger, folder=folder) as lease:
            with another(address, folder) as other:
                assert lease.is_alive(other.owner)
                other.send(signal.SIGKILL)
                other.process.join(PATIENCE)
                assert eventually(lambda: not lease.is_alive(other.owner))
            lease.require()
        ledger.dispose()
