"""Reads the words on originals by OCR, at as many sizes as needed, and runs the OCR checks.

Also turns a reading into the boxes of copy that no crop may cut (`find_copy_boxes`).
"""

import hashlib
import json
import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from PIL import Image

from nbp_dagster.briefs.models import Brand
from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.request import Reference
from nbp_dagster.studio.checks.check_table import CheckResult, run_table
from nbp_dagster.studio.checks.ocr.compare_text import match_texts
from nbp_dagster.studio.checks.ocr.expected_text import ExpectedText
from nbp_dagster.studio.checks.ocr.ocr_checks import OCR_CHECKS, OcrInput
from nbp_dagster.studio.checks.ocr.ocr_engine import (
    EXTRA,
    OcrEngine,
    OcrEngineMissing,
    find_models,
    identify_engine,
    load_engine,
)
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.thumbnails import scale_to
from nbp_dagster.studio.manifest.value_types import Pass, Reading, ReadLine, WordBox
from nbp_dagster.studio.options import ReadWhen
from nbp_dagster.studio.references.reference_files import ReadReference
from nbp_dagster.studio.typography.legibility import measure_text_contrast

_LOG = logging.getLogger(__name__)

# Raised when equal readings and words would get other verdicts.
READING_VERSION: Final = "5"

SIDES: Final = (800, 1536, 640)
"""Longer sides in pixels an original is read at, one after the other while copy is missing. Fine
print is lost in smaller pictures, and large letters fall apart in larger ones."""

_LIKE: Final = 0.5  # edits a letter up to which a line counts as the copy, misspelt or half read
_DIGITS: Final = 4


@dataclass(frozen=True)
class ProofreadResult:
    """The result of one original.

    Attributes:
        results: One a check, in the table's order.
        reading: What was read; None where nothing could be.
        places: The lines that each field of copy was found on.
    """

    results: tuple[CheckResult, ...]
    reading: Reading | None
    places: Mapping[str, tuple[ReadLine, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Availability:
    """Whether originals are read: by which engine, or why not."""

    reader: str = ""
    why_not: str = ""
    missing_extra: str = ""


class Proofreader:
    """Reads originals for one run; safe to use from several threads.

    Args:
        when: "auto" reads what was paid for, and the simulator's pictures not; "on" reads every
            picture; "off" none, and has no check either.
        simulated: Whether the simulator draws.
        read: Reads references, whose words may return on a label.
        load: Returns the OCR engine; that of this process when None.
    """

    def __init__(
        self,
        when: ReadWhen = "auto",
        *,
        simulated: bool = False,
        read: ReadReference | None = None,
        load: Callable[[], OcrEngine] | None = None,
    ) -> None:
        self._when = when
        self._simulated = simulated
        self._read_reference = read
        self._load = load
        self._labels: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._availability = self._find_availability()

    @property
    def why_not_read(self) -> tuple[str, str]:
        """Why originals are not read, and the extra that is missing; empty where they are."""
        if self._when == "off":
            return "reading is off (NBP_OCR=off)", ""
        return self._availability.why_not, self._availability.missing_extra

    def stamp(self, brand: Brand, expected: ExpectedText) -> str:
        """Return the hash of all that a result depends on besides the original and its references.

        Empty where no original is to be read.
        """
        if self._when == "off":
            return ""
        facts: dict[str, Any] = {
            "version": READING_VERSION,
            "sides": SIDES,
            "answer": vars(self._availability),
            "lettering": {name: _plain(value) for name, value in vars(expected).items()},
            "blocking": sorted(brand.blocking_checks),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def proofread(
        self,
        brand: Brand,
        expected: ExpectedText,
        *,
        prompt_key: str,
        original: str,
        picture: Image.Image,
        references: Iterable[Reference] = (),
        earlier: Reading | None = None,
    ) -> ProofreadResult:
        """Read one original, where that is due, and run the OCR checks.

        Args:
            brand: Its blocking checks count as errors.
            expected: What must, may and must not be there.
            prompt_key: The prompt.
            original: Digest of the original.
            picture: The original, RGB.
            references: Those of its request.
            earlier: What was read before; used where it is of this original and engine.
        """
        if self._when == "off":
            return ProofreadResult((), None)
        subject = OcrInput(prompt_key, expected)
        if self._availability.why_not:
            subject = replace(
                subject,
                unread=self._availability.why_not,
                missing_extra=self._availability.missing_extra,
            )
            return ProofreadResult(self._judge(subject, brand), earlier)
        known: tuple[Pass, ...] = ()
        if earlier and (earlier.original, earlier.reader) == (original, self._availability.reader):
            known = earlier.passes
        engine = self.engine()
        subject = replace(
            subject, alphabet=engine.alphabet, labels=self._read_labels(engine, references)
        )
        made = {found.side: found for found in known}
        for side in dict.fromkeys(min(side, max(picture.size)) for side in SIDES):
            if side not in made:
                made[side] = read_at(engine, picture, side)
            subject = replace(subject, passes=(*subject.passes, made[side]))
            if subject.is_complete:
                break
        # A reading that this wording does not need is kept for the next.
        passes = tuple(made.values())
        reading = Reading(original=original, reader=self._availability.reader, passes=passes)
        return ProofreadResult(self._judge(subject, brand), reading, subject.places)

    def _judge(self, subject: OcrInput, brand: Brand) -> tuple[CheckResult, ...]:
        return run_table(OCR_CHECKS, subject, blocking=brand.blocking_checks)

    def _find_availability(self) -> _Availability:
        """Find whether originals are read, without loading anything."""
        waits = self._when == "auto" and self._simulated
        try:
            if self._load is None:
                find_models()
            if waits:
                return _Availability(
                    why_not="the simulator's pictures are read only with NBP_OCR=on"
                )
            return _Availability(
                reader=identify_engine() if self._load is None else self._load().name
            )
        except OcrEngineMissing as error:
            return _Availability(why_not=str(error), missing_extra=EXTRA)

    def engine(self) -> OcrEngine:
        """Return the engine that reads; where `why_not_read` says that none does, it may fail.

        Raises:
            OcrEngineMissing: The extra `ocr` is not installed.
        """
        return load_engine() if self._load is None else self._load()

    def _read_labels(self, engine: OcrEngine, references: Iterable[Reference]) -> tuple[str, ...]:
        """The words on the references: a product has a label."""
        found: list[str] = []
        for reference in references:
            # A region's picture is the edited one with a frame.
            if reference.role in ("palette", "region") or self._read_reference is None:
                continue
            with self._lock:
                if reference.digest not in self._labels:
                    lines = self._read_label(engine, reference, self._read_reference)
                    self._labels[reference.digest] = tuple(line.text for line in lines)
            found += self._labels[reference.digest]
        return tuple(found)

    def _read_label(
        self, engine: OcrEngine, reference: Reference, read: ReadReference
    ) -> tuple[ReadLine, ...]:
        what = f"reference of {reference.subject}"
        try:
            data = read(reference.source, reference.digest)
            image = decode_image(data, what=what, least_side=SIDES[0]).image
        except NbpError as error:
            # Its words then count as unrequested: a false alarm rather than a silent pass.
            _LOG.warning("%s is not read: %s", what, error)
            return ()
        return engine.read(reduce_to(image.convert("RGB"), SIDES[0]))


def read_at(engine: OcrEngine, picture: Image.Image, side: int) -> Pass:
    """Read an RGB picture at a longer side of so many pixels, and measure its letters' contrast."""
    small = reduce_to(picture, side)
    wide, high = small.size
    lines = []
    for line in engine.read(small):
        left, right = math.floor(line.left * wide), math.ceil(line.right * wide)
        top, bottom = math.floor(line.top * high), math.ceil(line.bottom * high)
        contrast = None
        if right > left and bottom > top:
            contrast = round(measure_text_contrast(small, (left, top, right, bottom)), 2)
        lines.append(replace(line, contrast=contrast))
    return Pass(side=max(small.size), lines=tuple(lines))


def reduce_to(picture: Image.Image, side: int) -> Image.Image:
    """Return a picture with a longer side of at most so many pixels; never enlarged."""
    if max(picture.size) <= side:
        return picture
    return picture.resize(scale_to(picture.size, side), Image.Resampling.LANCZOS, reducing_gap=2.0)


def find_copy_boxes(reading: Reading | None, texts: Mapping[str, str]) -> tuple[WordBox, ...]:
    """Return the boxes of lines that show copy: left, top, right, bottom in shares of the picture.

    Labels and whatever else was read are not among them: they may be cropped like any other thing.

    Args:
        reading: What was read; None where nothing was.
        texts: The copy, by field.
    """
    if reading is None or not texts:
        return ()
    found: dict[WordBox, None] = {}
    for each in reading.passes:
        for match in match_texts(tuple(texts.values()), each.lines):
            if match.normalised_distance > _LIKE:
                continue
            for place in match.lines:
                line = each.lines[place]
                box = (line.left, line.top, line.right, line.bottom)
                left, top, right, bottom = (round(value, _DIGITS) for value in box)
                found[(left, top, right, bottom)] = None
    return tuple(found)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value
