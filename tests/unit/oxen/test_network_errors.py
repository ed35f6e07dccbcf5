"""What the HTTP library raises, told apart by whether the request may have been read."""

import http.client
import socket
import ssl

import pytest
import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)
from urllib3.exceptions import ProxyError as TunnelError
from urllib3.exceptions import SSLError as TlsError

from nbp_dagster.oxen.errors import (
    CertificateRefused,
    ConnectionFailed,
    OxenError,
    TimedOut,
    UnsafeUrl,
)
from nbp_dagster.oxen.network_errors import translate_fault

SECRET_URL = "/a.png?sig=s3cret"


def wrap(reason: Exception) -> MaxRetryError:
    return MaxRetryError(None, SECRET_URL, reason)


def caused_by(fault: Exception, cause: Exception) -> Exception:
    fault.__cause__ = cause
    return fault


REFUSED = caused_by(NewConnectionError(None, "failed"), ConnectionRefusedError(111, "refused"))
UNRESOLVED = caused_by(NewConnectionError(None, "failed"), socket.gaierror(-2, "unknown"))
SLOW_CONNECT = caused_by(ConnectTimeoutError("timed out"), TimeoutError("timed out"))
UNTRUSTED = TlsError(ssl.SSLCertVerificationError(1, "self-signed"))


@pytest.mark.parametrize(
    ("fault", "kind", "maybe_sent"),
    [
        (requests.ConnectionError(wrap(REFUSED)), ConnectionFailed, False),
        (requests.ConnectionError(wrap(UNRESOLVED)), ConnectionFailed, False),
        (requests.ConnectTimeout(wrap(SLOW_CONNECT)), TimedOut, False),
        (requests.exceptions.ProxyError(wrap(TunnelError("407", OSError("no")))), None, False),
        (requests.exceptions.SSLError(wrap(UNTRUSTED)), CertificateRefused, False),
        (requests.exceptions.SSLError(wrap(TlsError("EOF"))), ConnectionFailed, True),
        (requests.ReadTimeout(ReadTimeoutError(None, SECRET_URL, "silence")), TimedOut, True),
        (
            requests.ConnectionError(ProtocolError("aborted", ConnectionResetError(104, "reset"))),
            ConnectionFailed,
            True,
        ),
        (requests.ConnectionError(ProtocolError("x", BrokenPipeError())), ConnectionFailed, True),
        (requests.RequestException("something new"), ConnectionFailed, True),
        (OSError(5, "input/output error"), ConnectionFailed, True),
        (requests.exceptions.InvalidURL(f"bad {SECRET_URL}"), UnsafeUrl, None),
        (requests.exceptions.InvalidHeader("bad header"), UnsafeUrl, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_fault_before_the_answer(
    fault: Exception, kind: type[OxenError] | None, maybe_sent: bool | None
) -> None:
    error = translate_fault(fault, endpoint="POST https://h.test/", sent=False, timeouts=(1, 2))

    assert type(error) is (kind or ConnectionFailed)
    assert getattr(error, "maybe_sent", None) is maybe_sent
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    "fault",
    [
        requests.ConnectionError(wrap(REFUSED)),
        ProtocolError("aborted", ConnectionResetError(104, "reset")),
        ReadTimeoutError(None, SECRET_URL, "silence"),
        ValueError("odd chunk"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_once_an_answer_has_begun_the_request_was_read(fault: Exception) -> None:
    error = translate_fault(fault, endpoint="POST https://h.test/", sent=True, timeouts=(1, 2))

    assert isinstance(error, ConnectionFailed)
    assert error.maybe_sent is True


def test_the_innermost_words_are_the_ones_shown() -> None:
    fault = requests.ConnectionError(wrap(REFUSED))

    error = translate_fault(fault, endpoint="GET https://h.test/", sent=False, timeouts=(1, 2))

    assert error.detail == "refused"


def test_faults_that_wrap_each_other_end() -> None:
    outer, inner = requests.ConnectionError("outer"), ConnectionResetError(104, "reset")
    outer.__cause__, inner.__cause__ = inner, outer

    error = translate_fault(outer, endpoint="GET https://h.test/", sent=False, timeouts=(1, 2))

    assert error.detail == "reset"


CANARY = "sk-live-canary /a.png?sig=s3cret \x1b[2J"


@pytest.mark.parametrize(
    "fault",
    [
        requests.ConnectionError(f"Max retries exceeded with url: {SECRET_URL}"),
        requests.ConnectionError(ProtocolError("aborted", http.client.BadStatusLine(CANARY))),
        requests.ConnectionError(ProtocolError("aborted", http.client.UnknownProtocol(CANARY))),
        requests.ConnectionError(ProtocolError("aborted", http.client.HTTPException(CANARY))),
        requests.exceptions.ContentDecodingError(DecodeError(CANARY)),
        requests.exceptions.ProxyError(wrap(TunnelError(CANARY, OSError(CANARY)))),
        OSError(CANARY),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("sent", [False, True])
def test_nothing_of_an_answer_or_url_is_quoted(fault: Exception, sent: bool) -> None:
    error = translate_fault(fault, endpoint="GET https://h.test/", sent=sent, timeouts=(1, 2))

    assert not any(piece in str(error) for piece in ("canary", "s3cret", "\x1b", "Error"))
    assert error.detail
