"""What the character checks say of likenesses: who is unlike, who is unsure, what is not told."""

import pytest

from nbp_dagster.studio.checks.character_checks import CHARACTER_CHECKS, CharacterInput
from nbp_dagster.studio.checks.characters.headcount import Headcount
from nbp_dagster.studio.checks.characters.lineup import Likeness
from nbp_dagster.studio.checks.check_table import run_table
from nbp_dagster.studio.checks.failure_words import tell_failure
from nbp_dagster.studio.checks.measure_characters import facts_of
from nbp_dagster.studio.manifest.manifest import CheckFacts
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.regeneration_rules import failing


def face(answer: str, distance: float, number: int = 0) -> Likeness:
    return Likeness(0.5, 0.2, b"", answer, "face", distance, number)  # type: ignore[arg-type]


def body(answer: str, standing: float, note: str = "") -> Likeness:
    return Likeness(0.5, standing, b"", answer, note=note)  # type: ignore[arg-type]


SILENT = Likeness(0.5, -0.4, b"", "no opinion", "none", note="its face is under 40 px")


def check(name: str, *, calibrated: bool = True, **likenesses: Likeness) -> CheckFacts:
    """A check of a shot that asks for Ada and Bo, as far as there are likenesses of them."""
    subject = CharacterInput(
        prompt_key="p",
        cast=tuple(each for each in ("ada", "bo") if each in likenesses),
        likenesses=likenesses,
        threshold=0.17,
        calibrated=calibrated,
        unmeasured="",
        copied={},
    )
    results = run_table(CHARACTER_CHECKS, subject, blocking=["cross_similarity", "cast_count"])
    return next(facts_of(result) for result in results if result.name == name)


def test_who_is_like_passes_with_the_path_that_decided() -> None:
    found = check("cross_similarity", ada=face("same", 0.31), bo=body("same", 0.4))
    assert found.verdict == "passed"
    assert found.sentence == "every character is like its sheet (ada by its face, bo by its body)"
    assert found.figures["face_distance_ada"] == 0.31


def test_another_face_fails_with_its_distance() -> None:
    found = check("cross_similarity", ada=face("other", 0.74), bo=body("same", 0.4))
    assert (found.verdict, found.severity, found.subjects) == ("failed", "error", ("ada",))
    assert found.sentence == "unlike its sheet, or not there: ada (face at a distance of 0.74)"


def test_an_unsure_face_warns_with_its_distance_and_never_blocks() -> None:
    """Though the brand is calibrated, and wants the check to block."""
    found = check("cross_similarity", ada=face("unsure", 0.53))
    assert (found.verdict, found.severity) == ("failed", "warn")
    assert found.sentence == "unsure: ada (face at a distance of 0.53)"
    assert tell_failure(found) == "a character who may be unlike the sheet"


def test_no_opinion_is_skipped_and_not_called_unlike() -> None:
    found = check("cross_similarity", ada=SILENT)
    assert (found.verdict, found.missing_extra) == ("skipped", "")
    assert found.sentence == "no opinion: ada (its face is under 40 px)"
    both = check("cross_similarity", ada=SILENT, bo=body("same", 0.4))
    assert both.verdict == "passed"
    assert "no opinion: ada" in both.sentence


@pytest.mark.parametrize(
    ("likeness", "bought"),
    [
        (face("same", 0.3), False),
        (face("unsure", 0.53), False),
        (face("other", 0.8), True),
        (SILENT, False),
        (body("unsure", 0.15), False),
        (body("unsure", 0.13, "no face found"), False),
        (body("other", -0.1), True),
    ],
)
def test_only_another_character_is_bought_again(likeness: Likeness, bought: bool) -> None:
    """An unsure one and one without an opinion cost nothing."""
    found = check("cross_similarity", ada=likeness)
    record = PromptRecord(
        prompt_key="k", fingerprint="f", recipe="r", pictures=(), preview="", checks=(found,)
    )
    assert bool(failing(record, ["cross_similarity"])) is bought


def test_beside_one_who_is_another_an_unsure_one_is_not_asked_for_anew() -> None:
    found = check("cross_similarity", ada=face("unsure", 0.53), bo=face("other", 0.8, 1))
    assert (found.subjects, found.is_unsure) == (("bo",), False)
    assert "unsure: ada" in found.sentence


def cast_count(heads: Headcount | None, **likenesses: Likeness) -> CheckFacts:
    subject = CharacterInput(
        prompt_key="p",
        cast=("ada",),
        likenesses={"ada": face("same", 0.2), **likenesses},
        threshold=0.17,
        calibrated=True,
        unmeasured="",
        copied={},
        heads=heads,
    )
    results = run_table(CHARACTER_CHECKS, subject, blocking=["cast_count"])
    return next(facts_of(result) for result in results if result.name == "cast_count")


@pytest.mark.parametrize(
    ("heads", "words"),
    [
        (Headcount(2, strangers=1), "1 more than the shot asks for"),
        (Headcount(2, twice=("ada",)), "there twice: ada"),
        (Headcount(1, missing=("ada",)), "no face of ada"),
    ],
)
def test_an_odd_number_of_faces_warns_and_is_never_bought_again(
    heads: Headcount, words: str
) -> None:
    """Nor does it block, though the brand is calibrated and has the check block."""
    found = cast_count(heads)
    assert (found.verdict, found.severity, found.is_unsure) == ("failed", "warn", True)
    assert words in found.sentence
    assert tell_failure(found) == "perhaps somebody too many or missing"
    record = PromptRecord(
        prompt_key="k", fingerprint="f", recipe="r", pictures=(), preview="", checks=(found,)
    )
    assert failing(record, ["cast_count"]) == ()


def test_somebody_else_of_the_brand_stays_a_firm_finding() -> None:
    """Whatever the number of faces is."""
    found = cast_count(Headcount(2, strangers=1), bo=face("same", 0.2, 1))
    assert (found.subjects, found.is_unsure, found.severity) == (("bo",), False, "error")


def test_the_count_says_when_faces_cannot_tell() -> None:
    found = cast_count(Headcount(0, why_not="no face found"))
    assert found.verdict == "skipped"
    assert found.sentence.endswith("faces can't tell how many are there: no face found")
    counted = cast_count(Headcount(1))
    assert (counted.verdict, counted.figures["faces"]) == ("passed", 1)
    assert cast_count(None).sentence == "the brand has no other character with a sheet"
