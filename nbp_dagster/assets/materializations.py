"""Recording partitions by themselves, with the versions Dagster needs to judge its staleness.

A step over a range of partitions can only return one result for all of them, with one data version
and all or nothing recorded. Logging each partition's materialization as it finishes keeps what is
done, whatever becomes of the rest; Dagster then leaves the version tags to us. The tags are those
Dagster writes for a returned result; a test compares the two.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from nbp_dagster._dagster_private import (
    latest_record_id,
    latest_tags,
    store_materializations,
    target_partitions,
)
from nbp_dagster.assets.partitions import RANGE_END, RANGE_START

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
_PARTITION = "dagster/partition"
# Tags by which Dagster says that it starts a failed run anew, and as which run it has done so.
WILL_RETRY = "dagster/will_retry"
RETRIED_AS = "dagster/auto_retry_run_id"
# Whether Dagster's `run_retries` may retry a run whose step failed; it decides instead of the
# instance's own setting.
RETRY_TAG = "dagster/retry_on_asset_or_op_failure"
_UNFINISHED = frozenset(
    {
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    }
)
_LOST = frozenset({dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED})

SET_FOLLOWS = "nbp/set_follows"
"""Tag of a run after which the sets of its prompts are written, whatever becomes of them."""


def sets_that_follow(
    context: dg.AssetExecutionContext, sets: dg.AssetKey, campaigns: Mapping[str, bool]
) -> list[str]:
    """Return those of some campaigns whose sets are to be written after this run's prompts.

    Args:
        context: The step's.
        sets: Key of the sets.
        campaigns: Whether the run has all prompts of the campaign; a set of which other runs make
            a part is not this run's to prepare.
    """
    if SET_FOLLOWS in context.run.tags:
        return list(campaigns)
    wanted = partitions_wanted(context, sets)
    return [campaign for campaign, is_whole in campaigns.items() if campaign in wanted and is_whole]


def partitions_wanted(context: dg.AssetExecutionContext, asset: dg.AssetKey) -> frozenset[str]:
    """Return the partitions of an asset that this run's backfill was asked for.

    Empty where the run belongs to no backfill, or to one without the asset.
    """
    backfill_id = context.run.tags.get(_BACKFILL)
    if not backfill_id:
        return frozenset()
    return target_partitions(context.instance, backfill_id, asset)


@dataclass(frozen=True)
class BackfillRuns:
    """The other runs of a run's backfill; none where it belongs to no backfill.

    Attributes:
        ids: Those whose outcome counts: one that was started anew counts as its successor.
        unfinished: Those of them that have not ended.
        is_one_to_come: Whether one has failed and is still to be started anew, whatever it had
            done until then; or this run has, or was, as it was taken for dead and lives.
        has_lost: Whether one has failed, or was cancelled, for good.
        ranges: First and last partition of each, and of this run.
    """

    ids: frozenset[str] = frozenset()
    unfinished: frozenset[str] = frozenset()
    is_one_to_come: bool = False
    has_lost: bool = False
    ranges: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls, context: dg.AssetExecutionContext, *, following: Collection[dg.AssetKey] = ()
    ) -> "BackfillRuns":
        """Look up those of a step's run.

        Args:
            context: The step's.
            following: Assets that are made of this step's; a run of these alone is not waited for.
        """
        backfill_id = context.run.tags.get(_BACKFILL)
        if backfill_id is None:
            return cls()
        retries = context.instance.run_retries_enabled
        found = [
            run
            for run in context.instance.get_runs(dg.RunsFilter(tags={_BACKFILL: backfill_id}))
            if not (run.asset_selection and run.asset_selection.issubset(following))
        ]
        own = [run for run in found if run.run_id == context.run.run_id]
        others = [run for run in found if run not in own and not _is_replaced(run)]
        to_come = [run for run in (*others, *own) if _will_be_retried(run, retries=retries)]
        ranges = (range_of(run) for run in found)
        return cls(
            ids=frozenset(run.run_id for run in others),
            unfinished=frozenset(run.run_id for run in others if run.status in _UNFINISHED),
            is_one_to_come=bool(to_come) or any(map(_is_replaced, own)),
            has_lost=any(run.status in _LOST and run not in to_come for run in others),
            ranges=tuple(each for each in ranges if each is not None),
        )

    def covers(self, keys: Sequence[str], wanted: Collection[str]) -> bool:
        """Whether some run has each wanted partition: Dagster starts a backfill's in turn.

        Args:
            keys: All partitions, in order.
            wanted: Those that the backfill was asked for.
        """
        places = {key: place for place, key in enumerate(keys)}
        covered: set[str] = set()
        for first, last in self.ranges:
            if first in places and last in places:
                covered.update(keys[places[first] : places[last] + 1])
        return covered.issuperset(places.keys() & set(wanted))


def range_of(run: dg.DagsterRun) -> tuple[str, str] | None:
    """Return the first and the last partition of a run; None where it has none."""
    single = run.tags.get(_PARTITION)
    first, last = (run.tags.get(tag, single) for tag in (RANGE_START, RANGE_END))
    return None if first is None or last is None else (first, last)


def _is_replaced(run: dg.DagsterRun) -> bool:
    return run.status in _LOST and RETRIED_AS in run.tags


def _will_be_retried(run: dg.DagsterRun, *, retries: bool) -> bool:
    """Whether Dagster is to start a failed run anew, as far as it says.

    Args:
        run: The run.
        retries: Whether it starts any anew. Then it says so just after the failure; until it does,
            a failure that our step has not ruled out a retry for counts as one that comes.
    """
    if run.status is not dg.DagsterRunStatus.FAILURE or RETRIED_AS in run.tags:
        return False
    said = run.tags.get(WILL_RETRY)
    if said is None:
        return retries and run.tags.get(RETRY_TAG) != "false"
    return said == "true"
