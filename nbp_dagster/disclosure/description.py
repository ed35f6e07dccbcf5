"""Says of whole campaigns what their markets ask, and which rows of the table are old."""

from collections.abc import Container, Iterator
from datetime import date

from nbp_dagster.briefs.brief import DISCLOSURE_FILE, Briefs
from nbp_dagster.briefs.models import Campaign
from nbp_dagster.clock import MOST_DAYS_UNCHECKED, is_unchecked
from nbp_dagster.disclosure.need import need_of
from nbp_dagster.disclosure.own_table import table_of
from nbp_dagster.disclosure.table import (
    Declaration,
    DisclosureTable,
    Rule,
)


def describe_disclosure(briefs: Briefs, campaigns: Container[str] | None = None) -> Iterator[str]:
    """Yield one line for each campaign with markets, then one for all those without.

    Args:
        briefs: The briefs.
        campaigns: Ids of those that are told of; all when None.
    """
    chosen = [
        each for each in briefs.campaigns.values() if campaigns is None or each.id in campaigns
    ]
    for campaign in chosen:
        if campaign.markets:
            yield _describe(briefs, campaign)
    silent = [campaign.id for campaign in chosen if not campaign.markets]
    if silent:
        yield (
            f"no market is named, so no disclosure label is set: {', '.join(silent)}; "
            "add markets, or see docs/disclosure.md"
        )


def _describe(briefs: Briefs, campaign: Campaign) -> str:
    brand = briefs.brands[campaign.brand]
    table = table_of(briefs)
    needs = [need_of(brand, campaign, shot, table) for shot in campaign.shots]
    cast = dict.fromkeys(name for shot in campaign.shots for name in shot.characters)
    kinds = [f"{name} is a {brand.characters[name].kind}" for name in cast]
    performers = sum(need.is_synthetic_performer for need in needs)
    rules = dict.fromkeys(rule.id for need in needs for rule in need.rules)
    asked = ", ".join(rules) or "no rule asks for a label"
    if rules and campaign.disclosure is not None:
        asked += f", off: {campaign.disclosure.off}"
    parts = [
        f"{campaign.id} runs in {', '.join(campaign.markets)}",
        f"{campaign.realism or brand.realism}",
        *kinds,
        f"synthetic performer in {performers} of {len(needs)} shots",
        asked,
    ]
    return "; ".join(parts)


def find_old_rows(today: date, table: DisclosureTable) -> Iterator[str]:
    """Yield a warning for each rule and declaration that nobody compared with its source lately.

    Args:
        today: The day.
        table: Theirs; see `own_table.table_of`.
    """
    rows: list[Rule | Declaration] = [*table.rules, *table.declarations]
    for row in rows:
        if is_unchecked(row.checked_on, today):
            yield (
                f"{DISCLOSURE_FILE}: {row.id} was last compared with its source on "
                f"{row.checked_on}, over {MOST_DAYS_UNCHECKED} days ago; see whether it still holds"
            )
