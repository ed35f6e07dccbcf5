"""A schedule for each campaign that asks for one: buys what is stale or missing, and says why."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import dagster as dg

from nbp_dagster._dagster_private import IN_PROGRESS_RUN_STATUSES, UnresolvedAssetJobDefinition
from nbp_dagster.assets.names import Names, scoped
from nbp_dagster.assets.partitions import cut, range_tags
from nbp_dagster.assets.step import studio_key, studio_of_tick
from nbp_dagster.automation.stale_partitions import ask_for_sheets, missing_sheets, outdated_prompts
from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.models import Campaign
from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.studio.plan import plan_campaigns
from nbp_dagster.studio.studio import Studio
from nbp_dagster.yaml_source.problems import BriefError

# On the runs that automation launches: which schedule or sensor it was, and its reason.
LAUNCHED_BY = "nbp/launched_by"
REASON = "nbp/reason"


def refresh_name(names: Names, campaign_id: str) -> str:
    """Return the name of a campaign's schedule: `refresh_spring`, or `acme__refresh_spring`."""
    return scoped(names, f"refresh_{campaign_id}")


def build_refresh_job(names: Names) -> UnresolvedAssetJobDefinition:
    """Return the job of the schedules: requests, originals and renditions of a range."""
    return dg.define_asset_job(
        scoped(names, "refresh_prompts"),
        selection=dg.AssetSelection.assets(
            names.image_requests, names.generated_images, names.channel_images
        ),
        description=(
            "Everything of a range of prompts, in one step. **Paid**, for what is stale or "
            "missing; what is made already is reused."
        ),
    )


def build_refresh_schedules(
    briefs: Briefs, names: Names, job: UnresolvedAssetJobDefinition
) -> list[dg.ScheduleDefinition]:
    """Return a schedule for each campaign with `refresh`; stopped until somebody starts it."""
    return [
        dg.ScheduleDefinition(
            name=refresh_name(names, campaign.id),
            job=job,
            cron_schedule=campaign.refresh,
            execution_timezone=campaign.time_zone,
            execution_fn=_evaluation(campaign, names),
            required_resource_keys={studio_key(names)},
            # It spends: a copied brief must not start to buy by itself.
            default_status=dg.DefaultScheduleStatus.STOPPED,
            description=(
                f"Makes what is stale or missing of the campaign {campaign.id}: one run over all "
                "its prompts, or several of `prompts_per_run`; none where nothing is due, a "
                "character sheet is not made or the quote is over a cap. **Spends** up to the "
                "campaign's and the day's budgets."
            ),
        )
        for campaign in briefs.campaigns.values()
        if campaign.refresh is not None
    ]


def _evaluation(
    campaign: Campaign, names: Names
) -> Callable[[dg.ScheduleEvaluationContext], Iterator[dg.RunRequest | dg.SkipReason]]:
    name = refresh_name(names, campaign.id)

    def evaluate(
        context: dg.ScheduleEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        running = context.instance.get_runs(
            dg.RunsFilter(tags={LAUNCHED_BY: name}, statuses=list(IN_PROGRESS_RUN_STATUSES)),
            limit=1,
        )
        if running:
            yield dg.SkipReason(
                f"{campaign.id}: the run {running[0].run_id} of an earlier tick is not done yet"
            )
            return
        try:
            studio = studio_of_tick(context, names)
            due = find_due(studio, context.instance, names, campaign_id=campaign.id)
        except NbpError as error:
            yield dg.SkipReason(f"{campaign.id}: what is due can't be told. {error}")
            return
        if not due.is_launched:
            yield dg.SkipReason(due.reason)
            return
        context.log.info("%s", due.reason)
        for partitions in due.ranges:
            yield dg.RunRequest(
                # Of several at one tick Dagster tells one from the other by this.
                run_key=partitions[0] if len(due.ranges) > 1 else None,
                tags={**range_tags(partitions), LAUNCHED_BY: name, REASON: due.reason},
            )

    return evaluate


@dataclass(frozen=True)
class Due:
    """What a tick found of a campaign.

    Attributes:
        reason: One line for a person: what is due and its quote, or why nothing is launched.
        ranges: The prompts of each run, in order: those of the whole campaign, but for the runs
            that would have nothing to do; empty where nothing is launched.
        quote_usd: What the run would spend.
    """

    reason: str
    ranges: tuple[tuple[str, ...], ...] = ()
    quote_usd: Decimal = Decimal(0)

    @property
    def is_launched(self) -> bool:
        """Whether any run is worth its start."""
        return bool(self.ranges)


def find_due(
    studio: Studio, instance: dg.DagsterInstance, names: Names, *, campaign_id: str
) -> Due:
    """Find what a run over a campaign would have to make, and what that would cost.

    Args:
        studio: Knows the briefs of now, the ledger and the prices.
        instance: Knows what is recorded.
        names: Keys of the assets.
        campaign_id: The campaign, which the briefs of now may no longer have.

    Raises:
        NbpError: The brief is broken, or the service can't be asked for its prices, or states none.
    """
    faults = studio.briefs.find_faults("campaign", campaign_id)
    if faults:
        raise BriefError(studio.briefs.root, faults)
    prompts = studio.prompts_of(campaign_id)
    if not prompts:
        return Due(f"{campaign_id}: the briefs have no such campaign any more; reload definitions")
    compiled = studio.compile(prompts)
    sheets = missing_sheets(studio, compiled.sheets, prompts)
    if sheets:
        return Due(f"{campaign_id}: {ask_for_sheets(names, sheets, compiled)}")
    outdated = outdated_prompts(instance, studio, names, prompts=prompts, compiled=compiled)
    plan = plan_campaigns(studio, [campaign_id])
    hopeless = {image.key for image in plan.images if image.is_hopeless}
    due = [key for key in outdated if key not in hopeless]
    counts = f"{campaign_id}: {len(due)} of {len(prompts)} prompts are due"
    more = len(outdated) - len(due)
    if more:
        counts += f", {more} more can't be made until the brief is edited (see `nbp plan`)"
    if not due:
        return Due(f"{counts}; nothing is launched")
    if plan.over:
        return Due(f"{counts}, nothing is launched: {'; '.join(plan.over)}")
    return Due(
        f"{counts}, quote {plan.total_usd:.2f} USD",
        _cut(studio, prompts, frozenset(due)),
        plan.total_usd,
    )


def _cut(
    studio: Studio, prompts: Sequence[Prompt], due: frozenset[str]
) -> tuple[tuple[str, ...], ...]:
    """Return the prompts of each run of a campaign that has something due."""
    campaign = studio.briefs.campaigns[prompts[0].campaign]
    at_most = campaign.prompts_per_run or studio.options.prompts_per_run
    bases = {prompt.key: studio.compiler.edit_bases.key_of(prompt) for prompt in prompts}
    ranges = cut([prompt.key for prompt in prompts], at_most, bases)
    return tuple(each for each in ranges if not due.isdisjoint(each))
