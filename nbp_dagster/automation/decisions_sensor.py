"""The sensor that has Dagster show what people decided: it records the check `approved`."""

from collections.abc import Iterable, Iterator

import dagster as dg

from nbp_dagster._dagster_private import forget_runless_evaluations
from nbp_dagster.assets.asset_checks import evaluate_approval, sum_up_approval
from nbp_dagster.assets.campaign_sets import describe_report
from nbp_dagster.assets.names import Names, scoped
from nbp_dagster.assets.step import studio_for_sensor
from nbp_dagster.errors import NbpError
from nbp_dagster.resources.studio import StudioResource
from nbp_dagster.studio.review.approvals import count_states
from nbp_dagster.studio.review.decision_log import Decision, Place
from nbp_dagster.studio.review.reviews import Reviews
from nbp_dagster.studio.studio import Studio

# Decisions of one tick: more than a person makes in the half minute between two.
_AT_ONCE = 500


def build_decisions_sensor(
    names: Names, studio: StudioResource, *, status: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    """Return the sensor of one folder of briefs; its cursor is the last decision it told.

    Args:
        names: Keys of the assets.
        studio: Its ledger has the decisions.
        status: Whether it runs unless somebody says otherwise.
    """

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        seen = int(context.cursor or 0)
        try:
            with studio.opened_decisions() as decisions:
                if not decisions.since(seen, limit=1):
                    # Nearly every tick ends here: the briefs are not even read.
                    return dg.SkipReason("nobody has decided anything since")
            with studio_for_sensor(context, names) as opened:
                return _tell(opened, names, context.instance, seen=seen)
        except NbpError as error:
            # The cursor stays where it was: what could not be told now is told later.
            return dg.SkipReason(str(error))

    return dg.SensorDefinition(
        name=scoped(names, "decisions_made"),
        evaluation_fn=evaluate,
        minimum_interval_seconds=30,
        default_status=status,
        description=(
            "Notices approvals and rejections of `nbp review`, and records them as the check "
            "`approved` of each prompt. Free; launches nothing."
        ),
    )


def _tell(
    studio: Studio, names: Names, instance: dg.DagsterInstance, *, seen: int
) -> dg.SensorResult:
    rows = studio.decisions.since(seen, limit=_AT_ONCE)
    studio.sets.bring_all(whole=False)
    known = {prompt.key for prompt in studio.prompts}
    latest: dict[str, dict[Place, Decision]] = {}
    evaluations = []
    for key in dict.fromkeys(row.place.prompt_key for row in rows):
        record = studio.records.read(key) if key in known else None
        if record is None:
            # The prompt is gone from its brief, or its pictures from this machine.
            continue
        campaign = key.partition("/")[0]
        if campaign not in latest:
            latest[campaign] = studio.decisions.latest(campaign)
        evaluations.append(evaluate_approval(names.channel_images, record, latest[campaign]))
    forget_runless_evaluations(instance, evaluations)
    # Last, as the check's own state is that of its latest evaluation: one prompt that is approved
    # does not make it green over others that are not.
    summed_up = _sum_up(studio, names)
    events: list[dg.AssetCheckEvaluation | dg.AssetObservation] = [
        *evaluations,
        *_observe_sets(studio, names, latest),
        summed_up,
    ]
    told = f"{len(rows)} decisions told; {summed_up.description}"
    # The words of a tick that launches nothing; its events are recorded all the same.
    return dg.SensorResult(skip_reason=told, asset_events=events, cursor=str(rows[-1].id))


def _observe_sets(
    studio: Studio, names: Names, campaigns: Iterable[str]
) -> Iterator[dg.AssetObservation]:
    """Yield what each campaign came to, so that Dagster plots it as decisions are made."""
    reviews = Reviews(studio.paths.sets, studio.decisions)
    known = set(reviews.campaigns())
    for campaign in campaigns:
        if campaign in known and campaign in studio.briefs.campaigns:
            manifest = reviews.read(campaign).manifest
            yield dg.AssetObservation(
                asset_key=names.campaign_sets,
                partition=campaign,
                metadata=describe_report(studio, manifest),
                description="what people decided since",
            )


def _sum_up(studio: Studio, names: Names) -> dg.AssetCheckEvaluation:
    """Return whether every set that anybody reviews is approved, as it is now."""
    reviews = Reviews(studio.paths.sets, studio.decisions)
    wanted = {each.id for each in studio.briefs.campaigns.values() if each.require_approval}
    reviewed = wanted | set(studio.decisions.campaigns())
    counts = {
        campaign: count_states(reviews.open(campaign).rows)
        for campaign in reviews.campaigns()
        if campaign in reviewed and campaign in studio.briefs.campaigns
    }
    return sum_up_approval(names.channel_images, counts)
