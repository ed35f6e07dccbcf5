"""Partitions recorded at once are recorded like those recorded one by one."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from nbp_dagster.assets.materializations import Recorder, Recording, nothing_returned
from nbp_dagster.project import open_instance

KEYS = [f"p{number}" for number in range(5)]
SINGLE, TOGETHER, INPUT = (dg.AssetKey(name) for name in ("single", "together", "input"))


@dg.multi_asset(
    specs=[dg.AssetSpec(SINGLE, skippable=True), dg.AssetSpec(TOGETHER, skippable=True)],
    partitions_def=dg.StaticPartitionsDefinition(KEYS),
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
)
def recorded(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    single = Recorder(context, SINGLE, code_version="1")
    for key in KEYS:
        single.record(
            key, data_version=f"v {key}", inputs={INPUT: "i"}, pointer=7, metadata={"key": key}
        )
    Recorder(context, TOGETHER, code_version="1").record_all(
        Recording(
            partition=key,
            data_version=f"v {key}",
            inputs={INPUT: "i"},
            pointer=7,
            metadata={"key": key},
        )
        for key in KEYS
    )
    yield from nothing_returned()


# Off; batches that end before, with and after the last of them.
@pytest.mark.parametrize("batch", ["0", "2", "5", "500"])
def test_recorded_together_is_as_recorded_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: str
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", batch)
    with open_instance(tmp_path) as instance:
        result = dg.materialize(
            [recorded],
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": KEYS[0],
                "dagster/asset_partition_range_end": KEYS[-1],
            },
        )
        assert result.success
        found = {
            asset: [
                (found.partition, found.tags, found.metadata)
                for record in instance.fetch_materializations(asset, limit=100).records
                if (found := record.asset_materialization) is not None
            ]
            for asset in (SINGLE, TOGETHER)
        }

    assert [partition for partition, _, _ in found[TOGETHER]] == KEYS[::-1]
    assert found[TOGETHER] == found[SINGLE]
