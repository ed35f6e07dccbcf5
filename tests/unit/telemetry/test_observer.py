"""Who is told of a run, by OpenTelemetry's own variables; nothing is imported for nobody."""

import os
import socket
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


def open_in_process(**variables: str) -> subprocess.CompletedProcess[str]:
    """Tell of a run in a process of its own: the SDK reads its variables once."""
    code = (
        "import logging; logging.basicConfig(format='%(levelname)s %(message)s')\n"
        "from nbp_dagster.clock import SystemClock\n"
        "from nbp_dagster.telemetry.observer import open_observer\n"
        "told = open_observer({'metrics', 'traces'}, provider='oxen', clock=SystemClock())\n"
        "with told.batch('r1'): told.record_check('size', 'passed')\n"
        "told.close()\n"
        "print(type(told).__name__)"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OTEL_METRIC_EXPORT_INTERVAL", "0", "larger than zero"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "256", "max_queue_size"),
    ],
)
def test_a_variable_that_the_sdk_does_not_take_is_one_warning(
    name: str, value: str, words: str
) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")

    done = open_in_process(**{ENDPOINT: "http://127.0.0.1:9", name: value})

    assert done.stdout == "NoObserver\n", done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("WARNING no metrics and traces are sent: ")
    assert "OTEL_*" in line
    assert words in line


def test_a_collector_that_never_answers_holds_up_neither_a_run_nor_the_process_s_end() -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = open_in_process(
            **{ENDPOINT: f"http://127.0.0.1:{silent.getsockname()[1]}"},
            OTEL_EXPORTER_OTLP_TIMEOUT="600",
        )

    assert done.stdout == "OpenTelemetryObserver\n", done.stderr


def test_what_fails_while_it_is_sent_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
    from opentelemetry.sdk.metrics import MeterProvider

    from nbp_dagster.telemetry.open_telemetry import OpenTelemetryObserver

    class Failing(MeterProvider):
        def force_flush(self, timeout_millis: float = 10_000) -> bool:
            raise RuntimeError("no reader at https://c.example/x?signature=abc")

    observer = OpenTelemetryObserver(frozenset(), provider="oxen", clock=SystemClock())
    observer._meters = Failing(shutdown_on_exit=False)

    observer.close()

    assert "were not all sent: RuntimeError: no reader" in caplog.text
    assert "signature=abc" not in caplog.text
