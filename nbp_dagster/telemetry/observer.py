"""What a run tells of itself while it works; the default tells nobody and costs nothing."""

import logging
from collections.abc import Iterable, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from nbp_dagster.clock import Clock
from nbp_dagster.foreign_text import redact

logger = logging.getLogger(__name__)

Signal = Literal["metrics", "traces"]


@dataclass(frozen=True)
class RequestFacts:
    """One request and its answer.

    Attributes:
        method: HTTP method.
        endpoint: The part of the service that was asked, such as "queue"; no id, no query.
        status: HTTP status; 0 where no answer came.
        seconds: From sending to the answer's head.
    """

    method: str
    endpoint: str
    status: int
    seconds: float


@dataclass(frozen=True)
class BatchGauges:
    """How a batch stands at a moment; see the metrics of the same names."""

    in_flight: int
    window: int
    pixel_queue: int
    is_paused: bool


class Observer(Protocol):
    """Takes what a run tells of itself; safe from several threads, and never raises."""

    def record_request(self, facts: RequestFacts) -> None:
        """Take a request that was answered, or that no answer came to."""
        ...

    def record_spend(self, usd: Decimal) -> None:
        """Take USD that were billed."""
        ...

    def record_gauges(self, gauges: BatchGauges) -> None:
        """Take how a batch stands."""
        ...

    def record_outcome(self, outcome: str, *, fingerprint: str) -> None:
        """Take what became of an order: generated, reused, refused or failed."""
        ...

    def record_check(self, check: str, verdict: str) -> None:
        """Take a check's verdict on one picture."""
        ...

    def batch(self, run_id: str) -> AbstractContextManager[None]:
        """Have a batch within a block."""
        ...

    def purchase(self, fingerprint: str, key: str) -> AbstractContextManager[None]:
        """Have what this thread does within a block counted to one purchase.

        A purchase has several such blocks, in different threads; its outcome ends it.
        """
        ...

    def span(self, name: Literal["download", "postprocess"]) -> AbstractContextManager[None]:
        """Have one part of a purchase within a block."""
        ...

    def close(self) -> None:
        """End the run, and send what is not sent yet."""
        ...


class NoObserver:
    """Tells nobody."""

    def record_request(self, facts: RequestFacts) -> None:
        """Do nothing."""

    def record_spend(self, usd: Decimal) -> None:
        """Do nothing."""

    def record_gauges(self, gauges: BatchGauges) -> None:
        """Do nothing."""

    def record_outcome(self, outcome: str, *, fingerprint: str) -> None:
        """Do nothing."""

    def record_check(self, check: str, verdict: str) -> None:
        """Do nothing."""

    def batch(self, run_id: str) -> AbstractContextManager[None]:
        """Do nothing around a block."""
        return nullcontext()

    def purchase(self, fingerprint: str, key: str) -> AbstractContextManager[None]:
        """Do nothing around a block."""
        return nullcontext()

    def span(self, name: Literal["download", "postprocess"]) -> AbstractContextManager[None]:
        """Do nothing around a block."""
        return nullcontext()

    def close(self) -> None:
        """Do nothing."""


NO_OBSERVER = NoObserver()


def open_observer(
    signals: Set[Signal], *, provider: str, clock: Clock, checks: Iterable[str] = ()
) -> Observer:
    """Return what exports a run's signals over OTLP; nothing is imported where none is wanted.

    Variables that the SDK does not take are a warning: a run does not need to tell of itself.

    Args:
        signals: Which have an endpoint.
        provider: Who draws: an attribute of every metric.
        clock: Gives spans their times.
        checks: Names of those whose failures are counted from 0 on.
    """
    if not signals:
        return NO_OBSERVER
    try:
        from nbp_dagster.telemetry.open_telemetry import OpenTelemetryObserver
    except ImportError:
        # The variables are set for all programs of a machine: they ask nothing of this one.
        logger.info("no metrics and traces are sent: install the extra nbp-dagster[otel]")
        return NO_OBSERVER
    try:
        return OpenTelemetryObserver(signals, provider=provider, clock=clock, checks=checks)
    except Exception as error:  # noqa: BLE001  # the SDK names none
        logger.warning(
            "no metrics and traces are sent: OpenTelemetry does not take the OTEL_* variables as "
            "they are set: %s",
            redact(f"{type(error).__name__}: {error}"),
        )
        return NO_OBSERVER
