"""What reviewers send: decisions, choices, their undoing, and who they are."""

import json
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from nbp_dagster.review_app.access import Session, clean_name
from nbp_dagster.review_app.context import (
    NotAdmitted,
    Reviewer,
    context_of,
    reviewer_of,
    session_of,
)
from nbp_dagster.review_app.guard import peer_of
from nbp_dagster.review_app.pages import answer, keep_session
from nbp_dagster.studio.review.approvals import ReviewedPicture, describe_decision
from nbp_dagster.studio.review.decision_log import Verdict
from nbp_dagster.studio.review.reviews import BadDecision, Reviews, Seen

_VERDICTS: Mapping[str, Verdict] = {"approved": "approved", "rejected": "rejected"}
# Fields of a form; a choice sends three for each of at most four variants.
_MOST_FIELDS = 40


class ForgedForm(NotAdmitted):
    """A form that was not made for this browser's session."""


async def decide(request: Request) -> Response:
    """Record an approval or a rejection."""
    form, reviewer = await read_form(request)

    def work(reviews: Reviews, campaign: str) -> list[ReviewedPicture]:
        verdict = _VERDICTS.get(form.get("verdict", ""))
        if verdict is None:
            raise BadDecision(
                f"verdict {form.get('verdict', '')[:40]!r}; accepted: {', '.join(_VERDICTS)}"
            )
        seen = read_seen(form)
        fault, reason = form.get("fault", ""), form.get("reason", "")
        return [
            reviews.decide(campaign, seen, verdict, who=reviewer.name, fault=fault, reason=reason)
        ]

    return await _record(request, work)


async def choose(request: Request) -> Response:
    """Record that one of several variants was chosen."""
    form, reviewer = await read_form(request)

    def work(reviews: Reviews, campaign: str) -> list[ReviewedPicture]:
        try:
            rows = json.loads(form["variants"])
            seen = [_seen(str(file), str(sha256), str(number)) for file, sha256, number in rows]
        except (ValueError, TypeError):
            raise BadDecision("the variants can't be read; load the page again") from None
        return list(reviews.choose(campaign, seen, who=reviewer.name))

    return await _record(request, work)


async def undo(request: Request) -> Response:
    """Take the latest decision about a picture back."""
    form, reviewer = await read_form(request)

    def work(reviews: Reviews, campaign: str) -> list[ReviewedPicture]:
        seen = read_seen(form)
        return [reviews.undo(campaign, seen, who=reviewer.name)]

    return await _record(request, work)


async def enter(request: Request) -> Response:
    """Take the token, the reviewer's name, or both."""
    context, session = context_of(request), session_of(request)
    form = await _read_fields(request)
    _require_own_form(request, form)
    is_admitted = session.is_admitted or not context.access.token
    if not is_admitted:
        if not context.logins.admit(peer_of(request.scope)):
            raise NotAdmitted("too many tries; wait a minute")
        is_admitted = context.access.accepts_token(form.get("token", "").strip())
    name = clean_name(form.get("name", "")) or session.name
    if not is_admitted or not name:
        told = "a name is needed" if is_admitted else "this is not the token"
        values = {
            "told": told,
            "wants_token": not is_admitted,
            "name": name,
            "reviewer": None,
            "next": _local(form.get("next", "/")),
        }
        return answer(request, "enter.html.j2", values, status=403 if not is_admitted else 400)
    response = RedirectResponse(_local(form.get("next", "/")), 303)
    keep_session(request, response, Session(name, is_admitted, session.nonce))
    return response


async def read_form(request: Request) -> tuple[Mapping[str, str], Reviewer]:
    """Return a form of this page and who sends it.

    Raises:
        NotAdmitted: It comes from nobody, or from another page.
    """
    form = await _read_fields(request)
    reviewer = reviewer_of(request)
    _require_own_form(request, form)
    return form, reviewer


async def _read_fields(request: Request) -> dict[str, str]:
    try:
        text = (await request.body()).decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise BadDecision("the form can't be read; load the page again") from None
    # A missing field is an empty one: each is checked where it is used.
    return {**dict.fromkeys(("file", "sha256", "number", "variants"), ""), **dict(pairs)}


def _require_own_form(request: Request, form: Mapping[str, str]) -> None:
    if not context_of(request).access.accepts_form(session_of(request), form.get("form_key", "")):
        raise ForgedForm("this form is not of this browser's page; load the page again")


def read_seen(form: Mapping[str, str]) -> Seen:
    """Return the picture that a form is about, as its page showed it.

    Raises:
        BadDecision: The number is none.
    """
    return _seen(form["file"], form["sha256"], form["number"])


def _seen(file: str, sha256: str, number: str) -> Seen:
    if not number.isdecimal() or len(number) > 9:
        raise BadDecision(f"number {number[:20]!r} of the decision shown; load the page again")
    return Seen(file, sha256, int(number))


async def _record(
    request: Request, work: Callable[[Reviews, str], list[ReviewedPicture]]
) -> Response:
    """Do the work in a thread, and answer as the sender asked: with JSON, or with its page."""
    reviews, campaign = context_of(request).reviews, request.path_params["campaign"]
    rows = await run_in_threadpool(work, reviews, campaign)
    if "application/json" not in request.headers.get("accept", ""):
        return RedirectResponse(_back(request, campaign), 303)
    told = [
        {
            "file": row.picture.file,
            "state": row.state,
            "number": row.number,
            "words": describe_decision(row),
        }
        for row in rows
    ]
    return JSONResponse({"pictures": told})


def _back(request: Request, campaign: str) -> str:
    """Return the path of the page a form was on, as its browser tells."""
    referer = urlsplit(request.headers.get("referer", ""))
    return _local(referer.path + ("?" + referer.query if referer.query else ""), f"/c/{campaign}")


def _local(path: str, otherwise: str = "/") -> str:
    """Return a path of this page; another site's address is left alone."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_local else otherwise


ROUTES = [
    Route("/enter", enter, methods=["POST"]),
    Route("/c/{campaign}/decide", decide, methods=["POST"]),
    Route("/c/{campaign}/choose", choose, methods=["POST"]),
    Route("/c/{campaign}/undo", undo, methods=["POST"]),
]
