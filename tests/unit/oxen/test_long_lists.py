"""A list of jobs that repeats what each was asked with: any length, read as it arrives."""

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import (
    BadResponse,
    ConnectionFailed,
    OxenError,
    RateLimited,
    Unauthorized,
)
from nbp_dagster.oxen.json_bodies import InlineImage, read_long
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import (
    CHUNK_BYTES,
    MAX_ANSWER_BYTES,
    HttpRequest,
    HttpResponse,
    HttpStream,
    Transport,
)
from nbp_dagster.studio.references.uploads import data_uri
from tests.fakes.clock import FakeClock
from tests.fakes.transport import ScriptedStream, json_answer
from tests.rigs.pictures import draw_noise, encode
from tests.unit.oxen.clients import BASE, JOB, KEY, make_client, the_request

MEBIBYTE = 1024 * 1024
PICTURE = data_uri(encode(draw_noise(640, 640), "PNG"))


def job(number: int, **fields: object) -> dict[str, object]:
    return {**JOB, "generation_id": f"g-{number}", **fields}


class LongList(Transport):
    """Answers with a list of jobs that is made while it is sent."""

    def __init__(self, jobs: int, picture: str) -> None:
        self._jobs, self._picture = jobs, picture

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        yield HttpStream(200, {}, chunks=self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        yield b'{"generations": ['
        for number in range(self._jobs):
            text = json.dumps(job(number, input_image=[self._picture])).encode()
            yield b"," if number else b""
            for at in range(0, len(text), CHUNK_BYTES):
                yield text[at : at + CHUNK_BYTES]
        yield b'], "count": %d}' % self._jobs


def test_a_list_longer_than_memory_may_hold_is_read_without_its_pictures() -> None:
    jobs = MAX_ANSWER_BYTES // len(PICTURE) + 20
    transport = LongList(jobs, PICTURE)
    client = OxenClient(
        BASE, api_key=KEY, transport=transport, clock=FakeClock(), retry=RetryPolicy()
    )
    tracemalloc.start()
    try:
        listed = client.list_generations(require_complete=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert [found.generation_id for found in listed] == [f"g-{number}" for number in range(jobs)]
    assert {found.params["input_image"][0] for found in listed} == {InlineImage.of(PICTURE)}
    assert InlineImage.of(PICTURE).is_whole
    assert peak < 24 * MEBIBYTE, "a few copies of one picture, and not of each job's"


def test_bytes_that_arrive_one_by_one_are_the_same_answer() -> None:
    asked = job(1, prompt='"süß" \\ 🍌', input_image=["data:,a", "/b"])
    answer = {"generations": [asked], "n": 1.5}
    body = json.dumps(answer, ensure_ascii=False).encode()

    value: Any = read_long((bytes([byte]) for byte in body), max_chars=1000, max_values=1000)

    [found] = value["generations"]
    assert found["input_image"] == [InlineImage.of("data:,a"), "/b"]
    assert {**found, "input_image": None} == {**asked, "input_image": None}
    assert value["n"] == 1.5


def test_a_data_uri_that_is_no_input_stays_what_it_is() -> None:
    client, _ = make_client(json_answer({"generations": [job(1, result_url="data:,a")]}))

    [found] = client.list_generations()

    assert found.result_url == "data:,a"


@pytest.mark.parametrize(
    "chunk", [b"x" * MEBIBYTE, b'", "b": "' + b"y" * MEBIBYTE], ids=["one text", "many texts"]
)
def test_a_list_whose_texts_have_no_end_is_given_up(chunk: bytes) -> None:
    chunks = (b'{"generations": [{"a": "', *[chunk] * 60)
    client, transport = make_client(*[ScriptedStream(chunks=chunks)] * 3)

    with pytest.raises(BadResponse, match="texts are longer than 50331648"):
        client.list_generations()
    assert len(transport.requests) == 3


def test_a_list_cut_off_says_how_much_is_missing() -> None:
    body = json.dumps({"generations": [JOB]}).encode()
    answer = HttpResponse(status=200, headers={"content-length": str(len(body))}, body=body[:-7])
    client, _ = make_client(*[answer] * 3)

    with pytest.raises(BadResponse, match="ends 7 bytes early"):
        client.list_generations()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<html>sign in</html>", "not JSON; it begins '<html>sign in</html>'"),
        (b'{"generations": [', "not JSON"),
        (b'{"generations": []} twice', "not JSON"),
        (b'{"generations": [{"a": NaN}]}', "not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "not JSON|not an object"),
        (b" ", "`generations` is missing"),
    ],
)
def test_what_is_no_list_is_one_clear_error(body: bytes, told: str) -> None:
    client, _ = make_client(*[HttpResponse(status=200, body=body)] * 3)

    with pytest.raises(BadResponse, match=told):
        client.list_generations()


def test_a_line_that_breaks_in_the_middle_is_asked_again() -> None:
    broken = ScriptedStream(
        chunks=(b'{"generations": [', ConnectionFailed("reset", endpoint="GET", maybe_sent=True))
    )
    client, transport = make_client(broken, json_answer({"generations": [JOB]}))

    assert len(client.list_generations()) == 1
    assert len(transport.requests) == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (json_answer({"error": "no such key"}, status=401), Unauthorized),
        (json_answer({"error": "slow down"}, status=429), RateLimited),
        (json_answer({"error": {"message": "the list is closed"}}), OxenError),
    ],
    ids=["401", "429", "an error with status 200"],
)
def test_an_error_in_place_of_a_list_is_that_error(
    answer: HttpResponse, error: type[OxenError]
) -> None:
    client, _ = make_client(*[answer] * 3)

    with pytest.raises(error):
        client.list_generations()


def test_the_key_is_cut_out_of_what_a_list_repeats() -> None:
    client, transport = make_client(
        json_answer({"generations": [job(1, prompt=f"a kite {KEY} in blue", error=f"no {KEY}")]})
    )

    [found] = client.list_generations()

    assert the_request(transport).bearer == KEY
    assert KEY not in repr((found.prompt, found.error_message))
