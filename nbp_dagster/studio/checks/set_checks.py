"""The checks of a whole set: what only shows when its pictures are seen together; one table."""

from dataclasses import dataclass
from typing import Final

from nbp_dagster.studio.checks.rendition_checks import Check, CheckResult, Finding, run_table
from nbp_dagster.studio.checks.set_outliers import judge_agreement
from nbp_dagster.studio.manifest.manifest import SetManifest

_NAMED = 10  # twins named in one sentence


@dataclass(frozen=True)
class SetInput:
    """One set as its checks see it."""

    manifest: SetManifest

    @property
    def prompt_key(self) -> str:
        """What it is named by: the campaign's id."""
        return self.manifest.campaign.id


def judge_set(manifest: SetManifest, blocking: tuple[str, ...] = ()) -> tuple[CheckResult, ...]:
    """Return what every check of the table found on a set, in order.

    Args:
        manifest: The set.
        blocking: Names of checks that the brand wants to be errors.
    """
    return run_table(SET_CHECKS, SetInput(manifest), blocking=blocking)


def _check_agreement(subject: SetInput) -> Finding:
    return judge_agreement(subject.manifest)


def _check_twins(subject: SetInput) -> Finding:
    threshold = "no original that another prompt of the campaign has already"
    twins = subject.manifest.twins
    prompts = len({picture.prompt_key for picture in subject.manifest.pictures})
    if prompts < 2:
        return Finding("skipped", threshold=threshold, sentence="there is nothing to compare with")
    named = ", ".join(
        f"{twin.prompt_key} is {twin.twin_of}"
        + ("" if twin.same_file else f" (likeness {twin.likeness:.2f})")
        for twin in twins[:_NAMED]
    )
    return Finding(
        "failed" if twins else "passed",
        threshold=threshold,
        sentence=f"the same picture twice: {named}" if twins else "every original is its own",
        figures={
            "originals": prompts,
            "twins": len(twins),
            "same_file": sum(twin.same_file for twin in twins),
        },
    )


SET_CHECKS: Final[tuple[Check[SetInput], ...]] = (
    Check(
        "self_similarity",
        "The pictures of one character agree with each other; judged over the whole set.",
        "warn",
        _check_agreement,
    ),
    Check(
        "distinct_originals",
        "No two prompts of the set have the same picture, or nearly; judged over the whole set.",
        "warn",
        _check_twins,
    ),
)
