"""The four partition_sets of the assets and the mappings between them, computed from the briefs."""

from collections.abc import Iterable, Mapping, Sequence
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


RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
"""Tags of a run over everything between two partitions, both included."""


def range_tags(partitions: Sequence[str]) -> dict[str, str]:
    """Return the tags of one run over everything from the first to the last of the partitions."""
    return {RANGE_START: partitions[0], RANGE_END: partitions[-1]}


def limit_backfills(briefs: Briefs, prompts_per_run: int | None) -> dg.BackfillPolicy:
    """Return how backfills over prompts are cut into runs.

    Dagster knows one figure an asset: the smallest of the setting's and the campaigns' own.

    Args:
        briefs: The campaigns.
        prompts_per_run: The setting; None for no limit.
    """
    figures = {prompts_per_run, *(each.prompts_per_run for each in briefs.campaigns.values())}
    known = [figure for figure in figures if figure is not None]
    return dg.BackfillPolicy.multi_run(min(known)) if known else dg.BackfillPolicy.single_run()


def cut(
    keys: Sequence[str], at_most: int | None, edited: Mapping[str, str | None]
) -> list[tuple[str, ...]]:
    """Cut partitions into the ranges of several runs; what edits a picture stays with it.

    Args:
        keys: The partitions, in order.
        at_most: Partitions of one run; None for one run. More where edits allow no cut.
        edited: By partition the one whose picture it edits, if any.
    """
    if at_most is None:
        return [tuple(keys)] if keys else []
    places = {key: place for place, key in enumerate(keys)}
    # How far the edits and the pictures they start from reach that have begun so far.
    reaches = dict(places.items())
    for key, base in edited.items():
        if key in places and base in places:
            first, last = sorted((key, base), key=places.__getitem__)
            reaches[first] = max(reaches[first], places[last])
    ranges, begin, reach = [], 0, 0
    for place, key in enumerate(keys, start=1):
        reach = max(reach, reaches[key])
        if place == len(keys) or (place - begin >= at_most and reach < place):
            ranges.append(tuple(keys[begin:place]))
            begin = place
    return ranges


def _sheets_of(briefs: Briefs, prompt: Prompt) -> Iterable[str]:
    campaign = briefs.campaigns[prompt.campaign]
    cast = campaign.shot(prompt.shot).characters
    return (f"{campaign.brand}/{character}" for character in cast)


def _mapping(pairs: Iterable[tuple[str, str]]) -> dg.StaticPartitionMapping:
    downstream: dict[str, list[str]] = {}
    for upstream, key in pairs:
        downstream.setdefault(upstream, []).append(key)
    return dg.StaticPartitionMapping(downstream)
