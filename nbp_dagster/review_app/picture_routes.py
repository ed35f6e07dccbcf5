"""The bytes of a set's pictures: only those that the set names."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nbp_dagster.review_app.context import ReviewContext, context_of, reviewer_of
from nbp_dagster.review_app.pages import shared_campaign
from nbp_dagster.studio.imaging.decode import sniff_format
from nbp_dagster.studio.manifest.manifest import Picture

# By digest, so that they never change; private, as they are seen by those admitted alone.
_KEPT = {"Cache-Control": "private, max-age=86400, immutable"}

_Read = Callable[[ReviewContext, str, Picture], bytes | None]


def _thumb(context: ReviewContext, campaign: str, picture: Picture) -> bytes | None:
    return context.files.thumb(campaign, picture)


def _rendition(context: ReviewContext, campaign: str, picture: Picture) -> bytes | None:
    return context.files.rendition(campaign, picture)


def _original(context: ReviewContext, campaign: str, picture: Picture) -> bytes | None:
    return context.files.stored(picture.original_sha256)


def _earlier(context: ReviewContext, campaign: str, picture: Picture) -> bytes | None:
    known = context.files.earlier(picture)
    return None if known is None else context.files.stored(known.sha256)


_KINDS: dict[str, _Read] = {
    "thumb": _thumb,
    "file": _rendition,
    "original": _original,
    "earlier": _earlier,
}
# What a share link shows.
_SHARED = ("thumb", "file")


def send_picture(request: Request) -> Response:
    """Answer with a picture's bytes: its thumbnail, file, original or earlier version."""
    reviewer_of(request)
    return _send(request, request.path_params["campaign"], tuple(_KINDS))


def send_shared_picture(request: Request) -> Response:
    """Answer with a picture's thumbnail or file, for whoever has the link of its set."""
    return _send(request, shared_campaign(request), _SHARED)


def send_sheet(request: Request) -> Response:
    """Answer with a small picture of a character's sheet."""
    reviewer_of(request)
    context = context_of(request)
    manifest = context.reviews.read(request.path_params["campaign"]).manifest
    digest = request.path_params["digest"]
    known = {sheet for each in manifest.characters for sheet in each.sheets}
    return _answer(context.files.stored_thumb(digest) if digest in known else None)


def _send(request: Request, campaign: str, kinds: tuple[str, ...]) -> Response:
    context, kind = context_of(request), request.path_params["kind"]
    if kind not in kinds:
        return Response(status_code=404)
    picture = context.reviews.read(campaign).find(request.query_params.get("file", ""))
    return _answer(_KINDS[kind](context, campaign, picture))


def _answer(data: bytes | None) -> Response:
    kind = None if data is None else sniff_format(data)
    if data is None or kind is None:
        return Response(status_code=404)
    return Response(data, media_type=f"image/{kind.lower()}", headers=_KEPT)


ROUTES = [
    Route("/c/{campaign}/sheet/{digest}", send_sheet),
    Route("/c/{campaign}/{kind:str}", send_picture),
    Route("/s/{token}/{kind:str}", send_shared_picture),
]
