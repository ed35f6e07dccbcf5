"""The pages of a review: the list of sets, a set's contact sheet, and one picture in detail."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from nbp_dagster.review_app.access import Session
from nbp_dagster.review_app.context import COOKIE, NotAdmitted, context_of, reviewer_of
from nbp_dagster.review_app.html import STATIC, read_static, render
from nbp_dagster.review_app.selection import ANY_FAULT, read_selection, select_pictures
from nbp_dagster.studio.checks.failure_words import FAILURE_WORDS, tell_failure
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest
from nbp_dagster.studio.review.approvals import ReviewedPicture, count_states, find_variants
from nbp_dagster.studio.review.reviews import SetReview

_YEAR_SECONDS = 31_536_000
# Number keys from 1 to 9.
_OFFERED = 9
_USUAL_FAULTS = (
    "cross_similarity",
    "copy_legible",
    "subject_whole",
    "subject_clear",
    "logo_present",
    "unrequested_text",
    "cast_count",
    "palette_coverage",
)


def list_sets(request: Request) -> Response:
    """Answer with the list of finished sets and how far each review is."""
    reviewer, reviews = reviewer_of(request), context_of(request).reviews
    cards: list[dict[str, Any]] = []
    for campaign in reviews.campaigns():
        review = reviews.open_soon(campaign)
        if review is None:
            cards.append({"campaign": campaign, "manifest": None})
            continue
        cards.append(
            {
                "campaign": campaign,
                "manifest": review.manifest,
                "counts": count_states(review.rows),
                "cover": next(iter(review.worst_first), None),
            }
        )
    is_reading = any(card["manifest"] is None for card in cards)
    values = {"cards": cards, "reviewer": reviewer, "is_reading": is_reading}
    return answer(request, "sets.html.j2", values)


def show_set(request: Request) -> Response:
    """Answer with one page of a set's pictures, the worst first."""
    reviewer, campaign = reviewer_of(request), request.path_params["campaign"]
    review = context_of(request).reviews.open(campaign)
    values = _set_values(request, review, base=f"/c/{campaign}")
    return answer(request, "set.html.j2", {**values, "reviewer": reviewer, "is_shared": False})


def show_picture(request: Request) -> Response:
    """Answer with a picture in detail, as the part of a page that shows it."""
    reviewer, campaign = reviewer_of(request), request.path_params["campaign"]
    context = context_of(request)
    review = context.reviews.open(campaign)
    row = review.find(request.query_params.get("file", ""))
    values = {
        **_picture_values(review, row, base=f"/c/{campaign}"),
        "earlier": context.files.earlier(row.picture),
        "history": context.reviews.history(row.picture),
        "can_ask": context.asking is not None,
        "is_shared": False,
        "reviewer": reviewer,
    }
    return answer(request, "_picture.html.j2", values)


def show_shared_set(request: Request) -> Response:
    """Answer with a set for whoever has its link: no prompts, no prices, nothing to decide."""
    review, base = _open_shared(request)
    values = _set_values(request, review, base=base)
    return answer(request, "set.html.j2", {**values, "reviewer": None, "is_shared": True})


def show_shared_picture(request: Request) -> Response:
    """Answer with a picture for whoever has the link of its set."""
    review, base = _open_shared(request)
    row = review.find(request.query_params.get("file", ""))
    values = {
        **_picture_values(review, row, base=base),
        "earlier": None,
        "history": (),
        "can_ask": False,
        "is_shared": True,
        "reviewer": None,
    }
    return answer(request, "_picture.html.j2", values)


def send_static(request: Request) -> Response:
    """Answer with a static part of the page."""
    name = request.path_params["name"]
    if name not in STATIC:
        return Response(status_code=404)
    headers = {"Cache-Control": f"public, max-age={_YEAR_SECONDS}, immutable"}
    return Response(read_static(name), media_type=STATIC[name], headers=headers)


def answer(
    request: Request, template: str, values: Mapping[str, Any], *, status: int = 200
) -> HTMLResponse:
    """Return a page whose forms belong to the browser's session, and set its cookie."""
    access = context_of(request).access
    reviewer = values.get("reviewer")
    session: Session = (
        reviewer.session if reviewer else access.open_session(request.cookies.get(COOKIE))
    )
    page = render(template, {"form_key": access.form_key(session), **values})
    response = HTMLResponse(page, status)
    if not values.get("is_shared"):
        keep_session(request, response, session)
    return response


def keep_session(request: Request, response: Response, session: Session) -> None:
    """Set the cookie of a session: no script reads it, no other site sends it."""
    response.set_cookie(
        COOKIE,
        context_of(request).access.write_session(session),
        max_age=30 * 86_400,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def shared_campaign(request: Request) -> str:
    """Return the campaign of a share link.

    Raises:
        NotAdmitted: The link has expired, or is not one of ours.
    """
    campaign = context_of(request).access.open_share(request.path_params["token"])
    if campaign is None:
        raise NotAdmitted("this link has expired or is not complete; ask for a new one")
    return campaign


def _open_shared(request: Request) -> tuple[SetReview, str]:
    review = context_of(request).reviews.open(shared_campaign(request))
    return review, f"/s/{request.path_params['token']}"


def _set_values(request: Request, review: SetReview, *, base: str) -> Mapping[str, Any]:
    manifest = review.manifest
    selection = read_selection(request.query_params)
    return {
        "base": base,
        "campaign": manifest.campaign.id,
        "set": manifest,
        "counts": count_states(review.rows),
        "page": select_pictures(manifest, review.worst_first, selection),
        "selection": selection,
        "failing": _count_failing(review.rows),
        "any_fault": ANY_FAULT,
        "channels": {channel.id: channel for channel in manifest.channels},
        "characters": {each.id: each.name for each in manifest.characters},
        "has_variants": any(picture.variant > 1 for picture in manifest.pictures),
    }


def _picture_values(review: SetReview, row: ReviewedPicture, *, base: str) -> Mapping[str, Any]:
    manifest, picture = review.manifest, row.picture
    checks = sorted(picture.checks, key=lambda each: (each.verdict != "failed", each.severity))
    return {
        "base": base,
        "set": manifest,
        "row": row,
        "picture": picture,
        "checks": checks,
        "channel": next(each for each in manifest.channels if each.id == picture.channel),
        "shot": next(each for each in manifest.shots if each.id == picture.shot),
        "variants": find_variants(review.rows, picture),
        "cast": _cast(manifest, picture),
        "likely": _likely_faults(picture),
        "when": lambda stamp: datetime.fromtimestamp(stamp, UTC),
    }


def _cast(manifest: SetManifest, picture: Picture) -> list[Mapping[str, Any]]:
    """Return the characters of a picture, each with its sheets and its scores."""
    shot = next(each for each in manifest.shots if each.id == picture.shot)
    scores = {
        each.character: each
        for each in manifest.likenesses
        if each.prompt_key == picture.prompt_key
    }
    return [
        {"character": each, "score": scores.get(each.id)}
        for each in manifest.characters
        if each.id in shot.characters
    ]


def _likely_faults(picture: Picture) -> Mapping[str, str]:
    """Return the faults that a rejection offers first: those that checks found, then the usual."""
    found = {check.name: FAILURE_WORDS.get(check.name, "") for check in picture.failed_checks}
    usual = {name: FAILURE_WORDS[name] for name in _USUAL_FAULTS}
    named = {name: words for name, words in {**found, **usual}.items() if words}
    return dict(list(named.items())[:_OFFERED])


def _count_failing(rows: Iterable[ReviewedPicture]) -> list[tuple[str, str, int]]:
    """Return name, words and number of pictures of each check that any of them fails."""
    counted: Counter[str] = Counter()
    words: dict[str, str] = {}
    for row in rows:
        for check in row.picture.failed_checks:
            counted[check.name] += 1
            words.setdefault(check.name, tell_failure(check))
    return [(name, words[name], number) for name, number in counted.most_common()]


ROUTES = [
    Route("/", list_sets),
    Route("/c/{campaign}", show_set),
    Route("/c/{campaign}/picture", show_picture),
    Route("/s/{token}", show_shared_set),
    Route("/s/{token}/picture", show_shared_picture),
    Route("/static/{version}/{name}", send_static),
]
