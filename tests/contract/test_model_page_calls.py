"""The nineteen calls a reader of the model's page makes, written anew, against the simulator.

Three ways (sync, queue, event stream) x three sets of parameters x two languages, and the model
object. The shell calls run under bash with curl, jq and awk; the Python ones use requests alone,
as a reader would.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from tests.fakes.painter import paint_plainly

KEY = "any-key"
MODEL = "google-nano-banana-pro"
MINIMAL: dict[str, Any] = {
    "model": MODEL,
    "prompt": "An otter barista slides a cappuccino over a zinc counter, early light",
}
# A link of the service with only its host replaced is what a reader's copy would hold.
REFERENCE_PATH = "/api/repos/elau/assets/file/main/bloxy/bloxy_cropped_512x512.png"

needs_shell_tools = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("bash", "curl", "jq", "awk")),
    reason="the shell calls need bash, curl, jq and awk",
)
parameter_sets = pytest.mark.parametrize("level", ["minimal", "basic", "all"])

SYNC_SCRIPT = """
curl -sS --fail-with-body -X POST "$HOST/api/ai/images/edit" \\
  -H "Authorization: Bearer $OXEN_API_KEY" -H "Content-Type: application/json" -d "$BODY"
"""

ENQUEUE_SCRIPT = """
JOB=$(curl -sS -X POST "$HOST/api/ai/queue" \\
  -H "Authorization: Bearer $OXEN_API_KEY" -H "Content-Type: application/json" \\
  -d "$BODY" | jq -r '.generations[0].generation_id')
"""

QUEUE_SCRIPT = (
    ENQUEUE_SCRIPT
    + """
ask() { curl -sS -H "Authorization: Bearer $OXEN_API_KEY" "$HOST/api/ai/queue/$JOB"; }
until ask | jq -e '.status | IN("succeeded", "failed", "cancelled")' > /dev/null; do
  sleep 0.05
done
ask | jq .
"""
)

EVENTS_SCRIPT = (
    ENQUEUE_SCRIPT
    + """
curl -sSN -H "Authorization: Bearer $OXEN_API_KEY" "$HOST/api/events" | awk -v job="$JOB" '
  /^event: / { wanted = ($2 == "media_generation_completed") }
  /^data: / && wanted && index($0, "\\"generation_id\\":\\"" job "\\"") {
    print substr($0, 7)
    exit
  }' | jq .
"""
)

MODEL_SCRIPT = f"""
curl -sS -H "Authorization: Bearer $OXEN_API_KEY" "$HOST/api/ai/models/{MODEL}"
"""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """A simulator whose jobs take no time."""
    with SimulatorServer(SimulatorOptions(latency=0.0), painter=paint_plainly) as server:
        yield server.url


@pytest.fixture(scope="module")
def unhurried_host() -> Iterator[str]:
    """One slow enough for a reader who, like the page, subscribes after enqueueing.

    The stream replays nothing, so a faster service would leave that reader waiting for ever.
    """
    with SimulatorServer(SimulatorOptions(latency=1.0), painter=paint_plainly) as server:
        yield server.url


def build_body(host: str, level: str) -> dict[str, Any]:
    """Return the request of one of the page's three tabs."""
    if level == "minimal":
        return dict(MINIMAL)
    basic = {**MINIMAL, "input_image": [host + REFERENCE_PATH]}
    if level == "basic":
        return basic
    return {**basic, "aspect_ratio": "16:9", "resolution": "2K", "safety_tolerance": "6"}


def run_shell(script: str, host: str, body: dict[str, Any]) -> Any:
    """Run a script under bash and return the JSON it printed."""
    environment = {**os.environ, "HOST": host, "OXEN_API_KEY": KEY, "BODY": json.dumps(body)}
    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def enqueue(host: str, body: dict[str, Any]) -> str:
    answer = requests.post(
        f"{host}/api/ai/queue",
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"},
        json=body,
        timeout=10,
    )
    answer.raise_for_status()
    generation_id: str = answer.json()["generations"][0]["generation_id"]
    return generation_id


def assert_is_picture(link: str) -> None:
    answer = requests.get(link, timeout=10)
    assert answer.status_code == 200
    assert answer.content.startswith(b"\x89PNG")


def assert_is_finished_job(job: Any, body: dict[str, Any]) -> None:
    assert job["status"] == "succeeded"
    assert job["model_name"] == MODEL
    assert {key: value for key, value in body.items() if key != "model"}.items() <= job.items()
    assert_is_picture(job["result_url"])


@needs_shell_tools
@parameter_sets
def test_a_shell_makes_a_picture_in_one_call(host: str, level: str) -> None:
    answer = run_shell(SYNC_SCRIPT, host, build_body(host, level))

    assert_is_picture(answer["images"][0]["url"])


@parameter_sets
def test_python_makes_a_picture_in_one_call(host: str, level: str) -> None:
    answer = requests.post(
        f"{host}/api/ai/images/edit",
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"},
        json=build_body(host, level),
        timeout=30,
    )

    answer.raise_for_status()
    assert_is_picture(answer.json()["images"][0]["url"])


@needs_shell_tools
@parameter_sets
def test_a_shell_polls_the_queue(host: str, level: str) -> None:
    body = build_body(host, level)

    assert_is_finished_job(run_shell(QUEUE_SCRIPT, host, body), body)


@parameter_sets
def test_python_polls_the_queue(host: str, level: str) -> None:
    body = build_body(host, level)
    generation_id = enqueue(host, body)
    headers = {"Authorization": f"Bearer {KEY}"}
    job = {"status": "queued"}

    while job["status"] in {"queued", "processing"}:
        time.sleep(0.05)
        job = requests.get(
            f"{host}/api/ai/queue/{generation_id}", headers=headers, timeout=10
        ).json()

    assert_is_finished_job(job, body)


@needs_shell_tools
@parameter_sets
def test_a_shell_waits_for_the_event(unhurried_host: str, level: str) -> None:
    event = run_shell(EVENTS_SCRIPT, unhurried_host, build_body(unhurried_host, level))

    assert event["status"] == "succeeded"
    assert_is_picture(event["url"])


@parameter_sets
def test_python_waits_for_the_event(unhurried_host: str, level: str) -> None:
    generation_id = enqueue(unhurried_host, build_body(unhurried_host, level))
    headers = {"Authorization": f"Bearer {KEY}"}
    event: dict[str, Any] = {}

    with requests.get(
        f"{unhurried_host}/api/events", headers=headers, stream=True, timeout=30
    ) as stream:
        kind = ""
        for line in stream.iter_lines(decode_unicode=True):
            field, _, value = line.partition(": ")
            if field == "event":
                kind = value
            elif field == "data" and kind == "media_generation_completed":
                event = json.loads(value)
            if event.get("generation_id") == generation_id:
                break

    assert event["status"] == "succeeded"
    assert_is_picture(event["url"])


@needs_shell_tools
def test_a_shell_reads_the_model(host: str) -> None:
    model = run_shell(MODEL_SCRIPT, host, {})

    assert model["id"] == MODEL
    properties = model["json_request_schema"]["properties"]
    assert {"prompt", "input_image", "aspect_ratio", "resolution", "safety_tolerance"} == set(
        properties
    )
