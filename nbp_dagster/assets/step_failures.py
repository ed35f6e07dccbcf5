"""Ending a step in which some prompts have no image: the only place that fails a run."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from nbp_dagster.assets.materializations import RETRY_TAG, Recorder
from nbp_dagster.errors import NbpError
from nbp_dagster.instance.terminated_runs import is_terminated
from nbp_dagster.oxen.errors import is_outage
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import (
    Failed,
    FailureKind,
    Generated,
    Order,
    OutcomeCounts,
    Refused,
    Reused,
    spent_on,
)
from nbp_dagster.studio.purchasing.failures import count_asked_again
from nbp_dagster.studio.renditions.postprocessor import Rendered
from nbp_dagster.studio.runs.heartbeat import TERMINATED

# Rows shown in the run's failure; the rest is counted, and every one is in the log.
_ROWS = 100

# Partitions whose page says in this run what keeps them from being made: an event each, of 10 ms.
_PAGES = 200

# Metadata of the failure, which notifications read.
WITHOUT_IMAGE = "without_image"
COUNT = "count"
BY_STATE = "by_state"

# States in that metadata that notifications tell apart from other failures.
REFUSED = "refused"
OVER_BUDGET = "failed (over_budget)"

# What another run would buy anew although the service may have billed it: a person decides that.
_MAYBE_BILLED: frozenset[FailureKind] = frozenset({"service", "stuck", "bad_image"})


@contextmanager
def plain_failure(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Turn an error with a message for people into a failure that shows just that message.

    Args:
        context: The step's.

    Raises:
        dagster.Failure: To be retried where the service is away for now; not where a setting, a
            brief, a key or a disk is wrong.
        dagster.DagsterExecutionInterruptedError: The run was terminated.
    """
    try:
        with _ended_as_terminated(context):
            yield
    except NbpError as error:
        retries = _allow_retries(context, is_outage(error))
        raise dg.Failure(description=str(error), allow_retries=retries) from error
    except dg.Failure:
        raise
    except Exception:
        if RETRY_TAG in context.run.tags:
            # Dagster copied it from the run that this one follows, which had its own reason.
            _allow_retries(context, context.instance.run_retries_retry_on_asset_or_op_failure)
        raise


@contextmanager
def _ended_as_terminated(context: dg.AssetExecutionContext) -> Iterator[None]:
    """End a run that was terminated as the signal would have, had it come.

    A failure would make a run that is recorded as canceled a failed one, which may be started anew.
    """
    try:
        yield
    except Exception as error:
        if is_terminated(context.instance, context.run.run_id):
            raise dg.DagsterExecutionInterruptedError(TERMINATED) from error
        raise


def fail_step(
    context: dg.AssetExecutionContext,
    problems: Sequence[Refused | Failed],
    *,
    total: int,
    what: str,
    recorders: Sequence[Recorder] = (),
    ledger: Ledger | None = None,
) -> None:
    """Fail the step if there are problems, naming each; what is done is recorded already.

    The page of each partition that is not made says why, too.

    Args:
        context: The step's.
        problems: Outcomes without an image.
        total: How many there were to make.
        what: What they are, for the message.
        recorders: Those of the step's assets whose partitions' pages say why.
        ledger: Tells what another run would ask for; None where it would ask for nothing.

    Raises:
        dagster.Failure: To be retried where the service was out of reach and nothing that it may
            have billed would be bought anew; else a retry would repeat what cannot succeed.
    """
    if not problems:
        return
    for problem in problems:
        context.log.error("%s: %s: %s", problem.key, _state(problem), problem.reason)
    _tell_pages(context, problems, recorders)
    kinds = {problem.kind for problem in problems if isinstance(problem, Failed)}
    is_mended_by_waiting = "unreachable" in kinds and not kinds & _MAYBE_BILLED
    # A step can't fail for some of its partitions alone: dagster-io/dagster#17836.
    raise dg.Failure(
        description=_describe(problems, total=total, what=what, ledger=ledger),
        metadata={
            WITHOUT_IMAGE: dg.MetadataValue.table(
                [
                    dg.TableRecord(
                        {"prompt": item.key, "state": _state(item), "reason": item.reason}
                    )
                    for item in _shown(problems)
                ]
            ),
            COUNT: len(problems),
            # Every one, those without a row too.
            BY_STATE: dg.MetadataValue.json(dict(Counter(map(_state, problems)))),
        },
        allow_retries=_allow_retries(context, is_mended_by_waiting),
    )


def _tell_pages(
    context: dg.AssetExecutionContext,
    problems: Sequence[Refused | Failed],
    recorders: Sequence[Recorder],
) -> None:
    """Record, for each partition that is not made, what keeps it from being made."""
    for problem in problems[:_PAGES]:
        for recorder in recorders:
            if recorder.is_selected and problem.key not in recorder.recorded:
                state = _state(problem)
                context.log_event(
                    dg.AssetObservation(
                        recorder.asset,
                        partition=problem.key,
                        description=f"{state}: {problem.reason}",
                        metadata={"state": state, "reason": problem.reason},
                    )
                )
    if len(problems) > _PAGES:
        context.log.info("the pages of %d more partitions do not say why", len(problems) - _PAGES)


def _allow_retries(context: dg.AssetExecutionContext, allowed: bool) -> bool:
    """Have Dagster's retries of runs follow what the failure says of retries of steps.

    But for a run that was taken for dead and failed while it lived: Dagster decides of its retry
    anew at each failure, and one for this step's would take back the one that was promised.
    """
    run = context.instance.get_run_by_id(context.run.run_id)
    was_failed = run is not None and run.status is dg.DagsterRunStatus.FAILURE
    retries = str(allowed or was_failed).lower()
    context.instance.add_run_tags(context.run.run_id, {RETRY_TAG: retries})
    return allowed


def _shown(problems: Sequence[Refused | Failed]) -> list[Refused | Failed]:
    """Return the rows: first one for each state of each campaign, then the others in order."""
    firsts: dict[tuple[str, str], Refused | Failed] = {}
    for problem in problems:
        firsts.setdefault((problem.key.split("/")[0], _state(problem)), problem)
    first_keys = {problem.key for problem in firsts.values()}
    others = (problem for problem in problems if problem.key not in first_keys)
    return [*firsts.values(), *others][:_ROWS]


def _describe(
    problems: Sequence[Refused | Failed], *, total: int, what: str, ledger: Ledger | None
) -> str:
    """Say how many, and why in the one case where all have the same reason."""
    count = f"{len(problems)} of {total} {what} have no image"
    reasons = {problem.reason for problem in problems}
    if len(reasons) == 1:
        return f"{count}: {reasons.pop()}"
    rest = "; the others are recorded" if len(problems) < total else ""
    return f"{count}{rest}.{_advise(problems, ledger)}"


def _advise(problems: Sequence[Refused | Failed], ledger: Ledger | None) -> str:
    """Say what another run is good for; nothing where it would ask for nothing."""
    again = 0 if ledger is None else count_asked_again(problems, ledger)
    if not again:
        return ""
    these = "these" if again == len(problems) else f"{again} of these"
    return f" Run the same partitions again to ask only for {these}."


def _state(problem: Refused | Failed) -> str:
    return REFUSED if isinstance(problem, Refused) else f"failed ({problem.kind})"


PROGRESS_TAG = "nbp/progress"
# Between two lines: an event costs milliseconds, and nobody reads faster.
_SECONDS = 10.0


class BatchLog:
    """Logs counts, speed and what is left, one line every ten seconds, not one an image.

    The same counts stand in the run's tag `nbp/progress`, which the list of runs shows.

    Args:
        context: The step's.
        total: Prompts of the batch.
        monotonic: Tells the time in seconds.
    """

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        *,
        total: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._total = total
        self._monotonic = monotonic
        self._began = self._spoke = monotonic()
        self._waited = 0.0
        self._waits_since: float | None = None

    def advance(self, tally: OutcomeCounts, waits_for: str = "") -> None:
        """Take the counts so far, and in words what holds the batch up; log if it is time."""
        now = self._monotonic()
        self._count_wait(now, is_waiting=bool(waits_for))
        if now - self._spoke < _SECONDS:
            return
        self._spoke = now
        if waits_for:
            self._say(tally, waits_for)
        else:
            self._say(tally, self._forecast(tally, now - self._began - self._waited))

    def close(self, tally: OutcomeCounts) -> None:
        """Say what it all came to."""
        seconds = self._monotonic() - self._began
        self._say(tally, f"in {seconds:.0f} s")

    def _count_wait(self, now: float, *, is_waiting: bool) -> None:
        """Leave such a wait out of the speed that the forecast is made from."""
        if is_waiting:
            self._waits_since = now if self._waits_since is None else self._waits_since
        elif self._waits_since is not None:
            self._waited += now - self._waits_since
            self._waits_since = None

    def _say(self, tally: OutcomeCounts, more: str) -> None:
        text = f"{tally.total:,} of {self._total:,}"
        self._context.log.info("%s prompts done (%s), %s", text, tally.in_words(), more)
        self._context.instance.add_run_tags(self._context.run.run_id, {PROGRESS_TAG: text})

    def _forecast(self, tally: OutcomeCounts, seconds: float) -> str:
        if not tally.total:
            return f"after {seconds:.0f} s"
        a_minute = 60 * tally.total / max(seconds, 0.001)
        left = (self._total - tally.total) / max(a_minute, 0.001)
        return f"{a_minute:.0f} a minute, about {left:.0f} min left"


@dataclass(frozen=True)
class MadePrompt:
    """A prompt's image, and what was made of it."""

    order: Order
    outcome: Generated | Reused
    rendered: Rendered

    @property
    def problem(self) -> Failed | None:
        """The outcome where the image is paid and kept, but its renditions can't be made."""
        if self.rendered.problem is None:
            return None
        fingerprint = self.outcome.receipt.fingerprint
        return Failed(
            self.order.key,
            fingerprint,
            self.rendered.problem,
            "bad_image",
            spent_usd=spent_on(self.outcome),
            is_kept=True,
        )
