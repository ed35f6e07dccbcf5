"""`RequestsTransport` over TLS: a fixed address, the right name, an untrusted certificate."""

import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import (
    CertificateRefused,
    ConnectionFailed,
    UnsafeUrl,
)
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import (
    HttpRequest,
    RequestsTransport,
)
from tests.fakes.clock import FakeClock
from tests.unit.oxen.conftest import LocalServer

Serve = Callable[..., LocalServer]


def answer(handler: BaseHTTPRequestHandler, body: bytes = b"ok", status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def get(url: str, **fields: object) -> HttpRequest:
    return HttpRequest(method="GET", url=url, **fields)


def test_a_fixed_address_is_connected_to_under_the_url_s_own_name(
    serve: Serve,
    server_tls: ssl.SSLContext,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """images.test has no address at all, so only the one given can have been used."""
    server = serve(answer, tls=server_tls)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    url = f"https://images.test:{server.port}/a.png"

    response = RequestsTransport().send(get(url, address="127.0.0.1"))

    assert response.body == b"ok"
    assert server.requests[0][1]["host"] == f"images.test:{server.port}"


def test_a_certificate_for_another_name_is_refused_at_a_fixed_address(
    serve: Serve,
    server_tls: ssl.SSLContext,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve(answer, tls=server_tls)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    with pytest.raises(CertificateRefused):
        RequestsTransport().send(
            get(f"https://other.test:{server.port}/a.png", address="127.0.0.1")
        )

    assert server.requests == []


def test_an_untrusted_certificate_is_refused(serve: Serve, server_tls: ssl.SSLContext) -> None:
    server = serve(answer, tls=server_tls)

    with pytest.raises(CertificateRefused, match="REQUESTS_CA_BUNDLE") as caught:
        RequestsTransport().send(
            get(f"https://images.test:{server.port}/a.png", address="127.0.0.1")
        )

    assert caught.value.maybe_sent is False


def test_closing_wakes_a_reader_behind_tls_too(
    serve: Serve,
    server_tls: ssl.SSLContext,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hold(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.flush()
        server.release.wait(10)

    server = serve(hold, tls=server_tls)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    request = get(f"https://images.test:{server.port}/", address="127.0.0.1", read_timeout=10.0)

    with RequestsTransport().stream(request) as stream:
        threading.Timer(0.1, stream.close).start()
        began = time.monotonic()
        with pytest.raises(ConnectionFailed):
            list(stream.chunks)

    assert time.monotonic() - began < 5


def test_a_name_that_leads_to_this_machine_is_not_even_connected_to(
    serve: Serve,
    server_tls: ssl.SSLContext,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server is there, and its certificate is trusted: only the address forbids it."""
    server = serve(answer, tls=server_tls)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    client = OxenClient(
        "https://hub.test",
        api_key="key",
        transport=RequestsTransport(),
        clock=FakeClock(),
        retry=RetryPolicy(attempts=1),
        resolver=lambda host, port: ("127.0.0.1",),
    )

    with pytest.raises(UnsafeUrl, match="not a public address"):
        client.download(f"https://images.test:{server.port}/a.png")

    assert server.requests == []
