"""A client over a scripted transport, and answers several tests play to it."""

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import ConnectionFailed
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import HttpRequest
from tests.fakes.clock import FakeClock
from tests.fakes.transport import ScriptedTransport, Step

BASE = "https://hub.test"
KEY = "sk-live-abc123"
JOB = {
    "generation_id": "g-1",
    "status": "processing",
    "model_name": "m",
    "prompt": "p",
    "media_type": "image",
    "result_url": None,
    "error_message": None,
    "enqueued_at": 1,
    "started_at": None,
    "completed_at": None,
}
QUEUED = {"generations": [{"generation_id": "g-1", "status": "queued"}]}
RESET = ConnectionFailed("reset", endpoint="POST x", maybe_sent=True)


def make_client(
    *script: Step, base_url: str = BASE, clock: FakeClock | None = None
) -> tuple[OxenClient, ScriptedTransport]:
    transport = ScriptedTransport(script)
    client = OxenClient(
        base_url,
        api_key=KEY,
        transport=transport,
        clock=clock or FakeClock(),
        retry=RetryPolicy(attempts=3),
        jitter=lambda: 0.0,
    )
    return client, transport


def the_request(transport: ScriptedTransport) -> HttpRequest:
    [request] = transport.requests
    return request
