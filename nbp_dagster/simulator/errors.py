"""The two error bodies the imitated service answers with; knows no route and no state."""

from collections.abc import Mapping

from starlette.responses import JSONResponse

CREDIT_MESSAGE = "Insufficient credits"
CAPACITY_MESSAGE = (
    "Getting model response error: 503 - The model is overloaded. Please try again later."
)
REFUSAL_MESSAGE = "Content policy violation: the request was flagged by the safety system."


class ApiError(Exception):
    """A refusal on the wire.

    Args:
        status: HTTP status code.
        body: The JSON body, already in one of the two shapes.
    """

    def __init__(self, status: int, body: Mapping[str, object]) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.headers: dict[str, str] = {}

    def response(self) -> JSONResponse:
        """Return the answer to send."""
        return JSONResponse(dict(self.body), status_code=self.status, headers=self.headers)


def typed_error(status: int, error_type: str, detail: str) -> ApiError:
    """Return an error in the long shape: `error.type`, `title`, `detail`, `status_message`."""
    title = error_type.replace("_", " ").capitalize()
    body = {
        "error": {"type": error_type, "title": title, "detail": detail},
        "status": "error",
        "status_message": error_type,
    }
    return ApiError(status, body)


def plain_error(status: int, message: str) -> ApiError:
    """Return an error in the short shape: `error.message` alone."""
    return ApiError(status, {"error": {"message": message}})


def unauthenticated() -> ApiError:
    """Return the answer to a call without a bearer key."""
    return typed_error(401, "unauthenticated", "A bearer key is required.")


def invalid_params(detail: str, *, status: int = 400) -> ApiError:
    """Return the answer to a request whose parameters cannot be used."""
    return typed_error(status, "invalid_params", detail)


def not_found(what: str) -> ApiError:
    """Return the answer to a job, repository or file that does not exist."""
    return typed_error(404, "resource_not_found", f"{what} not found")


def model_not_found(name: str) -> ApiError:
    """Return the answer to a model id that is not in the catalogue."""
    return plain_error(404, f"Model not found: {name}")


def forbidden(detail: str) -> ApiError:
    """Return the answer to an expired link or a private file."""
    return typed_error(403, "forbidden", detail)


def too_many_requests(retry_after: float | None, message: str | None = None) -> ApiError:
    """Return a 429, with `Retry-After` when a delay in seconds is given."""
    error = typed_error(429, "rate_limited", message or "Too many requests")
    set_retry_after(error, retry_after)
    return error


def set_retry_after(error: ApiError, seconds: float | None) -> None:
    """Give an answer a `Retry-After`; a fraction of a second is written as a decimal."""
    if seconds is not None:
        error.headers["Retry-After"] = f"{seconds:g}"
