"""`nbp report`: writes what a campaign came to as a page, or prints it as JSON."""

import json

import click

from nbp_dagster.cli.errors import report_errors


@click.command()
@click.argument("campaign")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON; write no page.")
@report_errors
def report(campaign: str, as_json: bool) -> None:
    """Write a campaign's report: made, spent, approved, rejected and why, checks, likeness.

    Everything comes from the ledger, the set and the decisions. Needs no key, and buys nothing.
    """
    # Imported here: the database and the templates.
    from nbp_dagster.cli.home.places import bring_sets
    from nbp_dagster.cli.openings import open_reports
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.report.campaign_report import to_json
    from nbp_dagster.studio.report.page import write_report
    from nbp_dagster.studio.review.reviews import read_finished_set
    from nbp_dagster.studio.storage.data_paths import StudioPaths

    settings = read_settings()
    paths = StudioPaths(settings.home.absolute())
    bring_sets(settings, campaign, whole=False)
    manifest = read_finished_set(paths.sets, campaign)
    with open_reports(settings) as reports:
        found = reports.read(manifest)
    if as_json:
        click.echo(json.dumps(to_json(found), indent=2))
        return
    click.echo(write_report(paths.reports, found))
