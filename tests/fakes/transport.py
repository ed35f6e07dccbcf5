"""A transport that answers from a script and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from nbp_dagster.oxen.transport import HttpRequest, HttpResponse, HttpStream, Transport


@dataclass(frozen=True, kw_only=True)
class ScriptedStream:
    """An answer in pieces; an exception among them is raised where it stands."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: Sequence[bytes | Exception] = ()


Answer: TypeAlias = HttpResponse | ScriptedStream | Exception
Step: TypeAlias = Answer | Callable[[HttpRequest], Answer]


class ScriptedTransport(Transport):
    """Plays one step per request: an answer, an exception to raise, or a function of the request.

    A request beyond the script's end is an error of the test, and so is a script not played out
    when `assert_finished` is called.
    """

    def __init__(self, script: Sequence[Step]) -> None:
        self._script = list(script)
        self._requests: list[HttpRequest] = []
        self._lock = threading.Lock()

    @property
    def requests(self) -> tuple[HttpRequest, ...]:
        """Every request so far, in order."""
        return tuple(self._requests)

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        answer = self._next(request)
        if isinstance(answer, Exception):
            raise answer
        pieces = (answer.body,) if isinstance(answer, HttpResponse) else tuple(answer.chunks)
        closed = threading.Event()
        yield HttpStream(
            answer.status,
            answer.headers,
            chunks=_play(pieces, closed),
            closer=closed.set,
        )

    def assert_finished(self) -> None:
        """Fail when steps are left over."""
        assert not self._script, f"{len(self._script)} scripted answers were never asked for"

    def _next(self, request: HttpRequest) -> Answer:
        with self._lock:
            self._requests.append(request)
            assert self._script, f"request {len(self._requests)} is beyond the script: {request}"
            step = self._script.pop(0)
        return step(request) if callable(step) else step


def json_answer(
    payload: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return an answer with a JSON body."""
    return HttpResponse(
        status=status,
        headers={"content-type": "application/json", **(headers or {})},
        body=json.dumps(payload).encode(),
    )


def json_body(request: HttpRequest) -> object:
    """Return the JSON a request carries."""
    assert request.body is not None
    return json.loads(request.body)


def _play(pieces: Sequence[bytes | Exception], closed: threading.Event) -> Iterator[bytes]:
    for piece in pieces:
        if closed.is_set():
            return
        if isinstance(piece, Exception):
            raise piece
        yield piece
