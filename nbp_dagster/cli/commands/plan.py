"""`nbp plan`: every image `nbp run` would make, its request and its price; buys nothing."""

import json
import sys

import click

from nbp_dagster.cli.errors import report_errors


@click.command()
@click.argument("keys", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the whole plan as JSON.")
@click.option("--show", metavar="KEY", help="Print one prompt as the model gets it.")
@report_errors
def plan(keys: tuple[str, ...], as_json: bool, show: str | None) -> None:
    """Show what `nbp run` would make and what it would cost; buys nothing.

    KEYS are campaigns, shots, prompts or patterns, as for `nbp run`; without any, all. Status 1
    where a price could not be learned.
    """
    # Imported here: the studio brings the database, the client and imaging.
    from nbp_dagster.cli.choice import choose_prompts, load_chosen
    from nbp_dagster.cli.openings import open_studio
    from nbp_dagster.cli.plan_table import (
        count_unpriced,
        describe_plan,
        describe_prompt,
        plan_json,
    )
    from nbp_dagster.clock import utc_date
    from nbp_dagster.disclosure.description import describe_disclosure, find_old_rows
    from nbp_dagster.disclosure.own_table import table_of
    from nbp_dagster.prompts.channel_age import find_old_channels
    from nbp_dagster.prompts.platform_logos import find_logo_problems
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.plan import plan_prompts

    settings = read_settings()
    briefs = load_chosen(settings.config.absolute(), keys)
    with open_studio(settings, briefs=briefs) as studio:
        chosen = choose_prompts(studio.briefs, keys)
        prompts = [prompt for prompts in chosen.values() for prompt in prompts]
        planned = plan_prompts(studio, prompts)
        falls = [fall.in_words() for fall in studio.compiler.falls]
        news = studio.compiler.models.find_news(chosen)
        today = utc_date(studio.now())
        old: list[object] = [*find_old_channels(studio.briefs, today, chosen)]
        old += find_old_rows(today, table_of(studio.briefs))
        old += find_logo_problems(studio.briefs, today, chosen)
        asked = list(describe_disclosure(studio.briefs, chosen))
    if show is not None:
        for line in describe_prompt(planned, show):
            click.echo(line)
    elif as_json:
        models = [item.to_json() for item in news]
        document = {**plan_json(planned), "models": models, "falls": falls, "disclosure": asked}
        click.echo(json.dumps(document, indent=2))
    else:
        for line in describe_plan(planned, simulated=settings.mode != "live"):
            click.echo(line)
        for line in (*asked, *planned.over):
            click.echo(f"nbp: {line}", err=True)
        for line in falls:
            click.echo(f"nbp: warning: {line}", err=True)
        for item in news:
            click.echo(f"nbp: warning: {item.sentence}", err=True)
        for warning in old:
            click.echo(f"nbp: warning: {warning}", err=True)
    if show is None and count_unpriced(planned):
        sys.exit(1)
