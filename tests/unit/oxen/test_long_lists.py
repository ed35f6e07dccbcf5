"""A list of jobs that repeats what each was asked with: any length, read as it arrives."""

import itertools
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import (
    BadResponse,
    ConnectionFailed,
    OxenError,
    RateLimited,
    Unauthorized,
)
from nbp_dagster.oxen.json_bodies import CUT_BYTES, CutText, InlineImage, cut_inline, name_inline
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
from tests.unit.oxen.clients import BASE, JOB, KEY, make_client

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


# As other services write it: the slashes of Base64 escaped.
ESCAPED = json.dumps(PICTURE[: 2 * CUT_BYTES]).replace("/", "\\/")
TEXTS = ['"süß" \\ 🍌', "data:,a", "", "\\", '\\"', "data:" + 'x"' * CUT_BYTES, "\x01\ud83d"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 4096])
def test_an_answer_is_the_same_however_its_bytes_arrive(size: int) -> None:
    answer = {"a": [{"prompt": text, text: 1} for text in TEXTS], "n": 1.5, "seed": 2**70}
    body = json.dumps(answer).encode()[:-1] + f', "input_image": [{ESCAPED}]}}'.encode()

    cut = cut_inline((body[at : at + size] for at in range(0, len(body), size)), max_bytes=MEBIBYTE)
    value: Any = name_inline(json.loads(cut.text), cut.images)

    assert value.pop("input_image") == [InlineImage.of(PICTURE[: 2 * CUT_BYTES])]
    texts = [InlineImage.of(text) if len(text) >= CUT_BYTES else text for text in TEXTS]
    assert [item["prompt"] for item in value.pop("a")] == texts
    assert value == {"n": 1.5, "seed": 2**70}
    assert len(cut.text) < CUT_BYTES


@given(st.binary(max_size=60) | st.text('"\\da:[]{}, ', max_size=60).map(str.encode), st.data())
def test_what_has_no_inline_image_is_not_changed(body: bytes, data: st.DataObject) -> None:
    ends = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    pieces = [body[a:b] for a, b in itertools.pairwise([0, *ends, len(body)])]

    assert cut_inline(pieces, max_bytes=1000) == CutText(body, {}, len(body))


@pytest.mark.parametrize(
    "job_fields",
    ['"seed": 18446744073709551615', '"seed": 1e400', '"prompt": "\\ude00x"', '"a": "\\ud83dx"'],
)
def test_an_odd_value_of_one_job_hides_no_other(job_fields: str) -> None:
    body = f'{{"generations": [{json.dumps(JOB)[:-1]}, {job_fields}}}, {json.dumps(job(2))}]}}'
    client, _ = make_client(HttpResponse(status=200, body=body.encode()))

    assert [found.generation_id for found in client.list_generations()] == ["g-1", "g-2"]


def test_the_key_is_hidden_in_what_a_job_shows_and_left_in_what_is_compared() -> None:
    words = {"prompt": f"a {KEY}", "negative_prompt": f"no {KEY[:9]}"}
    shown = {"error_message": f"no {KEY[3:]}", "url": f"https://a.test/{KEY}", "model_name": KEY}
    listed = job(1, **words, **shown, status="failed", result_url=None)
    # Escaped, it is looked for in every text of an answer.
    client, _ = make_client(
        *[json_answer({"generations": [listed], "a": "\n"})], json_answer(listed)
    )

    [found] = client.list_generations()

    assert (found.prompt, found.params["negative_prompt"]) == tuple(words.values())
    assert (found.error_message, found.model) == ("no [key]", "[key]")
    assert found.result_url == "https://a.test/[key]"
    assert client.get_generation("g-1") == found
    assert KEY[:8] not in repr(found)


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

    with pytest.raises(BadResponse, match="longer than 50331648 bytes"):
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
