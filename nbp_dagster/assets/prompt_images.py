"""Requests, originals and renditions of each prompt: three assets, one step, many prompts at once.

One step, because a later step of the same run is skipped as a whole when an earlier one fails for
a single prompt; see docs/adr on the step cut.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import dagster as dg

from nbp_dagster.assets import asset_checks
from nbp_dagster.assets.automation_conditions import renditions_follow
from nbp_dagster.assets.campaign_sets import write_set
from nbp_dagster.assets.materializations import (
    BackfillRuns,
    Recorder,
    latest_event,
    partitions_wanted,
    sets_that_follow,
)
from nbp_dagster.assets.metadata import PromptRecordings
from nbp_dagster.assets.model_check import log_model_news
from nbp_dagster.assets.names import GROUP, POOL, Names, scoped
from nbp_dagster.assets.partitions import PartitionSets
from nbp_dagster.assets.step import (
    Execute,
    PromptConfig,
    heartbeat_of,
    is_strict,
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
from nbp_dagster.assets.step_failures import BatchLog, MadePrompt, fail_step, plain_failure
from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.prompts.templates import PROMPT_VERSION
from nbp_dagster.studio.campaign_set import stage_campaign_set
from nbp_dagster.studio.due_reasons import describe_due
from nbp_dagster.studio.ledger.orders import (
    Failed,
    Generated,
    Order,
    Outcome,
    OutcomeCounts,
    Progress,
    Refused,
    Reused,
)
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.model_fallback import ModelFallback
from nbp_dagster.studio.ordering.edit_bases import EditBase
from nbp_dagster.studio.regenerate import Regenerator
from nbp_dagster.studio.renditions.postprocessor import Postprocessor
from nbp_dagster.studio.renditions.recipe import RENDER_VERSION
from nbp_dagster.studio.runs.run_log import Finish
from nbp_dagster.studio.sets.staging import SetStager
from nbp_dagster.studio.studio import Studio

REQUESTS_VERSION = f"prompt-{PROMPT_VERSION}"
ORIGINALS_VERSION = "1"
RENDITIONS_VERSION = f"render-{RENDER_VERSION}"

# Requests recorded at one go while orders are sent: more would keep the next order waiting.
_REQUESTS_AT_ONCE = 25


def build_prompt_images(
    partition_sets: PartitionSets,
    names: Names,
    *,
    backfills: dg.BackfillPolicy,
    execute: Execute = pass_through,
) -> dg.AssetsDefinition:
    """Return the three assets of a prompt as one subsettable step."""

    @dg.multi_asset(
        name=scoped(names, "prompt_images"),
        specs=_specs(partition_sets, names),
        check_specs=asset_checks.specs(names.channel_images),
        partitions_def=partition_sets.prompts,
        backfill_policy=backfills,
        can_subset=True,
        required_resource_keys={studio_key(names), progress_key(names)},
        pool=POOL,
    )
    @run_within(execute)
    def prompt_images(
        context: dg.AssetExecutionContext, config: PromptConfig
    ) -> Iterator[dg.AssetCheckResult]:
        with plain_failure(context):
            studio, progress = studio_of(context, names), progress_of(context, names)
            step = _PromptStep(context, studio, names, config=config, progress=progress)
            yield from step.run()

    return prompt_images


def _specs(partition_sets: PartitionSets, names: Names) -> list[dg.AssetSpec]:
    def spec(key: dg.AssetKey, **details: Any) -> dg.AssetSpec:
        return dg.AssetSpec(
            key,
            partitions_def=partition_sets.prompts,
            group_name=GROUP,
            owners=["team:marketing"],
            skippable=True,
            **details,
        )

    return [
        spec(
            names.image_requests,
            deps=[
                dg.AssetDep(names.brand_kits, partition_mapping=partition_sets.prompts_by_brand),
                dg.AssetDep(
                    names.character_sheets, partition_mapping=partition_sets.prompts_by_sheet
                ),
            ],
            code_version=REQUESTS_VERSION,
            kinds={"json"},
            description=(
                "The exact request of each prompt, with its price quote. Free. The data version "
                "is the fingerprint: materialize this after an edit, and exactly the images it "
                "touches show as stale."
            ),
        ),
        spec(
            names.generated_images,
            deps=[names.image_requests],
            code_version=ORIGINALS_VERSION,
            kinds={"image"},
            tags={"cost": "paid"},
            description=(
                "The picture as the model sent it. **Paid**, once a fingerprint: what is made "
                "already is reused, in this run and for ever."
            ),
        ),
        spec(
            names.channel_images,
            deps=[names.generated_images],
            code_version=RENDITIONS_VERSION,
            kinds={"pillow"},
            automation_condition=renditions_follow(),
            description=(
                "Every channel's picture, fitted to its exact pixels, type and weight, lettered "
                "where the brief says `composited`, marked as AI-made, and checked. Free."
            ),
        ),
    ]


class _PromptStep:
    """One run of the step over the partitions it was launched with."""

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        studio: Studio,
        names: Names,
        *,
        config: PromptConfig,
        progress: Progress,
    ) -> None:
        self._context = context
        self._studio = studio
        self._names = names
        self._config = config
        self._progress = progress
        # A check executed by itself has no partitions: it looks at every picture there is.
        has_partitions = bool(context.selected_asset_keys)
        wanted = set(context.partition_keys) if has_partitions else set()
        self._prompts = {prompt.key: prompt for prompt in studio.prompts if prompt.key in wanted}
        self._campaigns = tuple(dict.fromkeys(item.campaign for item in self._prompts.values()))
        self._requests = Recorder(context, names.image_requests, code_version=REQUESTS_VERSION)
        self._originals = Recorder(context, names.generated_images, code_version=ORIGINALS_VERSION)
        self._renditions = Recorder(context, names.channel_images, code_version=RENDITIONS_VERSION)
        self._recordings = PromptRecordings(studio, names, self._prompts)
        self._problems: list[Refused | Failed] = []
        self._strict = config.strict or is_strict(context, names)
        self._judgement = asset_checks.Judgement(names.channel_images, strict=self._strict)
        self._approvals = asset_checks.Approvals(context, studio, names.channel_images)
        self._stages: dict[str, SetStager] = {}
        self._unrecorded: deque[Order] = deque()
        self._tally = OutcomeCounts()
        self._log = BatchLog(context, total=len(self._prompts))
        self._fallback = ModelFallback(studio, self._prompts, context.log)

    def run(self) -> Iterator[dg.AssetCheckResult]:
        """Record each prompt as it finishes; fail at the end if any has no image."""
        tag_run(self._context, self._studio, self._campaigns)
        pointer = latest_event(self._context)
        if self._originals.is_selected:
            self._pin_automatically()
        self._progress.begin(len(self._prompts))
        requests = sum(self._run_wave(prompts, pointer) for prompts in self._waves())
        if not self._context.selected_asset_keys:
            for record in self._studio.all_records():
                self._judge(record)
        elif self._renditions.is_selected:
            self._judgement.add_earlier(self._studio, self._prompts)
        self._close_log(requests)
        for reason in self._judgement.unlooked():
            self._context.log.info("%s", reason)
        yield from self._judgement.results(self._context.selected_asset_check_keys)
        self._write_sets()
        fail_step(
            self._context,
            self._problems,
            total=len(self._prompts),
            what="prompts",
            recorders=(self._requests, self._originals, self._renditions),
            ledger=self._studio.ledger if self._originals.is_selected else None,
        )

    def _waves(self) -> list[list[Prompt]]:
        """Return the prompts in the order of making: edits after the pictures they start from.

        What a picture is edited from may be made anew in this run, and its bytes are part of what
        the edit is identified by.
        """
        compiler = self._studio.compiler
        later = [
            prompt
            for prompt in self._prompts.values()
            if self._originals.is_selected and compiler.edit_bases.key_of(prompt) in self._prompts
        ]
        keys = {prompt.key for prompt in later}
        first = [prompt for key, prompt in self._prompts.items() if key not in keys]
        return [first, later] if later else [first]

    def _run_wave(self, prompts: Sequence[Prompt], pointer: int) -> int:
        """Make some prompts and record them; return how many requests there were."""
        compiled = self._studio.compile(prompts, fresh=self._config.fresh)
        self._fallback.tell_falls()
        if self._originals.is_selected:
            log_model_news(self._context, self._studio, self._names, self._campaigns)
        for failure in compiled.failures:
            self._close_unmade(failure, compiled.waiting.get(failure.key))
        self._unrecorded.extend(self._requests_to_record(compiled.orders))
        if not self._originals.is_selected:
            self._record_requests(pointer)
        else:
            due = describe_due(self._studio, compiled.orders.values(), fresh=self._config.fresh)
            self._context.log.info("%s", due or "nothing to buy")
        if self._originals.is_selected or self._renditions.is_selected:
            orders = compiled.orders
            while orders:
                self._make(orders, pointer)
                orders = self._fallback.next_orders(self._close)
                self._unrecorded.extend(orders.values())
        return len(compiled.orders)

    def _close_unmade(self, failure: Failed, base: EditBase | None) -> None:
        """Close a prompt without a request; an edit that has to wait is no failure.

        A person's approval comes when it comes, and a request alone can be recorded later.
        """
        needs_picture = self._originals.is_selected or self._renditions.is_selected
        if base is not None and (base.is_for_review or not needs_picture):
            self._context.log.info("%s: %s", failure.key, failure.reason)
            self._progress.advance(failure)
        else:
            self._close(failure)

    def _close_log(self, requests: int) -> None:
        if self._originals.is_selected or self._renditions.is_selected:
            self._log.close(self._tally)
        elif self._requests.is_selected:
            self._context.log.info("%d requests recorded; no picture was asked for", requests)

    def _pin_automatically(self) -> None:
        """Write down which sheets these pictures are anchored to, where nobody did yet.

        A run that died between making a sheet and pinning it leaves that to us.
        """
        compiler = self._studio.compiler
        sheets = {key for prompt in self._prompts.values() for key in compiler.sheets_of(prompt)}
        compiler.character_sheets.pin_automatically(
            sorted(sheets), who=f"run {self._context.run.run_id}"
        )

    def _write_sets(self) -> None:
        """Make the sets that the backfill asks for, where Dagster will not any more.

        It starts nothing downstream of a prompt that failed, and a set is downstream of every
        prompt of its campaign; a set lists what is missing, so it is worth having all the same.
        Of several runs of a backfill the last to finish writes them, whichever that is.
        """
        wanted = partitions_wanted(self._context, self._names.campaign_sets)
        if not wanted:
            return
        for campaign in sorted(wanted & self._sets_to_write(wanted)):
            try:
                write_set(self._context, self._studio, self._names, campaign_id=campaign)
            except NbpError as error:
                # The prompts' own failure is what this run has to say.
                self._context.log.error("the set of %s: %s", campaign, error)

    def _sets_to_write(self, wanted: frozenset[str]) -> frozenset[str]:
        """Return the campaigns whose sets are left to this run, the last of its backfill."""
        following = {self._names.campaign_sets, self._names.published_sets}
        others = BackfillRuns.of(self._context, following=following)
        lacking = {problem.key.split("/")[0] for problem in self._problems}
        heartbeat = heartbeat_of(self._context, self._names)
        finish = Finish(is_last=not others.unfinished, lacking=frozenset(lacking))
        if heartbeat is not None:
            finish = heartbeat.log.finish_prompts(
                heartbeat.row, unfinished=others.unfinished, group=others.ids, lacking=lacking
            )
        if others.is_one_to_come or not finish.is_last:
            return frozenset()
        if others.has_lost:
            # What it had to make is not known to be made, nor what depends on it to be asked for.
            return wanted
        asked = partitions_wanted(self._context, next(iter(self._context.selected_asset_keys)))
        keys = [prompt.key for prompt in self._studio.prompts]
        is_all = others.covers(keys, asked)
        return finish.lacking if is_all else frozenset()

    def _requests_to_record(self, orders: Mapping[str, Order]) -> list[Order]:
        """All when requests are asked for; else those that changed since they were recorded.

        An image bought for a request that Dagster has never seen would show as stale as soon as
        the request is recorded.
        """
        if self._requests.is_selected:
            return list(orders.values())
        if not self._originals.is_selected:
            return []
        recorded = self._requests.versions(orders)
        return [
            order
            for order in orders.values()
            if recorded.get(order.key) != order.request.fingerprint
        ]

    def _record_requests(self, pointer: int, *, at_most: int | None = None) -> None:
        """Record those requests that are not recorded yet, or the first few of them."""
        count = len(self._unrecorded) if at_most is None else min(at_most, len(self._unrecorded))
        orders = [self._unrecorded.popleft() for _ in range(count)]
        self._requests.record_all(self._recordings.of_request(order, pointer) for order in orders)

    def _make(self, orders: Mapping[str, Order], pointer: int) -> None:
        seen = latest_event(self._context)
        renders = self._renditions.is_selected
        postprocessor = self._studio.postprocessor(self._prompts, orders, renders=renders)
        postprocessor.warm_up()
        with self._staged():
            for batch in self._batches(orders.values(), postprocessor):
                if self._unrecorded:
                    # Recorded while the first pictures are waited for, and before any of them.
                    few = None if batch else _REQUESTS_AT_ONCE
                    self._record_requests(pointer, at_most=few)
                    if not self._unrecorded:
                        # They are this step's own input: seen up to here.
                        seen = latest_event(self._context)
                made = [
                    MadePrompt(orders[outcome.key], outcome, postprocessor.take(outcome.key))
                    for outcome in batch
                    if isinstance(outcome, Generated | Reused)
                ]
                self._record(made, seen)
                problems = {item.order.key: item.problem for item in made}
                for outcome in batch:
                    self._close(problems.get(outcome.key) or outcome)
                if not batch:
                    self._log.advance(self._tally, wait_reason(self._studio))
                self._progress.wait(wait_reason(self._studio))
        self._record_requests(pointer)

    @contextmanager
    def _staged(self) -> Iterator[None]:
        """Have the sets that come after this run prepared while the service is waited for."""
        sets = self._names.campaign_sets
        with ExitStack() as stack:
            whole = {
                campaign: all(
                    each.key in self._prompts for each in self._studio.prompts_of(campaign)
                )
                for campaign in self._campaigns
            }
            for campaign in sets_that_follow(self._context, sets, whole):
                stage = stage_campaign_set(self._studio, campaign)
                self._stages[campaign] = stack.enter_context(stage)
            yield

    def _record(self, made: Sequence[MadePrompt], pointer: int) -> None:
        """Record what has finished together: originals, then the renditions made of them."""
        if self._originals.is_selected:
            self._originals.record_all(
                self._recordings.of_original(item, pointer)
                for item in made
                if item.rendered.preview
            )
        finished = [(item, item.rendered.record) for item in made if item.rendered.record]
        if not finished:
            return
        seen = latest_event(self._context)
        self._renditions.record_all(
            self._recordings.of_renditions(item, record, seen) for item, record in finished
        )
        for item, record in finished:
            self._judge(record)
            stage = self._stages.get(self._prompts[item.order.key].campaign)
            if stage is not None:
                stage.add(record)

    def _close(self, outcome: Outcome) -> None:
        if self._fallback.hold(outcome):
            return
        if isinstance(outcome, Refused | Failed):
            self._problems.append(outcome)
        self._tally = self._tally.add(outcome)
        self._progress.advance(outcome)
        self._log.advance(self._tally, wait_reason(self._studio))

    def _batches(
        self, orders: Iterable[Order], postprocessor: Postprocessor
    ) -> Iterator[Sequence[Outcome]]:
        """Buy only when the originals are asked for; renditions alone never spend."""
        if self._originals.is_selected:
            regenerator = Regenerator(
                self._studio,
                self._prompts,
                postprocessor,
                terms=self._config.terms(purchasing_run_id(self._context)),
                log=self._context.log,
            )
            return regenerator.batches(orders)
        return self._studio.postprocess_made(orders, postprocessor)

    def _judge(self, record: PromptRecord) -> None:
        self._judgement.add(record)
        for check in record.all_checks:
            self._studio.observer.record_check(check.name, check.verdict)
        asset_checks.log_shortfalls(
            self._context, record, self._names.channel_images, strict=self._strict
        )
        self._approvals.log(record)
