"""A finished picture is edited over HTTP, by data URI or address, also by a server started anew."""

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from nbp_dagster.clock import SystemClock
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import RequestsTransport
from nbp_dagster.simulator.options import FileTypeName, SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer

MODEL = "google-nano-banana-pro"
SMALL = {"aspect_ratio": "1:1", "resolution": "1K"}
POSTER = (
    "A poster.\n\nThe scene: a table in a garden.\n\n"
    'The headline reads "Grown in the shade" and is the largest lettering.'
)
WORDS = (
    "Edit Image 1, a finished picture of Hilltop Tea: its lettering alone changes.\n\n"
    "Image 1: picture to edit.\n\n"
    'The headline reads "Im Schatten gewachsen" and is the largest lettering.'
)


def open_client(server: SimulatorServer) -> OxenClient:
    return OxenClient(
        server.url,
        api_key="key-5d1e7c90",
        transport=RequestsTransport(),
        clock=SystemClock(),
        retry=RetryPolicy(attempts=3, base_delay=0.01, throttle_delay=0.01),
    )


def make(client: OxenClient, prompt: str, *images: str) -> tuple[str, bytes]:
    """The address and the bytes of one picture."""
    answer = client.edit_image(
        model=MODEL, prompt=prompt, input_image=list(images), parameters=SMALL
    )
    url = answer.images[0].url
    assert url is not None
    return url, client.download(url)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.int16)


def share_of_difference(first: bytes, second: bytes) -> float:
    return float((np.abs(pixels(first) - pixels(second)).max(-1) > 80).mean())


def as_uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


@pytest.fixture(params=["png", "jpeg"])
def options(request: pytest.FixtureRequest) -> SimulatorOptions:
    file_type: FileTypeName = request.param
    return SimulatorOptions(latency=0.0, file_type=file_type)


@pytest.fixture
def server(options: SimulatorOptions) -> Iterator[SimulatorServer]:
    with SimulatorServer(options) as started:
        yield started


def test_the_words_alone_change_whichever_way_the_picture_is_sent(server: SimulatorServer) -> None:
    client = open_client(server)
    url, first = make(client, POSTER)
    _, by_uri = make(client, WORDS, as_uri(first))
    _, by_url = make(client, WORDS, url)

    assert 0.005 < share_of_difference(first, by_uri) < 0.15
    assert share_of_difference(by_uri, by_url) == 0.0


def test_a_server_started_anew_edits_what_an_earlier_one_painted(
    server: SimulatorServer, options: SimulatorOptions
) -> None:
    _, first = make(open_client(server), POSTER)
    _, here = make(open_client(server), WORDS, as_uri(first))
    with SimulatorServer(options) as later:
        _, there = make(open_client(later), WORDS, as_uri(first))

    assert there == here


def test_what_goes_wrong_with_an_edit_is_scripted_like_any_fault(server: SimulatorServer) -> None:
    client = open_client(server)
    _, first = make(client, POSTER)
    _, sound = make(client, WORDS, as_uri(first))
    for tag in ("edit_changes_picture", "edit_keeps_old_words"):
        _, spoilt = make(client, f"{WORDS}[[sim:{tag}]]", as_uri(first))
        assert share_of_difference(sound, spoilt) > 0.005, tag
