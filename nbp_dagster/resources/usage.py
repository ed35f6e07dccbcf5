"""Where a step's use of the service is recorded: as metadata of what it makes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import dagster as dg

from nbp_dagster._dagster_private import DirectOpExecutionContext
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.metered_client import Counter, Usage


class UsageUnplaced(NbpError):
    """A step makes several things, and it was not said which of them the use belongs to."""


@dataclass(frozen=True)
class Place:
    """What the counts belong to: an asset, or an op's output; and a partition where there is one.

    Attributes:
        asset: Key of the asset; None for an op that makes none.
        output: Name of the op's output; empty for an asset.
        partition: Key of the partition; None where the asset has none.
    """

    asset: dg.AssetKey | None
    output: str = ""
    partition: str | None = None

    def __str__(self) -> str:
        name = self.output if self.asset is None else self.asset.to_user_string()
        return name if self.partition is None else f"{name} ({self.partition})"


# A second client in the same step adds to what the first one recorded, and Dagster keeps only the
# last value of a key. Keyed by the step's own context, so that nothing outlives the step.
_RECORDED: WeakKeyDictionary[Any, dict[Place, Counter]] = WeakKeyDictionary()


@contextmanager
def recorded_usage(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, place: Place, *, provider: str
) -> Iterator[Counter]:
    """Yield a counter whose counts become metadata of the place when the block is left.

    They are logged too: a step that fails has no metadata, and may have been billed.
    """
    counter, step = Counter(), _step(context)
    try:
        yield counter
    finally:
        usage = counter.usage
        simulated = " (SIMULATED, nothing is paid)" if provider == "simulator" else ""
        step.log.info("Oxen, for %s: %s%s", place, usage.in_words(), simulated)
        total = _RECORDED.setdefault(step, {}).setdefault(place, Counter())
        total.add(usage)
        metadata = describe_usage(total.usage, provider=provider)
        _record(step, place, metadata)


def describe_usage(usage: Usage, *, provider: str) -> dict[str, Any]:
    """Return counts as metadata; numbers plot over time in the UI.

    `oxen_billed_usd` is left out where no image has a stated price.
    """
    metadata: dict[str, Any] = {
        "oxen_calls": usage.calls,
        "oxen_images": usage.images,
        "oxen_seconds": round(usage.seconds, 3),
        "oxen_throttled": usage.throttled,
        "oxen_drawn_by": "SIMULATED" if provider == "simulator" else "live",
    }
    if usage.unpriced_images < usage.images or not usage.images:
        metadata["oxen_billed_usd"] = float(usage.billed_usd)
    if usage.unpriced_images:
        metadata["oxen_unpriced_images"] = usage.unpriced_images
    if usage.maybe_images:
        metadata["oxen_maybe_billed_images"] = usage.maybe_images
    return metadata


def find_place(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    *,
    asset: dg.AssetKey | None = None,
    output: str | None = None,
    partition: str | None = None,
) -> Place:
    """Return what the step's use of the service belongs to.

    Args:
        context: The step's.
        asset: One of a multi-asset's keys; not needed where the run makes one of them.
        output: One of an op's outputs; not needed where it has one.
        partition: One of the run's; not needed where it has one.

    Raises:
        UsageUnplaced: It is not clear, or not something that this step makes.
    """
    step = _step(context)
    # An asset's function may as well ask for an OpExecutionContext.
    if step.has_assets_def:
        made = sorted(key.to_user_string() for key in step.selected_asset_keys)
        wanted = None if asset is None else asset.to_user_string()
        key = dg.AssetKey.from_user_string(_one_of(made, wanted, what="asset"))
        return Place(key, partition=_partition(step, partition))
    outputs = {item.name: item for item in step.op_def.output_defs}
    name = _one_of(sorted(outputs), output, what="output")
    if outputs[name].is_dynamic:
        raise UsageUnplaced(
            f"the output {name!r} is dynamic, and which of its values the use belongs to is not "
            "known before it ends; use `oxen.client()`, which records nothing"
        )
    return Place(None, name)


def _partition(step: dg.OpExecutionContext, wanted: str | None) -> str | None:
    if not step.has_partition_key and not step.has_partition_key_range:
        if wanted is not None:
            raise UsageUnplaced(
                f"partition={wanted!r} was named, and this run has no partitions: leave it out"
            )
        return None
    return _one_of(list(step.partition_keys), wanted, what="partition")


def _one_of(made: list[str], wanted: str | None, *, what: str) -> str:
    """Return the one that is meant, before anything is paid."""
    if wanted is None and len(made) == 1:
        return made[0]
    if wanted is not None and wanted in made:
        return wanted
    shown = ", ".join(made[:5]) + (f" and {len(made) - 5} more" if len(made) > 5 else "")
    seen = "none is named" if wanted is None else f"{wanted!r} is none of them"
    raise UsageUnplaced(
        f"this step makes {len(made)} {what}s ({shown or 'none'}) and {seen}: say which one the "
        f"use of Oxen belongs to, with `oxen.client_for(context, {what}=...)`"
    )


def _step(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> dg.OpExecutionContext:
    if isinstance(context, dg.AssetExecutionContext):
        return context.op_execution_context
    return context


def _record(step: dg.OpExecutionContext, place: Place, metadata: dict[str, Any]) -> None:
    if place.asset is None:
        step.add_output_metadata(metadata, output_name=place.output)
    elif isinstance(step, DirectOpExecutionContext):
        # An asset's function called by itself, as in a test, makes nothing that has metadata.
        name = step.assets_def.get_output_name_for_asset_key(place.asset)
        step.add_output_metadata(metadata, output_name=name)
    else:
        dg.AssetExecutionContext(step).add_asset_metadata(
            metadata, asset_key=place.asset, partition_key=place.partition
        )
