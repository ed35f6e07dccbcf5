"""`nbp run`: makes what is missing or stale, through Dagster, on the instance its UI shows."""

import json
import sys

import click

from nbp_dagster.cli.errors import report_errors


@click.command()
@click.argument("campaigns", nargs=-1)
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="USD",
    help="Most this command may spend, beside the campaigns' and the day's budgets.",
)
@click.option("--fresh", is_flag=True, help="Buy again what is made already, on purpose.")
@click.option("--strict", is_flag=True, help="Fail where a check is skipped for want of an extra.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@report_errors
def run(
    campaigns: tuple[str, ...], budget: float | None, fresh: bool, strict: bool, as_json: bool
) -> None:
    """Make what is missing or stale, through Dagster, on the instance its UI shows.

    Ends with the path of the gallery page; with status 1 if any prompt has no image.
    """
    # Imported here: Dagster takes more than a second, and no other command needs it.
    import signal
    from decimal import Decimal

    from rich.console import Console

    from nbp_dagster.briefs.load import load_briefs
    from nbp_dagster.cli.choice import choose_campaigns
    from nbp_dagster.cli.run import run_campaigns
    from nbp_dagster.cli.run_report import RunReport
    from nbp_dagster.cli.run_summary import RunOptions, print_summary, summary_json
    from nbp_dagster.settings import read_settings, write_event_batches

    settings = read_settings()
    write_event_batches(settings)
    briefs = load_briefs(settings.config)
    wanted = choose_campaigns(briefs, campaigns)
    options = RunOptions(
        budget=None if budget is None else Decimal(str(budget)),
        fresh=fresh,
        strict=strict or settings.strict,
    )
    # SIGTERM stops the run as Ctrl-C does: a POST that is being sent is completed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with RunReport(Console(stderr=True)) as report:
        summary = run_campaigns(
            settings, briefs, campaigns=wanted, options=options, listener=report
        )
    if as_json:
        click.echo(json.dumps(summary_json(summary, report), indent=2))
    else:
        print_summary(summary, report, simulated=settings.mode != "live")
    if not summary.is_complete:
        sys.exit(1)
