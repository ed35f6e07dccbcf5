"""The machine fails the run: disk, locks, clock, service. One clear error, or on it goes."""

import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbp_dagster.clock import SystemClock
from nbp_dagster.interrupts import noted_interrupts
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Failed, Generated, Reused
from nbp_dagster.studio.purchasing.failpoints import FailpointName
from tests.crash.harness import ORDERS, Service, Site, audit, recover, run
from tests.crash.worker import INCOMPLETE, STOPPED
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import HastyClock, order, workbench

# A painted picture of noise takes 3 MB as a file, everything else of a small run far less.
SMALL_FILE = 1_500_000
HOUR = 3600.0
# Longer than a test may take.
MINUTES = 600.0
# Holds the write lock of a SQLite file from its first line out until a line comes in.
LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
"""


class WrongClock(SystemClock):
    """A machine's clock that is set anew while a run goes on; the monotonic one is not."""

    def __init__(self, ahead: float) -> None:
        self._ahead = ahead

    def now(self) -> float:
        return super().now() + self._ahead

    def jump(self, seconds: float) -> None:
        self._ahead += seconds


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        yield service


def test_pictures_that_do_not_fit_the_disk_stay_paid_and_are_fetched_later(home: Path) -> None:
    with Service("--noise") as service:
        site = Site(service, home, orders=2)
        full = run(site, "--largest-file", str(SMALL_FILE))

        assert full.status == INCOMPLETE
        assert len(full.outcomes) == 2
        assert all("cannot write" in said for said in full.outcomes.values()), full.outcomes
        assert {row.state for row in site.rows()} == {"enqueued"}
        recover(site)


@pytest.mark.parametrize("room", [8, 24, 48, 96, 160])
def test_a_disk_that_fills_up_under_the_ledger_pays_nothing_twice(
    service: Service, home: Path, room: int
) -> None:
    """The ledger's files may grow to so many KiB: it breaks at its start, or somewhere in a run."""
    site = Site(service, home)

    full = run(site, "--largest-file", str(room * 1024))

    assert full.status in (0, INCOMPLETE, STOPPED), full
    assert "Traceback" not in full.errors
    assert full.status == 0 or "ledger" in full.said, full
    recover(site)


def test_a_home_that_can_not_be_written_is_one_clear_error_before_anything_is_bought(
    service: Service,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        refused = run(Site(service, folder / "home"), "--unprivileged")

        assert refused.status == STOPPED, refused
        assert "set NBP_HOME to a folder that can be written" in refused.said
        assert not service.bills()


def test_a_home_that_turns_read_only_between_runs_keeps_what_is_paid(service: Service) -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        site = Site(service, Path(name) / "home")
        first = Site(service, site.home, orders=3)
        assert run(first).status == 0
        _set_writable(site.home, writable=False)

        refused = run(site, "--unprivileged")

        assert refused.status == STOPPED, refused
        assert "writ" in refused.said or "read-only" in refused.said, refused
        assert len(service.bills()) == 3
        _set_writable(site.home, writable=True)
        recover(site)


@pytest.mark.parametrize("step", ["claiming", "posted", "kept"])
def test_a_ledger_that_another_process_locks_is_waited_for_and_then_said(
    service: Service, home: Path, step: FailpointName
) -> None:
    """Also between a POST's answer and its record, where the id would be lost."""
    locker = _Locker(home / "ledger.sqlite")
    lock = _at_step(step, locker.lock)

    with workbench(service.url, home, failpoint=lock, lock_timeout=0.2) as bench:
        outcomes = bench.make(*(order(number) for number in range(ORDERS)))
        locker.release()

    failed = [outcome for outcome in outcomes.values() if isinstance(outcome, Failed)]
    assert len(outcomes) == ORDERS
    assert failed
    assert all("another process keeps it locked" in outcome.reason for outcome in failed), failed
    recover(Site(service, home))


@pytest.mark.parametrize("step", ["claiming", "posted", "kept"])
def test_ctrl_c_while_another_process_locks_the_ledger_pays_nothing_twice(
    service: Service, home: Path, step: FailpointName
) -> None:
    """The wait for the lock ends within seconds; it would last for minutes."""
    locker = _Locker(home / "ledger.sqlite")
    lock = _at_step(step, locker.lock, lambda: signal.raise_signal(signal.SIGINT))
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with (
            noted_interrupts(),
            workbench(service.url, home, failpoint=lock, lock_timeout=MINUTES) as bench,
        ):
            outcomes = bench.make(*(order(number) for number in range(ORDERS)))
            locker.release()
    finally:
        signal.signal(signal.SIGINT, before)

    assert len(outcomes) == ORDERS
    assert any(isinstance(outcome, Failed) for outcome in outcomes.values())
    recover(Site(service, home))


@pytest.mark.parametrize("step", ["claiming", "claimed", "posted", "enqueued", "kept"])
@pytest.mark.parametrize("ahead", [0.0, HOUR], ids=["then an hour slow", "first an hour fast"])
def test_a_clock_that_jumps_back_by_an_hour_pays_nothing_twice(
    simulator: SimulatorServer, home: Path, step: FailpointName, ahead: float
) -> None:
    """Every other POST's answer is lost, so that ages are compared where they are compared."""
    probe = ServiceProbe(simulator.url)
    probe.script(
        *(
            {"kind": "reset_after", "method": "POST", "path": "/queue", "nth": number}
            for number in (1, 2, 3)
        )
    )
    clock, jumped = WrongClock(ahead), threading.Event()

    def jump(reached: FailpointName) -> None:
        if reached == step and not jumped.is_set():
            jumped.set()
            clock.jump(-HOUR)

    with workbench(simulator.url, home, failpoint=jump, clock=HastyClock(clock)) as bench:
        outcomes = bench.make(*(order(number) for number in range(ORDERS)))

    assert jumped.is_set()
    assert all(isinstance(item, Generated | Reused) for item in outcomes.values()), outcomes
    assert probe.bills == ORDERS


@pytest.mark.parametrize(
    ("step", "is_back_at_once"),
    [
        ("claimed", True),
        ("posted", True),
        ("enqueued", True),
        ("downloaded", True),
        ("claimed", False),
        ("enqueued", False),
    ],
)
def test_a_service_killed_in_the_middle_of_a_run_loses_and_repeats_nothing(
    home: Path, tmp_path: Path, step: FailpointName, is_back_at_once: bool
) -> None:
    with Service("--state", str(tmp_path / "service")) as service:
        lock, left = threading.Lock(), [2]

        def strike(reached: FailpointName) -> None:
            with lock:
                left[0] -= reached == step
                if reached == step and left[0] == 0:
                    service.kill()
                    if is_back_at_once:
                        service.start()

        with workbench(service.url, home, failpoint=strike) as bench:
            outcomes = bench.make(*(order(number) for number in range(ORDERS)))
        if not is_back_at_once:
            service.start()

        assert left[0] <= 0, "the service was never killed"
        assert len(outcomes) == ORDERS
        reasons = [item.reason for item in outcomes.values() if isinstance(item, Failed)]
        assert is_back_at_once or reasons
        assert all("\n" not in reason for reason in reasons)
        recover(Site(service, home))


def test_the_audit_sees_a_second_payment(service: Service, home: Path, tmp_path: Path) -> None:
    """The judge of all these tests, judged."""
    site = Site(service, home)
    assert run(site).status == 0
    with workbench(service.url, tmp_path / "another home") as bench:
        bench.make(order(0), fresh=True)

    with pytest.raises(AssertionError, match="bills"):
        audit(site)


def test_a_purchase_that_the_ledger_forgot_stops_the_run(service: Service, home: Path) -> None:
    site = Site(service, home)
    assert run(site).status == 0
    with sqlite3.connect(home / "ledger.sqlite") as connection:
        connection.execute("DELETE FROM purchases WHERE id = 1")
    connection.close()

    # The service has the forgotten picture.
    stopped = run(site)

    assert stopped.status == STOPPED
    assert "nbp ledger rebuild" in stopped.said


def _at_step(
    step: FailpointName, *actions: Callable[[], object]
) -> Callable[[FailpointName], None]:
    """Return what does something each time that an order reaches a step."""

    def act(reached: FailpointName) -> None:
        if reached == step:
            for action in actions:
                action()

    return act


class _Locker:
    """Another process that holds the ledger's write lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._once = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def lock(self) -> None:
        """Take the lock, once; returns when it is held."""
        with self._once:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", LOCKER, str(self._path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                assert self._process.stdout is not None
                assert self._process.stdout.readline() == "locked\n"

    def release(self) -> None:
        assert self._process is not None, "the ledger was never locked"
        self._process.communicate("\n")


def _set_writable(folder: Path, *, writable: bool) -> None:
    for path in (folder, *folder.rglob("*")):
        is_folder = path.is_dir()
        path.chmod((0o755 if is_folder else 0o644) if writable else (0o555 if is_folder else 0o444))
