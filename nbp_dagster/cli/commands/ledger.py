"""`nbp ledger`: what was spent, and what is open, refused or failed."""

import json

import click

from nbp_dagster.cli.errors import report_errors


@click.command()
@click.option(
    "--orphans", is_flag=True, help="Ask the service for jobs that no purchase of this ledger owns."
)
@click.option("--json", "as_json", is_flag=True, help="Print the ledger as JSON.")
@report_errors
def ledger(orphans: bool, as_json: bool) -> None:
    """Show what was spent by day, campaign, shot and model, and what is open or refused."""
    # Imported here: the database is not needed to print help.
    from nbp_dagster.cli.ledger_table import describe_accounts
    from nbp_dagster.cli.openings import sum_up_ledger
    from nbp_dagster.settings import read_settings

    accounts = sum_up_ledger(read_settings(), orphans=orphans)
    if as_json:
        click.echo(json.dumps(accounts.to_json(), indent=2))
    else:
        for line in describe_accounts(accounts):
            click.echo(line)
