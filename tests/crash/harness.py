"""Runs that are killed, and the audit that follows; knows processes and books, no protocol."""

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from nbp_dagster.clock import SystemClock
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.purchasing.failpoints import FailpointName
from nbp_dagster.studio.storage.image_store import FolderStore
from nbp_dagster.studio.storage.url_folder import UrlFolder
from tests.crash.nursery import ROOT, start_worker
from tests.crash.worker import INCOMPLETE, companions, singles
from tests.rigs.service import ServiceProbe

ORDERS = 6
# Seconds after which a worker that neither ends nor dies counts as hung.
PATIENCE = 180.0
# Runs after the last kill within which everything must be made.
MAX_RUNS = 3
KILLED = -signal.SIGKILL


class Mismatch(AssertionError):
    """Money, rows, pictures or processes are not what they have to be."""


@dataclass(frozen=True)
class Death:
    """Where a worker kills itself: at the n-th time it reaches a step."""

    step: FailpointName
    occurrence: int = 1

    def __str__(self) -> str:
        return f"{self.step} {self.occurrence}"


class Service:
    """A simulator in another process, which can be killed and started again."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> "Service":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def probe(self) -> ServiceProbe:
        """Its own routes."""
        return ServiceProbe(self.url)

    def start(self) -> None:
        """Start it; a second time on the port of the first."""
        port = self.url.rpartition(":")[2] or "0"
        process = _python("tests.crash.service", "--port", port, *self._options)
        self._process = process
        self.url = _line_of(process)

    def kill(self) -> None:
        """End it with SIGKILL, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def reset(self) -> None:
        """Have it forget every job and bill."""
        self.probe.reset()

    def bills(self) -> dict[str, bool]:
        """Return every generation ever sold, and whether its charge stands."""
        answer = requests.get(f"{self.url}/_simulator/bills", timeout=10)
        answer.raise_for_status()
        return {item["generation_id"]: item["billed"] for item in answer.json()["generations"]}


class Worker:
    """One process that runs the engine; it has started and waits for `go`."""

    def __init__(self, site: "Site", *options: str) -> None:
        self._child = start_worker([*site.options, *options])

    def wait_ready(self) -> None:
        """Return when it is about to run."""
        said = self._child.stdout.readline().strip()
        if said != "ready":
            raise Mismatch(f"a worker did not start: {said} {self._child.stderr.read()}")

    def go(self) -> None:
        """Let it run."""
        self._child.stdin.write("go\n")
        self._child.stdin.flush()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._child.kill()

    def discard(self) -> None:
        """End it if it has not ended, and let go of it."""
        self._child.kill()
        self._child.close()

    def finish(self) -> "Ending":
        """Wait for its end."""
        try:
            status = self._child.wait(PATIENCE)
        except TimeoutError:
            self.kill()
            said, errors = self._child.stdout.read(), self._child.stderr.read()
            raise Mismatch(f"a worker hung for {PATIENCE:g} s: {said} {errors}") from None
        said, errors = self._child.stdout.read(), self._child.stderr.read()
        return Ending(status, said.strip(), errors.strip())


@dataclass(frozen=True)
class Ending:
    """How a worker ended: its status (minus a signal's number), and its last words."""

    status: int
    said: str
    errors: str

    @property
    def outcomes(self) -> dict[str, str]:
        """What each order came to, by key; empty for a worker that was killed."""
        return dict(json.loads(self.said)) if self.said else {}


@dataclass(frozen=True)
class Site:
    """What a series of runs shares: the service, the home folder, the ledger.

    Attributes:
        ledger_url: None for the SQLite file in the home folder.
        store_url: The store that machines share; empty for the folder in the home.
        together: Whether the orders are companions, three in a call.
        correcting: Whether each picture is asked for again, because it fails a check.
        asking: Whether each picture is asked for again, because a person wants another.
        editing: Whether each picture is edited, as its brief says.
    """

    service: Service
    home: Path
    ledger_url: str | None = None
    orders: int = ORDERS
    together: bool = False
    correcting: bool = False
    asking: bool = False
    editing: bool = False
    store_url: str = ""

    @property
    def wanted(self) -> set[str]:
        """The fingerprints that every run of the series is to have made."""
        if self.correcting or self.asking:
            return self._wanted_twice()
        if self.editing:
            found = {row.fingerprint for row in self.rows()}
            _require(len(found) == 2 * self.orders, "pictures and edits", found)
            return found
        make = companions if self.together else singles
        return {item.request.fingerprint for item in make(self.orders)}

    def _wanted_twice(self) -> set[str]:
        """As many first pictures as there are orders, and one in place of each."""
        parents = {row.fingerprint: row.parent for row in self.rows()}
        firsts = [name for name, parent in parents.items() if parent is None]
        children = sorted(parent for parent in parents.values() if parent is not None)
        _require(len(firsts) == self.orders and children == sorted(firsts), "parents", parents)
        return set(parents)

    @property
    def options(self) -> tuple[str, ...]:
        """A worker's arguments."""
        shared = ("--url", self.service.url, "--home", str(self.home))
        ledger = () if self.ledger_url is None else ("--ledger-url", self.ledger_url)
        together = ("--together",) if self.together else ()
        correcting = ("--correcting",) if self.correcting else ()
        asking = ("--asking",) if self.asking else ()
        editing = ("--editing",) if self.editing else ()
        count = ("--orders", str(self.orders))
        store = ("--store-url", self.store_url) if self.store_url else ()
        return (*shared, *store, *count, *ledger, *together, *correcting, *asking, *editing)

    def rows(self) -> list[Purchase]:
        """Return the ledger, read anew."""
        engine = open_ledger(self.ledger_url or self.home / "ledger.sqlite")
        ledger = Ledger(engine, clock=SystemClock())
        try:
            return list(ledger.rows())
        finally:
            ledger.close()


def run(site: Site, *options: str) -> Ending:
    """Run one worker to its end."""
    with _ready(site, [options]) as [worker]:
        worker.go()
        return worker.finish()


def run_to_death(site: Site, *deaths: Death | None) -> list[Ending]:
    """Run workers at the same time, each of which dies where it is told, or lives on."""
    with _ready(site, [_options(number, death) for number, death in enumerate(deaths)]) as workers:
        for worker in workers:
            worker.go()
        return [worker.finish() for worker in workers]


def run_and_kill(site: Site, moments: Sequence[float]) -> list[Ending]:
    """Run as many workers as there are moments, and kill each so many seconds after the start."""
    options = [_options(number, None) for number, _ in enumerate(moments)]
    with _ready(site, options) as workers:
        started = time.monotonic()
        for worker in workers:
            worker.go()
        for moment, worker in sorted(zip(moments, workers, strict=True), key=lambda pair: pair[0]):
            time.sleep(max(0.0, started + moment - time.monotonic()))
            worker.kill()
        return [worker.finish() for worker in workers]


def recover(site: Site) -> None:
    """Run until everything is made, then audit.

    Raises:
        Mismatch: A run broke, or too many were needed, or the books don't balance.
    """
    for _ in range(MAX_RUNS):
        ending = run(site)
        if ending.status == 0:
            audit(site)
            return
        if ending.status != INCOMPLETE:
            raise Mismatch(f"a run after the kill broke: {ending}")
    raise Mismatch(f"not complete after {MAX_RUNS} runs: {ending.outcomes}")


def audit(site: Site) -> None:
    """Hold the service's bills, the ledger and the store against each other.

    Raises:
        Mismatch: A fingerprint is not made exactly once, a job is paid that no row owns or owned
            twice, a row is still open, or a picture is not in the store.
    """
    wanted = site.wanted
    rows = site.rows()
    made = [row for row in rows if row.state == "made"]
    _require(Counter(row.fingerprint for row in made) == Counter(wanted), "made rows", made)
    others = [row for row in rows if row.state != "made"]
    # The only other thing a crash may leave is an intent whose request never reached the service.
    _require(all(row.state == "withdrawn" and not row.billed for row in others), "rows", others)
    bills = site.service.bills()
    _require(len(bills) == len(wanted) and all(bills.values()), "bills", bills)
    _require(sorted(bills) == sorted(row.generation_id or "" for row in made), "owners", made)
    store = FolderStore(site.home / "store")
    get = SharedImages(site.store_url).get if site.store_url else store.get
    for row in made:
        _require(row.image is not None and bool(get(row.image.sha256)), "picture", row)


class SharedImages:
    """What a store that machines share holds, read as no cache would.

    Raises:
        Mismatch: A file in it is not the bytes that it is named after.
    """

    def __init__(self, url: str) -> None:
        folder = UrlFolder(url)
        self._images = {
            path.rpartition("/")[2]: folder.read(f"images/{path}") or b""
            for path in folder.sizes("images")
        }
        for name, data in self._images.items():
            _require(hashlib.sha256(data).hexdigest() == name, "bytes of the store", name)

    def get(self, digest: str) -> bytes:
        """Return the bytes under a digest; none where there are none."""
        return self._images.get(digest, b"")


def measure(site: Site) -> float:
    """Return the seconds of a whole run that nothing disturbs."""
    with _ready(site, [()]) as [worker]:
        started = time.monotonic()
        worker.go()
        ending = worker.finish()
    if ending.status != 0:
        raise Mismatch(f"an undisturbed run broke: {ending}")
    return time.monotonic() - started


def draw_moments(dice: random.Random, *, workers: int, span: float) -> list[float]:
    """Draw the moment at which each worker is killed, in seconds after its start."""
    return [dice.uniform(0.0, span) for _ in range(workers)]


def _options(number: int, death: Death | None) -> tuple[str, ...]:
    # The second of two starts at the other end, so that both have something to buy.
    direction = ("--backwards",) if number else ()
    if death is None:
        return direction
    return (*direction, "--die-at", death.step, "--occurrence", str(death.occurrence))


@contextmanager
def _ready(site: Site, options: Sequence[tuple[str, ...]]) -> Iterator[list[Worker]]:
    """Start workers up to the point where they wait for `go`; none outlives the context."""
    with ExitStack() as stack:
        workers = []
        for words in options:
            worker = Worker(site, *words)
            stack.callback(worker.discard)
            workers.append(worker)
        for worker in workers:
            worker.wait_ready()
        yield workers


def _python(module: str, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        _, errors = process.communicate()
        raise Mismatch(f"a process said nothing; {errors}")
    return line


def _require(holds: bool, what: str, seen: Any) -> None:
    if not holds:
        raise Mismatch(f"{what}: {seen}")
