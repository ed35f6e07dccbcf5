"""`nbp ledger`: what was spent and is open, and commands that mend the ledger."""

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


@ledger.command("adopt-account")
@click.argument("name")
@report_errors
def adopt_account(name: str) -> None:
    """Make the API key in use one of the account NAME, whose purchases it then reuses."""
    from nbp_dagster.cli import openings
    from nbp_dagster.cli.user import name_user
    from nbp_dagster.settings import read_settings

    openings.adopt_account(read_settings(), name, who=name_user())
    click.echo(f"this key pays for the account {name} from now on; what that paid is reused")


@ledger.command()
@report_errors
def rebuild() -> None:
    """Take in what was bought and this ledger lacks, from records, store and service; buys nothing.

    For a ledger that was lost, or restored from an older copy.
    """
    from nbp_dagster.cli.ledger_table import describe_rebuilt
    from nbp_dagster.cli.openings import open_studio
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.rebuild import rebuild_ledger

    settings = read_settings()
    if settings.mode != "live":
        raise click.UsageError(
            "the simulator's purchases are worth nothing and not rebuilt; set NBP_MODE=live"
        )
    with open_studio(settings) as studio:
        for line in describe_rebuilt(rebuild_ledger(studio)):
            click.echo(line)


@ledger.command()
@click.argument("name", metavar="FINGERPRINT|PROMPT")
@click.option("--reason", required=True, help="Why it will not be refused, or fail, again; kept.")
@report_errors
def reopen(name: str, reason: str) -> None:
    """Undo a refusal or failure: the next run may buy the prompt (all wordings) or fingerprint."""
    from nbp_dagster.cli.openings import open_database
    from nbp_dagster.cli.user import name_user
    from nbp_dagster.clock import SystemClock
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.ledger import reopening

    with open_database(read_settings()) as database:
        rows = reopening.reopen(database, name, clock=SystemClock(), who=name_user(), reason=reason)
    for row in rows:
        click.echo(f"{row.key}  {row.fingerprint[:12]}  {row.reason}")
    click.echo("`nbp run` asks for it again, and may be billed for it")


@ledger.command()
@click.argument("purchase", metavar="ID", type=click.IntRange(min=1))
@click.option("--absent", is_flag=True, help="It left no job: the next run may buy it.")
@click.option("--adopt", metavar="GENERATION", help="This is its job: the next run fetches it.")
@report_errors
def settle(purchase: int, absent: bool, adopt: str | None) -> None:
    """Close open purchase ID, once you have looked at the service whether it was bought."""
    from nbp_dagster.cli.openings import settle_purchase
    from nbp_dagster.cli.user import name_user
    from nbp_dagster.settings import read_settings

    if absent == (adopt is not None):
        raise click.UsageError("say what is so: --absent, or --adopt GENERATION")
    row = settle_purchase(read_settings(), purchase, generation_id=adopt, who=name_user())
    follows = "fetches its picture" if row.is_open else "buys it again where it is wanted"
    click.echo(f"purchase {row.id} ({row.key}) is {row.state}: the next run {follows}")


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="Print the homes as JSON.")
@report_errors
def homes(as_json: bool) -> None:
    """List the home folders that use a ledger shared by NBP_LEDGER_URL, the last opened first."""
    from nbp_dagster.cli.openings import open_database
    from nbp_dagster.clock import utc_date
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.shared_state.homes import list_homes

    with open_database(read_settings()) as database:
        known = list_homes(database)
    if as_json:
        click.echo(json.dumps([vars(home) for home in known], indent=2))
        return
    for home in known:
        click.echo(f"{home.in_words()}, opened on {utc_date(home.opened_at).isoformat()}")
    if not known:
        click.echo("no home is known: runs with NBP_LEDGER_URL note theirs")


@ledger.command("forget-home")
@click.argument("home_id", metavar="HOME")
@report_errors
def forget_home(home_id: str) -> None:
    """Forget home HOME (its id, or the beginning), which is gone; its files are not touched."""
    from nbp_dagster.cli.openings import open_database
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.shared_state import homes as known_homes

    with open_database(read_settings()) as database:
        home = known_homes.forget_home(database, home_id)
    click.echo(f"{home.in_words()} is forgotten; its next run would make it known again")


@ledger.command("forget-store")
@report_errors
def forget_store() -> None:
    """Take the store of NBP_STORE_URL for a new one: for one that was emptied; removes nothing."""
    from nbp_dagster.cli.home.places import open_places
    from nbp_dagster.cli.openings import open_database
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.ledger import ledger_mark
    from nbp_dagster.studio.storage.data_paths import StudioPaths

    settings = read_settings()
    shared = open_places(settings).shared
    if shared is None:
        raise click.UsageError("NBP_STORE_URL is not set: this home shares no store")
    with open_database(settings) as database:
        ledger_mark.forget_store(database, StudioPaths(settings.home.absolute()), shared)
    click.echo(f"{shared.name} counts as new: the next `nbp run` of each home sends what it has")
