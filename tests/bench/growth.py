"""Where the CPU time of a prompt goes, and whether it grows with the order."""

from dataclasses import dataclass

from rich.table import Table

from tests.bench.figures import Figure, at_most
from tests.bench.report import Report

_LATENCY = 0.05
_SLOTS = 64
# The order whose cost counts as that of starting and ending a command.
_LEAST = 4
# Above this, drawing is taken from the order before: a picture costs the same in any company.
_MOST_DRAWN = 1000
_OURS_MS = 8.0
_BOTH_MS = 30.0
_GROWTH = 1.25


@dataclass(frozen=True)
class Cost:
    """Milliseconds of CPU a prompt.

    Attributes:
        prompts: In an order of so many.
        engine: Requests, ledger and store, without decoding.
        pixels: Decode once, fit, encode, check, preview.
        sets: Manifest, gallery and contact sheet.
        whole: The whole command, less its start.
    """

    prompts: int
    engine: float
    pixels: float
    sets: float
    whole: float

    @property
    def dagster(self) -> float:
        """What is left: Dagster, and what the assets compute for its events."""
        return self.whole - self.engine - self.pixels - self.sets

    @property
    def without_pixels(self) -> float:
        """All but drawing."""
        return self.whole - self.pixels


def measure_growth(report: Report) -> None:
    """Print the cost of a prompt at several sizes, split by who causes it."""
    start = _whole_cpu(report, _LEAST)
    costs: list[Cost] = []
    for prompts in report.scale.growth:
        drawn = prompts <= _MOST_DRAWN or not costs
        engine, decode, pixels, sets = _parts(report, prompts, drawn=drawn)
        whole = 1000 * (_whole_cpu(report, prompts) - start) / (prompts - _LEAST)
        last = costs[-1] if costs else None
        costs.append(
            Cost(
                prompts=prompts,
                engine=engine - decode,
                pixels=decode + pixels if drawn or last is None else last.pixels,
                sets=sets if drawn or last is None else last.sets,
                whole=whole,
            )
        )
    _show(report, costs, start)


def _parts(report: Report, prompts: int, *, drawn: bool) -> tuple[float, float, float, float]:
    phases = ["render", "set"] if drawn else []
    with report.rig() as rig:
        rig.write(prompts)
        with rig.service(latency=_LATENCY, slots=_SLOTS) as (service, settings):
            answer = rig.work("make", *phases, settings=settings).answer
            report.audit(f"engine, {prompts} prompts", service, wanted=prompts)

    def each(*names: str) -> float:
        return sum(1000 * float(answer[name]["cpu"]) / prompts for name in names if name in answer)

    decode = 1000 * float(answer["decode"]["cpu"])
    return each("compile", "make"), decode, each("render"), each("set")


def _whole_cpu(report: Report, prompts: int) -> float:
    """Return the CPU seconds of `nbp run`."""
    with report.rig() as rig:
        rig.write(prompts)
        with rig.service(latency=_LATENCY, slots=_SLOTS) as (service, settings):
            spent = rig.nbp("run", settings=settings)
            report.audit(f"nbp run, {prompts} prompts", service, wanted=prompts)
    return spent.cpu_seconds


def _show(report: Report, costs: list[Cost], start: float) -> None:
    table = Table("prompts", "ours", "pixels", "sets", "Dagster's", "all", title_justify="left")
    table.title = "CPU milliseconds a prompt, simulator excluded"
    for cost in costs:
        parts = (cost.engine, cost.pixels, cost.sets, cost.dagster, cost.whole)
        table.add_row(f"{cost.prompts:,}", *(f"{part:.1f}" for part in parts))
    report.console.print(table)
    least, most = costs[0], costs[-1]
    report.show(
        "how cost grows",
        [
            Figure("CPU seconds of a start", f"{start:.1f}"),
            at_most(f"ours at {most.prompts:,}", most.engine, _OURS_MS, form="{:.1f} ms"),
            at_most(
                f"ours and Dagster's at {most.prompts:,}",
                most.without_pixels,
                _BOTH_MS,
                form="{:.1f} ms",
            ),
            at_most("ours, most / least", most.engine / least.engine, _GROWTH),
            at_most("both, most / least", most.without_pixels / least.without_pixels, _GROWTH),
        ],
    )
