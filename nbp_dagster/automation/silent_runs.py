"""The sensor that fails runs whose process has died unseen, so that Dagster starts them anew."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from nbp_dagster._dagster_private import (
    UnresolvedAssetJobDefinition,
    free_pool_slots,
    waits_for_pool,
)
from nbp_dagster.assets.materializations import RETRIED_AS, RETRY_TAG, WILL_RETRY
from nbp_dagster.assets.names import POOL, Names, list_keys, scoped
from nbp_dagster.errors import NbpError
from nbp_dagster.resources.studio import StudioResource
from nbp_dagster.studio.runs.run_log import RunLog, Sign

# Between two ticks, at most; longer than between two signs of life.
_SECONDS = 30.0
# How far back failed runs are looked at, and how often Dagster is told of one.
_OWED_SINCE = timedelta(days=7)
_REMINDERS = 3
# On runs of `nbp run`.
_COMMAND_TAG = "nbp/command"


@dataclass(frozen=True)
class _Seen:
    """What a tick has seen of a run: part of the cursor.

    Attributes:
        sign: Its latest sign of life, by the database's clock, where that was old; else 0. Of a
            failed run that is to be started anew how often that was told, from -1 down.
        since: When it was first seen to have no later one, by this machine's clock.
    """

    sign: float
    since: float


def build_silent_runs_sensor(
    names: Names,
    studio: StudioResource,
    *,
    jobs: Iterable[UnresolvedAssetJobDefinition],
    status: dg.DefaultSensorStatus,
) -> dg.SensorDefinition:
    """Return the sensor of one folder of briefs.

    Args:
        names: Keys of the assets.
        studio: Its ledger's database has the signs of life.
        jobs: Jobs over these assets and no others.
        status: Whether it runs unless somebody says otherwise.
    """
    known = frozenset(job.name for job in jobs)

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
        runs = [
            run
            for run in (*context.instance.get_runs(started), *_list_owed(context.instance))
            if _is_ours(run, names, known)
        ]
        if not runs:
            # Nearly every tick ends here: the ledger is not even opened.
            return dg.SensorResult(skip_reason=dg.SkipReason("no run is in progress"), cursor="{}")
        try:
            with studio.opened_runs() as log:
                return _Tick(context, log, limit=studio.silence_seconds).look(runs)
        except NbpError as error:
            return dg.SkipReason(str(error))

    return dg.SensorDefinition(
        name=scoped(names, "silent_runs"),
        evaluation_fn=evaluate,
        minimum_interval_seconds=max(1, int(min(_SECONDS, studio.silence_seconds / 2))),
        default_status=status,
        description=(
            "Fails runs that have given no sign of life for `silence_seconds`: their process was "
            "killed, or its machine is gone. Dagster's `run_retries` starts them anew, and what "
            "they have bought is reused. Free; launches nothing itself."
        ),
    )


def _list_owed(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Return failed runs of the last days that Dagster says it starts anew, and has not.

    Its daemon can read a failure between two writes of it, take the run for one that goes on, and
    never look again (dagster-io/dagster#33741); the run's backfill then waits for ever.
    """
    since = datetime.now(UTC) - _OWED_SINCE
    failed = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE], tags={WILL_RETRY: "true"}, updated_after=since
    )
    return [run for run in instance.get_runs(failed) if RETRIED_AS not in run.tags]


def _is_ours(run: dg.DagsterRun, names: Names, jobs: frozenset[str]) -> bool:
    """Whether a run makes these assets and no others; other code gives no signs of life.

    Runs of `nbp run` are left to the next such command: somebody may have stopped it at a terminal.
    """
    if _COMMAND_TAG in run.tags:
        return False
    if run.asset_selection:
        return run.asset_selection <= list_keys(names)
    return run.job_name in jobs


class _Tick:
    def __init__(self, context: dg.SensorEvaluationContext, log: RunLog, *, limit: float) -> None:
        self._context = context
        self._log = log
        self._limit = limit
        self._now = time.time()
        cursor: Mapping[str, Sequence[float]] = json.loads(context.cursor or "{}")
        self._seen = {run_id: _Seen(*values) for run_id, values in cursor.items()}

    def look(self, runs: Sequence[dg.DagsterRun]) -> dg.SensorResult:
        """Fail those that have fallen silent, and note what was seen of the others."""
        signs = self._log.signs([run.run_id for run in runs])
        cursor: dict[str, list[float]] = {}
        told: list[str] = []
        for run in runs:
            sign = signs.get(run.run_id)
            if run.status is dg.DagsterRunStatus.FAILURE:
                seen = self._remind(run, told)
                cursor[run.run_id] = [seen.sign, seen.since]
            elif self._is_silent(run, sign):
                told.append(self._fail(run, sign))
            else:
                # A sign counts as seen before once it was old: a machine that wakes up may tick
                # before its runs give the next one.
                at = 0.0 if sign is None or sign.silent_seconds <= self._limit else sign.at
                seen = self._note(run.run_id, at)
                cursor[run.run_id] = [seen.sign, seen.since]
        text = "; ".join(told) or f"{len(runs)} runs in progress, none silent for too long"
        return dg.SensorResult(skip_reason=dg.SkipReason(text), cursor=json.dumps(cursor))

    def _is_silent(self, run: dg.DagsterRun, sign: Sign | None) -> bool:
        """Whether a run is dead: two ticks have found it silent, with the same last sign."""
        before = self._seen.get(run.run_id)
        if before is None:
            return False
        if sign is None:
            # It has not come to its first sign: it died before, or is of a version without.
            is_silent = before.sign == 0 and self._now - before.since > self._limit
        else:
            is_silent = sign.silent_seconds > self._limit and sign.at == before.sign
        if not is_silent:
            return False
        if sign is None or sign.has_ended:
            # With a process a step, nobody gives signs while the next one waits for a place.
            return not waits_for_pool(self._context.instance, POOL, run.run_id)
        return True

    def _remind(self, run: dg.DagsterRun, told: list[str]) -> _Seen:
        """Tell Dagster again of a failure whose retry does not come; at most a few times."""
        before = self._seen.get(run.run_id)
        if before is None or before.sign >= 0:
            return _Seen(-1.0, self._now)
        is_due = self._now - before.since > self._limit and -before.sign <= _REMINDERS
        if not is_due:
            return before
        words = "told again that this run has failed: it is to be started anew, and was not"
        self._context.instance.report_run_failed(run, words)
        told.append(f"{run.run_id}: {words}")
        return _Seen(before.sign - 1, self._now)

    def _note(self, run_id: str, sign: float) -> _Seen:
        before = self._seen.get(run_id)
        return before if before is not None and before.sign == sign else _Seen(sign, self._now)

    def _fail(self, run: dg.DagsterRun, sign: Sign | None) -> str:
        instance = self._context.instance
        where = "no machine" if sign is None else f"{sign.host} (process {sign.pid})"
        silent = self._limit if sign is None else sign.silent_seconds
        words = f"no sign of life from {where} for {silent:.0f} s: the run's process is gone"
        # First: should it live after all, it is to buy nothing beside the run that follows it.
        self._log.give_up(run.run_id)
        latest = instance.get_run_by_id(run.run_id)
        if latest is None or latest.status is not dg.DagsterRunStatus.STARTED:
            return f"{run.run_id} has ended by itself"
        # Should it live, what it fails of next must not take back that it is started anew.
        tags = {RETRY_TAG: "true"}
        if instance.run_retries_enabled:
            # Dagster sets it after the failure; in between, a backfill would take this for the end.
            tags[WILL_RETRY] = "true"
        instance.add_run_tags(run.run_id, tags)
        instance.report_run_failed(latest, words)
        free_pool_slots(instance, run.run_id)
        self._context.log.warning("%s: %s", run.run_id, words)
        return f"failed {run.run_id}: {words}"
