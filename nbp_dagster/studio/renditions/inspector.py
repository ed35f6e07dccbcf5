"""Inspects each original once: checks of the picture, its characters and its text (OCR)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nbp_dagster.prompts.expansion import drawn_locale
from nbp_dagster.prompts.render_context import RenderContext
from nbp_dagster.prompts.request import ImageRequest, Sheet
from nbp_dagster.studio.checks.character_checks import CHARACTER_CHECKS
from nbp_dagster.studio.checks.check_table import Check, fail_table
from nbp_dagster.studio.checks.edits.edit_checker import EditChecker
from nbp_dagster.studio.checks.edits.edit_checks import EDIT_CHECKS
from nbp_dagster.studio.checks.measure_characters import Measurer, facts_of
from nbp_dagster.studio.checks.ocr.drawn_letters import measure_drawn_letters
from nbp_dagster.studio.checks.ocr.expected_text import ExpectedText, expected_text_of
from nbp_dagster.studio.checks.ocr.ocr_checks import OCR_CHECKS
from nbp_dagster.studio.checks.ocr.proofread import Proofreader, ProofreadResult
from nbp_dagster.studio.checks.original_checker import OriginalChecker, ReceivedFile
from nbp_dagster.studio.checks.rendition_checks import check_drawn_letters
from nbp_dagster.studio.imaging.resize import Pyramid
from nbp_dagster.studio.ledger.orders import Made
from nbp_dagster.studio.manifest.manifest import Picture
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.typography.legibility import TextBox

# Pixels of the shorter side of the copy an original is measured on.
_MEASURED_SIDE = 224


class Inspector:
    """Runs the checks of originals.

    Args:
        measurer: Measures characters against their sheets; None to measure none.
        proofreader: Reads the text on them; None to read none.
        original_checker: Checks the picture itself; None to skip those checks.
        edit_checker: Checks what edits left as it was; None to skip those checks.
    """

    def __init__(
        self,
        measurer: Measurer | None = None,
        proofreader: Proofreader | None = None,
        original_checker: OriginalChecker | None = None,
        edit_checker: EditChecker | None = None,
    ) -> None:
        self._measurer = measurer
        self._proofreader = proofreader
        self._original_checker = original_checker
        self._edit_checker = edit_checker

    def stamp(self, context: RenderContext, sheets: Mapping[str, Sheet] | None) -> str:
        """Return the hash of everything a prompt's original is inspected by; empty for nothing.

        Installing or configuring a scorer or reader changes it, so that originals are inspected
        again.
        """
        stamps = []
        if self._original_checker is not None:
            stamps.append(self._original_checker.stamp(context))
        if self._measurer is not None and sheets is not None:
            stamps.append(self._measurer.stamp(context.brand, sheets, context.shot.characters))
        if self._proofreader is not None:
            # Words that a former request of a banner drew change with its fingerprint.
            own = drawn_locale(context.prompt, context.shot)
            stamps.append(self._proofreader.stamp(context.brand, _expected_text_of(context, own)))
        if self._edit_checker is not None:
            stamps.append(self._edit_checker.stamp(context))
        stamps = [stamp for stamp in stamps if stamp]
        if len(stamps) < 2:
            return "".join(stamps)
        return hashlib.sha256("\n".join(stamps).encode()).hexdigest()

    def inspect(
        self,
        context: RenderContext,
        request: ImageRequest,
        made: Made,
        original: Pyramid,
        sheets: Mapping[str, Sheet] | None,
        record: PromptRecord,
    ) -> PromptRecord:
        """Return a prompt's record with the checks that hold for all its renditions.

        The caller sets the record's stamp, `measured`.

        Args:
            context: What the briefs say of the prompt.
            request: The request the original was bought with; its references may contain text.
            made: The original.
            original: Its pixels.
            sheets: What it is measured against, by `brand/character`; None not to measure it.
            record: Its renditions, and the text that was read on it before.
        """
        record = replace(record, checks=(), likenesses=())
        record = self._survey(context, request, made, original, record)
        record = self._measure(context, original, sheets, record)
        record = self._proofread(context, request, made, original, record)
        return self._check_edit(context, request, original, record)

    def _survey(
        self,
        context: RenderContext,
        request: ImageRequest,
        made: Made,
        original: Pyramid,
        record: PromptRecord,
    ) -> PromptRecord:
        """Return the record with the checks of the picture itself."""
        if self._original_checker is None:
            return record
        received = ReceivedFile(made.image.file_type, made.image.labelled)
        results = self._original_checker.check(context, request, original, received)
        return replace(record, checks=tuple(map(facts_of, results)))

    def _proofread(
        self,
        context: RenderContext,
        request: ImageRequest,
        made: Made,
        original: Pyramid,
        record: PromptRecord,
    ) -> PromptRecord:
        """Return the record with the text on its original, and the checks of it."""
        if self._proofreader is None:
            return record
        try:
            proof = _proofread(self._proofreader, context, request, made, original, record)
        except Exception as error:  # noqa: BLE001 - a reader's crash costs no paid picture
            return _fail_checks(OCR_CHECKS, error, context, record)
        return replace(
            record,
            checks=(*record.checks, *map(facts_of, proof.results)),
            reading=proof.reading or record.reading,
            pictures=_judge_each(context, record, proof, original.size),
        )

    def _check_edit(
        self,
        context: RenderContext,
        request: ImageRequest,
        original: Pyramid,
        record: PromptRecord,
    ) -> PromptRecord:
        """Return the record with the checks of an edit, where it is one."""
        if self._edit_checker is None or request.edit is None:
            return record
        try:
            results = self._edit_checker.check(context, request, original, record.reading)
        except Exception as error:  # noqa: BLE001 - a reader's crash costs no paid picture
            return _fail_checks(EDIT_CHECKS, error, context, record)
        return replace(record, checks=(*record.checks, *map(facts_of, results)))

    def judge_letters(
        self,
        context: RenderContext,
        request: ImageRequest,
        made: Made,
        original: Pyramid,
        record: PromptRecord,
    ) -> PromptRecord:
        """Return a record with the letter size of drawn words checked on its new renditions.

        The record holds the text that was read: nothing is read again.
        """
        if self._proofreader is None or record.reading is None:
            return record
        proof = _proofread(self._proofreader, context, request, made, original, record)
        return replace(record, pictures=_judge_each(context, record, proof, original.size))

    def _measure(
        self,
        context: RenderContext,
        original: Pyramid,
        sheets: Mapping[str, Sheet] | None,
        record: PromptRecord,
    ) -> PromptRecord:
        """Return the record with the likeness of its original's characters, and their checks."""
        cast = context.shot.characters
        if self._measurer is None or not self._measurer.is_on or sheets is None:
            return record
        try:
            found = self._measurer.measure(
                context.brand,
                sheets,
                prompt_key=record.prompt_key,
                cast=cast,
                picture=original.reduced(shorter=_MEASURED_SIDE, longer=self._measurer.longest),
            )
        except Exception as error:  # noqa: BLE001 - a scorer's crash costs no paid picture
            return _fail_checks(CHARACTER_CHECKS, error, context, record)
        checks = (*record.checks, *found.checks)
        return replace(record, checks=checks, likenesses=found.likenesses)


def _expected_text_of(context: RenderContext, locale: str | None) -> ExpectedText:
    return expected_text_of(context.brand, context.campaign, context.shot, context.prompt, locale)


def _fail_checks(
    table: Sequence[Check[Any]], error: Exception, context: RenderContext, record: PromptRecord
) -> PromptRecord:
    """Return the record with every check of a table failed, because of an error."""
    failed = fail_table(
        table, error, prompt_key=record.prompt_key, blocking=context.brand.blocking_checks
    )
    return replace(record, checks=(*record.checks, *map(facts_of, failed)))


def _proofread(
    proofreader: Proofreader,
    context: RenderContext,
    request: ImageRequest,
    made: Made,
    original: Pyramid,
    record: PromptRecord,
) -> ProofreadResult:
    return proofreader.proofread(
        context.brand,
        _expected_text_of(context, request.drawn_locale),
        prompt_key=record.prompt_key,
        original=made.image.sha256,
        picture=original.levels[0],
        references=request.references,
        earlier=record.reading,
    )


def _judge_each(
    context: RenderContext, record: PromptRecord, proof: ProofreadResult, size: tuple[int, int]
) -> tuple[Picture, ...]:
    return tuple(_check_letter_size(context, picture, proof, size) for picture in record.pictures)


def _check_letter_size(
    context: RenderContext, picture: Picture, proof: ProofreadResult, size: tuple[int, int]
) -> Picture:
    """Return a rendition with the check of the letter size of words that the model drew."""
    if drawn_locale(context.prompt, context.shot) is None:
        # Nothing is drawn, or only a banner's copy, which we set: checked where it was set.
        return picture
    boxes: tuple[TextBox, ...] = ()
    why = "the words that the model drew were not read"
    if picture.framing is not None and proof.places:
        boxes = measure_drawn_letters(proof.places, size, picture.framing)
        why = "none of the words that the model drew is in this part of the picture"
    result = check_drawn_letters(boxes, why, blocking=context.brand.blocking_checks)
    return replace(
        picture,
        checks=tuple(
            facts_of(result) if check.name == result.name else check for check in picture.checks
        ),
    )
