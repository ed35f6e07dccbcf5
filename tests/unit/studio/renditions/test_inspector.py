"""A crash of a check costs no paid picture, and only edits have the checks of edits."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nbp_dagster.prompts.render_context import render_context_of
from nbp_dagster.studio.checks.edits.edit_checker import EditChecker
from nbp_dagster.studio.checks.edits.edit_checks import EDIT_CHECKS
from nbp_dagster.studio.checks.ocr.proofread import Proofreader
from nbp_dagster.studio.imaging.resize import build_pyramid
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.renditions.inspector import Inspector
from tests.rigs.localized import LocalizedSet


class BrokenChecker(EditChecker):
    """Fails in a way that nobody thought of."""

    def check(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("out of tune")


@pytest.fixture
def localized(tmp_path: Path) -> LocalizedSet:
    return LocalizedSet.open(tmp_path).without_reading()


def inspect(localized: LocalizedSet, checker: EditChecker, edit: str | None) -> PromptRecord:
    prompt, base = next(localized.edits)
    request = replace(localized.compile(prompt, base), edit=edit)
    record = PromptRecord(
        prompt_key=prompt.key,
        fingerprint="f" * 64,
        recipe="r",
        pictures=(),
        preview="",
        sketch="",
    )
    return Inspector(edit_checker=checker).inspect(
        render_context_of(localized.briefs, prompt),
        request,
        None,  # no check that is on looks at how it was bought
        build_pyramid(Image.new("RGB", (300, 300), "teal")),
        None,
        record,
    )


def test_a_checker_of_edits_that_crashes_is_two_failed_checks(localized: LocalizedSet) -> None:
    checker = BrokenChecker(lambda source, digest: b"", Proofreader("off"))
    checks = inspect(localized, checker, "words").checks

    assert [check.name for check in checks] == [check.name for check in EDIT_CHECKS]
    assert {check.verdict for check in checks} == {"failed"}
    assert all("RuntimeError: out of tune" in check.sentence for check in checks)


def test_only_edits_are_looked_at(localized: LocalizedSet) -> None:
    checker = BrokenChecker(lambda source, digest: b"", Proofreader("off"))
    assert inspect(localized, checker, None).checks == ()


def test_what_an_edit_is_checked_by_is_part_of_its_stamp(localized: LocalizedSet) -> None:
    prompt, _ = next(localized.edits)
    context = render_context_of(localized.briefs, prompt)
    checker = EditChecker(lambda source, digest: b"", Proofreader("off"))

    assert Inspector(edit_checker=checker).stamp(context, None)
    assert Inspector().stamp(context, None) == ""
