"""Recording partitions by themselves, with the versions Dagster needs to judge its staleness.

A step over a range of partitions can only return one result for all of them, with one data version
and all or nothing recorded. Logging each partition's materialization as it finishes keeps what is
done, whatever becomes of the rest; Dagster then leaves the version tags to us. The tags are those
Dagster writes for a returned result; a test compares the two.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from nbp_dagster._dagster_private import (
    latest_record_id,
    latest_tags,
    store_materializations,
    target_partitions,
)

CODE_VERSION = "dagster/code_version"
DATA_VERSION = "dagster/data_version"
USER_PROVIDED = "dagster/data_version_is_user_provided"
INPUT_VERSION = "dagster/input_data_version"
INPUT_POINTER = "dagster/input_event_pointer"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What is recorded for one partition.

    Attributes:
        partition: Its key.
        data_version: Equal versions leave everything downstream fresh.
        inputs: The data version that was read, by upstream asset.
        pointer: Storage id up to which the upstream assets' events were seen; an upstream event
            after it, with another data version, makes this partition stale.
        metadata: Shown in the UI for this partition.
    """

    partition: str
    data_version: str
    inputs: Mapping[dg.AssetKey, str]
    pointer: int
    metadata: Mapping[str, Any]


class Recorder:
    """Logs materializations of an asset's partitions from within its step.

    Attributes:
        asset: Key of the asset.
        recorded: Partitions that this run has recorded.

    Example:
        >>> recorder = Recorder(context, dg.AssetKey("generated_images"), code_version="1")
        >>> recorder.record(key, data_version=digest, inputs={requests: fingerprint}, metadata={})
    """

    def __init__(
        self, context: dg.AssetExecutionContext, asset: dg.AssetKey, *, code_version: str
    ) -> None:
        self._context = context
        self.asset = asset
        self.recorded: set[str] = set()
        self._code_version = code_version

    @property
    def is_selected(self) -> bool:
        """Whether this run was asked for the asset; others are not recorded."""
        return self.asset in self._context.selected_asset_keys

    def versions(self, partitions: Iterable[str]) -> dict[str, str]:
        """Return the data version last recorded, by partition."""
        return recorded_versions(self._context.instance, self.asset, partitions)

    def record(
        self,
        partition: str,
        *,
        data_version: str,
        inputs: Mapping[dg.AssetKey, str],
        pointer: int,
        metadata: Mapping[str, Any],
    ) -> None:
        """Record one partition as materialized; the arguments are those of `Recording`."""
        recording = Recording(
            partition=partition,
            data_version=data_version,
            inputs=inputs,
            pointer=pointer,
            metadata=metadata,
        )
        self._context.log_event(self._materialization(recording))

    def record_all(self, recordings: Iterable[Recording]) -> None:
        """Record many partitions at once, in their order, as Dagster does those of a result.

        Written in batches of `DAGSTER_EVENT_BATCH_SIZE`, where that is set and not 0. A process
        that dies meanwhile may leave up to so many of them out.
        """
        store_materializations(self._context, map(self._materialization, recordings))

    def _materialization(self, recording: Recording) -> dg.AssetMaterialization:
        self.recorded.add(recording.partition)
        # A result has one data version for all its partitions: dagster-io/dagster#34013.
        tags = {
            CODE_VERSION: self._code_version,
            DATA_VERSION: recording.data_version,
            USER_PROVIDED: "true",
        }
        for asset, version in recording.inputs.items():
            name = asset.to_user_string()
            tags[f"{INPUT_VERSION}/{name}"] = version
            tags[f"{INPUT_POINTER}/{name}"] = str(recording.pointer)
        return dg.AssetMaterialization(
            asset_key=self.asset,
            partition=recording.partition,
            metadata=recording.metadata,
            tags=tags,
        )


def nothing_returned() -> Iterator[dg.MaterializeResult[None]]:
    """Yield nothing: for `yield from`, in an asset that has logged its partitions itself.

    A function that returns None would count as one more materialization of every partition.
    """
    yield from ()


def latest_event(context: dg.AssetExecutionContext) -> int:
    """Return the storage id of the newest event: what this step has seen of its inputs.

    Taken before the inputs are read, so that a change made meanwhile counts as newer.
    """
    return latest_record_id(context.instance)


def recorded_versions(
    instance: dg.DagsterInstance, asset: dg.AssetKey, partitions: Iterable[str]
) -> dict[str, str]:
    """Return the data version of the latest materialization, by partition."""
    return latest_tags(instance, asset, DATA_VERSION, partitions)


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
    if not backfill_id:
        return frozenset()
    return target_partitions(context.instance, backfill_id, asset)


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
