"""Whatever check fails, a person is told what is wrong, not what would be right."""

import pytest

from nbp_dagster.studio.checks.character_checks import CHARACTER_CHECKS
from nbp_dagster.studio.checks.check_table import Check, fail_table
from nbp_dagster.studio.checks.edits.edit_checks import EDIT_CHECKS
from nbp_dagster.studio.checks.failure_words import FAILURE_WORDS, tell_failure
from nbp_dagster.studio.checks.ocr.ocr_checks import OCR_CHECKS
from nbp_dagster.studio.checks.original_checks import ORIGINAL_CHECKS
from nbp_dagster.studio.checks.rendition_checks import RENDITION_CHECKS, RenditionInput
from nbp_dagster.studio.checks.set_checks import SET_CHECKS
from nbp_dagster.studio.manifest.manifest import CheckFacts
from nbp_dagster.studio.manifest.records import judge_strictly

NAMES = [
    check.name
    for table in (
        RENDITION_CHECKS,
        ORIGINAL_CHECKS,
        CHARACTER_CHECKS,
        OCR_CHECKS,
        EDIT_CHECKS,
        SET_CHECKS,
    )
    for check in table
]


def failed(name: str, **facts: str) -> CheckFacts:
    return CheckFacts(
        name=name, verdict="failed", sentence="…", severity="warn", figures={}, **facts
    )


def test_every_check_has_words_for_its_failure_and_no_other_name_has() -> None:
    assert sorted(FAILURE_WORDS) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_words_are_short_and_their_own_and_not_the_checks_name(name: str) -> None:
    words = tell_failure(failed(name))
    assert words != name.replace("_", " ")
    assert len(words) <= 40
    assert words == words.strip(" .")
    assert "_" not in words
    assert list(FAILURE_WORDS.values()).count(words) == 1


def test_a_missing_logo_is_called_missing() -> None:
    assert tell_failure(failed("logo_present")) == "logo not found"


def test_a_check_that_crashed_says_nothing_about_the_picture() -> None:
    table = (Check[RenditionInput]("logo_present", "…", "warn", lambda _: pytest.fail("not run")),)
    (result,) = fail_table(table, ValueError("x"), prompt_key="a/b", blocking=())
    told = tell_failure(failed(result.name, threshold=result.threshold))
    assert told == "not checked: logo present"


def test_a_check_that_strict_runs_fail_says_that_it_did_not_look() -> None:
    skipped = CheckFacts(
        name="copy_legible",
        verdict="skipped",
        sentence="…",
        severity="warn",
        figures={},
        missing_extra="ocr",
    )
    assert tell_failure(judge_strictly(skipped)) == "not checked: copy legible"


def test_a_check_of_another_version_is_told_by_its_name() -> None:
    assert tell_failure(failed("no_sixth_finger")) == "failed: no sixth finger"
