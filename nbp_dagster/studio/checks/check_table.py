"""What every table of checks needs: `Check`, `Finding`, `CheckResult` and how a table is run.

Must not know what is checked, nor Dagster: assets make asset checks of the results.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

Verdict = Literal["passed", "failed", "skipped"]
Severity = Literal["error", "warn"]
Figures = Mapping[str, str | int | float]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        verdict: "skipped" where it could not run; never counted as passed.
        threshold: What is accepted, in words.
        sentence: What was seen, for a person.
        figures: What was measured, by name.
        is_provisional: Whether the threshold is a guess: then it warns and never blocks.
        missing_extra: The extra for want of which it was skipped; a strict run fails it.
        subjects: Which characters or fields of copy fell short, by their names in the brief, or
            which colours there should be "more" or "less" of.
        is_unsure: Whether it failed for a doubt that a person should look into: it is told, and
            no other picture is ever bought for it.
    """

    verdict: Verdict
    threshold: str
    sentence: str
    figures: Figures = field(default_factory=dict)
    is_provisional: bool = False
    missing_extra: str = ""
    subjects: tuple[str, ...] = ()
    is_unsure: bool = False


CRASH_THRESHOLD: Final = "the check runs to its end"
"""The threshold of a check that crashed, by which it is known among those that failed."""


class _Named(Protocol):
    """What is checked: a rendition, a prompt's original or a set."""

    @property
    def prompt_key(self) -> str: ...


Subject = TypeVar("Subject", bound=_Named)


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """One entry of the table.

    Attributes:
        name: Its name everywhere: Dagster, manifest, docs/checks.md.
        description: One sentence on what it holds.
        severity: "error" where a failing rendition can't be used.
        run: Checks one subject: a rendition, an original or a set.
    """

    name: str
    description: str
    severity: Severity
    run: Callable[[Subject], Finding]


@dataclass(frozen=True)
class CheckResult:
    """A finding together with the check that made it; attributes as there."""

    name: str
    severity: Severity
    verdict: Verdict
    threshold: str
    sentence: str
    figures: Figures
    missing_extra: str = ""
    subjects: tuple[str, ...] = ()
    is_unsure: bool = False


def run_table(
    checks: Sequence[Check[Subject]], subject: Subject, *, blocking: Collection[str]
) -> tuple[CheckResult, ...]:
    """Run every check of a table on its subject, in order; none can stop another."""
    return tuple(_run(check, subject, blocking) for check in checks)


def _run(check: Check[Subject], subject: Subject, blocking: Collection[str]) -> CheckResult:
    try:
        finding = check.run(subject)
    except Exception as error:  # noqa: BLE001 - a crash is a failed check, and the others still run
        _log.exception("check %s crashed on %s", check.name, subject.prompt_key)
        finding = _crash(error)
    return result_of(check, finding, blocking)


def fail_table(
    checks: Sequence[Check[Subject]],
    error: Exception,
    *,
    prompt_key: str,
    blocking: Collection[str],
) -> tuple[CheckResult, ...]:
    """Return every check of a table as failed: what they rest on could not be measured."""
    _log.error("the checks of %s can't be made", prompt_key, exc_info=error)
    return tuple(result_of(check, _crash(error), blocking) for check in checks)


def _crash(error: Exception) -> Finding:
    sentence = f"the check itself crashed: {type(error).__name__}: {error}"
    return Finding("failed", threshold=CRASH_THRESHOLD, sentence=sentence)


def result_of(check: Check[Any], finding: Finding, blocking: Collection[str]) -> CheckResult:
    """Return a check's finding as its result; an error where the brand wants it to be one."""
    is_firm = not finding.is_provisional and not finding.is_unsure
    promoted = check.name in blocking and is_firm
    return CheckResult(
        name=check.name,
        severity="error" if promoted else check.severity,
        verdict=finding.verdict,
        threshold=finding.threshold,
        sentence=finding.sentence,
        figures=finding.figures,
        missing_extra=finding.missing_extra,
        subjects=finding.subjects,
        is_unsure=finding.is_unsure,
    )


def verdict_of(passed: bool) -> Verdict:
    """Return the verdict of a check that was not skipped."""
    return "passed" if passed else "failed"
