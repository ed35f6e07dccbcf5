"""How much of a service's hidden limit is used, and how often it is met."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.figures import Figure, Sample, at_least, at_most, goodput
from tests.bench.report import Report
from tests.rigs.service import ServiceProbe

# What the service allows: requests per second, and at once.
RATE = 20
AT_ONCE = 50
_SAMPLE_SECONDS = 0.5


def measure_limit(report: Report) -> None:
    """Print how the engine alone does at a service that answers 429 above 20 requests/s."""
    prompts = report.scale.limited
    limits = {"rate_limit": RATE, "max_in_flight": AT_ONCE}
    rig = report.rig()
    rig.write(prompts)
    with rig.service(latency=0.2, slots=500, **limits) as (service, settings):
        with sampling(service) as samples:
            answer = rig.work("make", settings=settings).answer
        report.audit("engine at a limit", service, wanted=prompts)
    last, seconds = samples[-1], answer["make"]["seconds"]
    share = goodput(samples, prompts=prompts, burst=RATE) / RATE
    refused = last.refused / (last.answered + last.refused)
    report.show(
        f"{prompts:,} prompts at a service that allows {RATE} requests/s and {AT_ONCE} at once",
        [
            at_least("answered, as a share of the limit", 100 * share, 90, form="{:.1f} %"),
            at_most("calls that met a 429", 100 * refused, 5, form="{:.1f} %"),
            Figure("prompts a second", f"{prompts / seconds:.2f}"),
            Figure("requests a prompt", f"{last.answered / prompts:.2f}"),
            Figure("seconds", f"{seconds:.1f}"),
        ],
    )


@contextmanager
def sampling(service: ServiceProbe) -> Iterator[list[Sample]]:
    """Look at a simulator's counters twice a second for as long as the context lasts."""
    samples: list[Sample] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(_SAMPLE_SECONDS):
            samples.append(_look(service))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()
        samples.append(_look(service))


def _look(service: ServiceProbe) -> Sample:
    stats = service.stats
    refused = stats["by_status"].get("429", 0)
    return Sample(
        moment=time.monotonic(),
        answered=sum(stats["by_status"].values()) - refused,
        refused=refused,
        succeeded=stats["jobs"]["succeeded"],
    )
