"""A server that sends the key and a terminal's commands back, in every place of an answer."""

import json
import logging
import traceback

import pytest

from nbp_dagster.clock import SystemClock
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import OxenError
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import RequestsTransport
from tests.rigs.raw_server import RawServer, respond
from tests.unit.oxen.clients import JOB, KEY

ESC = "\x1b[2J\x1b]0;owned\x07"
LINE = f"{KEY} {ESC}".encode()
ECHO = json.dumps({"error": {"type": f"{KEY}{ESC}", "detail": f"you sent {KEY} {ESC}\ud800\x00"}})
ESCAPED = "".join(f"\\u{ord(character):04x}" for character in KEY)

ANSWERS: dict[str, bytes] = {
    "a status line": LINE + b"\r\n\r\n",
    "a protocol": b"HTTP/9.9" + LINE + b" 200 OK\r\n\r\n",
    "a status that is no number": b"HTTP/1.1 " + LINE + b"\r\n\r\n",
    "a reason": respond(b"", status=f"500 {KEY} {ESC}"),
    "a header without a colon": respond(b"{}", status="400 No", headers=LINE + b"\r\n"),
    "a folded header": respond(b"{}", status="400 No", headers=b"X: a\r\n " + LINE + b"\r\n"),
    "a request id": respond(b"{}", status="400 No", headers=b"x-request-id: " + LINE + b"\r\n"),
    "a redirect": respond(b"", status="302 Found", headers=b"Location: /" + LINE + b"\r\n"),
    "a length": b"HTTP/1.1 400 No\r\nContent-Length: " + LINE + b"\r\n\r\n{}",
    "a length of odd digits": b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\xb3\r\n\r\n{}",
    "an encoding": respond(LINE, headers=b"Content-Encoding: gzip\r\n"),
    "a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + LINE + b"\r\n",
    "an error": respond(ECHO.encode(), status="400 No"),
    "an error within a success": respond(ECHO.encode()),
    "an escaped error": respond(f'{{"error": "{ESCAPED}"}}'.encode(), status="422 No"),
    "plain text": respond(LINE, status="418 No"),
    "a page": respond(b"<html><title>" + LINE + b"</title></html>", status="502 Bad"),
    "no JSON": respond(LINE),
    "a status of a job": respond(json.dumps({**JOB, "status": f"{KEY}{ESC}"}).encode()),
    "a key of a job": respond(json.dumps({KEY: 1, "generation_id": [KEY]}).encode()),
    "nothing": b"",
}


def ask(url: str) -> OxenClient:
    return OxenClient(
        url,
        api_key=KEY,
        transport=RequestsTransport(),
        clock=SystemClock(),
        retry=RetryPolicy(attempts=1),
    )


@pytest.mark.parametrize("place", ANSWERS)
@pytest.mark.parametrize("call", ["get", "post"])
def test_an_echo_of_the_key_reaches_no_text_and_no_log(
    place: str, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = ""

    with RawServer(lambda _: ANSWERS[place]) as server:
        client = ask(server.url)
        try:
            if call == "get":
                said = repr(client.get_generation("g"))
            else:
                said = repr(client.enqueue(model="m", prompt="p"))
        except OxenError as error:
            said = "".join(traceback.format_exception(error)[-1:]).partition(": ")[2].strip()
            said += f" {error.__context__ or ''}"

    shown = said + caplog.text
    assert KEY not in shown
    assert KEY[:10] not in shown
    assert "\x1b" not in shown
    assert "\x07" not in said
    assert said.isprintable()
    # The names of what the library raises say nothing to people.
    assert not any(name in said for name in ("BadStatusLine", "ProtocolError", "HTTPException"))
