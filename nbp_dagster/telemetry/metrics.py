"""Every metric: its name, kind, unit and what it says; knows no exporter."""

from dataclasses import dataclass
from typing import Final, Literal

MetricKind = Literal["counter", "gauge", "histogram"]

# What a Prometheus-like store makes of a unit in a metric's name.
_SUFFIXES: Final = {"s": "_seconds"}


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: In OpenTelemetry's form.
        kind: Counters only grow, gauges hold the latest value, histograms count by size.
        unit: UCUM; braces hold what is counted.
        description: What it says.
        attributes: What it is divided by, besides `provider`: oxen or simulator.
    """

    name: str
    kind: MetricKind
    unit: str
    description: str
    attributes: tuple[str, ...] = ()

    @property
    def stored_name(self) -> str:
        """The name that it has in Prometheus; a histogram's parts have endings of their own."""
        total = "_total" if self.kind == "counter" else ""
        return self.name.replace(".", "_") + _SUFFIXES.get(self.unit, "") + total


IN_FLIGHT: Final = Metric(
    "nbp.jobs.in_flight", "gauge", "{job}", "paid jobs at the service that a run waits for"
)
WINDOW: Final = Metric(
    "nbp.rate.window", "gauge", "{job}", "jobs that the key may have in flight, over all runs"
)
PIXEL_QUEUE: Final = Metric(
    "nbp.pixels.queue", "gauge", "{picture}", "downloaded pictures that wait to be decoded"
)
PAUSED: Final = Metric(
    "nbp.purchases.paused",
    "gauge",
    "{run}",
    "1 while a run buys nothing, as the service is away or fails its jobs",
)
REQUEST_DURATION: Final = Metric(
    "nbp.request.duration",
    "histogram",
    "s",
    "seconds from a request to the head of its answer",
    ("method", "endpoint", "status"),
)
ENDPOINTS: Final = ("queue", "models")
"""Parts of the service that every run asks; others have a series once they answer."""

THROTTLED: Final = Metric(
    "nbp.requests.throttled", "counter", "{request}", "answers of 429", ("endpoint",)
)
SPEND: Final = Metric("nbp.spend.usd", "counter", "{USD}", "USD billed, pictures lost included")
OUTCOME_NAMES: Final = ("generated", "reused", "refused", "failed")
"""What becomes of a prompt."""

OUTCOMES: Final = Metric(
    "nbp.outcomes",
    "counter",
    "{prompt}",
    f"prompts by what became of them: {', '.join(OUTCOME_NAMES)}",
    ("outcome",),
)
REFUSALS: Final = Metric(
    "nbp.refusals", "counter", "{prompt}", "prompts that the service's content policy refused"
)
CHECKS: Final = Metric(
    "nbp.checks",
    "counter",
    "{check}",
    "checks of files, originals and prompts by verdict: passed, failed, skipped",
    ("check", "verdict"),
)

METRICS: Final = (
    IN_FLIGHT,
    WINDOW,
    PIXEL_QUEUE,
    PAUSED,
    REQUEST_DURATION,
    THROTTLED,
    SPEND,
    OUTCOMES,
    REFUSALS,
    CHECKS,
)
