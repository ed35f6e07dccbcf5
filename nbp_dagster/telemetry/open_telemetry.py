"""Exports a run's metrics and traces over OTLP (extra `otel`); the only importer of OpenTelemetry.

The `OTEL_*` variables are read by its own SDK: endpoints, headers, intervals, resource attributes.
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager
from decimal import Decimal
from functools import cache

from opentelemetry import context as threads_context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context

from nbp_dagster.clock import Clock
from nbp_dagster.foreign_text import redact
from nbp_dagster.telemetry import metrics
from nbp_dagster.telemetry.observer import BatchGauges, RequestFacts, Signal
from nbp_dagster.version import __version__

_NAME = "nbp_dagster"
_NANOSECONDS = 1_000_000_000
# A collector that is away must not hold up the end of a run.
_FLUSH_SECONDS = 3.0

logger = logging.getLogger(__name__)


class _Instruments:
    """The instruments of `metrics.METRICS`, by kind and name."""

    def __init__(self, meter: Meter) -> None:
        def named(kind: metrics.MetricKind) -> list[metrics.Metric]:
            return [metric for metric in metrics.METRICS if metric.kind == kind]

        self.counters = {
            item.name: meter.create_counter(item.name, item.unit, item.description)
            for item in named("counter")
        }
        self.gauges = {
            item.name: meter.create_gauge(item.name, item.unit, item.description)
            for item in named("gauge")
        }
        self.histograms = {
            item.name: meter.create_histogram(item.name, item.unit, item.description)
            for item in named("histogram")
        }


@cache
def _resource() -> Resource:
    # What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say goes first.
    own = Resource({SERVICE_NAME: _NAME, "service.version": __version__})
    named = {
        key: value
        for key, value in Resource.create().attributes.items()
        if not str(value).startswith("unknown_service")
    }
    return own.merge(Resource(named))


@cache
def _meters(is_sent: bool) -> tuple[MeterProvider, _Instruments]:
    """Return the process's meters: counters go on from run to run."""
    readers = [PeriodicExportingMetricReader(OTLPMetricExporter())] if is_sent else []
    # Every run flushes. At the process's exit the SDK would wait for a collector once more.
    provider = MeterProvider(readers, resource=_resource(), shutdown_on_exit=False)
    return provider, _Instruments(provider.get_meter(_NAME, __version__))


@cache
def _tracers(is_sent: bool) -> TracerProvider:
    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    if is_sent:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _flush(provider: MeterProvider | TracerProvider) -> None:
    try:
        provider.force_flush(int(_FLUSH_SECONDS * 1000))
    except Exception as error:  # noqa: BLE001  # readers raise `Exception` itself
        words = redact(f"{type(error).__name__}: {error}")
        logger.warning("metrics or traces of this run were not all sent: %s", words)


class OpenTelemetryObserver:
    """Exports a run as OpenTelemetry's metrics and traces.

    Spans lie in each other as run > batch > purchase > request, download and postprocess.

    Args:
        signals: Which are sent.
        provider: Who draws: an attribute of every metric.
        clock: Gives spans their times.
        checks: Names of those that may fail.
    """

    def __init__(
        self, signals: Set[Signal], *, provider: str, clock: Clock, checks: Iterable[str] = ()
    ) -> None:
        self._meters, self._instruments = _meters("metrics" in signals)
        self._tracers = _tracers("traces" in signals)
        self._tracer = self._tracers.get_tracer(_NAME, __version__)
        self._always = {"provider": provider}
        self._clock = clock
        self._lock = threading.Lock()
        self._run = self._tracer.start_span("run", attributes=self._always)
        self._batch = self._run
        self._purchases: dict[str, Span] = {}
        self._begin_counters(checks)

    def _begin_counters(self, checks: Iterable[str]) -> None:
        """Send counters at 0 before anything is counted.

        A process is a series of its own, and what a Prometheus sees grow is the difference to the
        first value it sees: without a 0, what a run does in its first minute would not count.
        """
        for metric in (metrics.SPEND, metrics.REFUSALS):
            self._count(metric, 0)
        for outcome in metrics.OUTCOME_NAMES:
            self._count(metrics.OUTCOMES, 0, outcome=outcome)
        for endpoint in metrics.ENDPOINTS:
            self._count(metrics.THROTTLED, 0, endpoint=endpoint)
        for check in checks:
            self._count(metrics.CHECKS, 0, check=check, verdict="failed")
        threading.Thread(target=_flush, args=(self._meters,), daemon=True).start()

    def record_request(self, facts: RequestFacts) -> None:
        """Take a request: its time, its 429, its span."""
        named = {"method": facts.method, "endpoint": facts.endpoint}
        attributes: dict[str, str | int] = {**self._always, **named, "status": facts.status}
        self._instruments.histograms[metrics.REQUEST_DURATION.name].record(
            facts.seconds, attributes
        )
        if facts.status == 429:
            self._count(metrics.THROTTLED, 1, endpoint=facts.endpoint)
        end = int(self._clock.now() * _NANOSECONDS)
        start = end - int(facts.seconds * _NANOSECONDS)
        span = self._tracer.start_span(
            "request", self._context(), attributes=attributes, start_time=start
        )
        if facts.status == 0 or facts.status >= 400:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)

    def record_spend(self, usd: Decimal) -> None:
        """Count USD that were billed."""
        self._count(metrics.SPEND, float(usd))

    def record_gauges(self, gauges: BatchGauges) -> None:
        """Set every gauge."""
        values = (
            (metrics.IN_FLIGHT, gauges.in_flight),
            (metrics.WINDOW, gauges.window),
            (metrics.PIXEL_QUEUE, gauges.pixel_queue),
            (metrics.PAUSED, int(gauges.is_paused)),
        )
        for metric, value in values:
            self._instruments.gauges[metric.name].set(value, self._always)

    def record_outcome(self, outcome: str, *, fingerprint: str) -> None:
        """Count an outcome, and end the span of its purchase."""
        self._count(metrics.OUTCOMES, 1, outcome=outcome)
        if outcome == "refused":
            self._count(metrics.REFUSALS, 1)
        with self._lock:
            span = self._purchases.pop(fingerprint, None)
        if span is not None:
            span.set_attribute("outcome", outcome)
            if outcome == "failed":
                span.set_status(Status(StatusCode.ERROR))
            span.end()

    def record_check(self, check: str, verdict: str) -> None:
        """Count a verdict."""
        self._count(metrics.CHECKS, 1, check=check, verdict=verdict)

    @contextmanager
    def batch(self, run_id: str) -> Iterator[None]:
        """Have a batch's span; purchases that no outcome ended end with it."""
        self._run.set_attribute("run_id", run_id)
        attributes = {**self._always, "run_id": run_id}
        span = self._tracer.start_span(
            "batch", set_span_in_context(self._run), attributes=attributes
        )
        self._batch = span
        try:
            yield
        finally:
            self._batch = self._run
            with self._lock:
                left, self._purchases = list(self._purchases.values()), {}
            for purchase in left:
                purchase.end()
            span.end()
            self.record_gauges(BatchGauges(0, 0, 0, False))

    @contextmanager
    def purchase(self, fingerprint: str, key: str) -> Iterator[None]:
        """Attach a purchase's span to this thread."""
        with self._lock:
            span = self._purchases.get(fingerprint)
            if span is None:
                span = self._tracer.start_span(
                    "purchase",
                    set_span_in_context(self._batch),
                    attributes={**self._always, "prompt": key, "fingerprint": fingerprint},
                )
                self._purchases[fingerprint] = span
        token = threads_context.attach(set_span_in_context(span))
        try:
            yield
        finally:
            threads_context.detach(token)

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Have a span below this thread's."""
        with self._tracer.start_as_current_span(name, self._context()):
            yield

    def close(self) -> None:
        """End the run's span and send what is left; waits for three seconds at most."""
        self._run.end()
        # In threads of their own: the SDK waits for an answer longer than it is told to.
        flushes = [
            threading.Thread(target=_flush, args=(provider,), daemon=True)
            for provider in (self._meters, self._tracers)
        ]
        for flush in flushes:
            flush.start()
        end = self._clock.monotonic() + _FLUSH_SECONDS
        for flush in flushes:
            flush.join(max(0.0, end - self._clock.monotonic()))

    def _context(self) -> threads_context.Context:
        """Return this thread's span, or the batch's where it has none."""
        current = threads_context.get_current()
        return current if current else set_span_in_context(self._batch)

    def _count(self, metric: metrics.Metric, amount: float, **attributes: str) -> None:
        counter = self._instruments.counters[metric.name]
        counter.add(amount, {**self._always, **attributes})
