"""One odd answer among twenty costs one order, in one line, and says the same in the next run."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from nbp_dagster.oxen.transport import HttpRequest, HttpResponse
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.orders import (
    Failed,
    Generated,
    Outcome,
    Refused,
    Reused,
    spent_on,
)
from tests.fakes.tampering import TamperingTransport
from tests.rigs.pictures import damaged_avif, palette_png_without_palette
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import order, workbench

ORDERS = tuple(order(number) for number in range(1, 21))
BAD = ORDERS[6]
# Names that Python gives to exceptions and to types that stand in their texts.
PYTHON = re.compile(r"\b[A-Z][a-z]+[A-Za-z]*(Error|Exception|Line|Read)\b|NoneType|Traceback")


class OneOfTwenty:
    """Changes what the service says of one order's job; all others it leaves alone."""

    def __init__(
        self,
        *,
        job: Callable[[dict[str, object]], dict[str, object]] | None = None,
        picture: bytes | None = None,
        enqueued: Callable[[HttpResponse], HttpResponse] | None = None,
        identity: str | None = None,
    ) -> None:
        self._job = job
        self._picture = picture
        self._enqueued = enqueued
        self._identity = identity
        self._ids: set[str] = set()

    @property
    def changes_job(self) -> bool:
        return self._job is not None

    def __call__(self, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        if "/_simulator/" in request.url:
            return answer
        if request.method == "POST" and BAD.request.prompt in self._prompt_of(request):
            if answer.status == 200:
                found = json.loads(answer.body)["generations"]
                self._ids.update(item["generation_id"] for item in found)
            answer = self._enqueued(answer) if self._enqueued else answer
        if self._picture is not None and any(name in request.url for name in self._ids):
            is_file = "/file/" in request.url
            return replace(answer, body=self._picture) if is_file else answer
        if "/api/ai/queue" in request.url and answer.status == 200:
            return replace(answer, body=self._change(answer.body))
        return answer

    @staticmethod
    def _prompt_of(request: HttpRequest) -> str:
        return str(json.loads(request.body or b"{}").get("prompt"))

    def _change(self, body: bytes) -> bytes:
        try:
            payload = json.loads(body)
        except ValueError:
            return body
        jobs = payload.get("generations", [payload]) if isinstance(payload, dict) else []
        for job in jobs:
            if job.get("generation_id") not in self._ids:
                continue
            if self._job is not None and "prompt" in job:
                job.update(self._job(job))
            if self._identity is not None:
                job["generation_id"] = self._identity
        return json.dumps(payload).encode()


def failing(message: object) -> OneOfTwenty:
    return OneOfTwenty(job=lambda _: {"status": "failed", "error_message": message})


def linking(url: str) -> OneOfTwenty:
    return OneOfTwenty(job=lambda _: {"status": "succeeded", "result_url": url})


def stamping(value: object) -> OneOfTwenty:
    names = ("enqueued_at", "started_at", "completed_at")
    return OneOfTwenty(job=lambda job: {name: value for name in names if job[name] is not None})


def answering(status: int, body: bytes) -> OneOfTwenty:
    return OneOfTwenty(enqueued=lambda answer: replace(answer, status=status, body=body))


def png(size: tuple[int, int], mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size).save(stream, "PNG")
    return stream.getvalue()


SLASHES = "/" * 80_000
BASE64 = "data:image/png;base64," + "iVBORw0KGgo" * 190_000

ODD: dict[str, Callable[[], OneOfTwenty]] = {
    "a damaged AVIF": lambda: OneOfTwenty(picture=damaged_avif()),
    "a palette PNG without its palette": lambda: OneOfTwenty(picture=palette_png_without_palette()),
    "an empty file": lambda: OneOfTwenty(picture=b""),
    "a page of slashes as the picture": lambda: OneOfTwenty(picture=SLASHES.encode()),
    "words of 80 kB of slashes": lambda: failing(SLASHES),
    "words of 2 MB of base64": lambda: failing(BASE64),
    "words of a lone surrogate": lambda: failing("the model \ud800 said no"),
    "words of NUL and ESC": lambda: failing("no\x00 \x1b[2J\x1b]0;owned\x07 \x9b31m picture"),
    "words that are a list": lambda: failing([["\udfff"] * 100] * 100),
    "a URL that is no URL": lambda: linking("http://["),
    "a URL of controls": lambda: linking("https://a\x00\x1b.example/\ud800"),
    "a URL of a host without end": lambda: linking(f"https://{'a' * 300}.example/x"),
    "an id of 300 characters": lambda: OneOfTwenty(identity="g" * 300),
    "an id with NUL": lambda: OneOfTwenty(identity="g\x001"),
    "an id with a lone surrogate": lambda: OneOfTwenty(identity="g\ud8001"),
    "an id that is a path": lambda: OneOfTwenty(identity="../../etc/passwd"),
}
MADE: dict[str, Callable[[], OneOfTwenty]] = {
    "stamps in milliseconds": lambda: stamping(1_790_000_000_000),
    "stamps of 1e300": lambda: stamping(1e300),
    "stamps before 1970": lambda: stamping(-5),
    "an echo of unreadable references": lambda: OneOfTwenty(
        job=lambda _: {"input_image": ["http://["]}
    ),
    "a 400 of slashes": lambda: answering(400, SLASHES.encode()),
    "a 422 of base64 in JSON": lambda: answering(
        422, json.dumps({"error": {"type": "x\ud800" * 5000, "detail": BASE64}}).encode()
    ),
    "a 400 of controls": lambda: answering(
        400, b'{"error": {"message": "a\\u0000\\ud800\\u001b[2J"}}'
    ),
    "a 500 of open tags": lambda: answering(500, b"<title><script<" * 20_000),
    "one pixel": lambda: OneOfTwenty(picture=png((1, 1))),
    "a line": lambda: OneOfTwenty(picture=png((4000, 1))),
    "one bit a pixel": lambda: OneOfTwenty(picture=png((64, 64), "1")),
}


def run(
    simulator: SimulatorServer, home: Path, odd: OneOfTwenty, run_id: str = "test run"
) -> dict[str, Outcome]:
    # An event would tell of the job what it is without the change.
    transport = TamperingTransport(odd, with_events=not odd.changes_job)
    with workbench(simulator.url, home, transport=transport, run_id=run_id) as bench:
        return bench.make(*ORDERS)


def without_ids(text: str) -> str:
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)


@pytest.mark.parametrize("kind", ["a damaged AVIF", "a palette PNG without its palette"])
def test_a_run_says_what_it_was_billed_for_a_picture_that_can_t_be_read(
    simulator: SimulatorServer, service: ServiceProbe, home: Path, kind: str
) -> None:
    first = run(simulator, home, ODD[kind]())

    assert spent_on(first[BAD.key]) == service.billed_usd / 20
    assert sum(map(spent_on, first.values())) == service.billed_usd


@pytest.mark.parametrize("kind", ODD)
def test_one_odd_answer_of_twenty_fails_one_order_in_one_line_twice(
    simulator: SimulatorServer, service: ServiceProbe, home: Path, kind: str
) -> None:
    odd = ODD[kind]()

    first = run(simulator, home, odd)
    bills = service.bills
    second = run(simulator, home, odd, run_id="another")

    assert sum(isinstance(item, Generated) for item in first.values()) == 19
    assert sum(isinstance(item, Reused) for item in second.values()) == 19
    said = []
    for outcome in (first[BAD.key], second[BAD.key]):
        assert isinstance(outcome, Failed | Refused), outcome
        assert outcome.reason.isprintable()
        assert len(outcome.reason) < 3000
        assert not PYTHON.search(outcome.reason), outcome.reason
        said.append(without_ids(outcome.reason))
    assert said[0] == said[1]
    assert bills <= 20
    assert service.bills <= 21


@pytest.mark.parametrize(
    "words", [SLASHES, BASE64, "no\x00 \x1b[2J\x9b31m", "\u202e\u2028 " * 5000]
)
def test_odd_words_of_a_request_that_bought_nothing_fail_it_in_one_line_twice(
    simulator: SimulatorServer, service: ServiceProbe, home: Path, words: str
) -> None:
    fault = {"kind": "status", "method": "POST", "prompt": "hill number 7", "status": 400}
    service.script({**fault, "message": words})

    with workbench(simulator.url, home) as bench:
        first, second = bench.make(*ORDERS), bench.make(*ORDERS)

    assert sum(isinstance(item, Generated) for item in first.values()) == 19
    assert sum(isinstance(item, Reused) for item in second.values()) == 19
    for outcome in (first[BAD.key], second[BAD.key]):
        assert isinstance(outcome, Failed)
        assert outcome.reason.isprintable()
        assert len(outcome.reason) < 1000
    assert first[BAD.key] == second[BAD.key]
    assert service.bills == 19


@pytest.mark.parametrize("kind", MADE)
def test_an_odd_answer_that_holds_a_picture_is_made(
    simulator: SimulatorServer, service: ServiceProbe, home: Path, kind: str
) -> None:
    odd = MADE[kind]()

    first = run(simulator, home, odd)
    second = run(simulator, home, odd)

    assert all(isinstance(item, Generated) for item in first.values())
    assert all(isinstance(item, Reused) for item in second.values())
    assert service.bills == 20
