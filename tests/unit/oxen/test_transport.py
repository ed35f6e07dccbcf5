"""`RequestsTransport` against real sockets on loopback."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from nbp_dagster.oxen.errors import (
    BadResponse,
    ConnectionFailed,
    OxenError,
    TimedOut,
    UnsafeUrl,
)
from nbp_dagster.oxen.transport import (
    USER_AGENT,
    HttpRequest,
    HttpResponse,
    RequestsTransport,
    count_missing,
)
from tests.fakes.clock import FakeClock
from tests.fakes.transport import ScriptedStream, ScriptedTransport
from tests.unit.oxen.conftest import LocalServer

Serve = Callable[..., LocalServer]


def answer(handler: BaseHTTPRequestHandler, body: bytes = b"ok", status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def get(url: str, **fields: object) -> HttpRequest:
    return HttpRequest(method="GET", url=url, **fields)


def test_the_user_agent_is_not_taken_for_the_service_s_own_client(serve: Serve) -> None:
    server = serve(answer)

    RequestsTransport().send(get(server.url))

    assert server.requests[0][1]["user-agent"] == USER_AGENT
    assert "oxen" not in USER_AGENT.lower()
    assert USER_AGENT.startswith("nbp-dagster/")


def test_a_request_arrives_as_given_and_the_answer_comes_back(serve: Serve) -> None:
    server = serve(lambda handler: answer(handler, b"made", 201))
    request = HttpRequest(
        method="POST", url=f"{server.url}/a?b=c", body=b"{}", headers={"X-One": "1"}, bearer="k-1"
    )

    response = RequestsTransport().send(request)

    [(line, headers)] = server.requests
    assert (response.status, response.body) == (201, b"made")
    assert response.header("Content-LENGTH") == "4"
    assert line == "POST /a?b=c"
    assert (headers["authorization"], headers["x-one"]) == ("Bearer k-1", "1")


def test_without_a_key_nothing_in_the_environment_adds_one(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(answer)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    transport = RequestsTransport()
    transport.send(get(server.url))
    transport.send(get(server.url, bearer="k-1"))

    assert [headers.get("authorization") for _, headers in server.requests] == [None, "Bearer k-1"]


def test_loopback_never_goes_through_a_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(answer)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert RequestsTransport().send(get(server.url)).status == 200


def test_another_host_is_asked_through_the_environment_s_proxy(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(answer)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert RequestsTransport().send(get("http://images.test/a.png")).status == 200
    [(line, headers)] = proxy.requests
    assert (line, headers["host"]) == ("GET http://images.test/a.png", "images.test")


def test_a_redirect_is_returned_and_not_followed(serve: Serve) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server = serve(redirect)

    response = RequestsTransport().send(get(server.url))

    assert (response.status, response.header("location")) == (302, "/elsewhere")
    assert len(server.requests) == 1


@pytest.mark.parametrize("location", ["/elsewhere", "http://[::1/"])
def test_the_body_of_a_redirect_is_left_to_the_caller(serve: Serve, location: str) -> None:
    """The library would read it to its end, however long that is."""

    def redirect_and_hold(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", location)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"moved")
        handler.wfile.flush()
        server.release.wait(5)

    server = serve(redirect_and_hold)

    with RequestsTransport().stream(get(server.url)) as stream:
        assert (stream.status, stream.header("location")) == (302, location)
        assert next(stream.chunks) == b"moved"
        assert not server.release.is_set()


def test_cookies_are_not_kept(serve: Serve) -> None:
    def bake(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Set-Cookie", "session=1")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server = serve(bake)
    transport = RequestsTransport()

    transport.send(get(server.url))
    transport.send(get(server.url))

    assert "cookie" not in server.requests[1][1]


def test_one_thread_reuses_its_connection_and_another_has_its_own(serve: Serve) -> None:
    server = serve(answer)
    transport = RequestsTransport()

    for _ in range(3):
        transport.send(get(server.url))
    assert len(server.connections) == 1

    other = threading.Thread(target=lambda: transport.send(get(server.url)))
    other.start()
    other.join()
    assert len(server.connections) == 2


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_a_refused_connection_was_never_sent() -> None:
    with pytest.raises(ConnectionFailed, match="Connection refused") as caught:
        RequestsTransport().send(get(f"http://127.0.0.1:{closed_port()}/a?sig=s3cret"))

    assert caught.value.maybe_sent is False
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_host_without_address_was_never_sent() -> None:
    with pytest.raises(ConnectionFailed) as caught:
        RequestsTransport().send(get("http://nowhere.invalid/"))

    assert caught.value.maybe_sent is False


def test_an_older_error_does_not_make_a_reset_look_like_a_refusal(serve: Serve) -> None:
    """Taking it for "never sent" would post a paid request twice."""
    server = serve(lambda handler: handler.connection.shutdown(socket.SHUT_RDWR))

    try:
        raise ConnectionRefusedError("an older fault")
    except ConnectionRefusedError:
        with pytest.raises(ConnectionFailed) as caught:
            RequestsTransport().send(get(server.url))

    assert caught.value.maybe_sent is True


def test_a_server_that_hangs_up_may_have_read_the_request(serve: Serve) -> None:
    server = serve(lambda handler: handler.connection.shutdown(socket.SHUT_RDWR))

    with pytest.raises(ConnectionFailed) as caught:
        RequestsTransport().send(HttpRequest(method="POST", url=server.url, body=b"{}"))

    assert caught.value.maybe_sent is True
    assert not isinstance(caught.value, TimedOut)
    assert len(server.requests) == 1


def test_a_silent_server_may_have_read_the_request(serve: Serve) -> None:
    server = serve(lambda handler: server.release.wait(5))

    with pytest.raises(TimedOut, match=r"no byte for 0\.2 s") as caught:
        RequestsTransport().send(get(server.url, read_timeout=0.2))

    assert caught.value.maybe_sent is True


def test_a_full_backlog_is_a_connection_that_was_never_made() -> None:
    """No server accepts: the connect itself times out."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))

        with pytest.raises(TimedOut, match=r"no connection within 0\.2 s") as caught:
            RequestsTransport().send(get(f"http://127.0.0.1:{port}/", connect_timeout=0.2))

        for filler in fillers:
            filler.close()
    assert caught.value.maybe_sent is False


def test_a_body_that_breaks_off_is_noticed(serve: Serve) -> None:
    def promise_too_much(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    server = serve(promise_too_much)

    with pytest.raises(ConnectionFailed) as caught:
        RequestsTransport().send(get(server.url))

    assert caught.value.maybe_sent is True


def test_a_chunked_body_that_breaks_off_is_noticed(serve: Serve) -> None:
    def break_off(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"4\r\nhalf\r\n")
        handler.close_connection = True

    server = serve(break_off)

    with pytest.raises(ConnectionFailed):
        RequestsTransport().send(get(server.url))


def test_a_body_that_drips_past_the_total_time_is_cut(serve: Serve) -> None:
    clock = FakeClock()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        # Its time counts from when it is sent, which may be noted after the first bytes are here.
        with contextlib.suppress(OSError):
            while not server.release.wait(0.01):
                clock.advance(1.0)
                handler.wfile.write(b".")

    server = serve(drip)

    with pytest.raises(TimedOut, match=r"longer than 0\.5 s"):
        RequestsTransport(clock=clock).send(get(server.url, total_timeout=0.5))


@pytest.mark.parametrize("part", ["headers", "body of a length", "body until close"])
def test_an_answer_that_drips_for_ever_ends_with_its_total_time(serve: Serve, part: str) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if part == "body of a length":
            handler.send_header("Content-Length", "1000")
        if part != "headers":
            handler.end_headers()
        else:
            handler.flush_headers()
        piece = b"X-More: 1\r\n" if part == "headers" else b"."
        with contextlib.suppress(OSError):
            while not server.release.wait(0.05):
                handler.wfile.write(piece)

    server = serve(drip)
    began = time.monotonic()

    with pytest.raises(TimedOut, match=r"longer than 1 s") as caught:
        RequestsTransport().send(get(server.url, total_timeout=1.0))

    assert caught.value.maybe_sent
    assert time.monotonic() - began < 5


def test_a_long_upload_is_no_slow_answer() -> None:
    """The time of an answer begins when the request is sent: references may take minutes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def read_slowly() -> None:
            connection, _ = listener.accept()
            left = 8_000_000
            with connection:
                time.sleep(1.0)
                while left > 0:
                    left -= len(connection.recv(1 << 20))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        threading.Thread(target=read_slowly, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        request = HttpRequest(method="POST", url=url, body=b"x" * 8_000_000, total_timeout=0.6)

        assert RequestsTransport().send(request).body == b"ok"


@pytest.mark.parametrize("drip", [0, 4096])
def test_an_upload_that_is_not_taken_ends_after_its_own_time(drip: int) -> None:
    """Each piece that is taken would begin the silence anew."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take_little() -> None:
            connection, _ = listener.accept()
            with connection:
                while not over.wait(0.02):
                    if drip:
                        connection.recv(drip)

        thread = threading.Thread(target=take_little, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        request = HttpRequest(
            method="PUT", url=url, body=b"x" * 32_000_000, send_timeout=0.5, total_timeout=60.0
        )

        started = time.monotonic()
        with pytest.raises(TimedOut, match=r"sending took longer than 0\.5 s") as caught:
            RequestsTransport().send(request)
        over.set()
        thread.join(10)

    assert caught.value.maybe_sent
    assert time.monotonic() - started < 10


def test_a_connection_used_again_counts_the_time_of_sending_anew(serve: Serve) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"ok")

    clock = FakeClock()
    transport, url = RequestsTransport(clock=clock), serve(answer).url

    for _ in range(3):
        request = HttpRequest(method="PUT", url=url, body=b"x" * 1000, send_timeout=0.4)
        assert transport.send(request).body == b"ok"
        clock.advance(0.3)


@pytest.mark.parametrize("has_begun", [False, True])
def test_an_answer_that_nobody_waits_for_any_more_is_cut_after_a_grace(
    serve: Serve, has_begun: bool
) -> None:
    def stall(handler: BaseHTTPRequestHandler) -> None:
        if has_begun:
            handler.send_response(200)
            handler.end_headers()
            handler.wfile.write(b"{")
        server.release.wait(30)

    server, clock = serve(stall), FakeClock()
    stopped_at = time.monotonic()
    transport = RequestsTransport(clock=clock, is_abandoned=lambda: bool(clock.advance(1.0) or 1))

    with pytest.raises(ConnectionFailed, match="the run was stopped") as caught:
        transport.send(HttpRequest(method="POST", url=server.url, read_timeout=60.0))

    assert caught.value.maybe_sent, "what the service did with it is not known"
    assert time.monotonic() - stopped_at < 10


def test_a_chunk_is_handed_over_while_the_answer_goes_on(serve: Serve) -> None:
    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"first")
        handler.wfile.flush()
        server.release.wait(5)

    server = serve(trickle)

    with RequestsTransport().stream(get(server.url)) as stream:
        assert next(stream.chunks) == b"first"
        assert not server.release.is_set()


@pytest.mark.parametrize("framing", ["length", "chunked", "until close"])
def test_closing_from_another_thread_wakes_a_waiting_reader(serve: Serve, framing: str) -> None:
    headers = {
        "length": ("Content-Length", "100"),
        "chunked": ("Transfer-Encoding", "chunked"),
        "until close": ("Connection", "close"),
    }

    def hold(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header(*headers[framing])
        handler.end_headers()
        handler.wfile.write(b"5\r\nfirst\r\n" if framing == "chunked" else b"first")
        handler.wfile.flush()
        server.release.wait(10)

    server = serve(hold)
    ended = threading.Event()

    with RequestsTransport().stream(get(server.url, read_timeout=10)) as stream:
        assert next(stream.chunks) == b"first"

        def read_on() -> None:
            try:
                list(stream.chunks)
            except ConnectionFailed:
                pass
            finally:
                ended.set()

        reader = threading.Thread(target=read_on, daemon=True)
        reader.start()
        stream.close()
        assert ended.wait(2), "the reader still waits"


def test_closing_a_stream_that_is_over_does_nothing(serve: Serve) -> None:
    server = serve(answer)

    with RequestsTransport().stream(get(server.url)) as stream:
        assert list(stream.chunks) == [b"ok"]
        stream.close()
    stream.close()

    assert len(server.requests) == 1


def test_the_library_s_debug_lines_show_no_query(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(answer)

    with caplog.at_level(logging.DEBUG):
        RequestsTransport().send(get(f"{server.url}/a.png?sig=s3cret", bearer="k-secret"))

    assert "/a.png" in caplog.text
    assert "s3cret" not in caplog.text
    assert "k-secret" not in caplog.text


def test_no_repr_shows_headers_body_query_or_key() -> None:
    request = HttpRequest(
        method="POST",
        url="https://hub.test/a?sig=s3cret",
        headers={"X-Token": "t0ken"},
        body=b"a prompt",
        bearer="k-1",
    )
    response = HttpResponse(status=200, headers={"x-token": "t0ken"}, body=b"a prompt")

    assert repr(request) == "HttpRequest(POST https://hub.test/a)"
    assert repr(response) == "HttpResponse(status=200)"


@pytest.mark.parametrize("url", ["nonsense", "http://", "gopher://hub.test/", "http://[::1/"])
def test_a_url_the_library_cannot_read_is_our_error(url: str) -> None:
    with pytest.raises(OxenError) as caught:
        RequestsTransport().send(get(url))

    assert isinstance(caught.value, UnsafeUrl)


@pytest.mark.parametrize(
    ("headers", "body", "missing"),
    [
        ({"content-length": "5"}, b"abc", 2),
        ({"Content-Length": "3"}, b"abc", 0),
        ({"content-length": "2"}, b"abc", 0),
        ({}, b"abc", 0),
        ({"content-length": "x"}, b"abc", 0),
        ({"content-length": "9", "content-encoding": "gzip"}, b"abc", 0),
    ],
)
def test_missing_bytes_are_counted(headers: dict[str, str], body: bytes, missing: int) -> None:
    assert count_missing(headers, len(body)) == missing


def test_an_answer_shorter_than_announced_is_a_bad_response() -> None:
    transport = ScriptedTransport([HttpResponse(status=200, headers={"content-length": "9"})])

    with pytest.raises(BadResponse, match="ends 9 bytes early"):
        transport.send(get("https://hub.test/"))


def test_an_answer_without_end_is_cut_at_the_limit() -> None:
    piece = b"x" * (32 * 1024 * 1024)
    transport = ScriptedTransport([ScriptedStream(chunks=[piece] * 5)])

    with pytest.raises(BadResponse, match="longer than"):
        transport.send(get("https://hub.test/"))
