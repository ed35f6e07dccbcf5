"""Fixtures that several kinds of test share."""

import gc
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from tests.fakes.painter import paint_plainly

# Files that take a minute or more, the longest first, most of it waiting for other processes: begun
# last, they would leave one worker at work and the others without. `make test` has xdist keep this
# order; by itself it begins with the files of most tests, and these have few.
_LONG = (
    "tests/e2e/test_lifecycle.py",
    "tests/e2e/test_dagster_ui.py",
    "tests/e2e/test_crash.py",
    "tests/e2e/test_packaging.py",
    "tests/e2e/test_doc_commands.py",
    "tests/crash/",
    "tests/e2e/",
    "tests/orchestration/",
)
# After which a test hangs whose processes start in turn, on a machine where others do so as well.
_PROCESSES_SECONDS = 900

# Where files lie in memory, and what must be free there: the packaging tests make environments.
_MEMORY = Path("/dev/shm")
_MEMORY_BYTES = 6 * 1024**3

# A shell that runs tests in the background has them, and all they start, ignore Ctrl-C; some tests
# are about what it does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Reading a picture takes a second, and most tests make pictures to look at something else; those
# about reading switch it on themselves. So it is with heads and subjects: a third of a second.
os.environ.setdefault("NBP_OCR", "off")
os.environ.setdefault("NBP_PLACES", "off")
# The workers of `make test` are more than the cores: threads that wait for each other by spinning
# would take them from one another. It counts from where numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A killed run's orders would wait two minutes; tests of that wait have times of their own.
os.environ.setdefault("NBP_ABSENCE_SECONDS", "0")


def _keep_files_in_memory() -> None:
    """Have temporary folders made in memory, unless TMPDIR says where.

    Every write of the store and of the ledger waits for the disk, some milliseconds each. Tests
    kill processes, never the machine, so that none of them can see a difference.
    """
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK):
        return
    there = os.statvfs(_MEMORY)
    free = there.f_bavail * there.f_frsize
    # Containers often have 64 MB there, or forbid to run programs, which virtual environments are.
    if free >= _MEMORY_BYTES and not there.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None


_keep_files_in_memory()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files; the order within a file stays."""
    items.sort(key=_rank)
    for item in items:
        has_own = item.get_closest_marker("timeout") is not None
        if item.nodeid.startswith("tests/e2e/") and not has_own:
            item.add_marker(pytest.mark.timeout(_PROCESSES_SECONDS))


def pytest_sessionstart() -> None:
    """Collect no garbage among modules and tests: they stay to the end."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Collect it among the objects of the tests alone; the others took a tenth of the time."""
    gc.freeze()
    gc.enable()


def _rank(item: pytest.Item) -> int:
    """Return the place of a test's file among the long ones; all others come after them."""
    ranks = (rank for rank, start in enumerate(_LONG) if item.nodeid.startswith(start))
    return next(ranks, len(_LONG))


@pytest.fixture(scope="session", autouse=True)
def one_thread_a_reading() -> Iterator[None]:
    """Have pictures read by one thread: two spin where other tests have the cores."""
    from nbp_dagster.studio.checks.ocr import ocr_engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ocr_engine, "_THREADS", 1)
        yield


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    """A simulator whose jobs take no time and whose pictures are plain."""
    with SimulatorServer(SimulatorOptions(latency=0.02), painter=paint_plainly) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty folder for state."""
    return tmp_path / "home"
