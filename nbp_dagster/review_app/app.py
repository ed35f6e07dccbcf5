"""Puts the review page together as an ASGI app; knows no server and no port."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nbp_dagster.errors import NbpError
from nbp_dagster.review_app import (
    asking_routes,
    decision_routes,
    pages,
    picture_routes,
    report_routes,
)
from nbp_dagster.review_app.context import NameWanted, NotAdmitted, ReviewContext, session_of
from nbp_dagster.review_app.guard import Guard
from nbp_dagster.studio.asking.asker import CannotAsk
from nbp_dagster.studio.regeneration_rules import AlreadyAsked
from nbp_dagster.studio.review.decision_log import DecisionMoved
from nbp_dagster.studio.review.reviews import BadDecision, NoSuchSet, PictureMoved

_STATUS: dict[type[NbpError], int] = {
    NotAdmitted: 403,
    NoSuchSet: 404,
    DecisionMoved: 409,
    PictureMoved: 409,
    BadDecision: 400,
    CannotAsk: 400,
    AlreadyAsked: 409,
}


def create_app(context: ReviewContext) -> Starlette:
    """Return the review page as an app.

    Args:
        context: The sets, the decisions, and who may see and make them.
    """
    app = Starlette(
        routes=[
            *decision_routes.ROUTES,
            *asking_routes.ROUTES,
            *pages.ROUTES,
            *report_routes.ROUTES,
            *picture_routes.ROUTES,
        ],
        middleware=[Middleware(Guard, hosts=context.access.hosts, posts=context.posts)],
        exception_handlers={NbpError: _answer_error, HTTPException: _answer_http_error},
    )
    app.state.context = context
    return app


def _answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, NbpError)
    if isinstance(error, NameWanted) or (
        type(error) is NotAdmitted and not request.url.path.startswith("/s/")
    ):
        return _ask_who(request, error)
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    return _tell(request, str(error), status)


def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _tell(request, "there is no such page", error.status_code)


def _ask_who(request: Request, error: NbpError) -> Response:
    wants_token = isinstance(error, NotAdmitted)
    if request.method == "POST" or _wants_json(request):
        return _tell(request, str(error), 403)
    values = {
        "told": str(error),
        "wants_token": wants_token,
        "name": session_of(request).name,
        "reviewer": None,
        "next": request.url.path,
    }
    return pages.answer(request, "enter.html.j2", values, status=403 if wants_token else 200)


def _tell(request: Request, words: str, status: int) -> Response:
    if _wants_json(request):
        return JSONResponse({"error": words}, status)
    values = {"told": words, "reviewer": None, "is_shared": True}
    return pages.answer(request, "error.html.j2", values, status=status)


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")
