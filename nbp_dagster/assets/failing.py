"""Ending a step in which some prompts have no image: the only place that fails a run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.outcomes import Failed, Refused

# Rows shown in the run's failure; the rest is counted, and every one is in the log.
_ROWS = 100


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
    raise dg.Failure(
        description=_describe(problems, total=total, what=what),
        metadata={
            "without_image": dg.MetadataValue.table(
                [
                    dg.TableRecord(
                        {"prompt": item.key, "state": _state(item), "reason": item.reason}
                    )
                    for item in problems[:_ROWS]
                ]
            ),
            "count": len(problems),
        },
        allow_retries=False,
    )


def _describe(problems: Sequence[Refused | Failed], *, total: int, what: str) -> str:
    """Say how many, and why in the one case where all have the same reason."""
    count = f"{len(problems)} of {total} {what} have no image"
    reasons = {problem.reason for problem in problems}
    if len(reasons) == 1:
        return f"{count}: {reasons.pop()}"
    rest = "; the others are recorded" if len(problems) < total else ""
    return f"{count}{rest}. Run the same partitions again to ask only for these."


def _state(problem: Refused | Failed) -> str:
    return "refused" if isinstance(problem, Refused) else f"failed ({problem.kind})"
