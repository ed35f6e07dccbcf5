"""`nbp ledger`: what was spent, what is open, refused or failed; and undoing a refusal."""

import json

import click

from nbp_dagster.cli.errors import report_errors


@click.group(invoke_without_command=True)
@click.option(
    "--orphans", is_flag=True, help="Ask the service for jobs that no purchase of this ledger owns."
)
@click.option("--json", "as_json", is_flag=True, help="Print the ledger as JSON.")
@click.pass_context
@report_errors
def ledger(context: click.Context, orphans: bool, as_json: bool) -> None:
    """Show what was spent by day, campaign, shot and model, and what is open or refused."""
    if context.invoked_subcommand is not None:
        return
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


@ledger.command()
@click.argument("name", metavar="FINGERPRINT|PROMPT")
@click.option("--reason", required=True, help="Why it will not be refused again; kept.")
@report_errors
def reopen(name: str, reason: str) -> None:
    """Undo a refusal: the next run may buy the prompt (every wording of it) or fingerprint."""
    from nbp_dagster.cli.openings import reopen_refusal
    from nbp_dagster.cli.whoami import name_user
    from nbp_dagster.settings import read_settings

    for row in reopen_refusal(read_settings(), name, who=name_user(), reason=reason):
        click.echo(f"{row.key}  {row.fingerprint[:12]}  {row.reason}")
    click.echo("`nbp run` asks for it again, and may be billed for it")
