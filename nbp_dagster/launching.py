"""Running assets from the command line, on the very instance the Dagster UI shows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster import DagsterEventType

from nbp_dagster.assets.names import Names
from nbp_dagster.assets.recording import DATA_VERSION
from nbp_dagster.brand.plan import Prompt
from nbp_dagster.studio.compiling import Compiled, sheet_version
from nbp_dagster.studio.outcomes import Reused
from nbp_dagster.studio.presence import Presence
from nbp_dagster.studio.studio import Studio

_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
# Which `nbp run` a run belongs to.
_COMMAND = "nbp/command"


@dataclass(frozen=True)
class Launch:
    """One finished Dagster run.

    Attributes:
        run_id: As in the UI.
        succeeded: False when any of its partitions has no image.
        error: Why it failed, in one line; empty when it did not.
    """

    run_id: str
    succeeded: bool
    error: str


class Launcher:
    """Launches runs in this process and asks the instance what it has recorded.

    Args:
        definitions: What may be run.
        instance: Where it is recorded.
        presence: Marks the runs as this process's, so that a later one can tell if it died.
    """

    def __init__(
        self, definitions: dg.Definitions, instance: dg.DagsterInstance, presence: Presence
    ) -> None:
        self._repository = definitions.get_repository_def()
        self._instance = instance
        self._presence = presence

    def close_dead_runs(self) -> None:
        """Fail the runs of commands that were killed, and give their places in pools back.

        Dagster watches over runs it launched itself; a run within a killed command would count as
        running for ever, and two of them would fill the pool that the next one waits for.
        """
        unfinished = dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
        )
        for run in self._instance.get_runs(unfinished):
            owner = run.tags.get(_COMMAND)
            if owner is not None and not self._presence.is_here(owner):
                self._instance.report_run_failed(run, "the nbp command that ran it was killed")
                self._instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)

    def run(
        self,
        assets: Sequence[dg.AssetKey],
        partitions: Sequence[str],
        *,
        op_config: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Launch:
        """Materialize assets for the range from the first to the last of the partitions.

        Args:
            assets: Assets of one grain.
            partitions: Keys in the grain's order; whatever lies between them runs too.
            op_config: Run config of each step, by its name.

        Raises:
            KeyboardInterrupt: The run was interrupted.
        """
        job = self._repository.get_implicit_job_def_for_assets(list(assets))
        if job is None:
            raise dg.DagsterInvariantViolationError(f"{assets} have not one grain")
        result = job.execute_in_process(
            instance=self._instance,
            asset_selection=list(assets),
            tags={
                _RANGE_START: partitions[0],
                _RANGE_END: partitions[-1],
                _COMMAND: self._presence.owner,
            },
            raise_on_error=False,
            # The bar and the closing table speak on the terminal; the log itself is in the UI.
            run_config={
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                "ops": {
                    name: {"config": dict(values)} for name, values in (op_config or {}).items()
                },
            },
        )
        if not result.success and _was_interrupted(result):
            # Dagster has closed the run; whoever pressed Ctrl-C means the whole command.
            raise KeyboardInterrupt
        error = "" if result.success else _error(result)
        return Launch(run_id=result.run_id, succeeded=result.success, error=error)

    def versions(self, asset: dg.AssetKey, partitions: Iterable[str]) -> dict[str, str]:
        """Return the data version of the latest materialization, by partition."""
        tags = self._instance.event_log_storage.get_latest_tags_by_partition(
            asset,
            event_type=DagsterEventType.ASSET_MATERIALIZATION,
            tag_keys=[DATA_VERSION],
            asset_partitions=list(partitions),
        )
        return {partition: found.get(DATA_VERSION, "") for partition, found in tags.items()}


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    for event in result.all_events:
        error = None
        if event.is_step_failure:
            error = event.step_failure_data.error
        elif event.is_run_failure:
            error = event.job_failure_data.error
        while error is not None:
            if error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt"):
                return True
            error = error.cause
    return False


def _error(result: dg.ExecuteInProcessResult) -> str:
    """The first thing that went wrong, without the traceback that the UI keeps."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data is not None and data.user_failure_data.description:
                return data.user_failure_data.description
            error = data.error
        elif event.is_run_failure:
            error = event.job_failure_data.error
        else:
            continue
        # What Dagster wraps, and no deeper: below an error may lie one that was dealt with.
        while error is not None and error.cause is not None and _is_wrapper(error.cls_name):
            error = error.cause
        if error is not None:
            return error.message.strip().splitlines()[0]
    return "it did not finish"


def _is_wrapper(error: str | None) -> bool:
    return error is not None and error.startswith("Dagster")


def outdated_brands(launcher: Launcher, studio: Studio, names: Names) -> list[str]:
    """Return the brands whose kit is not recorded as it is now."""
    brands = list(studio.briefs.brands)
    recorded = launcher.versions(names.brand_kits, brands)
    return [brand for brand in brands if recorded.get(brand) != studio.brand_version(brand)]


def outdated_sheets(
    launcher: Launcher, studio: Studio, names: Names, wanted: Iterable[str]
) -> list[str]:
    """Return the character sheets that are missing, or recorded as another than they are now."""
    keys = list(dict.fromkeys(wanted))
    sheets = studio.compiler.sheets(keys)
    recorded = launcher.versions(names.character_sheets, keys)
    return [
        key
        for key in keys
        if key not in sheets
        or not studio.compiler.has_sheet(sheets[key])
        or recorded.get(key) != sheet_version(sheets[key])
    ]


def outdated_prompts(
    launcher: Launcher,
    studio: Studio,
    names: Names,
    *,
    prompts: Sequence[Prompt],
    compiled: Compiled,
) -> list[str]:
    """Return the prompts that lack an image or a rendition, or have one of an older request.

    A refused prompt is among them: the run says so again, and asks nothing of the service.

    Args:
        launcher: Knows what is recorded.
        studio: Knows what there is.
        names: Keys of the assets.
        prompts: The prompts in question.
        compiled: What `Studio.compile` made of them.
    """
    keys = [prompt.key for prompt in prompts]
    made = {
        outcome.key: outcome
        for outcome in studio.find_made(compiled.orders.values())
        if isinstance(outcome, Reused)
    }
    requests = launcher.versions(names.image_requests, keys)
    originals = launcher.versions(names.generated_images, keys)
    renditions = launcher.versions(names.channel_images, keys)
    outdated = []
    for prompt in prompts:
        outcome = made.get(prompt.key)
        if outcome is not None:
            fingerprint = compiled.orders[prompt.key].request.fingerprint
            # Prompt template and renderer are versioned within these hashes.
            if (
                requests.get(prompt.key) == fingerprint
                and originals.get(prompt.key) == outcome.image.sha256
                and renditions.get(prompt.key) == studio.rendition_version(prompt, outcome)
                and studio.has_pictures(prompt, outcome)
            ):
                continue
        outdated.append(prompt.key)
    return outdated
