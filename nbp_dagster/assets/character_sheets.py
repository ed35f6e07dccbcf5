"""The character sheets as assets: supplied references adopted, or a sheet bought once."""

from collections.abc import Iterator, Mapping

import dagster as dg

from nbp_dagster.assets.bindings import progress_key, progress_of, studio_key, studio_of
from nbp_dagster.assets.buying_config import BuyingConfig
from nbp_dagster.assets.failing import fail_step, plain_failure
from nbp_dagster.assets.metadata import describe_original, describe_request, describe_sheet
from nbp_dagster.assets.names import GROUP, POOL, Names
from nbp_dagster.assets.partitions import Grains
from nbp_dagster.assets.recording import Recorder, latest_event, nothing_returned
from nbp_dagster.brand.requests import Sheet
from nbp_dagster.studio.compiling import generated_sheet, sheet_version
from nbp_dagster.studio.outcomes import Failed, Generated, Order, Refused, Reused
from nbp_dagster.studio.progress import Progress
from nbp_dagster.studio.studio import Studio

CODE_VERSION = "1"


def build_character_sheets(grains: Grains, names: Names) -> dg.AssetsDefinition:
    """Return the asset of character sheets, one partition a character."""

    @dg.asset(
        key=names.character_sheets,
        partitions_def=grains.sheets,
        deps=[dg.AssetDep(names.brand_kits, partition_mapping=grains.sheets_by_brand)],
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        code_version=CODE_VERSION,
        required_resource_keys={studio_key(names), progress_key(names)},
        group_name=GROUP,
        kinds={"image"},
        owners=["team:marketing"],
        pool=POOL,
        description=(
            "The image a character is recognised by. Supplied references are adopted, free; "
            "otherwise a sheet is generated from the fixed traits and **paid once**. Every picture "
            "of the character is anchored to it, never to another picture."
        ),
    )
    def character_sheets(
        context: dg.AssetExecutionContext, config: BuyingConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        with plain_failure():
            step = _SheetStep(context, studio_of(context, names), names)
            step.run(config, progress_of(context, names))
        yield from nothing_returned()

    return character_sheets


class _SheetStep:
    def __init__(self, context: dg.AssetExecutionContext, studio: Studio, names: Names) -> None:
        self._context = context
        self._studio = studio
        self._names = names
        self._recorder = Recorder(context, names.character_sheets, code_version=CODE_VERSION)
        self._pointer = latest_event(context)

    def run(self, config: BuyingConfig, progress: Progress) -> None:
        keys = list(self._context.partition_keys)
        orders = {key: self._studio.compiler.sheet_order(key) for key in keys}
        adopted = self._studio.compiler.sheets(
            key for key, order in orders.items() if order is None
        )
        for key, sheet in adopted.items():
            self._record(key, sheet, describe_sheet(self._studio, sheet))
        bought = {key: order for key, order in orders.items() if order is not None}
        progress.begin(len(bought))
        problems: list[Refused | Failed] = []
        outcomes = self._studio.make(
            bought.values(),
            run_id=self._context.run.run_id,
            budget=config.budget,
            fresh=config.fresh,
        )
        for outcome in outcomes:
            if isinstance(outcome, Generated | Reused):
                self._record_made(bought[outcome.key], outcome)
            else:
                problems.append(outcome)
            progress.advance(outcome)
        fail_step(self._context, problems, total=len(keys), what="character sheets")

    def _record_made(self, order: Order, made: Generated | Reused) -> None:
        sheet = generated_sheet(order.key, made.image.sha256)
        metadata = {
            **describe_sheet(self._studio, sheet),
            **describe_request(self._studio, order),
            **describe_original(self._studio, order, made),
        }
        self._record(order.key, sheet, metadata)

    def _record(self, key: str, sheet: Sheet, metadata: Mapping[str, object]) -> None:
        brand_id = key.split("/")[0]
        self._recorder.record(
            key,
            data_version=sheet_version(sheet),
            inputs={self._names.brand_kits: self._studio.brand_version(brand_id)},
            pointer=self._pointer,
            metadata=metadata,
        )
