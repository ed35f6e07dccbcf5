"""The finished sets as assets: manifest, contact sheet and gallery page of each campaign."""

from collections.abc import Iterator

import dagster as dg

from nbp_dagster.assets.bindings import studio_key, studio_of
from nbp_dagster.assets.conditions import sets_follow
from nbp_dagster.assets.failing import plain_failure
from nbp_dagster.assets.names import GROUP, Names
from nbp_dagster.assets.partitions import Grains
from nbp_dagster.assets.recording import Recorder, latest_event, nothing_returned
from nbp_dagster.studio.sets import WrittenSet
from nbp_dagster.studio.studio import Studio

CODE_VERSION = "1"


def build_campaign_sets(grains: Grains, names: Names) -> dg.AssetsDefinition:
    """Return the asset of finished sets, one partition a campaign."""

    @dg.asset(
        key=names.campaign_sets,
        partitions_def=grains.campaigns,
        deps=[dg.AssetDep(names.channel_images, partition_mapping=grains.campaigns_by_prompt)],
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        code_version=CODE_VERSION,
        required_resource_keys={studio_key(names)},
        group_name=GROUP,
        kinds={"html"},
        automation_condition=sets_follow(),
        owners=["team:marketing"],
        description=(
            "A campaign's pictures as a folder to open, zip or mail: `index.html` (the gallery), "
            "`manifest.json` (one row a picture, with its whole lineage), `contact_sheet.jpg`, and "
            "the files by channel. Free. Prompts without a picture are listed with the reason."
        ),
    )
    def campaign_sets(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        for campaign_id in context.partition_keys:
            with plain_failure():
                write_set(context, studio_of(context, names), names, campaign_id=campaign_id)
        yield from nothing_returned()

    return campaign_sets


def write_set(
    context: dg.AssetExecutionContext, studio: Studio, names: Names, *, campaign_id: str
) -> None:
    """Write a campaign's set and record it.

    Raises:
        NbpError: It can't be written.
    """
    recorder = Recorder(context, names.campaign_sets, code_version=CODE_VERSION)
    pointer = latest_event(context)
    written = studio.write_set(campaign_id)
    recorder.record(
        campaign_id,
        data_version=written.digest,
        inputs={names.channel_images: written.digest},
        pointer=pointer,
        metadata=_describe(studio, written),
    )


def _describe(studio: Studio, written: WrittenSet) -> dict[str, object]:
    manifest = written.manifest
    totals = manifest.totals
    return {
        "gallery": dg.MetadataValue.path(str(written.index.absolute())),
        "manifest": dg.MetadataValue.path(str(written.manifest_path.absolute())),
        "contact_sheet": dg.MetadataValue.path(str(written.contact_sheet.absolute())),
        "pictures": totals.pictures,
        "prompts_made": totals.prompts_made,
        "missing": totals.missing,
        "drawn_by": "SIMULATED" if manifest.simulated else "live",
        "commit": studio.commit or "not in a git checkout",
        "without_picture": dg.MetadataValue.md(
            "\n".join(f"- `{item.prompt_key}`: {item.reason}" for item in manifest.missing)
            or "none"
        ),
    }
