"""The set checks, in one table: what shows only when a set's pictures are compared."""

from dataclasses import dataclass
from typing import Final

from nbp_dagster.studio.checks.check_table import Check, CheckResult, Finding, run_table
from nbp_dagster.studio.checks.set_outliers import check_agreement
from nbp_dagster.studio.manifest.manifest import SetManifest

_NAMED = 10  # duplicates named in one sentence


@dataclass(frozen=True)
class SetInput:
    """One set as its checks see it."""

    manifest: SetManifest

    @property
    def prompt_key(self) -> str:
        """Its name in logs: the campaign's id."""
        return self.manifest.campaign.id


def run_set_checks(
    manifest: SetManifest, blocking: tuple[str, ...] = ()
) -> tuple[CheckResult, ...]:
    """Return what every check of the table found on a set, in order.

    Args:
        manifest: The set.
        blocking: Names of checks that the brand wants to be errors.
    """
    return run_table(SET_CHECKS, SetInput(manifest), blocking=blocking)


def _check_agreement(subject: SetInput) -> Finding:
    return check_agreement(subject.manifest)


def _check_duplicates(subject: SetInput) -> Finding:
    threshold = "no original that another prompt of the campaign has already"
    duplicates = subject.manifest.twins
    prompts = len({picture.prompt_key for picture in subject.manifest.pictures})
    if prompts < 2:
        return Finding("skipped", threshold=threshold, sentence="there is nothing to compare with")
    named = ", ".join(
        f"{each.prompt_key} is {each.twin_of}"
        + ("" if each.same_file else f" (likeness {each.likeness:.2f})")
        for each in duplicates[:_NAMED]
    )
    return Finding(
        "failed" if duplicates else "passed",
        threshold=threshold,
        sentence=f"the same picture twice: {named}" if duplicates else "every original is its own",
        figures={
            "originals": prompts,
            "twins": len(duplicates),
            "same_file": sum(each.same_file for each in duplicates),
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
        _check_duplicates,
    ),
)
