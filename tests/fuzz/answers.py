"""Mutates answers of the service on their way over a socket; the key is a canary."""

import json
import logging
import random
from collections.abc import Callable, Iterator

from nbp_dagster.clock import SystemClock
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import OxenError
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import RequestsTransport
from tests.rigs.raw_server import RawServer, respond
from tests.unit.oxen.clients import JOB, QUEUED

CANARY = "sk-canary-7f3a9c51d2"
_MODEL = {"id": "m", "pricing": {"method": "per_image", "cost_per_image": 0.15}}
_ERROR = {"error": {"type": "invalid_params", "detail": f"you sent {CANARY}"}}

_PIECES = (
    *(
        b"\x00",
        b"\x1b[2J",
        b"\r\n",
        b"\r\n\r\n",
        b"\xff\xfe",
        b"\xb2",
        b"\\ud800",
        b"\\u0000",
        b"]}",
    ),
    *(
        b"{",
        b"[" * 2000,
        b"/" * 9000,
        b"1e999",
        b"-1",
        b"9" * 5000,
        b"null",
        b'"',
        b"data:",
        b"?a=b",
    ),
    *(CANARY.encode(), b"Bearer " + CANARY.encode(), b"".join(b"\\u%04x" % ord(c) for c in CANARY)),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"Location: http://[\r\n"),
    *(b"Retry-After: 0.001\r\n", b"x-request-id: " + CANARY.encode() + b"\r\n", b"HTTP/1.1 "),
)

# Each asks for something, and has an answer that is sound.
CALLS: dict[str, tuple[Callable[[OxenClient], object], bytes]] = {
    "job": (lambda client: client.get_generation("g"), respond(json.dumps(JOB).encode())),
    "list": (
        lambda client: client.list_generations(require_complete=True),
        respond(json.dumps({"count": 1, "generations": [JOB]}).encode()),
    ),
    "enqueue": (
        lambda client: client.enqueue(model="m", prompt="p"),
        respond(json.dumps(QUEUED).encode()),
    ),
    "model": (lambda client: client.get_model("m"), respond(json.dumps(_MODEL).encode())),
    "error": (
        lambda client: client.get_generation("g"),
        respond(json.dumps(_ERROR).encode(), status="400 No"),
    ),
    "throttle": (
        lambda client: client.enqueue(model="m", prompt="p"),
        respond(json.dumps(_ERROR).encode(), status="429 No", headers=b"Retry-After: 0.001\r\n"),
    ),
    "download": (
        # The bytes of a file are the service's own, and are shown nowhere.
        lambda client: len(client.download(f"{client.base_url}/a.png?sig=s3cret")),
        respond(b"picture", headers=b"Content-Type: image/png\r\n"),
    ),
}


def try_answers(
    count: int, *, seed: int, begin: Callable[[], None] = lambda: None
) -> Iterator[str]:
    """Ask `count` times, each answer mutated; yield what went wrong besides a clear error."""
    dice = random.Random(f"answers {seed}")
    current = b""
    heard = _Heard()
    loggers = [logging.getLogger(), logging.getLogger("urllib3"), logging.getLogger("nbp_dagster")]
    levels = [each.level for each in loggers]
    loggers[0].addHandler(heard)
    for each in loggers:
        each.setLevel(logging.DEBUG)
    try:
        with RawServer(lambda _: current) as server:
            client = OxenClient(
                server.url,
                api_key=CANARY,
                transport=RequestsTransport(),
                clock=SystemClock(),
                retry=RetryPolicy(attempts=1),
            )
            for number in range(count):
                begin()
                name = dice.choice(list(CALLS))
                call, sound = CALLS[name]
                current = _mutated(sound, dice)
                problem = _try(client, call, heard)
                if problem is not None:
                    yield f"{name} {number}: {problem}; the answer was {current[:300]!r}"
    finally:
        loggers[0].removeHandler(heard)
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


class _Heard(logging.Handler):
    """Keeps what is logged since it was last asked."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))

    def take(self) -> str:
        lines, self._lines = self._lines, []
        return "\n".join(lines)


def _try(client: OxenClient, call: Callable[[OxenClient], object], heard: _Heard) -> str | None:
    try:
        said = repr(call(client))
    except OxenError as error:
        said = f"{error} {error.__context__ or ''}"
        if not said.isprintable() or len(str(error)) > 1500:
            return f"it says {said[:300]!r}"
    except Exception as error:  # noqa: BLE001  # any other is what is looked for
        return f"it raises {error!r}"
    shown = said + heard.take()
    if CANARY in shown or CANARY[:12] in shown or CANARY[-12:] in shown:
        return "the key is shown"
    if "\x1b" in shown or "s3cret" in shown:
        return f"it shows {shown[:300]!r}"
    return None


def _mutated(answer: bytes, dice: random.Random) -> bytes:
    data = mutate(answer, dice)
    return _with_length(data) if dice.random() < 0.5 else data


def mutate(sound: bytes, dice: random.Random) -> bytes:
    """Return bytes with one to four places changed, cut out, or overwritten with odd pieces."""
    data = bytearray(sound)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(4):
            case 0:
                data[at:at] = dice.choice(_PIECES)
            case 1:
                data[at : at + dice.randint(1, 30)] = dice.choice(_PIECES)
            case 2:
                del data[at : at + dice.randint(1, 30)]
            case _:
                data[at : at + 1] = bytes([dice.randrange(256)])
    return bytes(data)


def _with_length(data: bytes) -> bytes:
    """Return an answer whose length is true again, so that its body is read."""
    head, gap, body = data.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join((*lines, b"Content-Length: %d" % len(body))) + gap + body
