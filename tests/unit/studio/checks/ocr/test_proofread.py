"""When originals are read and the checks of their words; one test reads real pictures."""

import importlib.util
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.briefs.models import Brand
from nbp_dagster.prompts.expansion import expand
from nbp_dagster.prompts.reference_selection import Reference
from nbp_dagster.prompts.request import PAGE_CAPABILITIES, compile_request
from nbp_dagster.simulator.painting.painter import paint
from nbp_dagster.studio.checks.check_table import CheckResult
from nbp_dagster.studio.checks.failure_words import tell_failure
from nbp_dagster.studio.checks.ocr.expected_text import ExpectedText, expected_text_of, terms_of
from nbp_dagster.studio.checks.ocr.ocr_engine import OcrEngineMissing
from nbp_dagster.studio.checks.ocr.proofread import (
    Proofreader,
    ProofreadResult,
    find_copy_boxes,
)
from nbp_dagster.studio.manifest.manifest import CheckFacts
from nbp_dagster.studio.manifest.value_types import Pass, Reading, ReadLine
from nbp_dagster.studio.options import ReadWhen
from tests.rigs.briefs import campaign, write_briefs

COPY = {"headline": "Slow mornings win", "call_to_action": "Try it"}
EXPECTED = ExpectedText(COPY, ("Hilltop Tea", "SIMULATED"), {"en": ("cure", "world's best")})
ORIGINAL = "a" * 64


def line(text: str, *, score: float = 0.99, row: int = 0) -> ReadLine:
    top = row / 20
    return ReadLine(text=text, score=score, left=0.1, top=top, right=0.9, bottom=top + 0.04)


class ScriptedEngine:
    """Returns scripted lines, by the longer side of the picture."""

    name = "scripted 1"
    alphabet = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")

    def __init__(self, *texts: str, large: Sequence[str] = ()) -> None:
        self.sides: list[int] = []
        self._small = [line(text, row=row) for row, text in enumerate(texts)]
        self._large = [line(text, row=row) for row, text in enumerate(large)]

    def read(self, picture: Image.Image) -> tuple[ReadLine, ...]:
        self.sides.append(max(picture.size))
        return tuple(self._large if max(picture.size) > 800 else self._small)


@pytest.fixture(scope="module")
def brand(tmp_path_factory: pytest.TempPathFactory) -> Brand:
    folder = write_briefs(tmp_path_factory.mktemp("briefs"), campaign(drawn()))
    return load_briefs(folder).brands["hilltop"]


def drawn(**changes: object) -> dict[str, object]:
    return {
        "id": "kitchen",
        "scene": "a cup on a counter",
        "text": "drawn",
        "copy": {name: {"en": text} for name, text in COPY.items()},
        **changes,
    }


def proofread(
    brand: Brand,
    engine: ScriptedEngine,
    expected: ExpectedText = EXPECTED,
    *,
    earlier: Reading | None = None,
    references: Sequence[Reference] = (),
    label: Image.Image | None = None,
) -> ProofreadResult:
    def read_reference(source: str, digest: str) -> bytes:
        assert label is not None
        data = io.BytesIO()
        label.save(data, "PNG")
        return data.getvalue()

    picture = draw_stripes()
    return Proofreader("on", read=read_reference, load=lambda: engine).proofread(
        brand,
        expected,
        prompt_key="winter/kitchen/en/1x1/v1",
        original=ORIGINAL,
        picture=picture,
        references=references,
        earlier=earlier,
    )


def draw_stripes() -> Image.Image:
    """Black and white: whatever was read, there is contrast."""
    picture = Image.new("RGB", (2048, 1024))
    for left in range(0, 2048, 64):
        picture.paste("white", (left, 0, left + 32, 1024))
    return picture


def results(proof: ProofreadResult) -> Mapping[str, CheckResult]:
    return {result.name: result for result in proof.results}


def verdicts(proof: ProofreadResult) -> Mapping[str, str]:
    return {name: result.verdict for name, result in results(proof).items()}


def facts_of(result: CheckResult) -> CheckFacts:
    return CheckFacts(
        name=result.name,
        verdict=result.verdict,
        sentence=result.sentence,
        severity=result.severity,
        figures=result.figures,
    )


ALL_PASSED = {
    "copy_legible": "passed",
    "copy_contrast": "passed",
    "unrequested_text": "passed",
    "prohibited_text": "passed",
}


def test_copy_that_is_found_at_the_first_size_is_not_read_again(brand: Brand) -> None:
    engine = ScriptedEngine("Slow mornings win", "Try it", "SIMULATED", "HILLTOP TEA")
    proof = proofread(brand, engine)
    assert verdicts(proof) == ALL_PASSED
    assert engine.sides == [800]
    figures = results(proof)["copy_legible"].figures
    assert figures["word_accuracy_headline"] == 1.0
    assert figures["edit_distance_call_to_action"] == 0.0


def test_copy_that_is_missing_is_looked_for_at_the_second_size(brand: Brand) -> None:
    engine = ScriptedEngine("Slow mornings win", large=["Slow morni", "ngs win", "Try it"])
    proof = proofread(brand, engine)
    # The headline of the one size and the button of the other; what fell apart is no stray text.
    assert verdicts(proof) == ALL_PASSED
    assert engine.sides == [800, 1536]


def test_a_misspelling_fails_the_copy_and_nothing_else(brand: Brand) -> None:
    texts = ["Slow mornnigs win", "Try it"]
    proof = proofread(brand, ScriptedEngine(*texts, large=texts))
    assert verdicts(proof) == {**ALL_PASSED, "copy_legible": "failed"}
    found = results(proof)["copy_legible"]
    assert "headline reads 'Slow mornnigs win', asked for 'Slow mornings win'" in found.sentence
    assert found.figures["word_accuracy_headline"] == 0.667
    assert found.severity == "warn"


def test_a_word_that_is_right_at_one_size_is_right(brand: Brand) -> None:
    engine = ScriptedEngine("Slow momings win", "Try it", large=["Slaw mornings win", "Try it"])
    proof = proofread(brand, engine)
    assert verdicts(proof) == ALL_PASSED
    assert results(proof)["copy_legible"].figures["word_accuracy_headline"] == 1.0


@pytest.mark.parametrize("drawn", ["Slow mornings mornings win", "mornings Slow win"])
def test_words_twice_or_in_another_order_are_wrong_though_each_is_there(
    brand: Brand, drawn: str
) -> None:
    proof = proofread(brand, ScriptedEngine(drawn, "Try it", large=[drawn, "Try it"]))
    assert verdicts(proof)["copy_legible"] == "failed"


def test_lettering_that_the_reader_doubts_could_not_be_read(brand: Brand) -> None:
    engine = ScriptedEngine("Try it")
    engine._small.append(line("Slow mornlngs vin", score=0.64, row=9))
    proof = proofread(brand, engine)
    found = results(proof)["copy_legible"]
    assert found.verdict == "failed"
    assert "headline could not be read for certain" in found.sentence
    assert (found.figures["could_not_read"], found.figures["misspelt"]) == (1, 0)
    assert tell_failure(facts_of(found)) == "copy could not be read"
    assert found.is_unsure


@pytest.mark.parametrize(
    ("read", "is_unsure"),
    [
        ((), True),
        (("Try it",), True),
        (("Slow mornnigs win", "Try it"), False),
        # One line is misspelt for certain, the other is not to be found.
        (("Slow mornnigs win",), False),
    ],
)
def test_what_could_not_be_read_is_a_doubt_and_blocks_nothing(
    brand: Brand, read: tuple[str, ...], is_unsure: bool
) -> None:
    strict = brand.model_copy(update={"blocking_checks": ("copy_legible",)})
    found = results(proofread(strict, ScriptedEngine(*read)))["copy_legible"]
    assert (found.verdict, found.is_unsure) == ("failed", is_unsure)
    assert found.severity == ("warn" if is_unsure else "error")


def test_lettering_that_is_another_at_every_size_could_not_be_read(brand: Brand) -> None:
    class WaveringEngine(ScriptedEngine):
        def read(self, picture: Image.Image) -> tuple[ReadLine, ...]:
            guess = {800: "Slaw momings vin", 1536: "Slow mornmgs wim", 640: "Siow morninqs wn"}
            return (line(guess[max(picture.size)]), line("Try it", row=1))

    found = results(proofread(brand, WaveringEngine()))["copy_legible"]
    assert "headline could not be read for certain" in found.sentence


def test_a_misspelling_beside_what_could_not_be_read_is_called_misspelt(brand: Brand) -> None:
    found = results(proofread(brand, ScriptedEngine("Slow mornnigs win")))["copy_legible"]
    assert "headline reads 'Slow mornnigs win'" in found.sentence
    assert "call_to_action is not there or could not be read: 'Try it'" in found.sentence
    assert tell_failure(facts_of(found)) == "copy misspelt or missing"


def test_a_prohibited_term_is_found_where_its_capital_i_is_read_as_l(brand: Brand) -> None:
    expected = replace(EXPECTED, allowed=("Hilltop AI",), prohibited={"en": ("AI tea",)})
    texts = ["Slow mornings win", "Try it", "Al tea"]
    assert verdicts(proofread(brand, ScriptedEngine(*texts), expected))["prohibited_text"] == (
        "failed"
    )


def test_copy_that_can_be_read_but_hardly_seen_fails_its_contrast_alone(brand: Brand) -> None:
    engine = ScriptedEngine("Slow mornings win", "Try it")
    proof = Proofreader("on", load=lambda: engine).proofread(
        brand,
        EXPECTED,
        prompt_key="key",
        original=ORIGINAL,
        picture=ImageChops.add(draw_stripes(), Image.new("RGB", (2048, 1024), "#A0A0A0")),
    )
    assert verdicts(proof) == {**ALL_PASSED, "copy_contrast": "failed"}
    found = results(proof)["copy_contrast"]
    assert found.sentence == "headline has 2.7:1 of 3:1; call_to_action has 2.7:1 of 3:1"
    assert found.figures["contrast_headline"] == pytest.approx(2.65, abs=0.06)


def test_lettering_that_nobody_asked_for_fails_alone_and_is_named(brand: Brand) -> None:
    proof = proofread(brand, ScriptedEngine("Slow mornings win", "Try it now", "VELURA"))
    assert verdicts(proof) == {**ALL_PASSED, "unrequested_text": "failed"}
    assert results(proof)["unrequested_text"].sentence == "not requested: 'now', 'VELURA'"


def test_what_a_reader_imagines_on_photographs_counts_for_nothing(brand: Brand) -> None:
    engine = ScriptedEngine("Slow mornings win", "Try it", "ab")
    engine._small.append(line("velura", score=0.79, row=9))
    assert verdicts(proofread(brand, engine)) == ALL_PASSED


def test_a_prohibited_term_fails_alone_where_its_words_may_be_there(brand: Brand) -> None:
    expected = replace(EXPECTED, allowed=("World's Best House Blend",))
    texts = ["Slow mornings win", "Try it", "WORLD'S", "BEST"]
    proof = proofread(brand, ScriptedEngine(*texts), expected)
    assert verdicts(proof) == {**ALL_PASSED, "prohibited_text": "failed"}
    assert "world's best" in results(proof)["prohibited_text"].sentence


def test_letters_the_reader_does_not_know_are_named_and_nothing_is_passed(brand: Brand) -> None:
    expected = replace(EXPECTED, required={"headline": "Медленное утро", "sub": "Try it"})
    proof = proofread(brand, ScriptedEngine("Try it", "Menehhoe yTpo"), expected)
    assert verdicts(proof) == {
        "copy_legible": "skipped",
        "copy_contrast": "passed",
        "unrequested_text": "skipped",
        "prohibited_text": "passed",
    }
    sentence = results(proof)["copy_legible"].sentence
    assert "not checkable" in sentence
    assert "headline has м е д л" in sentence


def test_an_original_without_drawn_copy_is_still_searched_for_stray_text(brand: Brand) -> None:
    expected = replace(EXPECTED, required={})
    proof = proofread(brand, ScriptedEngine("VELURA ZONTIK"), expected)
    assert verdicts(proof) == {
        "copy_legible": "skipped",
        "copy_contrast": "skipped",
        "unrequested_text": "failed",
        "prohibited_text": "passed",
    }


def test_what_was_read_is_not_read_again_until_the_picture_is_another(brand: Brand) -> None:
    texts = ["Slow mornings win", "Try it"]
    first = proofread(brand, ScriptedEngine(*texts))
    engine = ScriptedEngine(*texts)
    # Other wording, the same picture.
    other = replace(EXPECTED, required={"headline": "Slow mornings"})
    again = proofread(brand, engine, other, earlier=first.reading)
    assert engine.sides == []
    assert verdicts(again) == {**ALL_PASSED, "unrequested_text": "failed"}
    assert first.reading is not None
    moved = replace(first.reading, original="b" * 64)
    proofread(brand, engine, earlier=moved)
    assert engine.sides == [800]


def test_the_label_of_a_reference_may_come_back(brand: Brand) -> None:
    class LabelEngine(ScriptedEngine):
        def read(self, picture: Image.Image) -> tuple[ReadLine, ...]:
            if picture.size == (300, 200):
                self.sides.append(300)
                return (line("ARABICA 250"),)
            return super().read(picture)

    bag = Reference("product", "blend", "images/bag.png", "d" * 64)
    texts = ["Slow mornings win", "Try it", "arabica", "250"]
    label = Image.new("RGB", (300, 200))
    engine = LabelEngine(*texts)
    assert verdicts(proofread(brand, engine, references=[bag], label=label)) == ALL_PASSED
    assert engine.sides == [300, 800]
    assert verdicts(proofread(brand, engine))["unrequested_text"] == "failed"


@pytest.mark.parametrize(
    ("when", "simulated", "read"),
    [("auto", False, True), ("auto", True, False), ("on", True, True), ("off", False, False)],
)
def test_the_simulators_pictures_are_read_only_on_demand(
    brand: Brand, when: ReadWhen, simulated: bool, read: bool
) -> None:
    engine = ScriptedEngine("Slow mornings win", "Try it")
    proofreader = Proofreader(when, simulated=simulated, load=lambda: engine)
    proof = proofreader.proofread(
        brand,
        EXPECTED,
        prompt_key="key",
        original=ORIGINAL,
        picture=Image.new("RGB", (900, 900)),
    )
    assert bool(engine.sides) is read
    assert bool(proofreader.stamp(brand, EXPECTED)) is (when != "off")
    if not read:
        assert {result.verdict for result in proof.results} <= {"skipped"}
        # On purpose, so that a strict run has nothing against it.
        assert not any(result.missing_extra for result in proof.results)


def test_a_missing_extra_is_skipped_and_says_how_to_install_it(brand: Brand) -> None:
    def load() -> ScriptedEngine:
        raise OcrEngineMissing('reading needs the extra ocr: pip install "nbp-dagster[ocr]"')

    proof = Proofreader("auto", load=load).proofread(
        brand,
        EXPECTED,
        prompt_key="key",
        original=ORIGINAL,
        picture=Image.new("RGB", (900, 900)),
    )
    assert set(verdicts(proof).values()) == {"skipped"}
    assert {result.missing_extra for result in proof.results} == {"ocr"}
    assert 'pip install "nbp-dagster[ocr]"' in results(proof)["copy_legible"].sentence


def test_terms_of_a_locale_that_is_written_otherwise_are_looked_for_too(brand: Brand) -> None:
    terms = {"zh_Hant": ("最佳",), "zh": ("治癒",), "zh_Hans": ("最好",), "en": ("cure",)}
    brand = brand.model_copy(update={"prohibited_terms": terms})

    assert terms_of(brand, "zh_TW") == ("治癒", "最佳")


def test_installing_the_extra_changes_what_a_proof_depends_on(brand: Brand) -> None:
    def load() -> ScriptedEngine:
        raise OcrEngineMissing("not here")

    without = Proofreader("on", load=load).stamp(brand, EXPECTED)
    having = Proofreader("on", load=ScriptedEngine).stamp(brand, EXPECTED)
    other = Proofreader("on", load=ScriptedEngine).stamp(brand, replace(EXPECTED, required={}))
    assert len({without, having, other}) == 3


@pytest.mark.skipif(
    importlib.util.find_spec("rapidocr") is None, reason='needs pip install "nbp-dagster[ocr]"'
)
@pytest.mark.parametrize(
    ("flaw", "red"),
    [
        (None, None),
        ("misspelt-headline", "copy_legible"),
        ("missing-headline", "copy_legible"),
        ("low-contrast", "copy_contrast"),
        ("stray-text", "unrequested_text"),
    ],
)
def test_a_flaw_of_the_simulator_turns_its_own_check_red(
    tmp_path: Path, flaw: str | None, red: str | None
) -> None:
    """The real engine, on a picture painted from the prompt that the model would get."""
    briefs = load_briefs(write_briefs(tmp_path, campaign(drawn())))
    (prompt,) = expand(briefs)
    brand, winter = briefs.brands["hilltop"], briefs.campaigns["winter"]
    request = compile_request(
        briefs,
        prompt,
        provider="simulator",
        capabilities=PAGE_CAPABILITIES,
        sheets={},
        digests={},
    )
    faults = frozenset() if flaw is None else frozenset({flaw})
    picture = paint(request.prompt, (), width=640, height=640, faults=faults)
    proof = Proofreader("on", simulated=True).proofread(
        brand,
        expected_text_of(brand, winter, winter.shot("kitchen"), prompt, request.drawn_locale),
        prompt_key=prompt.key,
        original=ORIGINAL,
        picture=picture,
    )
    failed = {name for name, verdict in verdicts(proof).items() if verdict == "failed"}
    assert failed == ({red} if red else set())


def copy_line(text: str, top: float) -> ReadLine:
    return ReadLine(text=text, score=0.95, left=0.1, top=top, right=0.60004, bottom=top + 0.1)


def test_only_lines_that_show_copy_have_boxes() -> None:
    lines = (
        copy_line("SLOW MORNIMGS", 0.1),
        copy_line("win", 0.2),
        copy_line("SOLSTICE HOUSE BLEND", 0.7),
    )
    reading = Reading(original="a" * 64, reader="x", passes=(Pass(side=800, lines=lines),))
    found = find_copy_boxes(reading, {"headline": "Slow mornings win"})
    assert found == ((0.1, 0.1, 0.6, 0.2), (0.1, 0.2, 0.6, 0.3))
    assert find_copy_boxes(reading, {"headline": "Something else entirely"}) == ()
    assert find_copy_boxes(reading, {}) == find_copy_boxes(None, {"headline": "Slow"}) == ()
