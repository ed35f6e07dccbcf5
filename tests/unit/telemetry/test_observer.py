"""Who is told of a run, by OpenTelemetry's own variables; nothing is imported for nobody."""

import subprocess
import sys

import pytest

from nbp_dagster.clock import SystemClock
from nbp_dagster.settings import list_exported_signals
from nbp_dagster.telemetry.observer import NoObserver, open_observer

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
BOTH = {"metrics", "traces"}


@pytest.mark.parametrize(
    ("variables", "signals"),
    [
        ({}, set()),
        ({ENDPOINT: ""}, set()),
        ({ENDPOINT: "http://c:4318"}, BOTH),
        ({ENDPOINT: "http://c:4318", "OTEL_SDK_DISABLED": "true"}, set()),
        ({ENDPOINT: "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, {"metrics"}),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, {"traces"}),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:4318/v1/metrics"}, {"metrics"}),
    ],
)
def test_signals_go_where_the_variables_say(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], signals: set[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert list_exported_signals() == signals


def test_nobody_is_told_without_an_endpoint() -> None:
    observer = open_observer(frozenset(), provider="oxen", clock=SystemClock())

    assert isinstance(observer, NoObserver)
    with observer.batch("r1"), observer.purchase("f1", "key"), observer.span("download"):
        observer.close()


def test_the_engine_imports_no_opentelemetry() -> None:
    code = (
        "import sys, nbp_dagster.studio.studio, nbp_dagster.resources.studio; "
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0


def test_a_missing_extra_tells_nobody_and_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics", None)
    monkeypatch.delitem(sys.modules, "nbp_dagster.telemetry.open_telemetry", raising=False)

    observer = open_observer(frozenset({"metrics"}), provider="oxen", clock=SystemClock())

    assert isinstance(observer, NoObserver)
