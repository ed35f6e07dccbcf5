"""Publishing a finished set: one commit in an Oxen repository."""

from collections.abc import Iterator

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
    destination_of,
    pass_through,
    run_within,
    studio_key,
    studio_of,
    tag_run,
)
from nbp_dagster.assets.step_failures import plain_failure
from nbp_dagster.studio.publish import PublishRules, publish_set

CODE_VERSION = "1"


class PublishConfig(dg.Config):
    """Run config of publishing: what is refused unless a launch says otherwise."""

    allow_missing: bool = Field(
        default=False, description="Publish a set that lacks pictures of its campaign."
    )
    allow_fewer: bool = Field(
        default=False,
        description="Publish fewer pictures than the branch has of the campaign now.",
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
            "A finished set as one commit in an Oxen repository. Free. The same files again make "
            "no new commit. A set with a simulated picture is never published, and one that lacks "
            "pictures, or has fewer than the branch, only by run config."
        ),
    )
    @run_within(execute)
    def published_sets(
        context: dg.AssetExecutionContext, config: PublishConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        studio = studio_of(context, names)
        recorder = Recorder(context, names.published_sets, code_version=CODE_VERSION)
        tag_run(context, studio, context.partition_keys)
        with plain_failure(context):
            destination = destination_of(context, names)
        recorded = recorded_versions(context.instance, names.campaign_sets, context.partition_keys)
        for campaign_id in context.partition_keys:
            pointer = latest_event(context)
            rules = PublishRules(
                recorded.get(campaign_id), config.allow_missing, config.allow_fewer
            )
            with plain_failure(context):
                published = publish_set(studio, campaign_id, destination, rules)
            recorder.record(
                campaign_id,
                data_version=published.digest,
                inputs={names.campaign_sets: published.digest},
                pointer=pointer,
                metadata={
                    "repository": destination.repository,
                    "branch": destination.branch,
                    "commit": published.commit or "no changes: these files were there already",
                    "files": published.files,
                },
            )
        yield from nothing_returned()

    return published_sets
