"""`nbp run`: makes what is missing or stale, through Dagster, on the instance its UI shows."""

import json
import math
import sys
from typing import Any

import click

from nbp_dagster.cli.errors import report_errors


class Usd(click.FloatRange):
    """An amount above 0; Python also reads `nan` and `inf` as numbers."""

    name = "USD"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        amount = float(super().convert(value, param, ctx))
        if not math.isfinite(amount):
            self.fail(f"{value} is not an amount of US dollars; give one such as 2.50", param, ctx)
        return amount


@click.command()
@click.argument("keys", nargs=-1)
@click.option(
    "--budget",
    type=Usd(min=0, min_open=True),
    metavar="USD",
    help="Most this command may spend, beside the campaigns' and the day's budgets.",
)
@click.option("--fresh", is_flag=True, help="Buy again what is made already; needs KEYS, or --all.")
@click.option("--all", "every", is_flag=True, help="Every prompt, said in so many words.")
@click.option("--yes", is_flag=True, help="Buy in live mode without being asked.")
@click.option("--strict", is_flag=True, help="Fail where a check is skipped for want of an extra.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@report_errors
def run(
    keys: tuple[str, ...],
    budget: float | None,
    fresh: bool,
    every: bool,
    yes: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Make what is missing or stale, through Dagster, on the instance its UI shows.

    KEYS are campaigns, shots or prompts (spring_launch, spring_launch/kitchen,
    spring_launch/kitchen/en/4x5/v1), or patterns in quotes ('*/kitchen/*/4x5/*'); without any, all.
    In live mode it shows the quote and asks before it buys.

    Ends with the path of the gallery page; with status 1 if any of these prompts has no image.
    """
    if keys and every:
        raise click.UsageError("KEYS and --all say two things; give one")
    if fresh and not keys and not every:
        raise click.UsageError(
            "--fresh buys again what is made already: name what, such as "
            "spring_launch/kitchen/en/4x5/v1, or give --all for every prompt"
        )
    # Imported here: Dagster takes more than a second, and no other command needs it.
    import signal
    from decimal import Decimal

    from rich.console import Console

    from nbp_dagster.cli.choice import choose_prompts, load_chosen
    from nbp_dagster.cli.consent import ask_to_buy
    from nbp_dagster.cli.run import run_prompts
    from nbp_dagster.cli.run_report import RunReport
    from nbp_dagster.cli.run_summary import RunOptions, print_summary, summary_json
    from nbp_dagster.settings import read_settings, write_event_batches

    settings = read_settings()
    write_event_batches(settings)
    briefs = load_chosen(settings.config, keys)
    chosen = choose_prompts(briefs, keys)
    options = RunOptions(
        budget=None if budget is None else Decimal(str(budget)),
        fresh=fresh,
        strict=strict or settings.strict,
    )
    if settings.mode == "live" and not yes and not ask_to_buy(settings, briefs, chosen, options):
        raise click.ClickException("nothing was bought")
    # SIGTERM stops the run as Ctrl-C does: a POST that is being sent is completed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with RunReport(Console(stderr=True)) as report:
        summary = run_prompts(settings, briefs, chosen, options=options, listener=report)
    if as_json:
        click.echo(json.dumps(summary_json(summary, report), indent=2))
    else:
        print_summary(summary, report, simulated=settings.mode != "live")
    if not summary.is_complete:
        sys.exit(1)
