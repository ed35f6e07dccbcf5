"""Asks before a live run buys: the quote by campaign, and one question on the terminal."""

import sys
from collections.abc import Iterator

import click

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.cli.choice import Chosen
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.cli.plan_table import (
    count_unpriced,
    describe_after_pins,
    describe_corrections,
    describe_total,
)
from nbp_dagster.cli.run_summary import RunOptions
from nbp_dagster.errors import NbpError
from nbp_dagster.settings import Settings, reveal
from nbp_dagster.studio.connect import require_key
from nbp_dagster.studio.due_reasons import count_reasons
from nbp_dagster.studio.ordering.planned_images import Plan, PlannedImage
from nbp_dagster.studio.plan import plan_prompts


class NotAsked(NbpError):
    """A live run has nobody to ask, and was not told to buy without asking."""


def ask_to_buy(settings: Settings, briefs: Briefs, chosen: Chosen, options: RunOptions) -> bool:
    """Show what a live run would buy and ask; where there is nothing to buy, ask nothing.

    The quote and the question go to the error stream, so that output stays clean.

    Args:
        settings: Folders, mode, options and secrets.
        briefs: Those of the settings' folder.
        chosen: The prompts the run is about.
        options: Whether made pictures are bought again, and the command's budget.

    Returns:
        Whether to go on.

    Raises:
        MissingKey: There is no key.
        NotAsked: There is no terminal.
        NbpError: The quote can't be had.
    """
    require_key(reveal(settings.oxen_api_key))
    require_terminal()
    prompts = [prompt for campaign in chosen.values() for prompt in campaign]
    with open_studio(settings, briefs=briefs) as studio:
        planned = plan_prompts(studio, prompts, fresh=options.fresh)
    for line in describe_quote(planned, options):
        click.echo(line, err=True)
    for line in planned.over:
        click.echo(f"nbp: {line}", err=True)
    if not (planned.total_usd or count_unpriced(planned) or planned.corrections[0]):
        return True
    return click.confirm("Buy?", default=False, err=True)


def require_terminal() -> None:
    """See that there is a terminal to ask on.

    Raises:
        NotAsked: There is none.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise NotAsked(
            "live mode buys pictures, and there is no terminal to ask on: look at `nbp plan`, then "
            "give --yes to buy without being asked; nothing was bought"
        )


def describe_quote(planned: Plan, options: RunOptions) -> Iterator[str]:
    """Yield what is to be bought of each campaign and of sheets, the total, and the budget."""
    groups: dict[str, list[PlannedImage]] = {}
    for image in planned.images:
        name = image.key.partition("/")[0] if image.kind == "prompt" else "character sheets"
        groups.setdefault(name, []).append(image)
    for name, images in groups.items():
        why = count_reasons(image.why for image in images if image.is_due)
        yield f"{name}: {describe_total(Plan(tuple(images)))}" + (f" ({why})" if why else "")
    yield f"total, paid to the service: {describe_total(planned)}"
    yield from describe_after_pins(planned)
    yield from describe_corrections(planned)
    if options.budget is not None:
        yield f"at most {options.budget:.2f} USD of it, by --budget"
