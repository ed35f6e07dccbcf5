"""Puts the simulator together as an ASGI app; knows no server and no port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from nbp_dagster.simulator.errors import ApiError, not_found, typed_error
from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.painting.paint_worker import Painter
from nbp_dagster.simulator.routes import control, file, generation, workspace
from nbp_dagster.simulator.routes.middleware import TrafficMiddleware
from nbp_dagster.simulator.state.simulator import Simulator


def create_app(options: SimulatorOptions, *, painter: Painter | None = None) -> Starlette:
    """Return an app that imitates the Oxen API, with state of its own.

    The app's lifespan must be run: it restores earlier jobs and stops the painting threads.
    The `Simulator` behind it is `app.state.simulator`.

    Args:
        options: The settings.
        painter: Draws the pictures; the simulator's own when None.
    """
    simulator = Simulator(options, painter=painter)

    @asynccontextmanager
    async def live(app: Starlette) -> AsyncIterator[None]:
        simulator.open()
        try:
            yield
        finally:
            simulator.close()

    app = Starlette(
        routes=[*generation.ROUTES, *file.ROUTES, *workspace.ROUTES, *control.ROUTES],
        middleware=[Middleware(TrafficMiddleware, simulator=simulator)],
        exception_handlers={ApiError: _answer_api_error, HTTPException: _answer_http_error},
        lifespan=live,
    )
    app.state.simulator = simulator
    return app


def _answer_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response()


def _answer_http_error(request: Request, error: Exception) -> Response:
    """Answer an unknown path or method in the service's own shape."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return not_found("Resource").response()
    answer = typed_error(error.status_code, "invalid_params", error.detail)
    answer.headers |= dict(error.headers or {})
    return answer.response()
