"""The event stream: delivered at once, reconnected, closed promptly."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from nbp_dagster.clock import Clock, SystemClock
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import ClientOutdated, ConnectionFailed, Unauthorized
from nbp_dagster.oxen.job_events import FIRST_DELAY, MAX_EVENT_BYTES, EventStream
from nbp_dagster.oxen.responses import GenerationEvent
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import HttpResponse, RequestsTransport, Transport
from tests.fakes.clock import FakeClock
from tests.fakes.transport import ScriptedStream, ScriptedTransport, Step
from tests.unit.oxen.conftest import LocalServer

KEY = "sk-live-abc123"
SSE = {"content-type": "text/event-stream; charset=utf-8"}
RESET = ConnectionFailed("reset", endpoint="GET x", maybe_sent=True)
KEEP_ALIVE = b": keep-alive\n\n"


def completed(generation_id: str, **fields: object) -> bytes:
    data = {"generation_id": generation_id, "status": "succeeded", **fields}
    return f"event: media_generation_completed\ndata: {json.dumps(data)}\n\n".encode()


def make_stream(
    transport: Transport, *, clock: Clock, base_url: str = "https://hub.test"
) -> EventStream:
    client = OxenClient(
        base_url, api_key=KEY, transport=transport, clock=clock, retry=RetryPolicy()
    )
    return client.events()


def collect(script: list[Step], count: int) -> tuple[list[GenerationEvent], float]:
    """Return the first events of a scripted service, and the seconds waited for them."""
    clock = FakeClock()
    stream = make_stream(ScriptedTransport(script), clock=clock)
    found = []
    for event in stream:
        found.append(event)
        if len(found) == count:
            stream.close()
    return found, round(clock.monotonic(), 3)


def sse(*chunks: bytes | Exception) -> ScriptedStream:
    return ScriptedStream(headers=SSE, chunks=chunks)


def ids(events: list[GenerationEvent]) -> list[str]:
    return [event.generation_id for event in events]


def test_the_stream_is_asked_for_with_the_key() -> None:
    transport = ScriptedTransport([sse(completed("a"))])
    stream = make_stream(transport, clock=FakeClock())

    next(iter(stream))

    [request] = transport.requests
    assert request.endpoint == "GET https://hub.test/api/events"
    assert request.bearer == KEY
    assert request.headers["Accept"] == "text/event-stream"
    assert request.read_timeout == 60.0


def test_success_and_failure_are_told() -> None:
    failed = (
        b'event: media_generation_completed\ndata: {"generation_id": "b", "status": "failed",\n'
        b'data: "error": "blocked"}\n\n'
    )

    [good, bad], _ = collect([sse(completed("a", url="https://h.test/a?s=1"), failed)], 2)

    assert (good.generation_id, good.status, good.url) == ("a", "succeeded", "https://h.test/a?s=1")
    assert (bad.generation_id, bad.status, bad.error) == ("b", "failed", "blocked")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_an_event_may_arrive_in_pieces_of_any_size(size: int) -> None:
    raw = KEEP_ALIVE + completed("ä🍌").replace(b"\\u00e4", "ä".encode()) + completed("b")
    pieces = [raw[start : start + size] for start in range(0, len(raw), size)]

    events, _ = collect([sse(*pieces)], 2)

    assert ids(events) == ["ä🍌", "b"]


def test_other_events_and_unreadable_ones_are_passed_over() -> None:
    noise = [
        b'event: deployment_ready\ndata: {"generation_id": "x", "status": "succeeded"}\n\n',
        b'data: {"generation_id": "y", "status": "succeeded"}\n\n',
        b"event: media_generation_completed\ndata: {cut sho\n\n",
        b"event: media_generation_completed\ndata: [1]\n\n",
        b'event: media_generation_completed\ndata: {"status": "failed"}\n\n',
        b"event: media_generation_completed\ndata: \xff\xfe\n\n",
        b"event: media_generation_completed\n\n",
        KEEP_ALIVE,
    ]

    events, _ = collect([sse(*noise, completed("good"))], 1)

    assert ids(events) == ["good"]


def test_a_broken_line_is_opened_again_after_a_second() -> None:
    events, waited = collect([sse(completed("a"), RESET), sse(completed("b"))], 2)

    assert ids(events) == ["a", "b"]
    assert waited == 1.0


def test_a_stream_the_service_ends_is_opened_again() -> None:
    events, waited = collect([sse(completed("a")), sse(completed("b"))], 2)

    assert ids(events) == ["a", "b"]
    assert waited == 1.0


def test_waits_double_up_to_the_cap_while_nothing_arrives() -> None:
    _, waited = collect([*[RESET] * 7, sse(completed("a"))], 1)

    assert waited == 1 + 2 + 4 + 8 + 16 + 30 + 30


def test_a_keep_alive_makes_the_next_wait_short_again() -> None:
    _, waited = collect([RESET, RESET, RESET, sse(KEEP_ALIVE, RESET), sse(completed("a"))], 1)

    assert waited == (1 + 2 + 4) + 1


@pytest.mark.parametrize(
    "refusal",
    [
        HttpResponse(status=500),
        HttpResponse(status=404, body=b"no such route"),
        HttpResponse(status=200, headers={"content-type": "text/html"}, body=b"<html>"),
        HttpResponse(status=200, body=b"no content type"),
    ],
    ids=repr,
)
def test_an_answer_that_is_no_stream_is_asked_again(refusal: HttpResponse) -> None:
    events, waited = collect([refusal, sse(completed("a"))], 1)

    assert ids(events) == ["a"]
    assert waited == 1.0


def test_a_delay_the_service_asks_for_is_kept() -> None:
    busy = HttpResponse(status=503, headers={"Retry-After": "12"})

    _, waited = collect([busy, sse(completed("a"))], 1)

    assert waited == 12.0


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Unauthorized), (403, Unauthorized), (426, ClientOutdated)]
)
def test_what_no_reconnection_heals_is_raised(status: int, kind: type[Exception]) -> None:
    transport = ScriptedTransport([HttpResponse(status=status, body=KEY.encode())])

    with pytest.raises(kind) as caught:
        next(iter(make_stream(transport, clock=FakeClock())))

    assert KEY not in str(caught.value)


def test_a_key_echoed_in_an_event_is_cut() -> None:
    [event], _ = collect([sse(completed("a", error=f"key {KEY} refused"))], 1)

    assert event.error == "key [key] refused"


def test_connected_is_set_while_the_answer_is_open() -> None:
    stream = make_stream(ScriptedTransport([sse(completed("a"))]), clock=FakeClock())
    assert not stream.connected.is_set()

    for _ in stream:
        assert stream.connected.is_set()
        stream.close()

    assert not stream.connected.is_set()


def test_a_stream_closed_before_it_began_asks_nothing() -> None:
    transport = ScriptedTransport([])
    stream = make_stream(transport, clock=FakeClock())
    stream.close()

    assert list(stream) == []
    assert transport.requests == ()


def test_closing_while_the_connection_opens_ends_it() -> None:
    def close_meanwhile(request: object) -> ScriptedStream:
        stream.close()
        return sse(completed("late"))

    stream = make_stream(ScriptedTransport([close_meanwhile]), clock=FakeClock())

    assert list(stream) == []
    assert not stream.connected.is_set()


def send_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.flush()


class Listener:
    """Iterates a stream in a thread and keeps what it hears."""

    def __init__(self, stream: EventStream) -> None:
        self.heard: list[GenerationEvent] = []
        self.first = threading.Event()
        self.ended = threading.Event()
        self._stream = stream
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        for event in self._stream:
            self.heard.append(event)
            self.first.set()
        self.ended.set()


@pytest.mark.parametrize("chunked", [False, True])
def test_an_event_is_delivered_while_the_connection_stays_open(
    serve: Callable[..., LocalServer], chunked: bool
) -> None:
    def tell_and_hold(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        if chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        event = completed("a")
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(event), event) if chunked else event)
        handler.wfile.flush()
        server.release.wait(10)

    server = serve(tell_and_hold)
    stream = make_stream(RequestsTransport(), clock=SystemClock(), base_url=server.url)
    listener = Listener(stream)

    assert listener.first.wait(5), "the event was held back"
    assert not server.release.is_set()
    stream.close()
    assert listener.ended.wait(5), "closing did not end the iteration"
    assert ids(listener.heard) == ["a"]


def test_connected_is_set_by_the_headers_alone(serve: Callable[..., LocalServer]) -> None:
    def only_headers(handler: BaseHTTPRequestHandler) -> None:
        send_headers(handler)
        server.release.wait(10)

    server = serve(only_headers)
    stream = make_stream(RequestsTransport(), clock=SystemClock(), base_url=server.url)
    listener = Listener(stream)

    assert stream.connected.wait(5)
    assert listener.heard == []
    stream.close()
    assert listener.ended.wait(5)


def test_closing_is_noticed_between_two_connections() -> None:
    began = time.monotonic()
    stream = make_stream(
        ScriptedTransport([HttpResponse(status=503, headers={"Retry-After": "30"})]),
        clock=SystemClock(),
    )
    listener = Listener(stream)

    stream.close()

    assert listener.ended.wait(5)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("piece", [b"x", b": still here\n", b"data: more\n"])
def test_an_event_without_end_is_given_up_and_the_stream_opened_again(piece: bytes) -> None:
    clock = FakeClock()
    chunk = piece * (65536 // len(piece))
    endless = sse(*[chunk] * (2 * MAX_EVENT_BYTES // len(chunk)))
    transport = ScriptedTransport([endless, sse(completed("a"))])
    stream = make_stream(transport, clock=clock)

    event = next(iter(stream))

    assert event.generation_id == "a"
    assert sum(clock.sleeps) == pytest.approx(FIRST_DELAY)


def test_a_line_without_end_does_not_keep_a_stream_from_being_closed(
    serve: Callable[..., LocalServer],
) -> None:
    def flood(handler: BaseHTTPRequestHandler) -> None:
        send_headers(handler)
        with contextlib.suppress(OSError):
            while not server.release.is_set():
                handler.wfile.write(b": on and on\n\n" * 4096)

    server = serve(flood)
    stream = make_stream(RequestsTransport(), clock=SystemClock(), base_url=server.url)
    listener = Listener(stream)
    assert stream.connected.wait(5)
    stream.close()

    assert listener.ended.wait(5)
