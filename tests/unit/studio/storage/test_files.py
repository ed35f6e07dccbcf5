"""File locks: they exclude threads and processes, and end with the process that holds one."""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from nbp_dagster import lock_waits
from nbp_dagster.interrupts import noted_interrupts
from nbp_dagster.studio.storage import files as lock_files
from nbp_dagster.studio.storage.files import StoreError, hold_lock
from tests.rigs.processes import wait_for

# Seconds for another process to start, and to come to its turn.
PATIENCE = 60.0
# Seconds in which a lock that is free would have been taken.
SHORT = 0.3
spawning = multiprocessing.get_context("spawn")


def add_one(path: Path) -> None:
    """Read a number and write the next one: two that do so at once lose one of them."""
    with hold_lock(path.parent / "locks" / ".lock"):
        number = int(path.read_text()) if path.exists() else 0
        path.write_text(str(number + 1))


def count_up(path: Path, barrier: Barrier, times: int) -> None:
    """What one of several processes does, in two threads."""
    barrier.wait(PATIENCE)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add_one, [path] * times))


def hold(lock: Path, line: Connection) -> None:
    """Hold a lock until the process is killed."""
    with hold_lock(lock):
        line.send("held")
        line.recv()


def test_threads_and_processes_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "number"
    barrier = spawning.Barrier(2)
    processes = [spawning.Process(target=count_up, args=(path, barrier, 20)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)

    assert [process.exitcode for process in processes] == [0, 0]
    assert path.read_text() == "40"


def test_a_lock_waits_and_is_free_when_its_process_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    line, theirs = spawning.Pipe()
    process = spawning.Process(target=hold, args=(lock, theirs))
    process.start()
    assert line.poll(PATIENCE), "the other process did not take the lock"
    line.recv()
    taken = threading.Event()

    def take() -> None:
        with hold_lock(lock):
            taken.set()

    waiting = threading.Thread(target=take)
    waiting.start()
    assert not taken.wait(SHORT)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(PATIENCE)

    assert taken.wait(PATIENCE)
    waiting.join(PATIENCE)


def test_a_wait_for_a_lock_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lock_files, "TOLD_AFTER_SECONDS", SHORT)
    lock = tmp_path / ".lock"
    taken = threading.Semaphore(0)

    def take() -> None:
        with hold_lock(lock):
            taken.release()

    waiting = [threading.Thread(target=take) for _ in range(3)]
    with hold_lock(lock):
        for thread in waiting:
            thread.start()
        wait_for(lambda: caplog.messages, what="line about the wait")
        assert not taken.acquire(timeout=2 * SHORT)
    for thread in waiting:
        thread.join(PATIENCE)

    assert taken.acquire(timeout=0), "and it goes on when the lock is free"
    [line] = caplog.messages
    assert str(lock) in line


def test_an_interrupt_ends_the_waits_of_threads_soon_and_takes_what_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a *Terminate* that Dagster holds back while buyers wait for another process's upload."""
    monkeypatch.setattr(lock_waits, "GRACE_SECONDS", SHORT)
    held, free = tmp_path / "held.lock", tmp_path / "free.lock"
    # Each its own lock, or those behind the first would wait in turn.
    many = [tmp_path / f"{number}.lock" for number in range(3)]

    def take(lock: Path) -> None:
        with hold_lock(lock):
            pass

    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with noted_interrupts(), ExitStack() as others, ThreadPoolExecutor(4) as pool:
            for lock in (held, *many):
                others.enter_context(hold_lock(lock))
            waiting = [pool.submit(take, lock) for lock in (held, *many)]
            assert not any(each.done() for each in waiting)
            os.kill(os.getpid(), signal.SIGTERM)
            errors = [each.exception(PATIENCE) for each in waiting]
            pool.submit(take, free).result(PATIENCE)
            with pytest.raises(KeyboardInterrupt):
                take(held)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert [type(error) for error in errors] == [StoreError] * 4
    assert str(errors[0]) == f"interrupted while another process held {held}"


def test_a_lock_is_free_after_an_error_and_its_file_stays(tmp_path: Path) -> None:
    """Another process may wait on the file: removed, it would let two hold the lock at once."""
    lock = tmp_path / ".lock"
    with pytest.raises(ZeroDivisionError), hold_lock(lock):
        raise ZeroDivisionError
    before = lock.stat().st_ino

    with hold_lock(lock):
        pass

    assert lock.stat().st_ino == before


@pytest.mark.parametrize("name", ["file/.lock", "folder"])
def test_a_lock_that_cannot_be_made_is_one_clear_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()

    message = rf"^cannot lock {tmp_path / name}: \S.*; set NBP_HOME"
    with pytest.raises(StoreError, match=message), hold_lock(tmp_path / name):
        pass
