"""Launches Dagster runs in this process, on the instance the Dagster UI shows."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg

from nbp_dagster._dagster_private import free_pool_slots, full_pool_runs
from nbp_dagster.assets.names import POOL
from nbp_dagster.assets.partitions import range_tags
from nbp_dagster.interrupts import seconds_since_interrupt
from nbp_dagster.studio.ledger.owner_leases import OwnerLease

# Seconds between two looks whether a concurrency pool has a place, and for an interrupt.
_LOOK_SECONDS = 1.0
_NAP_SECONDS = 0.1

# Tag that names the `nbp run` a run belongs to.
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
    """Launches runs in this process.

    Args:
        definitions: The assets that may run.
        instance: Records the runs.
        lease: Marks the runs as this process's, so that a later command can tell if it died.
        log_level: The least that a run writes to the error stream. The terminal shows the progress
            bar and the closing lines; the log is in the UI.
    """

    def __init__(
        self,
        definitions: dg.Definitions,
        instance: dg.DagsterInstance,
        lease: OwnerLease,
        *,
        log_level: str = "CRITICAL",
    ) -> None:
        self._log_level = log_level
        self._repository = definitions.get_repository_def()
        self._instance = instance
        self._lease = lease

    def close_dead_runs(self) -> None:
        """Fail the runs of commands that were killed, and free their slots in concurrency pools.

        Dagster monitors only runs that it launched itself: a run in a killed command would count as
        running for ever, and two of them would fill the pool that the next run waits for.
        """
        unfinished = dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
        )
        for run in self._instance.get_runs(unfinished):
            owner = run.tags.get(_COMMAND)
            if owner is not None and not self._lease.is_alive(owner):
                self._instance.report_run_failed(run, "the nbp command that ran it was killed")
                free_pool_slots(self._instance, run.run_id)

    def await_place(self, show: Callable[[str], None]) -> None:
        """Wait until the pool of paid steps has a place, so that the next run need not.

        Within a run Dagster waits for it in silence, and holds Ctrl-C back.

        Args:
            show: Told what is waited for, and nothing once it is over.

        Raises:
            KeyboardInterrupt: The wait was interrupted.
        """
        has_waited = False
        with _held_interrupts() as is_interrupted:
            while runs := full_pool_runs(self._instance, POOL):
                named = ", ".join(run[:8] for run in runs)
                has_waited = True
                show(
                    f"waiting for a place in Dagster's pool {POOL}, held by runs {named}; "
                    "Ctrl-C ends this command"
                )
                until = time.monotonic() + _LOOK_SECONDS
                while time.monotonic() < until and not is_interrupted():
                    time.sleep(_NAP_SECONDS)
                if is_interrupted():
                    break
                self.close_dead_runs()
            if is_interrupted():
                raise KeyboardInterrupt
        if has_waited:
            show("")

    def run(
        self,
        assets: Sequence[dg.AssetKey],
        partitions: Sequence[str],
        *,
        op_config: Mapping[str, Mapping[str, Any]] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Launch:
        """Materialize assets for the range from the first to the last of the partitions.

        Args:
            assets: Assets of one partitions definition.
            partitions: Keys in the definition's order; those in between run too.
            op_config: Run config of each step, by its name.
            tags: Tags of the run, beside its own.

        Raises:
            KeyboardInterrupt: The run was interrupted, or the command before or after it.
        """
        _require_no_interrupt()
        job = self._repository.get_implicit_job_def_for_assets(list(assets))
        if job is None:
            raise dg.DagsterInvariantViolationError(f"{assets} have not one partitions definition")
        result = job.execute_in_process(
            instance=self._instance,
            asset_selection=list(assets),
            tags={
                **(tags or {}),
                **range_tags(partitions),
                _COMMAND: self._lease.owner,
            },
            raise_on_error=False,
            run_config={
                "loggers": {"console": {"config": {"log_level": self._log_level}}},
                "ops": {
                    name: {"config": dict(values)} for name, values in (op_config or {}).items()
                },
            },
        )
        # Dagster has closed the run; Ctrl-C is meant for the whole command.
        if not result.success and _was_interrupted(result):
            raise KeyboardInterrupt
        _require_no_interrupt()
        error = "" if result.success else _error(result)
        return Launch(run_id=result.run_id, succeeded=result.success, error=error)


@contextmanager
def _held_interrupts() -> Iterator[Callable[[], bool]]:
    """Note Ctrl-C and SIGTERM instead of raising wherever the program is.

    Raised while the progress bar or the database holds a lock, it could leave that locked for good.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    seen: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, lambda number, _: seen.append(number))
    try:
        yield lambda: bool(seen)
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def _require_no_interrupt() -> None:
    """Raise what was held back and forgotten, so that nothing more is launched.

    Dagster holds interrupts back outside the steps, and drops at a run's end what came after them.

    Raises:
        KeyboardInterrupt: The command was interrupted at some time.
    """
    if seconds_since_interrupt() is not None:
        raise KeyboardInterrupt


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
    """Return the first error, without the traceback that the UI keeps."""
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
        # Unwrap Dagster's own errors only: below any other may lie one that was handled.
        while error is not None and error.cause is not None and _is_wrapper(error.cls_name):
            error = error.cause
        if error is not None:
            line = error.message.strip().splitlines()[0]
            # Dagster writes the class before the words; those of ours are for people.
            return line.partition(": ")[2] if line.startswith("nbp_dagster.") else line
    return "it did not finish"


def _is_wrapper(error: str | None) -> bool:
    return error is not None and error.startswith("Dagster")
