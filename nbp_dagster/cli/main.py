"""The `nbp` command: validate, plan, run, whois, simulator, gallery."""

import json
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import Any, Literal

import click
from PIL import Image
from rich.console import Console

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.load import BriefError, load_briefs
from nbp_dagster.cli.identify_table import describe_identity
from nbp_dagster.cli.ledger_table import describe_accounts
from nbp_dagster.cli.run import RunOptions, RunSummary, run_campaigns
from nbp_dagster.cli.sheets import add_sheet_commands
from nbp_dagster.cli.tables import RunReport, outcome_row
from nbp_dagster.errors import NbpError
from nbp_dagster.project import open_picture_index, open_store, open_studio
from nbp_dagster.prompts.expansion import expand
from nbp_dagster.settings import Settings, read_settings, write_event_batches
from nbp_dagster.simulator.faults import load_scenario
from nbp_dagster.simulator.options import PainterName, SimulatorOptions
from nbp_dagster.studio.accounts import read_accounts
from nbp_dagster.studio.checks.characters.calibration import describe_calibration
from nbp_dagster.studio.plan import Plan, plan_campaigns
from nbp_dagster.studio.provenance.identify import identify_files
from nbp_dagster.studio.references.reference_files import check_files
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.typography.copy_layer import find_crowded_copy
from nbp_dagster.version import __version__

_KEY_HELP = "Settings are environment variables:"


def _settings_help() -> str:
    """Describe every setting, from the settings themselves."""
    lines = ["\b", _KEY_HELP]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f" [{field.default}]"
        lines.append(f"  {name.upper()}{default}")
        lines.append(f"      {field.description}")
    return "\n".join(lines)


def _plainly(command: Callable[..., None]) -> Callable[..., None]:
    """Say an error meant for people in one line, and leave with status 1."""

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except NbpError as error:
            click.echo(f"nbp: {error}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo(
                "nbp: interrupted; what was asked for stays in the ledger, and the next run "
                "fetches it without paying again",
                err=True,
            )
            sys.exit(130)

    return wrapped


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_settings_help(),
)
@click.version_option(__version__, prog_name="nbp")
def main() -> None:
    """Brand briefs in, sets of marketing images with consistent characters out."""
    # Pictures of so many pixels are refused in words of ours; the library need not warn as well.
    warnings.filterwarnings("ignore", message=r"Image size \(\d+ pixels\) exceeds limit")


@main.command()
@_plainly
def validate() -> None:
    """Check every brief; name every error of every file, or say that all is well."""
    settings = read_settings()
    briefs = load_briefs(settings.nbp_config)
    check_files(briefs)
    crowded = find_crowded_copy(briefs)
    if crowded:
        raise BriefError(settings.nbp_config, crowded)
    prompts = expand(briefs)
    click.echo(
        f"{settings.nbp_config}: {len(briefs.brands)} brands, {len(briefs.campaigns)} campaigns, "
        f"{len(prompts)} prompts, {sum(len(prompt.channels) for prompt in prompts)} pictures: "
        "no errors"
    )


@main.command()
@click.argument("campaigns", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the whole plan as JSON.")
@click.option("--show", metavar="KEY", help="Print one prompt as the model gets it.")
@_plainly
def plan(campaigns: tuple[str, ...], as_json: bool, show: str | None) -> None:
    """Show what `nbp run` would make and what it would cost; buys nothing."""
    settings = read_settings()
    with open_studio(settings) as studio:
        wanted = _choose(studio.briefs, campaigns)
        planned = plan_campaigns(studio, wanted)
    if show is not None:
        _show_prompt(planned, show)
    elif as_json:
        images = [image.to_json() for image in planned.images]
        further, cost = planned.corrections
        whole = {
            "total_usd": str(planned.total_usd),
            "corrections": {"at_most": further, "at_most_usd": str(cost)},
            "over": planned.over,
            "images": images,
        }
        click.echo(json.dumps(whole, indent=2))
    else:
        _print_plan(planned, settings)


@main.command()
@click.argument("campaigns", nargs=-1)
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="USD",
    help="Most this command may spend, beside the campaigns' and the day's budgets.",
)
@click.option("--fresh", is_flag=True, help="Buy again what is made already, on purpose.")
@click.option("--strict", is_flag=True, help="Fail where a check has to do without an extra.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@_plainly
def run(
    campaigns: tuple[str, ...], budget: float | None, fresh: bool, strict: bool, as_json: bool
) -> None:
    """Make what is missing or stale, through Dagster, on the instance its UI shows.

    Ends with the path of the gallery page; with status 1 if any prompt has no image.
    """
    settings = read_settings()
    write_event_batches(settings)
    briefs = load_briefs(settings.nbp_config)
    wanted = _choose(briefs, campaigns)
    wishes = RunOptions(
        budget=None if budget is None else Decimal(str(budget)),
        fresh=fresh,
        strict=strict or settings.nbp_strict,
    )
    # Asked to stop politely, stop as at Ctrl-C: a POST on its way is let finish.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with RunReport(Console(stderr=True)) as report:
        summary = run_campaigns(settings, briefs, campaigns=wanted, wishes=wishes, listener=report)
    if as_json:
        click.echo(json.dumps(_summary_json(summary, report), indent=2))
    else:
        _print_summary(summary, report, settings)
    if not summary.is_complete:
        sys.exit(1)


@main.command()
@click.option("--orphans", is_flag=True, help="Ask the service for jobs that nobody here owns.")
@click.option("--json", "as_json", is_flag=True, help="Print the books as JSON.")
@_plainly
def ledger(orphans: bool, as_json: bool) -> None:
    """Show what was spent by day, campaign, shot and model, and what is open or refused."""
    with open_studio(read_settings()) as studio:
        accounts = read_accounts(
            studio.ledger,
            corrections=studio.regenerations.log,
            client=studio.client if orphans else None,
        )
    if as_json:
        click.echo(json.dumps(accounts.to_json(), indent=2))
    else:
        for line in describe_accounts(accounts):
            click.echo(line)


@main.command()
@click.argument("brand")
@click.option("--json", "as_json", is_flag=True, help="Print the calibration as JSON.")
@_plainly
def calibrate(brand: str, as_json: bool) -> None:
    """Find a brand's likeness thresholds on its own sheets; buys nothing."""
    with open_studio(read_settings()) as studio:
        if brand not in studio.briefs.brands:
            known = ", ".join(studio.briefs.brands)
            raise click.UsageError(f"no brand {brand} in {studio.briefs.root}; there are: {known}")
        sheets = studio.compiler.cast_of(brand)
        found, path = studio.measurer.calibrate(studio.briefs.brands[brand], sheets)
    if as_json:
        click.echo(json.dumps(describe_calibration(found), indent=2, default=dict))
        return
    click.echo(
        f"{brand}, scorer {found.scorer} {found.scorer_version}: a character counts as itself "
        f"from a standing of {found.cross:.3f}"
    )
    click.echo(
        f"equal error rate {found.equal_error_rate:.1%} in {found.genuine} scenes of the "
        f"characters and {found.impostor} of others, all made of the sheets themselves: the "
        "model's pictures vary more"
    )
    if found.equal_error_rate > 0.05:
        click.echo("that is too much to block on: add references of whole figures on plain ground")
    click.echo(f"{path}; `nbp run` measures what is made already anew, free")


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what is known as JSON.")
@_plainly
def whois(files: tuple[Path, ...], as_json: bool) -> None:
    """Name the prompt, request, price and run behind pictures, resized or cropped ones too.

    Ends with status 1 if any file is nobody's.
    """
    settings = read_settings()
    with open_picture_index(settings) as registry, warnings.catch_warnings():
        # Pictures of too many pixels are refused in a line of our own.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        found = list(identify_files(files, registry, open_store(settings)))
    if as_json:
        click.echo(json.dumps([identity.to_json() for identity in found], indent=2))
    else:
        for identity in found:
            for line in describe_identity(identity):
                click.echo(line)
    if any(identity.match is None for identity in found):
        sys.exit(1)


@main.command()
@_plainly
def gallery() -> None:
    """Print the path of every finished gallery page."""
    sets = StudioPaths(read_settings().nbp_home).sets
    pages = sorted(sets.glob("*/index.html"))
    if not pages:
        raise click.ClickException(f"{sets} holds no set yet; make one with `nbp run`")
    for page in pages:
        click.echo(page.absolute())


def _choose(briefs: Briefs, campaigns: Sequence[str]) -> list[str]:
    """The named campaigns in brief order, or all of them."""
    unknown = [campaign for campaign in campaigns if campaign not in briefs.campaigns]
    if unknown:
        raise click.UsageError(
            f"no campaign {', '.join(unknown)} in {briefs.root}; "
            f"there are: {', '.join(briefs.campaigns) or 'none'}"
        )
    return [item for item in briefs.campaigns if not campaigns or item in campaigns]


def _show_prompt(planned: Plan, key: str) -> None:
    for image in planned.images:
        if image.key == key:
            click.echo(image.prompt or f"({image.reason})")
            for place, item in enumerate(image.references, start=1):
                row = (item["role"], item["subject"], item["source"], item["sha256"])
                click.echo(("\n" if place == 1 else "") + f"Image {place}  " + "  ".join(row))
            return
    raise click.UsageError(f"no prompt {key} in the plan; `nbp plan` lists every key")


def _print_plan(planned: Plan, settings: Settings) -> None:
    rows = [("key", "kind", "standing", "refs", "fingerprint", "USD")]
    rows += [
        (
            image.key,
            image.kind,
            image.standing.replace("_", " "),
            str(len(image.references)),
            (image.fingerprint or "-")[:12],
            f"{image.price_usd:.2f}",
        )
        for image in planned.images
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
    for image in planned.images:
        if image.standing in ("refused", "invalid"):
            click.echo(f"{image.key}: {image.standing}: {image.reason}")
        elif image.standing == "waits_for_pin":
            click.echo(f"{image.key}: {image.reason}")
    total = f"total: {planned.total_usd:.2f} USD for {len(planned.images)} images"
    click.echo(f"{total}{_for_free(settings)}")
    further, cost = planned.corrections
    if further:
        click.echo(
            f"and at most {further} further pictures, {cost:.2f} USD, should checks fail that the "
            "briefs have corrected; within the same budgets"
        )
    for line in planned.over:
        click.echo(f"nbp: {line}", err=True)


def _for_free(settings: Settings) -> str:
    return "" if settings.nbp_mode == "live" else " (simulated: nothing is paid)"


def _print_summary(summary: RunSummary, report: RunReport, settings: Settings) -> None:
    for line in summary.errors:
        click.echo(f"nbp: {line}", err=True)
    for campaign in summary.campaigns:
        for key, reason in campaign.missing:
            # What this run met says more than what the ledger knows: over budget, no key.
            click.echo(f"nbp: no image for {key}: {report.reason(key) or reason}", err=True)
        for name, why in campaign.unchecked:
            click.echo(f"nbp: {campaign.campaign} without check {name}: {why}", err=True)
    for campaign in summary.campaigns:
        made = campaign.prompts - len(campaign.missing)
        click.echo(
            f"{campaign.campaign}: {made} of {campaign.prompts} prompts have their pictures, "
            f"{campaign.up_to_date} needed nothing"
        )
        if campaign.uncorrected:
            click.echo(
                f"{campaign.campaign}: {len(campaign.uncorrected)} pictures that fail a check were "
                "not asked for again: no budget was left, or the service did not go on; the next "
                "run asks"
            )
    click.echo(f"{report.tally.in_words()}{_for_free(settings)}")
    pages = [campaign.gallery for campaign in summary.campaigns]
    click.echo(pages[0] if len(pages) == 1 else summary.index)


def _summary_json(summary: RunSummary, report: RunReport) -> dict[str, Any]:
    return {
        "complete": summary.is_complete,
        "tally": report.tally.to_json(),
        "errors": list(summary.errors),
        "index": str(summary.index),
        "campaigns": [
            {
                "id": item.campaign,
                "gallery": str(item.gallery),
                "prompts": item.prompts,
                "up_to_date": item.up_to_date,
                "missing": [
                    {"key": key, "reason": report.reason(key) or reason}
                    for key, reason in item.missing
                ],
                "unchecked": [{"check": name, "why": why} for name, why in item.unchecked],
                "uncorrected": list(item.uncorrected),
            }
            for item in summary.campaigns
        ],
        "outcomes": [outcome_row(outcome) for outcome in report.outcomes.values()],
    }


@main.command()
@click.option("--port", default=0, show_default="a free one", help="Port on 127.0.0.1.")
@click.option("--latency", default=2.0, show_default=True, help="Seconds a job takes.")
@click.option("--slots", default=16, show_default=True, help="Jobs worked on at once.")
@click.option(
    "--schema",
    type=click.Choice(["page", "live"]),
    default="page",
    show_default=True,
    help="Parameters of the model's page, or those the service has added since.",
)
@click.option(
    "--scenario",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML or JSON file of faults, as docs/simulator.md describes.",
)
@click.option("--rate-limit", type=float, help="Requests a second above which 429 is answered.")
@click.option("--max-in-flight", type=int, help="Requests at once above which 429 is answered.")
@click.option(
    "--painter",
    type=click.Choice(["full", "plain"]),
    default="full",
    show_default=True,
    help="What the prompt says, or for benchmarks one picture a size.",
)
@click.option(
    "--state", type=click.Path(path_type=Path), help="Folder in which jobs outlive the process."
)
@_plainly
def simulator(
    port: int,
    latency: float,
    slots: int,
    schema: Literal["page", "live"],
    scenario: Path | None,
    rate_limit: float | None,
    max_in_flight: int | None,
    painter: PainterName,
    state: Path | None,
) -> None:
    """Serve a stand-in of the Oxen API on 127.0.0.1; its URL is the first line printed."""
    # A web server and a painter: no other command needs them to start.
    from nbp_dagster.simulator.server import serve

    try:
        options = SimulatorOptions(
            latency=latency,
            slots=slots,
            schema=schema,
            rate_limit=rate_limit,
            max_in_flight=max_in_flight,
            painter=painter,
            faults=() if scenario is None else load_scenario(scenario),
            state_dir=state,
        )
        serve(options, port=port, ready=click.echo)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"port {port}: {error.strerror}; choose another") from error


add_sheet_commands(main, _plainly)


if __name__ == "__main__":
    main()
