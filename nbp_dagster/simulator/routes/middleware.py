"""Middleware before all routes: logs, counts, limits and breaks requests as scripted."""

import json
import math
from collections.abc import Iterator
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nbp_dagster.simulator.errors import (
    CREDIT_MESSAGE,
    ApiError,
    set_retry_after,
    too_many_requests,
    typed_error,
)
from nbp_dagster.simulator.faults import REQUEST_FAULTS, Call, Fault
from nbp_dagster.simulator.state.simulator import Simulator
from nbp_dagster.simulator.state.traffic import LoggedRequest

CONTROL_PREFIX = "/_simulator/"
EVENTS_PATH = "/api/events"


class TrafficMiddleware:
    """ASGI middleware around the imitated routes; the simulator's own pass untouched."""

    def __init__(self, app: ASGIApp, simulator: Simulator) -> None:
        self._app = app
        self._simulator = simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self._app(scope, receive, send)
            return
        traffic = self._simulator.traffic
        lasting = scope["path"] == EVENTS_PATH
        logged = traffic.open(scope["method"], scope["path"], lasting=lasting)
        scope.setdefault("state", {})["logged"] = logged
        try:
            await self._admit(scope, receive, _note_status(logged, send))
        finally:
            traffic.close(logged, lasting=lasting)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._find_refusal(scope)
        if refusal is not None:
            await refusal.response()(scope, receive, send)
            return
        if self._simulator.barrier is not None:
            await self._simulator.barrier.wait(scope["method"], scope["path"])
        call = Call(scope["method"], scope["path"])
        if self._simulator.faults.wants_body() and scope["method"] == "POST":
            body = await _read_body(receive)
            prompt, model = _find_texts(body, "prompt", "model")
            call = Call(scope["method"], scope["path"], prompt, model)
            receive = _replay(body, receive)
        fault = self._simulator.faults.take(REQUEST_FAULTS, call)
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._break(fault, scope, receive, send)

    def _find_refusal(self, scope: Scope) -> ApiError | None:
        """Return the answer to a request that is refused, or None."""
        agent = dict(scope["headers"]).get(b"user-agent", b"").decode("latin-1")
        if "oxen" in agent.lower():
            return typed_error(426, "update_required", "This Oxen client is out of date.")
        limit = self._simulator.options.max_in_flight
        if limit is not None and self._simulator.traffic.in_flight > limit:
            return too_many_requests(1)
        wait = self._simulator.limiter.take()
        return None if wait is None else too_many_requests(math.ceil(wait))

    async def _break(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with a fault, or not at all."""
        if fault.kind == "slow":
            await self._simulator.pause(fault.seconds)
            await self._app(scope, receive, send)
            return
        if fault.kind in ("reset_after", "status_after"):
            # The request is carried out; its answer is lost.
            await self._app(scope, receive, _swallow)
        if fault.kind in ("reset", "reset_after"):
            await self._simulator.connections.reset(scope, receive)
            return
        await _answer_of(fault).response()(scope, receive, send)


def _answer_of(fault: Fault) -> ApiError:
    if fault.kind == "no_credit":
        return typed_error(402, "payment_required", fault.message or CREDIT_MESSAGE)
    if fault.status == 429:
        return too_many_requests(fault.retry_after, fault.message)
    error = typed_error(fault.status, "unknown_error", fault.message or "Simulated failure")
    set_retry_after(error, fault.retry_after)
    return error


def _note_status(logged: LoggedRequest, send: Send) -> Send:
    async def note(message: Message) -> None:
        if message["type"] == "http.response.start":
            logged.status = message["status"]
        await send(message)

    return note


async def _swallow(message: Message) -> None:
    """Discard an answer."""


async def _read_body(receive: Receive) -> bytes:
    chunks = []
    more = True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields the body again before it goes on."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _find_texts(body: bytes, *names: str) -> Iterator[str | None]:
    """Yield the fields of a JSON body; None for one that is missing or no text."""
    try:
        data: Any = json.loads(body)
    except ValueError:
        data = None
    for name in names:
        value = data.get(name) if isinstance(data, dict) else None
        yield value if isinstance(value, str) else None
