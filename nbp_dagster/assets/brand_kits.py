"""The brands as assets: validated, shown, and versioned by content."""

from collections.abc import Iterator

import dagster as dg

from nbp_dagster.assets.materializations import Recorder, latest_event, nothing_returned
from nbp_dagster.assets.model_check import check_models, model_check_spec
from nbp_dagster.assets.names import GROUP, Names
from nbp_dagster.assets.partitions import PartitionSets
from nbp_dagster.assets.step import (
    Execute,
    campaigns_of_brands,
    pass_through,
    run_within,
    studio_key,
    studio_of,
    tag_run,
)
from nbp_dagster.assets.step_failures import plain_failure
from nbp_dagster.briefs.models import Brand

CODE_VERSION = "1"


def build_brand_kits(
    partition_sets: PartitionSets, names: Names, *, execute: Execute = pass_through
) -> dg.AssetsDefinition:
    """Return the asset of validated brand kits, one partition a brand."""

    @dg.asset(
        key=names.brand_kits,
        check_specs=[model_check_spec(names)],
        partitions_def=partition_sets.brands,
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        code_version=CODE_VERSION,
        required_resource_keys={studio_key(names)},
        group_name=GROUP,
        kinds={"yaml"},
        owners=["team:marketing"],
        description=(
            "A brand's kit, read from `brands/<id>.yaml`: palette, voice, style, characters and "
            "products. Free. Its data version is the hash of the file and of the reference images "
            "it names, so an edit shows as stale downstream."
        ),
    )
    @run_within(execute)
    def brand_kits(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        with plain_failure(context):
            studio = studio_of(context, names)
            recorder = Recorder(context, names.brand_kits, code_version=CODE_VERSION)
            pointer = latest_event(context)
            campaigns = campaigns_of_brands(studio, context.partition_keys)
            tag_run(context, studio, campaigns)
            for brand_id in context.partition_keys:
                source = studio.briefs.source_of("brand", brand_id)
                version = studio.brand_version(brand_id)
                brand = studio.briefs.brands[brand_id]
                recorder.record(
                    brand_id,
                    data_version=version,
                    inputs={},
                    pointer=pointer,
                    metadata={
                        **_describe(brand),
                        "brief": dg.MetadataValue.path(str(source.path)),
                        "brief_sha256": source.sha256,
                        "commit": studio.commit or "not in a git checkout",
                    },
                )
            yield check_models(studio, names, campaigns)
        yield from nothing_returned()

    return brand_kits


def _describe(brand: Brand) -> dict[str, dg.MetadataValue]:
    swatches = "\n".join(f"| {name} | `{colour}` |" for name, colour in brand.palette.items())
    characters = "\n".join(
        f"- **{item.name}** (`{key}`): {', '.join(item.traits)}"
        for key, item in brand.characters.items()
    )
    return {
        "name": dg.MetadataValue.text(brand.name),
        "style": dg.MetadataValue.text(brand.style),
        "palette": dg.MetadataValue.md(f"| colour | hex |\n|---|---|\n{swatches}"),
        "characters": dg.MetadataValue.md(characters or "none"),
        "products": dg.MetadataValue.int(len(brand.products)),
    }
