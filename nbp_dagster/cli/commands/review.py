"""`nbp review`: serves the page on which a set is looked at, approved and rejected."""

from contextlib import suppress

import click

from nbp_dagster.cli.errors import report_errors
from nbp_dagster.cli.user import name_user
from nbp_dagster.errors import NbpError


@click.command()
@click.option(
    "--listen",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; any but this machine's own needs NBP_REVIEW_TOKEN.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8901,
    show_default=True,
    help="Port to serve at; 0 for any.",
)
@click.option("--share", metavar="CAMPAIGN", help="Print a read-only link to one set, and end.")
@click.option(
    "--days",
    type=click.FloatRange(0.01, 365),
    default=14.0,
    show_default=True,
    help="How long the link of --share works.",
)
@click.option(
    "--url",
    metavar="ADDRESS",
    help="Address at which browsers reach the page, for the link of --share.",
)
@report_errors
def review(listen: str, port: int, share: str | None, days: float, url: str | None) -> None:
    """Serve finished sets to look at, approve, reject, and choose variants of.

    Decisions are kept in the ledger's database with who made them and when. A link of --share shows
    one set without prompts and prices, and decides nothing.
    """
    # Imported here: a web server.
    from nbp_dagster.cli.openings import create_access_rules, open_review
    from nbp_dagster.review_app.app import create_app
    from nbp_dagster.review_app.server import serve
    from nbp_dagster.settings import read_settings

    settings = read_settings()
    access = create_access_rules(settings, listen=listen, default_name=name_user())
    with open_review(settings, access) as context:
        if share is not None:
            campaign = context.reviews.read(share).manifest.campaign.id
            base = (url or f"http://{listen}:{port}").rstrip("/")
            click.echo(f"{base}/s/{access.share(campaign, days=days)}")
            return

        # Large sets are read by the time somebody opens them.
        for campaign in context.reviews.campaigns():
            with suppress(NbpError):
                context.reviews.open_soon(campaign)

        def tell(at: int) -> None:
            shown = "127.0.0.1" if listen in ("0.0.0.0", "::") else listen
            click.echo(f"http://{shown}:{at}/")

        with suppress(KeyboardInterrupt):
            serve(create_app(context), host=listen, port=port, ready=tell)
