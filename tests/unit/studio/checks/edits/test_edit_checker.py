"""What the checks of edits say; the reader here says what it is told to, but for the last test."""

import importlib.util
from collections.abc import Iterable
from dataclasses import replace

import pytest
from PIL import Image, ImageDraw

from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.prompts.render_context import render_context_of
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.simulator.painting.painter import encode_png
from nbp_dagster.studio.checks.check_table import CheckResult
from nbp_dagster.studio.checks.edits.edit_checker import EditChecker
from nbp_dagster.studio.checks.edits.lettering_boxes import box_of
from nbp_dagster.studio.checks.ocr.ocr_engine import OcrEngineMissing
from nbp_dagster.studio.checks.ocr.proofread import Proofreader
from nbp_dagster.studio.imaging.resize import build_pyramid
from nbp_dagster.studio.manifest.value_types import Pass, Reading, ReadLine, WordBox
from nbp_dagster.studio.references.reference_files import UnusableReference
from tests.rigs.localized import LocalizedSet


def line(text: str, top: float, score: float = 0.99) -> ReadLine:
    return ReadLine(text=text, score=score, left=0.1, top=top, right=0.9, bottom=top + 0.08)


ENGLISH = (line("Slow mornings win", 0.7), line("Try it today", 0.85), line("SIMULATED", 0.05))
GERMAN = (line("Langsame Morgen gewinnen", 0.7), line("Jetzt probieren", 0.85))
LATIN = "abcdefghijklmnopqrstuvwxyzäöüéß'"


class ScriptedEngine:
    """Reads the lines of the picture that was edited; the edit was read before."""

    name = "scripted 1"
    alphabet = frozenset(LATIN)

    def __init__(self, lines: Iterable[ReadLine] = ENGLISH) -> None:
        self.lines = tuple(lines)
        self.read_count = 0

    def read(self, picture: Image.Image) -> tuple[ReadLine, ...]:
        self.read_count += 1
        return self.lines

    def locate(self, picture: Image.Image) -> tuple[WordBox, ...]:
        return tuple(map(box_of, self.lines))


@pytest.fixture(scope="module")
def localized(tmp_path_factory: pytest.TempPathFactory) -> LocalizedSet:
    return LocalizedSet.open(tmp_path_factory.mktemp("briefs"))


class Case:
    """One edit of the first shot, to be checked by what a test says was read."""

    def __init__(self, localized: LocalizedSet, locale: str = "de") -> None:
        self.set = localized
        self.prompt, self.base = self._find(locale)
        self.request = localized.compile(self.prompt, self.base)
        self.picture = localized.draw_edit(self.prompt, self.base)
        self.engine = ScriptedEngine()

    def _find(self, locale: str) -> tuple[Prompt, str]:
        return next((prompt, base) for prompt, base in self.set.edits if prompt.locale == locale)

    def check(
        self,
        lines: Iterable[ReadLine] | None = GERMAN,
        *,
        picture: Image.Image | None = None,
        checker: EditChecker | None = None,
        request: ImageRequest | None = None,
    ) -> dict[str, CheckResult]:
        reading = None
        if lines is not None:
            passes = (Pass(side=800, lines=tuple(lines)),)
            reading = Reading(original="a" * 64, reader="scripted 1", passes=passes)
        results = (checker or self.checker()).check(
            render_context_of(self.set.briefs, self.prompt),
            request or self.request,
            build_pyramid(picture or self.picture),
            reading,
        )
        return {each.name: each for each in results}

    def checker(self) -> EditChecker:
        proofreader = Proofreader("on", load=lambda: self.engine)
        return EditChecker(lambda source, digest: self.read(source), proofreader)

    def read(self, source: str) -> bytes:
        return self.set.draw_original(source.removeprefix("original:"))

    def in_region(self, *region: float) -> ImageRequest:
        left, top, right, bottom = region
        return replace(self.request, edit="instruction", region=(left, top, right, bottom))


@pytest.fixture
def case(localized: LocalizedSet) -> Case:
    return Case(localized)


def with_disc(picture: Image.Image, x: float, y: float) -> Image.Image:
    changed, (wide, high) = picture.copy(), picture.size
    reach = 0.09 * wide
    spot = (x * wide - reach, y * high - reach, x * wide + reach, y * high + reach)
    ImageDraw.Draw(changed).ellipse(spot, fill=(210, 20, 90))
    return changed


def verdicts(results: dict[str, CheckResult]) -> dict[str, str]:
    return {name: each.verdict for name, each in results.items()}


BOTH_PASSED = {"edit_contained": "passed", "old_words_gone": "passed"}


def test_an_edit_of_the_words_alone_passes_both(case: Case) -> None:
    assert verdicts(case.check()) == BOTH_PASSED


def test_a_picture_that_is_no_edit_is_not_looked_at(case: Case) -> None:
    assert case.check(request=replace(case.request, edit=None)) == {}


def test_something_new_beside_the_words_is_told_with_its_place(case: Case) -> None:
    found = case.check(picture=with_disc(case.picture, 0.7, 0.3))["edit_contained"]
    assert (found.verdict, found.severity, found.is_unsure) == ("failed", "warn", False)
    assert "of what is outside the lettering differs, between 6" in found.sentence
    assert float(found.figures["changed_share"]) > 0.02


def test_words_of_the_earlier_language_are_named_with_their_field(case: Case) -> None:
    found = case.check([line("Slow mornings", 0.7), *GERMAN])["old_words_gone"]
    assert found.verdict == "failed"
    assert found.sentence == "still there: headline: 'Slow', 'mornings'"
    assert found.subjects == ("headline",)
    assert not found.is_unsure


def test_an_earlier_word_that_was_hardly_read_is_a_doubt(case: Case) -> None:
    found = case.check([line("mornings", 0.7, 0.6), *GERMAN])["old_words_gone"]
    assert (found.verdict, found.is_unsure) == ("failed", True)


def test_what_a_thing_in_the_picture_says_is_no_earlier_word(case: Case) -> None:
    """The picture that was edited shows a label with a word of its headline."""
    label = line("Slow roast", 0.3)
    case.engine = ScriptedEngine((*ENGLISH, label))
    assert verdicts(case.check([*GERMAN, label])) == BOTH_PASSED
    case.engine = ScriptedEngine()
    assert case.check([*GERMAN, label])["old_words_gone"].verdict == "failed"


def test_letters_that_the_reader_does_not_know_leave_a_doubt_of_the_rest(
    localized: LocalizedSet,
) -> None:
    arabic = Case(localized, "ar")
    found = arabic.check((), picture=with_disc(arabic.picture, 0.7, 0.3))
    assert (found["edit_contained"].verdict, found["edit_contained"].is_unsure) == ("failed", True)
    # English words would be read all the same.
    assert found["old_words_gone"].verdict == "passed"


def test_earlier_words_in_unknown_letters_are_not_checkable(case: Case) -> None:
    case.engine.alphabet = frozenset("0123456789")
    found = case.check()["old_words_gone"]
    assert found.verdict == "skipped"
    assert "the reader does not know the earlier letters: headline has s l o w" in found.sentence


def test_a_region_alone_may_change_and_nobody_reads_for_it(case: Case) -> None:
    inside, outside = with_disc(case.picture, 0.7, 0.3), with_disc(case.picture, 0.25, 0.3)
    request = case.in_region(0.55, 0.15, 0.85, 0.45)
    base = case.set.draw_edit(case.prompt, case.base)

    def read(source: str, digest: str) -> bytes:
        return encode_png(base)

    checker = EditChecker(read, Proofreader("off"))
    passed = case.check(None, picture=inside, checker=checker, request=request)
    assert verdicts(passed) == {"edit_contained": "passed", "old_words_gone": "skipped"}
    failed = case.check(None, picture=outside, checker=checker, request=request)["edit_contained"]
    assert failed.verdict == "failed"
    assert "outside the marked area differs" in failed.sentence


def test_an_instruction_without_a_region_may_change_everything(case: Case) -> None:
    request = replace(case.request, edit="instruction")
    assert set(verdicts(case.check(None, request=request)).values()) == {"skipped"}


def test_a_picture_that_is_gone_leaves_no_opinion_of_the_rest(case: Case) -> None:
    def read(source: str, digest: str) -> bytes:
        raise UnusableReference("it is gone; restore it and run again")

    checker = EditChecker(read, Proofreader("on", load=lambda: case.engine))
    found = case.check([line("Slow", 0.7), *GERMAN], checker=checker)
    assert found["edit_contained"].verdict == "skipped"
    assert found["edit_contained"].sentence.startswith("no opinion: the picture that was edited (")
    assert "it is gone; restore it and run again" in found["edit_contained"].sentence
    # Its words are those of the brief, whatever became of the file.
    assert found["old_words_gone"].verdict == "failed"


def test_an_edit_of_another_shape_can_not_be_laid_on_its_original(case: Case) -> None:
    found = case.check(picture=case.picture.resize((1024, 700)))["edit_contained"]
    assert found.verdict == "skipped"
    assert "has another shape (1.00 of width over height; the edit has 1.46)" in found.sentence


@pytest.mark.parametrize(
    ("proofreader", "why", "extra"),
    [
        (Proofreader("off"), "NBP_OCR=off", ""),
        (Proofreader("auto", simulated=True, load=ScriptedEngine), "NBP_OCR=on", ""),
    ],
)
def test_without_a_reader_there_is_no_opinion_and_it_says_why(
    case: Case, proofreader: Proofreader, why: str, extra: str
) -> None:
    checker = EditChecker(lambda source, digest: case.read(source), proofreader)
    for found in case.check(None, checker=checker).values():
        assert found.verdict == "skipped"
        assert why in found.sentence
        assert found.missing_extra == extra


def test_a_missing_extra_is_named(case: Case) -> None:
    def load() -> ScriptedEngine:
        raise OcrEngineMissing("reading needs the extra ocr")

    def read(source: str, digest: str) -> bytes:
        return case.read(source)

    checker = EditChecker(read, Proofreader("on", load=load))
    assert {each.missing_extra for each in case.check(None, checker=checker).values()} == {"ocr"}


def test_the_original_of_several_edits_is_read_once(case: Case) -> None:
    checker = case.checker()
    case.check(checker=checker)
    readings = case.engine.read_count
    case.check(checker=checker)
    assert case.engine.read_count == readings


def test_a_brand_may_make_an_error_of_either(case: Case) -> None:
    brand = case.set.briefs.brands["hilltop"].model_copy(
        update={"blocking_checks": ("edit_contained", "old_words_gone")}
    )
    case.set = replace(case.set, briefs=replace(case.set.briefs, brands={"hilltop": brand}))
    assert {each.severity for each in case.check().values()} == {"error"}


def test_only_prompts_that_the_briefs_edit_have_a_stamp(case: Case) -> None:
    context, checker = render_context_of(case.set.briefs, case.prompt), case.checker()
    first = replace(context, prompt=replace(case.prompt, locale="en"))
    assert checker.stamp(context)
    assert checker.stamp(first) == ""


@pytest.mark.skipif(importlib.util.find_spec("rapidocr") is None, reason="needs the extra ocr")
@pytest.mark.parametrize(
    ("fault", "red"),
    [
        ("", set()),
        ("edit-changes-picture", {"edit_contained"}),
        ("edit-keeps-old-words", {"old_words_gone"}),
    ],
)
@pytest.mark.parametrize("shot", ["kitchen", "office"])
def test_each_fault_of_the_simulator_is_seen_by_its_check(
    localized: LocalizedSet, shot: str, fault: str, red: set[str]
) -> None:
    prompt, base = next(
        (prompt, base)
        for prompt, base in localized.edits
        if (prompt.shot, prompt.locale) == (shot, "de")
    )
    found = localized.check(prompt, base, localized.draw_edit(prompt, base, fault))
    failed = {name for name, each in found.items() if each.verdict == "failed"}
    # Old words that stay are lettering that nobody asked for as well.
    assert failed - {"unrequested_text"} == red
