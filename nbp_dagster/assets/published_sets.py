"""Publishing a finished set: to an Oxen repository, folders and URLs, all that are configured."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from nbp_dagster.assets.materializations import (
    Recorder,
    latest_event,
    nothing_returned,
    recorded_versions,
)
from nbp_dagster.assets.names import GROUP, Names
from nbp_dagster.assets.partitions import PartitionSets
from nbp_dagster.assets.step import (
    Execute,
    destination_key,
    pass_through,
    run_within,
    studio_key,
    studio_of,
    tag_run,
    targets_of,
)
from nbp_dagster.assets.step_failures import plain_failure
from nbp_dagster.studio.delivery.publish_target import PublishTarget
from nbp_dagster.studio.delivery.repository_target import RepositoryTarget
from nbp_dagster.studio.publish import PublishedSet, PublishRules, publish_set

CODE_VERSION = "1"
_UNCHANGED = "no changes: these files were there already"


class PublishConfig(dg.Config):
    """Run config of publishing: what is refused unless a launch says otherwise."""

    allow_missing: bool = Field(
        default=False, description="Publish a set that lacks pictures of its campaign."
    )
    allow_fewer: bool = Field(
        default=False,
        description="Publish fewer pictures than a target has of the campaign now.",
    )


def build_published_sets(
    partition_sets: PartitionSets, names: Names, *, execute: Execute = pass_through
) -> dg.AssetsDefinition:
    """Return the asset of published sets, one partition a campaign."""

    @dg.asset(
        key=names.published_sets,
        partitions_def=partition_sets.campaigns,
        deps=[names.campaign_sets],
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        code_version=CODE_VERSION,
        required_resource_keys={studio_key(names), destination_key(names)},
        group_name=GROUP,
        kinds={"oxen"},
        owners=["team:marketing"],
        description=(
            "A finished set where others can use it: one commit in an Oxen repository, and an "
            "edition in each folder or bucket. Free. The same set again changes nothing. A set "
            "with a simulated picture goes to trial targets alone, and one that lacks pictures, "
            "or has fewer than a target, only by run config."
        ),
    )
    @run_within(execute)
    def published_sets(
        context: dg.AssetExecutionContext, config: PublishConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        with plain_failure(context):
            _publish(context, config, names)
        yield from nothing_returned()

    return published_sets


def _publish(context: dg.AssetExecutionContext, config: PublishConfig, names: Names) -> None:
    studio = studio_of(context, names)
    recorder = Recorder(context, names.published_sets, code_version=CODE_VERSION)
    tag_run(context, studio, context.partition_keys)
    targets = targets_of(context, names, studio)
    recorded = recorded_versions(context.instance, names.campaign_sets, context.partition_keys)
    for campaign_id in context.partition_keys:
        pointer = latest_event(context)
        rules = PublishRules(recorded.get(campaign_id), config.allow_missing, config.allow_fewer)
        published = publish_set(studio, campaign_id, targets, rules)
        recorder.record(
            campaign_id,
            data_version=published.digest,
            inputs={names.campaign_sets: published.source_digest},
            pointer=pointer,
            metadata=_describe(published, targets),
        )


def _describe(
    published: PublishedSet, targets: Sequence[PublishTarget]
) -> Mapping[str, dg.MetadataValue[Any] | int | str]:
    """Return what Dagster shows: of a repository its commit, of every target the place."""
    facts: dict[str, dg.MetadataValue[Any] | int | str] = {
        "files": published.files,
        "passed_over": published.passed_over,
    }
    for target, done in zip(targets, published.deliveries, strict=True):
        if isinstance(target, RepositoryTarget):
            facts["repository"] = target.destination.repository
            facts["branch"] = target.destination.branch
            facts["commit"] = done.commit or _UNCHANGED
    lines = [
        f"{each.place}: {'published' if each.is_new else _UNCHANGED}"
        for each in published.deliveries
    ]
    return {**facts, "targets": dg.MetadataValue.json(lines)}
