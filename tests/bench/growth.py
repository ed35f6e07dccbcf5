"""Where the CPU time of a prompt goes, and whether it grows with the order."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table

from tests.bench.figures import Figure, at_most
from tests.bench.report import Report

_LATENCY = 0.05
_SLOTS = 64
# Times that what is compared with a few milliseconds is measured. The least counts, as with
# `timeit`: whatever else a machine does, and how warm it is, only adds.
_TAKEN = 3
# The largest order that is measured so often: beyond, once takes a quarter of an hour.
_SMALL_ORDER = 1000
# The order whose cost counts as that of starting and ending a command: what comes once is not
# counted with each prompt.
_LEAST = 4
_OURS_MS = 12.0
_BOTH_MS = 30.0
_GROWTH = 1.25


@dataclass(frozen=True)
class Parts:
    """Milliseconds of CPU a prompt, without Dagster, less what comes once.

    Attributes:
        engines: Compiling, requests, ledger and store, without decoding; each time.
        pixels: Decode once, fit, encode, check, preview.
        sets: Manifest, gallery and contact sheet.
        thousands: `engines` of the last time, by each thousand of the prompts.
    """

    engines: tuple[float, ...]
    pixels: float
    sets: float
    thousands: tuple[float, ...]

    @property
    def engine(self) -> float:
        """The least of `engines`."""
        return min(self.engines)


@dataclass(frozen=True)
class _Work:
    """What making some prompts took.

    Attributes:
        cpu: CPU seconds by phase.
        thousands: CPU seconds of the engine by each thousand: milliseconds of one of them.
    """

    cpu: dict[str, float]
    thousands: list[float]


@dataclass(frozen=True)
class Cost:
    """Milliseconds of CPU a prompt, in an order of so many.

    Attributes:
        prompts: How many.
        parts: Without Dagster.
        whole: The whole command, less its start.
    """

    prompts: int
    parts: Parts
    whole: float

    @property
    def dagster(self) -> float:
        """What is left: Dagster, and what the assets compute for its events."""
        return self.whole - self.parts.engine - self.parts.pixels - self.parts.sets

    @property
    def without_pixels(self) -> float:
        """All but drawing."""
        return self.whole - self.parts.pixels


def measure_growth(report: Report) -> None:
    """Print the cost of a prompt at several sizes, split by who causes it.

    The pictures are small, so that ten thousand can be drawn; what full ones cost is a line of
    its own.
    """
    start = _whole_cpu(report, _LEAST)
    costs = [
        Cost(
            prompts=prompts,
            parts=_parts(report, prompts, small=True),
            whole=1000 * (_whole_cpu(report, prompts) - start) / (prompts - _LEAST),
        )
        for prompts in report.scale.growth
    ]
    _show_costs(report, costs)
    _show_goals(report, costs, start, _parts(report, report.scale.growth[0], small=False))


def _parts(report: Report, prompts: int, *, small: bool) -> Parts:
    first = _least_of(_work(report, _LEAST, "render", "set", small=small) for _ in range(_TAKEN))
    made = [_work(report, prompts, small=small) for _ in range(_times(prompts) - 1)]
    drawn = _work(report, prompts, "render", "set", small=small)

    def each(work: _Work, phase: str) -> float:
        """Milliseconds of one of those prompts that come after the first few."""
        return 1000 * (work.cpu[phase] - first[phase]) / (prompts - _LEAST)

    return Parts(
        engines=tuple(each(work, "engine") for work in (*made, drawn)),
        # It decodes anew, what a run does once.
        pixels=each(drawn, "render"),
        sets=each(drawn, "set"),
        thousands=tuple(drawn.thousands),
    )


def _least_of(works: Iterable[_Work]) -> dict[str, float]:
    taken = [work.cpu for work in works]
    return {phase: min(time[phase] for time in taken) for phase in taken[0]}


def _work(report: Report, prompts: int, *phases: str, small: bool) -> _Work:
    """Make all, and go through further phases."""
    rig = report.rig()
    rig.write(prompts, small=small)
    with rig.service(latency=_LATENCY, slots=_SLOTS) as (service, settings):
        answer = rig.work("make", *phases, settings=settings).answer
        report.audit(f"engine, {prompts} prompts", service, wanted=prompts)
    cpu = {name: phase["cpu"] for name, phase in answer.items() if isinstance(phase, dict)}
    engine = cpu["compile"] + cpu["make"] - cpu["decode"]
    return _Work(cpu | {"engine": engine}, answer["thousands"])


def _whole_cpu(report: Report, prompts: int) -> float:
    """Return the CPU seconds of `nbp run`."""
    return min(_run(report, prompts) for _ in range(_times(prompts)))


def _times(prompts: int) -> int:
    return _TAKEN if prompts <= _SMALL_ORDER else 1


def _run(report: Report, prompts: int) -> float:
    rig = report.rig()
    rig.write(prompts, small=True)
    with rig.service(latency=_LATENCY, slots=_SLOTS) as (service, settings):
        spent = rig.nbp("run", "--yes", settings=settings)
        report.audit(f"nbp run, {prompts} prompts", service, wanted=prompts)
    return spent.cpu_seconds


def _show_costs(report: Report, costs: list[Cost]) -> None:
    table = Table("prompts", "ours", "pixels", "sets", "Dagster's", "all", title_justify="left")
    table.title = "CPU milliseconds a prompt, pictures of 200 x 200, simulator excluded"
    for cost in costs:
        parts = cost.parts
        row = (parts.engine, parts.pixels, parts.sets, cost.dagster, cost.whole)
        table.add_row(f"{cost.prompts:,}", *(f"{part:.1f}" for part in row))
    report.console.print(table)


def _show_goals(report: Report, costs: list[Cost], start: float, full: Parts) -> None:
    least, most = costs[0], costs[-1]
    ours, both = most.parts.engine, most.without_pixels
    form = "{:.1f} ms"
    report.show(
        "how cost grows",
        [
            at_most(f"ours at {most.prompts:,}", ours, _OURS_MS, form=form),
            at_most(f"ours, sets, Dagster's at {most.prompts:,}", both, _BOTH_MS, form=form),
            at_most("ours, most / least", ours / least.parts.engine, _GROWTH),
            at_most("ours, sets, Dagster's, most / least", both / least.without_pixels, _GROWTH),
            Figure(f"ours at {most.prompts:,}, each time", _list(most.parts.engines)),
            *_thousands(most),
            Figure("pixels of a 1080 x 1080 picture", f"{full.pixels:.1f} ms"),
            Figure("its share of a set", f"{full.sets:.1f} ms"),
            Figure("start and end of a command", f"{1000 * start:,.0f} ms"),
        ],
    )


def _thousands(cost: Cost) -> list[Figure]:
    if len(cost.parts.thousands) < 2:
        return []
    return [Figure("the same, by each thousand", _list(cost.parts.thousands))]


def _list(milliseconds: tuple[float, ...]) -> str:
    return f"{', '.join(f'{value:.1f}' for value in milliseconds)} ms"
