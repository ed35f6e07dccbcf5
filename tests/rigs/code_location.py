"""A code location over small briefs and a simulator: what a Dagster test edits and runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from nbp_dagster.assets.names import Names
from nbp_dagster.project import build_definitions
from nbp_dagster.settings import Settings
from tests.rigs.briefs import write_briefs
from tests.rigs.dagster_private import CachingStaleStatusResolver
from tests.rigs.service import ServiceProbe

NAMES = Names()
PROMPT_ASSETS = [NAMES.image_requests, NAMES.generated_images, NAMES.channel_images]


@dataclass
class CodeLocation:
    """Everything a Dagster test works with; definitions are rebuilt after an edit."""

    settings: Settings
    instance: dg.DagsterInstance
    service: ServiceProbe

    def definitions(self) -> dg.Definitions:
        return build_definitions(self.settings)

    def write(self, *campaigns: Mapping[str, Any], **brand: Any) -> None:
        write_briefs(self.settings.config, *campaigns, **brand)

    def prompts(self) -> list[str]:
        return _keys_of(NAMES.generated_images, self.definitions().get_repository_def())

    def materialize(
        self,
        assets: Sequence[dg.AssetKey],
        keys: Sequence[str] | None = None,
        *,
        op_config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run assets over the range of the keys; over all when none are named."""
        repository = self.definitions().get_repository_def()
        keys = keys or _keys_of(assets[0], repository)
        job = repository.get_implicit_job_def_for_assets(list(assets))
        assert job is not None
        result = job.execute_in_process(
            instance=self.instance,
            asset_selection=list(assets),
            tags={
                **(tags or {}),
                "dagster/asset_partition_range_start": keys[0],
                "dagster/asset_partition_range_end": keys[-1],
            },
            raise_on_error=False,
            run_config={
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                "ops": dict(op_config or {}),
            },
        )
        for event in result.all_events:
            if event.is_step_failure:
                # Shown by pytest when the test fails.
                print(event.step_failure_data.error_display_string)  # noqa: T201
        return result

    def sheets_made(self) -> None:
        """Brand kits and character sheets, so that prompts can be made."""
        assert self.materialize([NAMES.brand_kits]).success
        assert self.materialize([NAMES.character_sheets]).success

    def materialized(self, asset: dg.AssetKey) -> set[str]:
        return set(self.instance.get_materialized_partitions(asset))

    def latest(self, asset: dg.AssetKey, key: str) -> dg.AssetMaterialization:
        records = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[key]), limit=1
        ).records
        materialization = records[0].asset_materialization
        assert materialization is not None
        return materialization

    def stale(self, asset: dg.AssetKey, definitions: dg.Definitions | None = None) -> set[str]:
        """Partitions the UI marks as unsynced; by the definitions of now when none are given."""
        repository = (definitions or self.definitions()).get_repository_def()
        resolver = CachingStaleStatusResolver(
            self.instance, repository.asset_graph, loading_context=_loading(self.instance)
        )
        return {
            key
            for key in _keys_of(asset, repository)
            if resolver.get_status(asset, key).value == "STALE"
        }


def _keys_of(asset: dg.AssetKey, repository: dg.RepositoryDefinition) -> list[str]:
    partitions = repository.asset_graph.get(asset).partitions_def
    assert partitions is not None
    return list(partitions.get_partition_keys())


def _loading(instance: dg.DagsterInstance) -> Any:
    from tests.rigs.dagster_private import LoadingContextForTest

    return LoadingContextForTest(instance)
