"""What every route needs from a request: the simulator, the key, the body, the base URL."""

import json
from typing import Any

from starlette.requests import Request

from nbp_dagster.simulator.errors import invalid_params, typed_error, unauthenticated
from nbp_dagster.simulator.routes.multipart import MultipartError, Part, read_parts
from nbp_dagster.simulator.state.simulator import Simulator
from nbp_dagster.simulator.state.traffic import LoggedRequest

# What the form reader of the service's own server takes by default (actix-multipart).
MOST_FORM_BYTES = 50 * 1024 * 1024


def simulator_of(request: Request) -> Simulator:
    """Return the simulator the app was made for."""
    simulator: Simulator = request.app.state.simulator
    return simulator


def logged_request_of(request: Request) -> LoggedRequest:
    """Return the log entry of a request."""
    logged: LoggedRequest = request.state.logged
    return logged


def has_key(request: Request) -> bool:
    """Return whether a request carries a bearer key; any key that is not empty counts."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and bool(key.strip())


def require_key(request: Request) -> None:
    """Check that a request carries a bearer key.

    Raises:
        ApiError: It does not (401).
    """
    if not has_key(request):
        raise unauthenticated()


def base_url_of(request: Request) -> str:
    """Return scheme and host under which the client reached the simulator."""
    return f"{request.url.scheme}://{request.url.netloc}"


async def read_json(request: Request) -> Any:
    """Return the JSON body.

    Raises:
        ApiError: The body is not JSON (400).
    """
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise invalid_params("The request body is not valid JSON.") from error


async def read_form(request: Request) -> list[Part]:
    """Return the parts of a form.

    Raises:
        ApiError: It is larger than the service's form reader takes (413), or no form (400).
    """
    body = await request.body()
    if len(body) > MOST_FORM_BYTES:
        detail = f"The form has {len(body)} bytes, the limit is {MOST_FORM_BYTES}."
        raise typed_error(413, "payload_too_large", detail)
    try:
        return read_parts(request.headers.get("content-type", ""), body)
    except MultipartError as error:
        raise invalid_params(str(error)) from error
