"""Options and results of `nbp run`, as closing lines and as JSON; must not know Dagster."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click

from nbp_dagster.cli.run_report import RunReport
from nbp_dagster.cli.tables import align, free_note
from nbp_dagster.studio.ledger.orders import Failed, Outcome, Refused, spent_on
from nbp_dagster.studio.sets.attention import Attention

_MOST_TOLD: Final = 5
"""Failed checks that are told of a campaign; the page shows all."""


@dataclass(frozen=True)
class CampaignRun:
    """The result of one campaign.

    Attributes:
        campaign: Its id.
        gallery: The page to look at.
        prompts: How many it has.
        up_to_date: How many needed nothing.
        missing: Prompts without a picture: key and reason.
        unchecked: Checks that lack an extra, and their sentence; collected only where the run is
            strict.
        uncorrected: Prompts whose picture fails a check and is still to be regenerated: no budget
            was left, or the service stopped answering.
        pictures: Files that these prompts have in the set.
        failing: How many of them fail a check.
        attention: What is wrong with them, the worst first.
        has_page: Whether the page is there; not where its set was never written.
    """

    campaign: str
    gallery: Path
    prompts: int
    up_to_date: int
    missing: tuple[tuple[str, str], ...]
    unchecked: tuple[tuple[str, str], ...] = ()
    uncorrected: tuple[str, ...] = ()
    pictures: int = 0
    failing: int = 0
    attention: tuple[Attention, ...] = ()
    has_page: bool = True


@dataclass(frozen=True)
class RunSummary:
    """The result of `nbp run`.

    Attributes:
        campaigns: One entry a campaign, in brief order.
        index: The page that lists every set.
        errors: Why Dagster runs failed as a whole, one line each.
    """

    campaigns: tuple[CampaignRun, ...]
    index: Path
    errors: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every prompt has its picture and, in a strict run, its checks."""
        return not self.errors and not any(
            item.missing or item.unchecked for item in self.campaigns
        )


@dataclass(frozen=True)
class RunOptions:
    """Budget and checks of one `nbp run`.

    Attributes:
        budget: Most USD the whole command may spend; None leaves it to campaign and day.
        fresh: Buy again what is made, on purpose.
        strict: Whether a check that is skipped for want of an extra has failed.
    """

    budget: Decimal | None = None
    fresh: bool = False
    strict: bool = False


def print_summary(summary: RunSummary, report: RunReport, *, simulated: bool) -> None:
    """Print what a run came to: errors on the error stream, then counts and the page."""
    for line in summary.errors:
        click.echo(f"nbp: {line}", err=True)
    for campaign in summary.campaigns:
        for key, reason in campaign.missing:
            # This run's reason is more precise than the ledger's: over budget, no key.
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
                "not regenerated: no budget was left, or the service stopped answering; the next "
                "run makes them"
            )
    for campaign in summary.campaigns:
        for line in _tell_attention(campaign, names_page=len(summary.campaigns) > 1):
            click.echo(line)
    # A run that failed as a whole had something to do.
    none = "nothing made" if summary.errors else "nothing to do"
    click.echo(f"{report.tally.in_words(none=none)}{free_note(simulated)}")
    pages = [campaign.gallery for campaign in summary.campaigns]
    if any(campaign.has_page for campaign in summary.campaigns):
        click.echo(pages[0] if len(pages) == 1 else summary.index)


def _tell_attention(campaign: CampaignRun, *, names_page: bool) -> Iterator[str]:
    """Yield what to look at of a campaign, in a few lines; one line where there is nothing."""
    if not campaign.failing:
        if campaign.pictures:
            yield f"{campaign.campaign}: nothing to look at, no check failed"
        return
    where = f", in {campaign.gallery}" if names_page else ""
    yield (
        f"{campaign.campaign}: look at {campaign.failing} of {campaign.pictures} files, "
        f"the worst first{where}"
    )
    told = campaign.attention[:_MOST_TOLD]
    rows = [
        (item.severity, str(item.pictures), f"{item.words} ({item.check})", f"as {item.worst}")
        for item in told
    ]
    yield from (f"  {line}" for line in align(rows))
    rest = len(campaign.attention) - len(told)
    if rest:
        yield f"  and {rest} more kinds; the page shows them"


def summary_json(summary: RunSummary, report: RunReport) -> dict[str, Any]:
    """Return what a run came to as plain values."""
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
                "pictures": item.pictures,
                "failing": item.failing,
                "attention": [vars(each) for each in item.attention],
            }
            for item in summary.campaigns
        ],
        "outcomes": [_outcome_json(outcome) for outcome in report.outcomes.values()],
    }


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as plain values for `--json`."""
    row: dict[str, Any] = {"key": outcome.key, "outcome": type(outcome).__name__.lower()}
    if isinstance(outcome, Refused | Failed):
        return {**row, "reason": outcome.reason, "spent_usd": str(spent_on(outcome))}
    return {
        **row,
        "sha256": outcome.image.sha256,
        "generation_id": outcome.receipt.generation_id,
        "price_usd": str(outcome.receipt.price_usd),
    }
