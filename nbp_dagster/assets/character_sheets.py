"""The character sheets as assets: supplied references adopted, or a sheet bought once."""

from collections.abc import Iterator, Sequence

import dagster as dg

from nbp_dagster.assets.materializations import Recorder, latest_event, nothing_returned
from nbp_dagster.assets.metadata import (
    describe_candidates,
    describe_request,
    describe_sheet,
    link_brand,
    made_from,
)
from nbp_dagster.assets.names import GROUP, POOL, Names
from nbp_dagster.assets.partitions import PartitionSets
from nbp_dagster.assets.step import (
    BuyingConfig,
    Execute,
    campaigns_of_sheets,
    pass_through,
    progress_key,
    progress_of,
    purchasing_run_id,
    run_within,
    studio_key,
    studio_of,
    tag_run,
    wait_reason,
)
from nbp_dagster.assets.step_failures import fail_step, plain_failure
from nbp_dagster.studio.ledger.orders import Failed, Generated, Order, Progress, Refused, Reused
from nbp_dagster.studio.ordering.character_sheets import SheetStatus
from nbp_dagster.studio.ordering.compiler import status_version
from nbp_dagster.studio.runs.wait_lines import WaitLines
from nbp_dagster.studio.studio import Studio

CODE_VERSION = "1"


def build_character_sheets(
    partition_sets: PartitionSets, names: Names, *, execute: Execute = pass_through
) -> dg.AssetsDefinition:
    """Return the asset of character sheets, one partition a character."""

    @dg.asset(
        key=names.character_sheets,
        partitions_def=partition_sets.sheets,
        deps=[dg.AssetDep(names.brand_kits, partition_mapping=partition_sets.sheets_by_brand)],
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
            "otherwise candidates are generated from the fixed traits, **paid once**, and one is "
            "pinned (`nbp sheets pin`, or `auto_pin` in the brief). Every picture of the character "
            "is anchored to it, never to another picture."
        ),
    )
    @run_within(execute)
    def character_sheets(
        context: dg.AssetExecutionContext, config: BuyingConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        with plain_failure(context):
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
        self._character_sheets = studio.compiler.character_sheets
        self._made: dict[str, list[Generated | Reused]] = {}
        self._replacements: dict[str, str] = {}

    def run(self, config: BuyingConfig, progress: Progress) -> None:
        keys = list(self._context.partition_keys)
        tag_run(self._context, self._studio, campaigns_of_sheets(self._studio, keys))
        # What its pictures will need must be in order before a sheet is paid for.
        self._studio.compiler.require_sheets(keys)
        statuses = self._character_sheets.statuses(keys)
        orders = [order for item in statuses.values() for order in _wanted(item, config)]
        progress.begin(len(orders))
        problems: list[Refused | Failed] = []
        lines = WaitLines(self._context.log.warning)
        batches = self._studio.make_batches(
            orders,
            run_id=purchasing_run_id(self._context),
            budget=config.budget,
            fresh=config.fresh,
            earlier_runs=config.earlier_runs,
        )
        for batch in batches:
            for outcome in batch:
                if isinstance(outcome, Generated | Reused):
                    self._note(statuses[outcome.key], outcome)
                else:
                    problems.append(outcome)
                progress.advance(outcome)
            reason = wait_reason(self._studio)
            progress.wait(reason)
            lines.wait(reason)
        who = f"run {self._context.run.run_id}"
        for key, digest in self._replacements.items():
            self._character_sheets.pin_anew(key, digest, who=who)
        self._character_sheets.pin_automatically(keys, who=who)
        lacking = self._record_all(keys, problems)
        fail_step(
            self._context,
            lacking,
            total=len(keys),
            what="character sheets",
            recorders=(self._recorder,),
            ledger=self._studio.ledger,
        )

    def _note(self, status: SheetStatus, made: Generated | Reused) -> None:
        """Remember what a sheet cost, and the first image that was bought to replace it."""
        self._made.setdefault(status.key, []).append(made)
        is_new = isinstance(made, Generated) and status.pin is not None
        if is_new and status.auto_pin and self._is_replaced(status, made):
            self._replacements.setdefault(status.key, made.image.sha256)

    @staticmethod
    def _is_replaced(status: SheetStatus, made: Generated | Reused) -> bool:
        """Whether an image is a further one of a candidate that was made before."""
        before = status.latest.get(made.receipt.fingerprint)
        return before is not None and before.state == "made"

    def _record_all(
        self, keys: Sequence[str], problems: Sequence[Refused | Failed]
    ) -> list[Refused | Failed]:
        """Record what there is of each sheet; return the problems of those there is nothing of."""
        lacking: list[Refused | Failed] = []
        for key, status in self._character_sheets.statuses(keys).items():
            own = [problem for problem in problems if problem.key == key]
            missing = self._find_missing(status)
            if missing is not None:
                lacking.append(missing)
            elif status.sheet is None and not status.choices:
                lacking += own
            else:
                for problem in own:
                    self._context.log.warning("%s: a candidate failed: %s", key, problem.reason)
                if status.waits_for_pin:
                    self._context.log.warning("%s: %s", key, status.ask_for_pin())
                self._record(key, status)
        return lacking

    def _find_missing(self, status: SheetStatus) -> Failed | None:
        """Say so where the image that is pinned is not in the store any more."""
        if status.sheet is None or self._studio.compiler.has_sheet(status.sheet):
            return None
        reason = (
            f"its pinned image {status.sheet.digests[0]} is not in the store; restore the store "
            f"from its backup, or pin another one (nbp sheets show {status.key})"
        )
        return Failed(status.key, status.made_for, reason, "service")

    def _record(self, key: str, status: SheetStatus) -> None:
        metadata = describe_sheet(self._studio, status)
        if status.orders:
            made = self._made.get(key, [])
            metadata = {
                **metadata,
                **describe_request(self._studio, status.orders[0]),
                **describe_candidates(self._studio, status, made),
            }
        brand_id = key.split("/")[0]
        self._recorder.record(
            key,
            data_version=status_version(status),
            inputs={self._names.brand_kits: self._studio.brand_version(brand_id)},
            pointer=self._pointer,
            metadata={**metadata, **made_from(link_brand(self._names, brand_id))},
        )


def _wanted(status: SheetStatus, config: BuyingConfig) -> Sequence[Order]:
    """All candidates; of a pinned sheet those that failed are not asked for again."""
    if config.fresh or status.pin is None:
        return status.orders
    made = [order for order in status.orders if status.state(order) == "made"]
    return [*made, *status.due]
