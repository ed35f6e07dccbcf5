"""The four partition_sets of the assets and the mappings between them, computed from the briefs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import dagster as dg

from nbp_dagster.briefs.load import Briefs
from nbp_dagster.prompts.expansion import Prompt, expand, sheet_keys


@dataclass(frozen=True)
class PartitionSets:
    """Partitions of every asset, in brief order so that what belongs together is contiguous.

    Static definitions and static mappings are what Dagster serialises for its daemon, draws, and
    uses for staleness; dynamic partitions and mappings of one's own are not.

    Attributes:
        brands: One key a brand.
        sheets: `brand/character`.
        prompts: `campaign/shot/locale/ratio/variant`: one paid image each.
        campaigns: One key a campaign.
    """

    brands: dg.StaticPartitionsDefinition
    sheets: dg.StaticPartitionsDefinition
    prompts: dg.StaticPartitionsDefinition
    campaigns: dg.StaticPartitionsDefinition
    sheets_by_brand: dg.StaticPartitionMapping
    prompts_by_brand: dg.StaticPartitionMapping
    prompts_by_sheet: dg.StaticPartitionMapping
    campaigns_by_prompt: dg.StaticPartitionMapping


def build_partition_sets(briefs: Briefs) -> PartitionSets:
    """Compute partitions and mappings; the briefs were validated, so every key is known."""
    prompts = expand(briefs)
    sheets = sheet_keys(briefs)
    return PartitionSets(
        brands=dg.StaticPartitionsDefinition(list(briefs.brands)),
        sheets=dg.StaticPartitionsDefinition(list(sheets)),
        prompts=dg.StaticPartitionsDefinition([prompt.key for prompt in prompts]),
        campaigns=dg.StaticPartitionsDefinition(list(briefs.campaigns)),
        sheets_by_brand=_mapping((key.split("/")[0], key) for key in sheets),
        prompts_by_brand=_mapping(
            (briefs.campaigns[prompt.campaign].brand, prompt.key) for prompt in prompts
        ),
        prompts_by_sheet=_mapping(
            (sheet, prompt.key) for prompt in prompts for sheet in _sheets_of(briefs, prompt)
        ),
        campaigns_by_prompt=dg.StaticPartitionMapping(
            {prompt.key: prompt.campaign for prompt in prompts}
        ),
    )


def range_tags(partitions: Sequence[str]) -> dict[str, str]:
    """Return the tags of one run over everything from the first to the last of the partitions."""
    return {
        "dagster/asset_partition_range_start": partitions[0],
        "dagster/asset_partition_range_end": partitions[-1],
    }


def _sheets_of(briefs: Briefs, prompt: Prompt) -> Iterable[str]:
    campaign = briefs.campaigns[prompt.campaign]
    cast = campaign.shot(prompt.shot).characters
    return (f"{campaign.brand}/{character}" for character in cast)


def _mapping(pairs: Iterable[tuple[str, str]]) -> dg.StaticPartitionMapping:
    downstream: dict[str, list[str]] = {}
    for upstream, key in pairs:
        downstream.setdefault(upstream, []).append(key)
    return dg.StaticPartitionMapping(downstream)
