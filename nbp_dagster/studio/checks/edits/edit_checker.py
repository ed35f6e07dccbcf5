"""Runs the checks of edits: gathers the picture that was edited, and the words of both."""

import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from PIL import Image

from nbp_dagster.briefs.brief import wording_of
from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.edits import Region, find_edit
from nbp_dagster.prompts.expansion import draws_text
from nbp_dagster.prompts.render_context import RenderContext
from nbp_dagster.prompts.request import ImageRequest, Reference
from nbp_dagster.studio.checks.check_table import CheckResult, run_table
from nbp_dagster.studio.checks.edits.edit_checks import EDIT_CHECKS, EditInput, OldWords
from nbp_dagster.studio.checks.edits.lettering_boxes import (
    find_changing_boxes,
    find_labels,
)
from nbp_dagster.studio.checks.edits.picture_difference import measure_difference
from nbp_dagster.studio.checks.ocr.expected_text import expected_text_of
from nbp_dagster.studio.checks.ocr.ocr_engine import OcrEngine
from nbp_dagster.studio.checks.ocr.proofread import SIDES, Proofreader, read_at, reduce_to
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.resize import Pyramid
from nbp_dagster.studio.manifest.value_types import Pass, Reading, ReadLine, WordBox
from nbp_dagster.studio.references.reference_files import ReadReference

# Raised when equal edits would get other verdicts.
EDIT_CHECKS_VERSION: Final = "1"

_SIDE: Final = 1024  # pixels of the longer side that pictures are compared and located on
_KEPT: Final = 8  # originals; all languages of a shot are edits of one
_REGION_MARGIN: Final = 0.015  # by which a change may reach beyond its region
# The sizes that the model draws for one ratio differ by up to 3.1 %.
_SAME_SHAPE: Final = 0.045


@dataclass
class _Original:
    """The picture of an edit before it, reduced, and what was read on it.

    Attributes:
        picture: RGB.
        readings: As far as it was read.
        boxes: Where it has lettering; None where that was not looked for.
    """

    picture: Image.Image
    readings: tuple[Pass, ...] = ()
    boxes: tuple[WordBox, ...] | None = None


class EditChecker:
    """Checks edits for one run; safe to use from several threads.

    Args:
        read: Gives the picture that was edited.
        proofreader: Has the reader, or says why there is none.
    """

    def __init__(self, read: ReadReference, proofreader: Proofreader) -> None:
        self._read = read
        self._proofreader = proofreader
        self._originals: OrderedDict[str, _Original | str] = OrderedDict()
        self._lock = threading.Lock()

    def stamp(self, context: RenderContext) -> str:
        """Return the hash of what a verdict depends on besides both pictures and the request.

        Empty where the briefs ask for no edit.
        """
        if find_edit(context.prompt, context.campaign) is None:
            return ""
        facts = {
            "version": EDIT_CHECKS_VERSION,
            "old": dict(_old_wording(context)),
            "blocking": sorted(context.brand.blocking_checks),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def check(
        self,
        context: RenderContext,
        request: ImageRequest,
        pyramid: Pyramid,
        reading: Reading | None,
    ) -> tuple[CheckResult, ...]:
        """Run every check on one picture; none on a picture that is no edit.

        Args:
            context: The prompt's briefs.
            request: The request it was made by.
            pyramid: Its pixels.
            reading: What was read on it.
        """
        if request.edit is None or not request.references:
            return ()
        subject = self._gather(context, request, pyramid, reading)
        return run_table(EDIT_CHECKS, subject, blocking=context.brand.blocking_checks)

    def _gather(
        self,
        context: RenderContext,
        request: ImageRequest,
        pyramid: Pyramid,
        reading: Reading | None,
    ) -> EditInput:
        kind = request.edit or "words"
        subject = EditInput(prompt_key=context.prompt.key, kind=kind, region=request.region)
        if kind == "instruction" and request.region is None:
            return subject
        found = self._original_of(request.references[0])
        edited = reduce_to(pyramid.reduced(longer=_SIDE), _SIDE)
        if isinstance(found, str):
            subject, original = replace(subject, no_opinion=found), None
        else:
            original = found
            subject = replace(subject, no_opinion=_find_other_shape(found.picture, edited))
        if kind == "words":
            return self._gather_words(context, request, subject, original, edited, reading)
        if request.region is None or original is None:
            return subject
        compare = partial(
            measure_difference,
            original.picture,
            edited,
            apart_from=(_widen(request.region),),
        )
        return replace(subject, compare=compare)

    def _gather_words(
        self,
        context: RenderContext,
        request: ImageRequest,
        subject: EditInput,
        original: _Original | None,
        edited: Image.Image,
        reading: Reading | None,
    ) -> EditInput:
        unread, missing_extra = self._proofreader.why_not_read
        if unread or reading is None:
            unread = unread or "its words could not be read"
            return replace(subject, unread=unread, missing_extra=missing_extra)
        engine, lines = self._proofreader.engine(), _lines_of(reading.passes)
        if original is None:
            # The words of the edit are looked at all the same.
            return replace(subject, words=_words(context, request, lines, (), engine))
        self._read_original(original, engine)
        old = tuple(_old_wording(context).values())
        old_lines = _lines_of(original.readings)
        boxes = find_changing_boxes(
            old=old,
            old_lines=old_lines,
            old_boxes=original.boxes or (),
            new_lines=lines,
            new_boxes=_locate(engine, edited),
        )
        return replace(
            subject,
            compare=partial(measure_difference, original.picture, edited, apart_from=boxes),
            words=_words(context, request, lines, find_labels(old, old_lines), engine),
        )

    def _original_of(self, reference: Reference) -> "_Original | str":
        """The picture that was edited, or why it can't be looked at; decoded once a run."""
        with self._lock:
            found = self._originals.get(reference.digest)
            if found is None:
                found = self._open(reference)
                self._originals[reference.digest] = found
            self._originals.move_to_end(reference.digest)
            while len(self._originals) > _KEPT:
                self._originals.popitem(last=False)
            return found

    def _open(self, reference: Reference) -> "_Original | str":
        what = f"the picture that was edited ({reference.source})"
        try:
            data = self._read(reference.source, reference.digest)
            decoded = decode_image(data, what=what, least_side=_SIDE)
        except NbpError as error:
            return f"no opinion: {what} can't be read: {error}"
        return _Original(reduce_to(decoded.image.convert("RGB"), _SIDE))

    def _read_original(self, original: _Original, engine: OcrEngine) -> None:
        with self._lock:
            if original.boxes is None:
                original.readings = tuple(
                    read_at(engine, original.picture, side)
                    for side in dict.fromkeys(
                        min(side, max(original.picture.size)) for side in SIDES[:2]
                    )
                )
                original.boxes = _locate(engine, original.picture)


def _locate(engine: OcrEngine, picture: Image.Image) -> tuple[WordBox, ...]:
    """Return where a picture has lettering, as seen at two sizes: no size shows all of it."""
    return (*engine.locate(picture), *engine.locate(reduce_to(picture, SIDES[-1])))


def _words(
    context: RenderContext,
    request: ImageRequest,
    lines: tuple[ReadLine, ...],
    labels: tuple[str, ...],
    engine: OcrEngine,
) -> OldWords:
    expected = expected_text_of(
        context.brand, context.campaign, context.shot, context.prompt, request.drawn_locale
    )
    return OldWords(
        old=_old_wording(context),
        new=expected.required,
        allowed=(*expected.allowed, *labels),
        lines=lines,
        alphabet=engine.alphabet,
    )


def _old_wording(context: RenderContext) -> dict[str, str]:
    """The words of the first locale, which an edit of the words begins with."""
    if not draws_text(context.shot):
        return {}
    first = context.campaign.locales[0]
    return {
        str(name): text for name, text in wording_of(context.brand, context.shot, first).items()
    }


def _lines_of(passes: tuple[Pass, ...]) -> tuple[ReadLine, ...]:
    return tuple(line for each in passes for line in each.lines)


def _widen(region: Region) -> Region:
    """Return a region with what a change may reach beyond it."""
    left, top, right, bottom = region
    margin = _REGION_MARGIN
    return left - margin, top - margin, right + margin, bottom + margin


def _find_other_shape(original: Image.Image, edited: Image.Image) -> str:
    """Return that both have other shapes, so that they can't be laid on one another; else empty."""
    ratios = [each.width / each.height for each in (original, edited)]
    if abs(ratios[0] / ratios[1] - 1) <= _SAME_SHAPE:
        return ""
    return (
        f"no opinion: the picture that was edited has another shape ({ratios[0]:.2f} of width "
        f"over height; the edit has {ratios[1]:.2f})"
    )
