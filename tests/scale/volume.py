"""Whether an order of very many prompts still costs the same a prompt, and how much memory."""

from rich.table import Table

from tests.bench.report import Report

_SLOTS = 64


def measure_volume(report: Report, sizes: tuple[int, ...]) -> None:
    """Print what the engine needs for so many prompts whose generations take no time."""
    table = Table(
        *("prompts", "seconds", "CPU ms a prompt: first thousand", "last", "MB held", "compile, s"),
        title="engine without Dagster and pixels, instant generations",
        title_justify="left",
    )
    for prompts in sizes:
        rig = report.rig()
        rig.write(prompts, small=True)
        with rig.service(latency=0, slots=_SLOTS) as (service, settings):
            spent = rig.work("make", settings=settings)
            report.audit(f"{prompts:,} prompts", service, wanted=prompts)
        answer = spent.answer
        thousands = answer["thousands"] or [answer["make"]["cpu"] * 1000 / prompts]
        table.add_row(
            f"{prompts:,}",
            f"{spent.seconds:.0f}",
            f"{thousands[0]:.1f}",
            f"{thousands[-1]:.1f}",
            f"{spent.peak_bytes / 1e6:.0f}",
            f"{answer['compile']['seconds']:.1f}",
        )
    report.console.print(table)
