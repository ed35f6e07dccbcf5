"""Runs the simulator on a loopback port, in a thread or in the foreground."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from nbp_dagster.simulator.app import create_app
from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.painting.paint_worker import Painter
from nbp_dagster.simulator.state.simulator import Simulator
from nbp_dagster.simulator.state.traffic import Connections

# Loopback only: any text counts as a key.
HOST = "127.0.0.1"

_START_SECONDS = 10.0
_STOP_SECONDS = 10.0


class SimulatorServer:
    """A simulator in a thread of its own, for use as a context manager.

    Example:
        with SimulatorServer(SimulatorOptions(latency=0)) as server:
            requests.get(f"{server.url}/_simulator/health")

    Args:
        options: The settings.
        port: Port to listen on; 0 lets the system choose a free one.
        painter: Draws the pictures; the simulator's own when None.
    """

    def __init__(
        self,
        options: SimulatorOptions | None = None,
        *,
        port: int = 0,
        painter: Painter | None = None,
    ) -> None:
        self._options = options or SimulatorOptions()
        self._wanted_port = port
        self._painter = painter
        self._port = 0
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Base URL without a trailing slash; valid once started."""
        return f"http://{HOST}:{self._port}"

    def start(self) -> Self:
        """Start the thread and return when requests are served.

        Raises:
            OSError: The port is taken.
            RuntimeError: The server is already running, or did not come up.
        """
        if self._server is not None:
            raise RuntimeError("the simulator is already running; stop it first")
        listener = _listen(self._wanted_port)
        self._port = listener.getsockname()[1]
        ready = threading.Event()
        server = _Server(create_app(self._options, painter=self._painter), on_ready=ready.set)
        # A daemon, so that a forgotten simulator does not keep its process alive.
        thread = threading.Thread(
            target=server.run, args=([listener],), name="oxen-simulator", daemon=True
        )
        thread.start()
        if not ready.wait(_START_SECONDS):
            listener.close()
            raise RuntimeError(f"the simulator did not come up within {_START_SECONDS:g} s")
        self._server, self._thread = server, thread
        return self

    def stop(self) -> None:
        """Drop all connections and end the thread; a stopped server does nothing.

        Raises:
            RuntimeError: The thread did not end.
        """
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive():
            raise RuntimeError(f"the simulator did not stop within {_STOP_SECONDS:g} s")
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def serve(
    options: SimulatorOptions,
    *,
    port: int,
    ready: Callable[[str], None],
    painter: Painter | None = None,
) -> None:
    """Run a simulator in the foreground until the process is interrupted.

    Args:
        options: The settings.
        port: Port to listen on; 0 lets the system choose a free one.
        ready: Is called with the base URL once requests are served.
        painter: Draws the pictures; the simulator's own when None.

    Raises:
        OSError: The port is taken.
    """
    listener = _listen(port)
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    server = _Server(create_app(options, painter=painter), on_ready=lambda: ready(url))
    # uvicorn raises the interrupt again after it has shut down in order.
    with contextlib.suppress(KeyboardInterrupt):
        server.run([listener])


class _Server(uvicorn.Server):
    """A uvicorn server that can drop connections and signals when it is up."""

    def __init__(self, app: Starlette, *, on_ready: Callable[[], None]) -> None:
        simulator: Simulator = app.state.simulator
        super().__init__(
            uvicorn.Config(
                app,
                http=_make_protocol(simulator.connections),
                ws="none",
                loop="asyncio",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                timeout_keep_alive=75,
            )
        )
        self._simulator = simulator
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Open event streams and paused answers would otherwise hold the server for ever.
        self._simulator.interrupt()
        self._simulator.connections.reset_all()
        await super().shutdown(sockets)


def _make_protocol(connections: Connections) -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol, which enters its connections in `connections`."""

    class TrackedProtocol(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            connections.add(transport)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.remove(self.transport)
            super().connection_lost(exc)

    return TrackedProtocol


def _listen(port: int) -> socket.socket:
    """Return a listening loopback socket.

    Raises:
        OSError: The port is taken; the message names it.
    """
    # Named as TCP, because asyncio turns off the delay of small packets only for such sockets:
    # without it every answer over a kept connection takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {HOST}:{port}: {error.strerror}") from error
    return listener
