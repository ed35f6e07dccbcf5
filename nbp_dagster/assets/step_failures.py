"""Ending a step in which some prompts have no image: the only place that fails a run."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.orders import Failed, OutcomeCounts, Refused

# Rows shown in the run's failure; the rest is counted, and every one is in the log.
_ROWS = 100

# Metadata of the failure, which notifications read.
WITHOUT_IMAGE = "without_image"
COUNT = "count"
BY_STATE = "by_state"

# States in that metadata that notifications tell apart from other failures.
REFUSED = "refused"
OVER_BUDGET = "failed (over_budget)"


@contextmanager
def plain_failure() -> Iterator[None]:
    """Turn an error with a message for people into a failure that shows just that message.

    Raises:
        dagster.Failure: Not to be retried: what is wrong is a setting, a brief, a key or a disk.
    """
    try:
        yield
    except NbpError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def fail_step(
    context: dg.AssetExecutionContext,
    problems: Sequence[Refused | Failed],
    *,
    total: int,
    what: str,
) -> None:
    """Fail the step if there are problems, naming each; what is done is recorded already.

    Raises:
        dagster.Failure: Not to be retried within the run: a retry would repeat what cannot
            succeed; running the range again asks only for what is missing.
    """
    if not problems:
        return
    for problem in problems:
        context.log.error("%s: %s: %s", problem.key, _state(problem), problem.reason)
    # A step can't fail for some of its partitions alone: dagster-io/dagster#17836.
    raise dg.Failure(
        description=_describe(problems, total=total, what=what),
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
        allow_retries=False,
    )


def _shown(problems: Sequence[Refused | Failed]) -> list[Refused | Failed]:
    """Return the rows: first one for each state of each campaign, then the others in order."""
    firsts: dict[tuple[str, str], Refused | Failed] = {}
    for problem in problems:
        firsts.setdefault((problem.key.split("/")[0], _state(problem)), problem)
    first_keys = {problem.key for problem in firsts.values()}
    others = (problem for problem in problems if problem.key not in first_keys)
    return [*firsts.values(), *others][:_ROWS]


def _describe(problems: Sequence[Refused | Failed], *, total: int, what: str) -> str:
    """Say how many, and why in the one case where all have the same reason."""
    count = f"{len(problems)} of {total} {what} have no image"
    reasons = {problem.reason for problem in problems}
    if len(reasons) == 1:
        return f"{count}: {reasons.pop()}"
    rest = "; the others are recorded" if len(problems) < total else ""
    return f"{count}{rest}. Run the same partitions again to ask only for these."


def _state(problem: Refused | Failed) -> str:
    return REFUSED if isinstance(problem, Refused) else f"failed ({problem.kind})"


PROGRESS_TAG = "nbp/progress"
# Between two lines: an event costs milliseconds, and nobody reads faster.
_SECONDS = 10.0


class BatchLog:
    """Logs counts, speed and what is left, one line every ten seconds, not one an image.

    The same counts stand in the run's tag `nbp/progress`, which the list of runs shows.
    """

    def __init__(self, context: dg.AssetExecutionContext, *, total: int) -> None:
        self._context = context
        self._total = total
        self._began = self._spoke = time.monotonic()

    def advance(self, tally: OutcomeCounts) -> None:
        """Hear of one more outcome; say so if it is time."""
        now = time.monotonic()
        if now - self._spoke >= _SECONDS:
            self._spoke = now
            self._say(tally, self._forecast(tally, now - self._began))

    def close(self, tally: OutcomeCounts) -> None:
        """Say what it all came to."""
        seconds = time.monotonic() - self._began
        self._say(tally, f"in {seconds:.0f} s")

    def _say(self, tally: OutcomeCounts, more: str) -> None:
        text = f"{tally.total:,} of {self._total:,}"
        self._context.log.info("%s prompts done (%s), %s", text, tally.in_words(), more)
        self._context.instance.add_run_tags(self._context.run.run_id, {PROGRESS_TAG: text})

    def _forecast(self, tally: OutcomeCounts, seconds: float) -> str:
        a_minute = 60 * tally.total / max(seconds, 0.001)
        left = (self._total - tally.total) / max(a_minute, 0.001)
        return f"{a_minute:.0f} a minute, about {left:.0f} min left"
