"""Runs the review page at an address until it is interrupted."""

import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from nbp_dagster.errors import NbpError


class AddressTaken(NbpError):
    """The address can't be listened at."""


def serve(app: Starlette, *, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Serve an app in the foreground.

    Args:
        app: The review page.
        host: Address to listen at.
        port: 1 to 65535; 0 for any that is free.
        ready: Is called with the port once requests are served and an interrupt ends the server.

    Raises:
        AddressTaken: It can't be listened at.
    """
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise AddressTaken(
            f"port {port} of {host} can't be listened at ({error.strerror}); give another one"
        ) from None
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        # The peer is who connects; `AccessRules.proxies` says whose word about users counts.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        lifespan="off",
    )
    port = listener.getsockname()[1]
    _Server(config, on_ready=lambda: ready(port)).run(sockets=[listener])


class _Server(uvicorn.Server):
    """A uvicorn server that says when it is up.

    Nobody is told of it before: an interrupt that comes while Python's own handler is in place may
    be lost in a callback that swallows exceptions.
    """

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()
