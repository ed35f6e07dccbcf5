"""How long Dagster needs to load the definitions of so many prompts, and how large they are."""

from rich.table import Table

from tests.bench.report import Report
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.measuring import Rig, Spent

# Prompts that are divided among campaigns.
_PROMPTS = 2000


def measure_loading(report: Report, sizes: tuple[int, ...]) -> None:
    """Print what loading costs by the number of prompts, beside Dagster without us."""
    table = Table(
        *("prompts", "ours, CPU s", "bare Dagster, CPU s", "ours, MB held", "bare, MB held"),
        *("sent to Dagster, MB", "bare, MB"),
        title="loading the definitions, a process each",
        title_justify="left",
    )
    for prompts in sizes:
        rig = report.rig()
        rig.write(prompts)
        ours, bare = _load(rig, "load_ours"), _load(rig, "load_bare", str(prompts))
        table.add_row(
            f"{prompts:,}",
            *(f"{spent.cpu_seconds:.1f}" for spent in (ours, bare)),
            *(f"{spent.peak_bytes / 1e6:.0f}" for spent in (ours, bare)),
            *(f"{spent.answer['bytes'] / 1e6:.1f}" for spent in (ours, bare)),
        )
    report.console.print(table)


def measure_campaigns(report: Report, sizes: tuple[int, ...]) -> None:
    """Print what loading the same prompts costs when more campaigns share them."""
    table = Table(
        *("campaigns", "ours, CPU s", "MB held", "sent to Dagster, MB"),
        title=f"loading {_PROMPTS:,} prompts, divided among campaigns",
        title_justify="left",
    )
    for campaigns in sizes:
        rig = report.rig()
        _write(rig, campaigns, _PROMPTS // campaigns)
        spent = _load(rig, "load_ours")
        table.add_row(
            f"{campaigns:,}",
            f"{spent.cpu_seconds:.1f}",
            f"{spent.peak_bytes / 1e6:.0f}",
            f"{spent.answer['bytes'] / 1e6:.1f}",
        )
    report.console.print(table)


def _write(rig: Rig, campaigns: int, prompts: int) -> None:
    names = [f"campaign{number}" for number in range(campaigns)]
    shots = [shot(f"s{number}", characters=[]) for number in range(prompts)]
    write_briefs(rig.shell.briefs, *(campaign(*shots, id=name) for name in names))


def _load(rig: Rig, *words: str) -> Spent:
    shell = rig.shell
    settings = {"NBP_HOME": str(shell.home), "NBP_CONFIG": str(shell.briefs)}
    return rig.work(*words, settings=settings)
