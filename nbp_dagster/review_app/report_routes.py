"""What a campaign came to, as a page beside its review."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from nbp_dagster.review_app.context import context_of, reviewer_of
from nbp_dagster.review_app.html import static_version
from nbp_dagster.studio.report.page import STYLE, render_report


def show_report(request: Request) -> Response:
    """Answer with a campaign's report; never to whoever has a share link, as it has prices."""
    reviewer_of(request)
    context, campaign = context_of(request), request.path_params["campaign"]
    report = context.reports.read(context.reviews.read(campaign).manifest)
    style = f"/static/{static_version()}/{STYLE}"
    return HTMLResponse(render_report(report, stylesheet=style, back=f"/c/{campaign}"))


ROUTES = [Route("/c/{campaign}/report", show_report)]
