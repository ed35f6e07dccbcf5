"""Whether memory grows with the order, for small and for large pictures."""

from tests.bench.figures import Figure, at_most
from tests.bench.report import Report
from tests.rigs.measuring import Spent

# How much more the larger order may hold.
_GROWTH = 1.10


def measure_memory(report: Report) -> None:
    """Print the peak memory and the CPU seconds of whole commands at 1K and at 4K."""
    figures = []
    for resolution, sizes in (("1K", report.scale.small), ("4K", report.scale.large)):
        spent = {prompts: _run(report, prompts, resolution) for prompts in sizes}
        for prompts, item in spent.items():
            name = f"{resolution}, {prompts:,} prompts"
            figures += [
                Figure(f"{name}: peak memory", f"{item.peak_bytes / 1e6:.0f} MB"),
                Figure(f"{name}: CPU a prompt", f"{1000 * item.cpu_seconds / prompts:.0f} ms"),
            ]
        small, large = (item.peak_bytes for item in spent.values())
        figures.append(at_most(f"{resolution}: more prompts / fewer", large / small, _GROWTH))
    report.show("memory of the whole command", figures)


def _run(report: Report, prompts: int, resolution: str) -> Spent:
    rig = report.rig()
    rig.write(prompts, resolution=resolution)
    with rig.service(latency=0.05, slots=64) as (service, settings):
        spent = rig.nbp("run", "--yes", settings=settings)
        report.audit(f"{prompts} prompts at {resolution}", service, wanted=prompts)
    return spent
