"""Reads what a campaign's report is made of: its set, the ledger's purchases, the decisions."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

from sqlalchemy.engine import Engine

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.clock import Clock
from nbp_dagster.studio.manifest.manifest import SetManifest
from nbp_dagster.studio.report.campaign_report import CampaignReport, report_campaign
from nbp_dagster.studio.report.spending import SpendingLog
from nbp_dagster.studio.review.decision_log import DecisionLog
from nbp_dagster.yaml_source.problems import BriefError


@dataclass(frozen=True)
class ReportReader:
    """Needs no briefs, no service and no key; safe to use from threads.

    Attributes:
        spending: The ledger's purchases.
        decisions: What people decided.
        now: Returns the time, seconds since the epoch.
        budget_of: Returns what a campaign may cost, USD; None where its brief is not here.
    """

    spending: SpendingLog
    decisions: DecisionLog
    now: Callable[[], float]
    budget_of: Callable[[str], Decimal | None]

    def read(self, manifest: SetManifest) -> CampaignReport:
        """Return the report of a campaign by its set.

        A rehearsal's purchases and those that were paid are never in one sum: the set says which
        of the two it is.

        Args:
            manifest: The campaign's set.

        Raises:
            LedgerDatabaseError: The ledger can't be read.
        """
        campaign = manifest.campaign.id
        provider = "simulator" if manifest.simulated else "oxen"
        measured = {row.prompt_key for row in manifest.likenesses}
        jobs = {row.generation_id for row in manifest.pictures if row.prompt_key in measured}
        return report_campaign(
            manifest,
            self.decisions.of_campaign(campaign),
            self.spending.of(campaign, provider=provider),
            made_at=self.spending.find_times(jobs),
            budget_usd=self.budget_of(campaign),
            now=self.now(),
        )


def read_budget(config: Path, campaign: str) -> Decimal | None:
    """Return what a campaign's brief says it may cost, USD; None where there is no such brief.

    Args:
        config: Folder of the briefs; other briefs of it may have errors.
        campaign: Id of the campaign.
    """
    try:
        found = load_briefs(config, leaves_out=True).campaigns.get(campaign)
    except BriefError:
        return None
    return None if found is None else Decimal(str(found.budget_usd))


def create_report_reader(database: Engine, config: Path, clock: Clock) -> ReportReader:
    """Return the reader over a ledger's database and a folder of briefs.

    Args:
        database: The ledger's.
        config: Folder of the briefs, which is read for each report.
        clock: Says when a report was made.
    """
    decisions = DecisionLog(database, clock=clock)
    return ReportReader(SpendingLog(database), decisions, clock.now, partial(read_budget, config))
