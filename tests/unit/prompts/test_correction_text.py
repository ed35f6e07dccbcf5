"""The words by which a picture is asked for again: stable, from the sheet, and no trap."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.briefs.vocabulary import CorrectableCheck
from nbp_dagster.prompts.correction_text import Shortfall, correct_request
from nbp_dagster.prompts.reference_selection import Reference
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.simulator.painting.prompt import read_prompt
from tests.rigs.briefs import campaign, shot, write_briefs

CHECKS: tuple[CorrectableCheck, ...] = get_args(CorrectableCheck)
Correct = Callable[..., ImageRequest]
PROMPT = (
    "Image 1: identity reference of Ada.\n\nThe scene, what changes: Ada pours tea.\n\n"
    "Ada keeps these fixed traits in every picture: woman; silver bob.\n\n"
    'The lettering is in English. The headline reads "Slow mornings" and is the largest lettering.'
)


def request(prompt: str = PROMPT) -> ImageRequest:
    return ImageRequest(
        key="winter/kitchen/en/1x1/v1",
        provider="oxen",
        model="google-nano-banana-pro",
        prompt=prompt,
        parameters={"aspect_ratio": "1:1"},
        references=(Reference("identity", "ada", "sheet:hilltop/ada", "a" * 64),),
        variant=1,
        prompt_version="2",
    )


@pytest.fixture
def corrected(tmp_path: Path) -> Correct:  # type: ignore[no-untyped-def]
    """Correct the request above for some shortfalls."""
    briefs = load_briefs(write_briefs(tmp_path, campaign(shot("kitchen"))))
    brand = briefs.brands["hilltop"]
    scene = briefs.campaigns["winter"].shot("kitchen")

    def correct(*failed: Shortfall, number: int = 1) -> ImageRequest:
        return correct_request(request(), brand, scene, failed, number=number)

    return correct


def test_the_same_flaws_in_any_order_are_the_same_request(corrected: Correct) -> None:
    one, other = Shortfall("copy_legible", ("headline", "sub")), Shortfall("cast_count", ("ben",))
    turned = Shortfall("copy_legible", ("sub", "headline"))

    assert corrected(one, other).fingerprint == corrected(other, turned).fingerprint


def test_it_is_another_request_with_the_same_references(corrected: Correct) -> None:
    found = corrected(Shortfall("cross_similarity", ("ada",)))

    assert found.fingerprint != request().fingerprint
    assert found.references == request().references
    assert found.prompt.startswith(f"{PROMPT}\n\nDraw ")
    assert "of Image 1." in found.prompt


def test_a_second_try_is_another_request_than_the_first(corrected: Correct) -> None:
    flaw = Shortfall("cast_count", ("ben",))

    assert corrected(flaw, number=2).fingerprint != corrected(flaw).fingerprint


def test_the_characters_and_fields_that_fell_short_are_named(corrected: Correct) -> None:
    found = corrected(
        Shortfall("cast_count", ("ben",)), Shortfall("copy_contrast", ("call_to_action",))
    ).prompt.removeprefix(PROMPT)

    assert (
        "The cast is Ada alone. Whoever else can be seen looks clearly different from Ben." in found
    )
    assert "The call to action stands in strong contrast" in found
    # What is quoted twice is drawn twice.
    assert '"' not in found


@pytest.mark.parametrize("check", CHECKS)
def test_no_clause_changes_what_a_painter_reads_besides(
    corrected: Correct, check: CorrectableCheck
) -> None:
    found = corrected(Shortfall(check), number=2)

    assert read_prompt(found.prompt, 1) == read_prompt(PROMPT, 1)


def test_colours_are_asked_for_in_the_way_they_fell_short(corrected: Correct) -> None:
    found = corrected(Shortfall("palette_coverage", ("more neutral", "less accent"))).prompt

    assert "Less of the picture has the palette's colour named accent." in found
    assert "More of the picture has the palette's colour named neutral." in found
    assert "Large areas" not in found
    assert read_prompt(found, 1) == read_prompt(PROMPT, 1)


def test_an_edit_that_changed_too_much_is_told_what_stays(tmp_path: Path) -> None:
    briefs = load_briefs(write_briefs(tmp_path, campaign(shot("kitchen"))))
    brand, scene = briefs.brands["hilltop"], briefs.campaigns["winter"].shot("kitchen")
    words = replace(request(), edit="words")
    area = replace(request(), edit="instruction", region=(0.1, 0.1, 0.5, 0.5))
    failed = [Shortfall("edit_contained")]

    one, other = (
        correct_request(each, brand, scene, failed, number=1).prompt for each in (words, area)
    )
    assert "Outside the lettering every detail is that of Image 1" in one
    assert "Outside the framed area every detail is that of Image 1" in other
    assert correct_request(words, brand, scene, failed, number=1).references == words.references
