"""What is looked at once a prompt, on its original: the picture, who is on it, and its words."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nbp_dagster.prompts.render_context import RenderContext
from nbp_dagster.prompts.request import ImageRequest, Sheet
from nbp_dagster.studio.checks.character_checks import CHARACTER_CHECKS
from nbp_dagster.studio.checks.measure_characters import Measurer, facts_of
from nbp_dagster.studio.checks.ocr.drawn_letters import measure_drawn_letters
from nbp_dagster.studio.checks.ocr.expected_text import ExpectedText, expected_text_of
from nbp_dagster.studio.checks.ocr.ocr_checks import OCR_CHECKS
from nbp_dagster.studio.checks.ocr.proofread import Proofreader, ProofreadResult
from nbp_dagster.studio.checks.original_checker import OriginalChecker, ReceivedFile
from nbp_dagster.studio.checks.rendition_checks import Check, check_drawn_letters, fail_table
from nbp_dagster.studio.imaging.resize import Pyramid
from nbp_dagster.studio.ledger.orders import Made
from nbp_dagster.studio.manifest.manifest import Picture
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.typography.legibility import TextBox

# Pixels of the shorter side of the copy an original is measured on.
_MEASURED_SIDE = 224


class Inspector:
    """Measures and reads originals, and has their checks judged.

    Args:
        measurer: Compares them with sheets; None to measure nothing.
        proofreader: Reads them; None to read nothing.
        original_checker: Judges them as pictures; None not to.
    """

    def __init__(
        self,
        measurer: Measurer | None = None,
        proofreader: Proofreader | None = None,
        original_checker: OriginalChecker | None = None,
    ) -> None:
        self._measurer = measurer
        self._proofreader = proofreader
        self._original_checker = original_checker

    def stamp(self, scene: RenderContext, sheets: Mapping[str, Sheet] | None) -> str:
        """Return the hash of what a prompt's original is measured and read by; empty for nothing.

        Installing or setting what measures or reads changes it, so that it is done then.
        """
        stamps = []
        if self._original_checker is not None:
            stamps.append(self._original_checker.stamp(scene))
        if self._measurer is not None and sheets is not None:
            stamps.append(self._measurer.stamp(scene.brand, sheets, scene.shot.characters))
        if self._proofreader is not None:
            stamps.append(self._proofreader.stamp(scene.brand, _expected_text_of(scene)))
        stamps = [stamp for stamp in stamps if stamp]
        if len(stamps) < 2:
            return "".join(stamps)
        return hashlib.sha256("\n".join(stamps).encode()).hexdigest()

    def inspect(
        self,
        scene: RenderContext,
        request: ImageRequest,
        made: Made,
        original: Pyramid,
        sheets: Mapping[str, Sheet] | None,
        record: PromptRecord,
    ) -> PromptRecord:
        """Return a prompt's record with all that is looked at once for all its renditions.

        The record's stamp of it, `measured`, is the caller's to set.

        Args:
            scene: What the briefs say.
            request: What the original was made by; its references may bring lettering.
            made: The original.
            original: Its pixels.
            sheets: What it is measured against, by `brand/character`; None not to measure it.
            record: What was made of it, and what was read on it before.
        """
        record = replace(record, checks=(), likenesses=())
        record = self._survey(scene, request, made, original, record)
        record = self._measure(scene, original, sheets, record)
        return self._proofread(scene, request, made, original, record)

    def _survey(
        self,
        scene: RenderContext,
        request: ImageRequest,
        made: Made,
        original: Pyramid,
        record: PromptRecord,
    ) -> PromptRecord:
        """Return the record with what its original is as a picture."""
        if self._original_checker is None:
            return record
        received = ReceivedFile(made.image.file_type, made.image.labelled)
        results = self._original_checker.check(scene, request, original, received)
        return replace(record, checks=tuple(map(facts_of, results)))

    def _proofread(
        self,
        scene: RenderContext,
        request: ImageRequest,
        made: Made,
        original: Pyramid,
        record: PromptRecord,
    ) -> PromptRecord:
        """Return the record with what was read on its original."""
        if self._proofreader is None:
            return record
        try:
            proof = _proofread(self._proofreader, scene, request, made, original, record)
        except Exception as error:  # noqa: BLE001 - a reader's crash costs no paid picture
            return _note_crash(OCR_CHECKS, error, scene, record)
        return replace(
            record,
            checks=(*record.checks, *map(facts_of, proof.results)),
            reading=proof.reading or record.reading,
            pictures=_judge_each(scene, record, proof, original.size),
        )

    def judge_letters(
        self,
        scene: RenderContext,
        request: ImageRequest,
        made: Made,
        original: Pyramid,
        record: PromptRecord,
    ) -> PromptRecord:
        """Return a record whose renditions are new with how small drawn words come out in them.

        What was read is in the record: nothing is read again.
        """
        if self._proofreader is None or record.reading is None:
            return record
        proof = _proofread(self._proofreader, scene, request, made, original, record)
        return replace(record, pictures=_judge_each(scene, record, proof, original.size))

    def _measure(
        self,
        scene: RenderContext,
        original: Pyramid,
        sheets: Mapping[str, Sheet] | None,
        record: PromptRecord,
    ) -> PromptRecord:
        """Return the record with what its original was measured to be."""
        cast = scene.shot.characters
        if self._measurer is None or not self._measurer.is_on or sheets is None:
            return record
        try:
            found = self._measurer.measure(
                scene.brand,
                sheets,
                prompt_key=record.prompt_key,
                cast=cast,
                picture=original.reduced(shorter=_MEASURED_SIDE),
            )
        except Exception as error:  # noqa: BLE001 - a scorer's crash costs no paid picture
            return _note_crash(CHARACTER_CHECKS, error, scene, record)
        checks = (*record.checks, *found.checks)
        return replace(record, checks=checks, likenesses=found.likenesses)


def _expected_text_of(scene: RenderContext) -> ExpectedText:
    return expected_text_of(scene.brand, scene.campaign, scene.shot, scene.prompt)


def _note_crash(
    table: Sequence[Check[Any]], error: Exception, scene: RenderContext, record: PromptRecord
) -> PromptRecord:
    """Return the record with every check of a table failed by what could not be measured."""
    failed = fail_table(
        table, error, prompt_key=record.prompt_key, blocking=scene.brand.blocking_checks
    )
    return replace(record, checks=(*record.checks, *map(facts_of, failed)))


def _proofread(
    proofreader: Proofreader,
    scene: RenderContext,
    request: ImageRequest,
    made: Made,
    original: Pyramid,
    record: PromptRecord,
) -> ProofreadResult:
    return proofreader.proofread(
        scene.brand,
        _expected_text_of(scene),
        prompt_key=record.prompt_key,
        original=made.image.sha256,
        picture=original.levels[0],
        references=request.references,
        earlier=record.reading,
    )


def _judge_each(
    scene: RenderContext, record: PromptRecord, proof: ProofreadResult, size: tuple[int, int]
) -> tuple[Picture, ...]:
    return tuple(_check_letter_size(scene, picture, proof, size) for picture in record.pictures)


def _check_letter_size(
    scene: RenderContext, picture: Picture, proof: ProofreadResult, size: tuple[int, int]
) -> Picture:
    """Return a rendition with the verdict on how small the words come out that the model drew."""
    if scene.shot.text != "drawn" or not scene.shot.texts:
        return picture
    if picture.framing is not None and picture.framing.method == "beside":
        # A banner's copy is ours, and was judged where we set it.
        return picture
    boxes: tuple[TextBox, ...] = ()
    why = "nobody has read where the words are that the model drew"
    if picture.framing is not None and proof.places:
        boxes = measure_drawn_letters(proof.places, size, picture.framing)
        why = "none of the words that the model drew is in this part of the picture"
    result = check_drawn_letters(boxes, why, blocking=scene.brand.blocking_checks)
    return replace(
        picture,
        checks=tuple(
            facts_of(result) if check.name == result.name else check for check in picture.checks
        ),
    )
