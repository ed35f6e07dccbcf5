"""What a run costs when everything is there already."""

import re

from tests.bench.figures import Figure
from tests.bench.report import Report


def measure_unchanged(report: Report) -> None:
    """Print the seconds of `nbp run` over finished prompts, and what it paid."""
    prompts = report.scale.unchanged
    rig = report.rig()
    rig.write(prompts, small=True)
    with rig.service(latency=0.05, slots=64) as (service, settings):
        prepared = rig.work("finish", settings=settings)
        first = rig.nbp("run", "--yes", settings=settings)  # writes the set, once
        second = rig.nbp("run", "--yes", settings=settings)
        bills = service.bills
        report.audit("unchanged prompts", service, wanted=0)
    # A line for each campaign.
    untouched = sum(map(int, re.findall(r"(\d+) needed nothing", second.output)))
    report.show(
        f"{prompts:,} prompts that are made already",
        [
            Figure("seconds of nbp run", f"{second.seconds:.1f}"),
            Figure("milliseconds a prompt", f"{1000 * second.seconds / prompts:.2f}"),
            Figure("peak memory", f"{second.peak_bytes / 1e6:.0f} MB"),
            Figure(
                "prompts that needed nothing",
                f"{untouched:,}",
                f"{prompts:,}",
                untouched == prompts,
            ),
            Figure("paid calls", str(bills), "0", bills == 0),
            Figure("(seconds of the run that writes the set)", f"{first.seconds:.1f}"),
            Figure("(seconds to prepare)", f"{prepared.seconds:.1f}"),
        ],
    )
