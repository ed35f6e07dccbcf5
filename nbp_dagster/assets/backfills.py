"""What a step knows of the backfill it runs in; the only place that reads one."""

from collections.abc import Iterable

import dagster as dg

_BACKFILL = "dagster/backfill"

SET_FOLLOWS = "nbp/set_follows"
"""Tag of a run after which the sets of its prompts are written, whatever becomes of them."""


def sets_that_follow(
    context: dg.AssetExecutionContext, sets: dg.AssetKey, campaigns: Iterable[str]
) -> list[str]:
    """Return those of some campaigns whose sets are to be written after this run's prompts."""
    if SET_FOLLOWS in context.run.tags:
        return list(campaigns)
    wanted = partitions_wanted(context, sets)
    return [campaign for campaign in campaigns if campaign in wanted]


def partitions_wanted(context: dg.AssetExecutionContext, asset: dg.AssetKey) -> frozenset[str]:
    """Return the partitions of an asset that this run's backfill was asked for.

    Empty where the run belongs to no backfill, or to one without the asset.
    """
    backfill_id = context.run.tags.get(_BACKFILL)
    backfill = context.instance.get_backfill(backfill_id) if backfill_id else None
    data = None if backfill is None else backfill.asset_backfill_data
    if data is None or asset not in data.target_subset.partitions_subsets_by_asset_key:
        return frozenset()
    return frozenset(data.target_subset.get_partitions_subset(asset).get_partition_keys())


def has_failed_run(context: dg.AssetExecutionContext) -> bool:
    """Whether another run of this run's backfill has failed."""
    backfill_id = context.run.tags.get(_BACKFILL)
    if backfill_id is None:
        return False
    failed = dg.RunsFilter(
        tags={_BACKFILL: backfill_id},
        statuses=[dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
    )
    return bool(context.instance.get_runs(failed, limit=1))
