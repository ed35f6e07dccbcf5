"""Mutates answers of the service while orders are bought: no paid job is lost, none paid again."""

import random
import re
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from nbp_dagster.errors import NbpError
from nbp_dagster.foreign_text import REPLACEMENT, read_json
from nbp_dagster.oxen.json_bodies import ShapeError
from nbp_dagster.oxen.responses import Generation, parse_generations
from nbp_dagster.oxen.transport import HttpRequest, HttpResponse
from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import Generated, Outcome, Reused
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.purchasing.reconcile import STATES, list_unowned
from tests.fakes.painter import paint_plainly
from tests.fakes.tampering import TamperingTransport
from tests.fuzz.answers import mutate
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import TIMES, Workbench, order, workbench

KINDS = ("enqueue", "job", "list", "download")
ORDERS = tuple(order(number) for number in range(1, 5))
# Runs after the service is sound again, of which the last has to have everything.
SOUND_RUNS = 3
ABSENCE_SECONDS = 0.2
# A service without events is not waited for.
QUICK_TIMES = replace(TIMES, stream_wait=0.2)
# What an answer may be given instead of its own, its body as it was.
STATUSES = (200, 202, 204, 302, 400, 401, 402, 403, 404, 408, 409, 422, 426, 429, 500, 502, 503)
# Why a job that was paid is bought again by the next run, once: its picture is of no use.
_IN_VAIN = re.compile("not a usable picture|succeeded without an image")
_TWICE_IN_VAIN = re.compile("billed 2 times without an image .*it is left alone")


def try_purchases(
    count: int, *, seed: int, begin: Callable[[], None] = lambda: None
) -> Iterator[str]:
    """Buy four orders `count` times while answers are mutated; yield what was lost or paid twice.

    Each time runs with sound answers follow in the same home. Then every order has its picture,
    every bill its row, every job its owner, and a picture was paid twice only where the ledger
    says that the first one could not be used: two such, and the order is left alone.
    """
    with SimulatorServer(SimulatorOptions(latency=0.02), painter=paint_plainly) as simulator:
        probe = ServiceProbe(simulator.url)
        for number in range(count):
            begin()
            probe.reset()
            mutations = Mutations(f"purchases {seed} {number}")
            with tempfile.TemporaryDirectory() as name:
                problem = _try(mutations, probe, Path(name))
            if problem is not None:
                changed = "".join(f"\n  {each}" for each in mutations.changed)
                yield f"purchases {number}: {problem}{changed}"


class Mutations:
    """Changes answers of some kinds, each by its number among them, whichever thread asked.

    Attributes:
        runs: Runs whose answers are changed.
        with_events: Whether they have the event stream, which spares asking for a job.
        changed: The beginning of every changed answer.
    """

    def __init__(self, case: str) -> None:
        dice = random.Random(case)
        self._case = case
        self._kinds = set(dice.sample(KINDS, dice.randint(1, 3)))
        if "list" in self._kinds:
            # Lists decide about money where the answer of an enqueue is lost.
            self._kinds.add("enqueue")
        self._share = dice.choice((0.4, 0.8, 1.0))
        self.runs = dice.randint(1, 2)
        self.with_events = dice.random() < 0.3
        self.changed: list[str] = []
        self._counts: Counter[str] = Counter()
        self._guard = threading.Lock()

    def __call__(self, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        kind = _kind_of(request)
        if kind not in self._kinds:
            return answer
        with self._guard:
            self._counts[kind] += 1
            dice = random.Random(f"{self._case} {kind} {self._counts[kind]}")
        if dice.random() > self._share:
            return answer
        if dice.random() < 0.25:
            changed = replace(answer, status=dice.choice(STATUSES))
        else:
            changed = replace(answer, body=mutate(answer.body, dice))
        if kind == "list" and _is_invention(answer.body, changed.body):
            return answer
        self.changed.append(f"{kind} {changed.status} {changed.body[:400]!r}")
        return changed


def _kind_of(request: HttpRequest) -> str:
    path = request.url.partition("?")[0]
    if "/file/" in path:
        return "download"
    if path.endswith("/api/ai/queue"):
        return "enqueue" if request.method == "POST" else "list"
    return "job" if "/api/ai/queue/" in path and request.method == "GET" else ""


def _is_invention(sound: bytes, changed: bytes) -> bool:
    """Whether a list is whole and shows requests that nobody sent: no client can tell."""
    try:
        told = parse_generations(read_json(changed)).generations
    except (ValueError, RecursionError, ShapeError):
        return False
    true = parse_generations(read_json(sound)).generations
    sent = [(job.model, job.prompt, job.params) for job in true]
    return any(
        (job.model, job.prompt, job.params) not in sent
        and not any(_shows_less(job, than=each) for each in true)
        for job in told
    )


def _shows_less(job: Generation, *, than: Generation) -> bool:
    """Whether a job is another one but for a prompt that is cut, or has lost letters."""
    shown = ".+?".join(map(re.escape, job.prompt.split(REPLACEMENT)))
    return bool(re.match(shown, than.prompt)) and replace(than, prompt=job.prompt) == job


def _try(mutations: Mutations, probe: ServiceProbe, home: Path) -> str | None:
    for number in range(mutations.runs):
        problem = _run_mutated(mutations, probe, home, f"mutated {number}")
        if problem is not None:
            return problem
    outcomes: dict[str, Outcome] = {}
    for number in range(SOUND_RUNS):
        with workbench(probe.url, home, run_id=f"sound {number}", times=QUICK_TIMES) as bench:
            bench.absence_seconds = ABSENCE_SECONDS
            outcomes = bench.make(*ORDERS)
            problems = [*_unmade(outcomes, bench), *_audit(bench, probe)]
        if not problems:
            return None
    return "; ".join(problems)


def _run_mutated(mutations: Mutations, probe: ServiceProbe, home: Path, run_id: str) -> str | None:
    transport = TamperingTransport(mutations, with_events=mutations.with_events)
    try:
        with workbench(
            probe.url, home, transport=transport, run_id=run_id, times=QUICK_TIMES
        ) as bench:
            bench.absence_seconds = ABSENCE_SECONDS
            said = [getattr(each, "reason", "") for each in bench.make(*ORDERS).values()]
    except NbpError as error:
        said = [str(error)]
    except Exception as error:  # noqa: BLE001  # any other is what is looked for
        return f"it raises {error!r}"
    unclear = [each for each in said if not each.isprintable() or len(each) > 3000]
    return f"it says {unclear[0][:300]!r}" if unclear else None


def _unmade(outcomes: Mapping[str, Outcome], bench: Workbench) -> Iterator[str]:
    for outcome in outcomes.values():
        if not isinstance(outcome, Generated | Reused):
            if not _TWICE_IN_VAIN.search(getattr(outcome, "reason", "")):
                yield f"never made: {outcome}"
        elif not bench.store.has(outcome.image.sha256, size=outcome.image.bytes):
            yield f"not in the store: {outcome}"


def _audit(bench: Workbench, probe: ServiceProbe) -> Iterator[str]:
    rows = list(bench.ledger.rows())
    billed = [row for row in rows if row.billed]
    if probe.bills != len(billed):
        yield f"{probe.bills} bills and {len(billed)} billed rows: {_described(rows)}"
    unowned = list_unowned(bench.client, bench.ledger, states=STATES)
    if unowned:
        yield f"nobody owns {[job.generation_id for job in unowned]}: {_described(rows)}"
    for row in rows:
        if row.is_open:
            yield f"still open: {_described([row])}"
        elif row.billed and row.state != "made" and not _IN_VAIN.search(row.reason or ""):
            yield f"paid for nothing: {_described([row])}"
    twice = Counter(row.fingerprint for row in rows if row.state == "made")
    if any(count > 1 for count in twice.values()):
        yield f"made twice: {_described(rows)}"


def _described(rows: list[Purchase]) -> str:
    return ", ".join(
        f"{row.key} {row.state} {row.generation_id} {row.run_id} {row.reason}" for row in rows
    )
