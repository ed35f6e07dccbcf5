"""`nbp canary`: the same few shots on two models, side by side in one page."""

import json
import sys
from typing import TYPE_CHECKING

import click

from nbp_dagster.cli.commands.run import Usd
from nbp_dagster.cli.errors import report_errors

if TYPE_CHECKING:
    # For annotations: the command imports what it uses when it runs.
    from collections.abc import Sequence
    from decimal import Decimal
    from pathlib import Path

    from nbp_dagster.studio.canary.comparison import CanarySide


@click.command()
@click.argument("campaign")
@click.option("--model", required=True, metavar="M", help="The model to compare with.")
@click.option(
    "--budget",
    type=Usd(min=0, min_open=True),
    required=True,
    metavar="USD",
    help="Most that both sides together may buy for.",
)
@click.option(
    "--shots",
    type=click.IntRange(1, 20),
    default=3,
    show_default=True,
    help="How many of the campaign's shots, from the first.",
)
@click.option("--yes", is_flag=True, help="Buy in live mode without being asked.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@report_errors
def canary(campaign: str, model: str, budget: float, shots: int, yes: bool, as_json: bool) -> None:
    """Make the first picture of a few shots of CAMPAIGN with its model and with M.

    Ends with the path of a page that shows them side by side, each with its checks, its likeness
    and its price. What is paid already is reused, here and later.
    """
    # Imported here: the studio brings the database, the client and imaging.
    from decimal import Decimal

    from nbp_dagster.cli.choice import choose_prompts, load_chosen
    from nbp_dagster.cli.home.places import open_store
    from nbp_dagster.cli.openings import open_studios
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.canary.comparison import CanaryRequest, compare_models
    from nbp_dagster.studio.canary.page import write_canary_page
    from nbp_dagster.studio.storage.data_paths import StudioPaths

    settings = read_settings()
    briefs = load_chosen(settings.config.absolute(), [campaign])
    choose_prompts(briefs, [campaign])
    if campaign not in briefs.campaigns:
        raise click.UsageError(f"{campaign} is more than a campaign; --shots says how many shots")
    paths = StudioPaths(settings.home.absolute())
    request = CanaryRequest(
        briefs=briefs,
        campaign=campaign,
        model=model,
        shots=shots,
        budget=Decimal(str(budget)),
        paths=paths,
    )
    ask = _ask if settings.mode == "live" and not yes else _agree
    with open_studios(settings) as open_side:
        sides = compare_models(request, open_side, confirm=ask)
    page = write_canary_page(
        paths.home,
        campaign,
        sides,
        store=open_store(settings),
        simulated=settings.mode != "live",
    )
    if as_json:
        content = {"page": str(page), "sides": [side.to_json() for side in sides]}
        click.echo(json.dumps(content, indent=2))
    else:
        _print(sides, page, simulated=settings.mode != "live")
    if any(item.problem for side in sides for item in side.pictures):
        sys.exit(1)


def _print(sides: "Sequence[CanarySide]", page: "Path", *, simulated: bool) -> None:
    from nbp_dagster.cli.tables import free_note

    for side in sides:
        click.echo(
            f"{side.model}: {len(side.made)} of {len(side.pictures)} made, {side.failing} with a "
            f"failed check, {side.spent_usd:.2f} USD spent now{free_note(simulated)}"
        )
        for item in side.pictures:
            if item.problem:
                click.echo(f"nbp: {item.prompt_key}: {item.problem}", err=True)
    click.echo(f"page: {page}")


def _ask(count: int, usd: "Decimal") -> bool:
    from nbp_dagster.cli.consent import require_terminal

    require_terminal()
    click.echo(f"{count} pictures to buy, {usd:.2f} USD, paid to the service", err=True)
    return click.confirm("Buy?", default=False, err=True)


def _agree(count: int, usd: "Decimal") -> bool:
    return True
