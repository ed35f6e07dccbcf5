"""What a run tells a collector over OTLP, and its log in JSON."""

import json
from pathlib import Path

import pytest

from nbp_dagster.telemetry.metrics import METRICS
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import Shell
from tests.rigs.service import ServiceProbe

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")

from tests.rigs.telemetry import otlp_receiver

KEY = "sk-live-0123456789abcdef"


@pytest.fixture
def live(tmp_path: Path, service: ServiceProbe) -> Shell:
    """Three prompts of a live campaign: one is refused, and one request is answered 429."""
    shell = Shell(
        tmp_path,
        NBP_MODE="live",
        OXEN_API_KEY=KEY,
        OXEN_BASE_URL=service.url,
        NBP_CHARACTER_SCORER="off",
    )
    shots = [shot(name, characters=[]) for name in ("kitchen", "garden", "attic")]
    write_briefs(shell.briefs, campaign(*shots))
    service.script(
        {"kind": "status", "status": 429, "times": 1, "method": "POST", "path": "queue"},
        {"kind": "refuse", "prompt": "attic"},
    )
    return shell


def test_a_collector_sees_every_metric_and_the_spans_of_a_run(live: Shell) -> None:
    with otlp_receiver() as receiver:
        done = live.nbp(
            "run",
            "--yes",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            OTEL_RESOURCE_ATTRIBUTES="team=brand",
        )

    assert receiver.names() == {metric.name for metric in METRICS}, done.stderr
    assert {"service.name": "nbp_dagster", "team": "brand"}.items() <= receiver.resources[0].items()
    oxen = ("provider", "oxen")
    assert receiver.latest("nbp.spend.usd") == {(oxen,): pytest.approx(0.30)}
    assert receiver.latest("nbp.outcomes") == {
        (("outcome", "generated"), oxen): 2,
        (("outcome", "refused"), oxen): 1,
        (("outcome", "reused"), oxen): 0,
        (("outcome", "failed"), oxen): 0,
    }
    # A series that does not begin at 0 lacks what it begins with, where growth is summed.
    assert set(receiver.first("nbp.outcomes").values()) == {0}
    assert set(receiver.first("nbp.spend.usd").values()) == {0}
    assert receiver.latest("nbp.refusals") == {(oxen,): 1}
    assert receiver.latest("nbp.requests.throttled") == {
        (("endpoint", "queue"), oxen): 1,
        (("endpoint", "models"), oxen): 0,
    }
    assert set(receiver.first("nbp.requests.throttled").values()) == {0}
    verdicts = [(dict(each), value) for each, value in receiver.first("nbp.checks").items()]
    failed = {each["check"]: value for each, value in verdicts if each["verdict"] == "failed"}
    assert "copy_complete" in failed
    assert set(failed.values()) == {0}
    assert receiver.latest("nbp.jobs.in_flight") == {(oxen,): 0}, "as the run left it"
    assert "passed" in {each["verdict"] for each, _ in verdicts}
    assert {
        ("", "run"),
        ("run", "batch"),
        ("batch", "purchase"),
        ("purchase", "request"),
        ("purchase", "download"),
        ("purchase", "postprocess"),
    } <= receiver.parents()
    purchases = [span for span in receiver.spans if span.name == "purchase"]
    assert len(purchases) == 3
    sent = repr(receiver.spans) + repr(receiver.metrics)
    assert KEY not in sent
    assert "signature" not in sent.lower()


def test_a_collector_that_is_away_costs_a_run_nothing_but_a_moment(live: Shell) -> None:
    done = live.nbp("run", "--yes", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")

    assert "2 of 3 prompts have their pictures" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_run_that_dagster_launches_logs_json_too(live: Shell) -> None:
    (live.home / "dagster").mkdir(parents=True)
    words = ("asset", "materialize", "-f", "definitions.py", "--select", "brand_kits")
    done = live.dagster(*words, "--partition", "hilltop", NBP_LOG_FORMAT="json")

    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    events = {line.get("event") for line in lines if line["logger"] == "dagster"}
    assert {"STEP_START", "STEP_SUCCESS", "PIPELINE_SUCCESS"} <= events, done.stderr
    assert len({line["run_id"] for line in lines if "event" in line}) == 1
    assert any(line.get("prompt") == "hilltop" for line in lines)
    assert " - dagster - " not in done.stderr


def test_a_log_in_json_has_ids_and_no_key(live: Shell, service: ServiceProbe) -> None:
    service.script(
        {"kind": "fail", "prompt": "kitchen", "message": f"bad key {KEY} for Bearer {KEY}"}
    )
    done = live.nbp("run", "--yes", NBP_LOG_FORMAT="json")

    # What the command itself says to people stays text.
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert lines
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    about = [line for line in lines if line.get("prompt", "").startswith("winter/kitchen/")]
    assert about
    assert all(line["run_id"] for line in about)
    assert any(line.get("generation_id") for line in about)
    assert KEY not in done.stderr
