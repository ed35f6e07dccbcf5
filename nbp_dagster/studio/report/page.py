"""The page of a campaign's report: one HTML document that loads nothing from elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment
from markupsafe import Markup

from nbp_dagster.studio.checks.failure_words import FAILURE_WORDS
from nbp_dagster.studio.report.campaign_report import ASKED_AGAIN, IN_WORDS, CampaignReport
from nbp_dagster.studio.report.likeness_plot import HEIGHT, WIDTH, LikenessPlot, plot_likeness
from nbp_dagster.studio.review.approvals import APPROVAL_STATES
from nbp_dagster.studio.sets.html_templates import hash_inline, humanise, open_templates, read_part
from nbp_dagster.studio.storage.files import write_atomically

STYLE: Final = "report.css"
"""The page's style sheet."""

_PACKAGE: Final = "nbp_dagster.studio.report"
_OTHER_REASONS: Final[Mapping[str, str]] = {
    IN_WORDS: "another reason, in words",
    ASKED_AGAIN: "another picture was asked for",
}


@dataclass(frozen=True)
class _CharacterPlot:
    """What the page shows of one character over time."""

    name: str
    plot: LikenessPlot
    pictures: int
    unlike: int
    mean: float
    lowest: float
    threshold: float
    first: str
    last: str


def write_report(folder: Path, report: CampaignReport) -> Path:
    """Write a report's page and return its path, `<folder>/<campaign>.html`.

    Raises:
        StoreError: It can't be written.
    """
    path = folder / f"{report.manifest.campaign.id}.html"
    write_atomically(path, render_report(report).encode(), private_in=folder)
    return path


def render_report(
    report: CampaignReport, *, stylesheet: str | None = None, back: str | None = None
) -> str:
    """Return the page.

    Args:
        report: The report.
        stylesheet: Address of its style sheet; None has it inline, with a policy that admits it.
        back: Address of the campaign's review, where the page is served beside it.
    """
    style = "" if stylesheet else read_part(STYLE, _PACKAGE)
    values: dict[str, Any] = {
        "report": report,
        "set": report.manifest,
        "spending": report.spending,
        "plots": _plot_characters(report),
        "states": [(state, report.states[state]) for state in APPROVAL_STATES],
        "bars": _divide_bar(report),
        "at": datetime.fromtimestamp(report.at, UTC),
        "stylesheet": stylesheet,
        "back": back,
        "style": Markup(style),
        "policy": f"default-src 'none'; img-src data:; style-src {hash_inline(style)}",
    }
    return _environment().get_template("report.html.j2").render(values)


def read_style() -> str:
    """Return the page's style sheet."""
    return read_part(STYLE, _PACKAGE)


def _plot_characters(report: CampaignReport) -> list[_CharacterPlot]:
    names = {each.id: each.name for each in report.manifest.characters}
    return [
        _CharacterPlot(
            name=names.get(character, humanise(character)),
            plot=plot_likeness(points),
            pictures=len(points),
            unlike=sum(not point.facts.is_like for point in points),
            mean=sum(point.facts.standing for point in points) / len(points),
            lowest=min(point.facts.standing for point in points),
            threshold=points[-1].facts.threshold,
            first=_name_day(points[0].made_at),
            last=_name_day(points[-1].made_at),
        )
        for character, points in report.likenesses.items()
    ]


def _name_day(moment: float | None) -> str:
    if moment is None:
        return "time not known"
    day = datetime.fromtimestamp(moment, UTC)
    return f"{day.day} {day:%B %Y}"


def _divide_bar(report: CampaignReport) -> list[tuple[str, float, float]]:
    """Return state, start and width of each part of the review's bar, in shares of 100."""
    total = sum(report.states.values()) or 1
    parts, start = [], 0.0
    for state in ("approved", "passed_over", "rejected", "pending"):
        width = 100 * report.states[state] / total
        if width:
            parts.append((state, round(start, 2), round(width, 2)))
        start += width
    return parts


def _name_reason(name: str) -> str:
    return _OTHER_REASONS.get(name) or FAILURE_WORDS.get(name) or humanise(name).lower()


def _format_price(amount: Decimal) -> str:
    """Return USD to the cent; below ten cents to a hundredth of one."""
    places = 2 if amount == 0 or amount >= Decimal("0.1") else 4
    return f"${amount:.{places}f}"


@cache
def _environment() -> Environment:
    environment = open_templates(_PACKAGE)
    environment.filters.update(price=_format_price, reason=_name_reason)
    environment.globals.update(plot_width=WIDTH, plot_height=HEIGHT)
    return environment
