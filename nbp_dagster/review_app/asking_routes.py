"""Another picture asked for in words: what it costs, having it made, and how far it is."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nbp_dagster.review_app.context import Asking, ReviewContext, context_of, reviewer_of
from nbp_dagster.review_app.decision_routes import read_form, read_seen
from nbp_dagster.studio.asking.asker import AskingQuote, CannotAsk, Change
from nbp_dagster.studio.asking.earlier_picture import keep_earlier
from nbp_dagster.studio.review.approvals import describe_decision
from nbp_dagster.studio.review.decision_log import ASKED_WORDS, EDIT_WORDS
from nbp_dagster.studio.review.reviews import Reviews, Seen


def quote(request: Request) -> Response:
    """Answer with what another picture costs; records nothing."""
    reviewer_of(request)
    asking, query = _asking_of(request), request.query_params
    read = context_of(request).reviews.read(request.path_params["campaign"])
    picture = read.find(query.get("file", ""))
    return JSONResponse(_to_json(asking.asker.quote(picture.prompt_key, _read_change(query))))


async def ask(request: Request) -> Response:
    """Reject a picture with a note, and have another one made."""
    form, reviewer = await read_form(request)
    asking = _asking_of(request)
    try:
        price = Decimal(form.get("price_usd", ""))
        # Not a number in two ways, one of which can't be compared.
        if not price.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        raise CannotAsk("the price that was shown can't be read; load the page again") from None
    reviews, campaign = context_of(request).reviews, request.path_params["campaign"]
    seen, change = read_seen(form), _read_change(form)
    work = partial(_ask, asking, reviews, campaign, seen, change, price, reviewer.name)
    return JSONResponse(await run_in_threadpool(work))


async def keep(request: Request) -> Response:
    """Take a picture's version before it back, and have its files made of that; buys nothing."""
    form, reviewer = await read_form(request)
    context, asking = context_of(request), _asking_of(request)
    campaign = request.path_params["campaign"]
    work = partial(_keep, context, asking, campaign, read_seen(form), reviewer.name)
    return JSONResponse(await run_in_threadpool(work))


def tell_runs(request: Request) -> Response:
    """Answer with how far the pictures are that were asked for here."""
    reviewer_of(request)
    rows = _asking_of(request).runs.of_campaign(request.path_params["campaign"])
    return JSONResponse(
        {
            "runs": [
                {"prompt": row.prompt_key, "state": row.state, "words": row.words} for row in rows
            ]
        }
    )


def _ask(
    asking: Asking,
    reviews: Reviews,
    campaign: str,
    seen: Seen,
    change: Change,
    price: Decimal,
    who: str,
) -> dict[str, object]:
    """Ask, reject the picture that was looked at, and start a run."""
    picture = reviews.require_seen(campaign, seen)
    quoted = asking.asker.ask(picture.prompt_key, change, price_usd=price)
    # From here on it is asked for, and any run makes it.
    asking.runs.submit(picture.prompt_key)
    way = EDIT_WORDS if change.is_edit else ASKED_WORDS
    row = reviews.decide(campaign, seen, "rejected", who=who, reason=f"{way}{quoted.note}")
    return {
        **_to_json(quoted),
        "pictures": [
            {"file": seen.file, "state": row.state, "number": row.number, "words": f"by {who}"}
        ],
    }


def _read_change(fields: Mapping[str, str]) -> Change:
    """Return what a form wants to be different; the area in hundredths of the picture's sides."""
    is_edit = fields.get("way") == "edit"
    sides = [fields.get(name, "").strip() for name in ("left", "top", "right", "bottom")]
    region = None
    if is_edit and any(sides):
        try:
            left, top, right, bottom = (float(side) / 100 for side in sides)
        except ValueError:
            raise CannotAsk("the marked area has a side that is no number; mark it again") from None
        region = (left, top, right, bottom)
    return Change(fields.get("note", ""), is_edit=is_edit, region=region)


def _keep(
    context: ReviewContext, asking: Asking, campaign: str, seen: Seen, who: str
) -> dict[str, object]:
    picture = context.reviews.require_seen(campaign, seen)
    earlier = context.files.earlier(picture)
    if earlier is None:
        raise CannotAsk(f"{picture.prompt_key}: there is no earlier version here")
    with asking.asker.open_studio() as studio:
        keep_earlier(studio, earlier, who=who)
    # From here on it is the present one, and any run makes its files.
    asking.runs.submit(picture.prompt_key)
    context.reviews.reconsider(picture, earlier.sha256, who=who)
    row = context.reviews.open(campaign).find(seen.file)
    told = {"file": seen.file, "state": row.state, "number": row.number}
    return {
        "prompt": picture.prompt_key,
        "pictures": [{**told, "words": describe_decision(row)}],
    }


def _asking_of(request: Request) -> Asking:
    asking = context_of(request).asking
    if asking is None:
        raise CannotAsk("this page has no briefs to ask by")
    return asking


def _to_json(quoted: AskingQuote) -> dict[str, object]:
    return {
        "prompt": quoted.prompt_key,
        "note": quoted.note,
        "price_usd": str(quoted.price_usd),
        "over": list(quoted.over),
        "simulated": quoted.is_simulated,
        "follows": quoted.follows,
    }


ROUTES = [
    Route("/c/{campaign}/quote", quote),
    Route("/c/{campaign}/ask", ask, methods=["POST"]),
    Route("/c/{campaign}/keep", keep, methods=["POST"]),
    Route("/c/{campaign}/runs", tell_runs),
]
