"""All assets of one folder of briefs."""

import warnings

import dagster as dg

from nbp_dagster.assets.brand_kits import build_brand_kits
from nbp_dagster.assets.campaign_sets import build_campaign_sets
from nbp_dagster.assets.character_sheets import build_character_sheets
from nbp_dagster.assets.names import Names
from nbp_dagster.assets.partitions import build_partition_sets, limit_backfills
from nbp_dagster.assets.prompt_images import build_prompt_images
from nbp_dagster.assets.published_sets import build_published_sets
from nbp_dagster.assets.step import Execute, pass_through
from nbp_dagster.briefs.load import Briefs


def build_assets(
    briefs: Briefs,
    names: Names,
    *,
    execute: Execute = pass_through,
    prompts_per_run: int | None = None,
) -> list[dg.AssetsDefinition]:
    """Return every asset, partitioned by what the briefs hold.

    Args:
        briefs: What is to be made.
        names: Keys of the assets.
        execute: Runs around each step.
        prompts_per_run: Most prompts that a run of a backfill makes; None for no limit.
    """
    partition_sets = build_partition_sets(briefs)
    with warnings.catch_warnings():
        # `backfill_policy` is marked beta: one run for a range is worth it, and the user of this
        # package can do nothing about the warning.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return [
            build_brand_kits(partition_sets, names, execute=execute),
            build_character_sheets(partition_sets, names, execute=execute),
            build_prompt_images(
                partition_sets,
                names,
                backfills=limit_backfills(briefs, prompts_per_run),
                execute=execute,
            ),
            build_campaign_sets(partition_sets, names, execute=execute),
            build_published_sets(partition_sets, names, execute=execute),
        ]
