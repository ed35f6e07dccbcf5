"""Has originals read, as often and as large as needed, and their words judged."""

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
from nbp_dagster.studio.checks.ocr.compare_text import match_texts
from nbp_dagster.studio.checks.ocr.expected_text import Lettering
from nbp_dagster.studio.checks.ocr.ocr_checks import READING_CHECKS, ReadingInput
from nbp_dagster.studio.checks.ocr.ocr_engine import (
    EXTRA,
    Reader,
    ReaderMissing,
    find_models,
    identify_reader,
    load_reader,
)
from nbp_dagster.studio.checks.rendition_checks import CheckResult, run_table
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.thumbnails import scale_to
from nbp_dagster.studio.manifest.value_types import Pass, Reading, ReadLine, WordBox
from nbp_dagster.studio.options import ReadWhen
from nbp_dagster.studio.references.reference_files import ReadReference
from nbp_dagster.studio.typography.legibility import measure_text_contrast

_LOG = logging.getLogger(__name__)

# Raised when equal readings and words would be judged otherwise.
READING_VERSION: Final = "1"

SIDES: Final = (800, 1536, 640)
"""Longer sides in pixels an original is read at, one after the other while copy is missing. Fine
print is lost in smaller pictures, and large letters fall apart in larger ones."""


@dataclass(frozen=True)
class Proof:
    """What came of one original.

    Attributes:
        results: One a check, in the table's order.
        reading: What was read; None where nothing could be.
        places: The lines that each field of copy was found on.
    """

    results: tuple[CheckResult, ...]
    reading: Reading | None
    places: Mapping[str, tuple[ReadLine, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Answer:
    """Whether originals are read: by whom, or why not."""

    reader: str = ""
    why_not: str = ""
    missing_extra: str = ""


class Proofreader:
    """Reads originals for one run; safe to use from several threads.

    Args:
        when: "auto" reads what was paid for, and the simulator's pictures not; "on" reads every
            picture; "off" none, and has no check either.
        simulated: Whether the simulator draws.
        read: Gives references, whose lettering may come back on a label.
        load: Gives the reader; that of this process when None.
    """

    def __init__(
        self,
        when: ReadWhen = "auto",
        *,
        simulated: bool = False,
        read: ReadReference | None = None,
        load: Callable[[], Reader] | None = None,
    ) -> None:
        self._when = when
        self._simulated = simulated
        self._read_reference = read
        self._load = load
        self._labels: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._answer = self._ask()

    def stamp(self, brand: Brand, lettering: Lettering) -> str:
        """Return the hash of all that a proof depends on besides the original and its references.

        Empty where no original is to be read.
        """
        if self._when == "off":
            return ""
        facts: dict[str, Any] = {
            "version": READING_VERSION,
            "sides": SIDES,
            "answer": vars(self._answer),
            "lettering": {name: _plain(value) for name, value in vars(lettering).items()},
            "blocking": sorted(brand.blocking_checks),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def proofread(
        self,
        brand: Brand,
        lettering: Lettering,
        *,
        prompt_key: str,
        original: str,
        picture: Image.Image,
        references: Iterable[Reference] = (),
        earlier: Reading | None = None,
    ) -> Proof:
        """Read one original, where that is due, and judge its words.

        Args:
            brand: Says which checks block.
            lettering: What must, may and must not be there.
            prompt_key: The prompt.
            original: Digest of the original.
            picture: The original, RGB.
            references: What was sent along.
            earlier: What was read before; used where it is of this original and reader.
        """
        if self._when == "off":
            return Proof((), None)
        subject = ReadingInput(prompt_key, lettering)
        if self._answer.why_not:
            subject = replace(
                subject, unread=self._answer.why_not, missing_extra=self._answer.missing_extra
            )
            return Proof(self._judge(subject, brand), earlier)
        known: tuple[Pass, ...] = ()
        if earlier and (earlier.original, earlier.reader) == (original, self._answer.reader):
            known = earlier.passes
        reader = self._reader()
        subject = replace(
            subject, alphabet=reader.alphabet, labels=self._read_labels(reader, references)
        )
        made = {found.side: found for found in known}
        for side in dict.fromkeys(min(side, max(picture.size)) for side in SIDES):
            if side not in made:
                made[side] = read_at(reader, picture, side)
            subject = replace(subject, passes=(*subject.passes, made[side]))
            if subject.is_complete:
                break
        # A reading that this wording has no need of is worth keeping for the next.
        passes = tuple(made.values())
        reading = Reading(original=original, reader=self._answer.reader, passes=passes)
        return Proof(self._judge(subject, brand), reading, subject.places)

    def _judge(self, subject: ReadingInput, brand: Brand) -> tuple[CheckResult, ...]:
        return run_table(READING_CHECKS, subject, blocking=brand.blocking_checks)

    def _ask(self) -> _Answer:
        """Say whether originals are read, without loading anything."""
        waits = self._when == "auto" and self._simulated
        try:
            if self._load is None:
                find_models()
            if waits:
                return _Answer(why_not="the simulator's pictures are read only with NBP_OCR=on")
            return _Answer(reader=identify_reader() if self._load is None else self._load().name)
        except ReaderMissing as error:
            return _Answer(why_not=str(error), missing_extra=EXTRA)

    def _reader(self) -> Reader:
        return load_reader() if self._load is None else self._load()

    def _read_labels(self, reader: Reader, references: Iterable[Reference]) -> tuple[str, ...]:
        """What stands on the references: a product brings its label along."""
        found: list[str] = []
        for reference in references:
            if reference.role == "palette" or self._read_reference is None:
                continue
            with self._lock:
                if reference.digest not in self._labels:
                    lines = self._read_label(reader, reference, self._read_reference)
                    self._labels[reference.digest] = tuple(line.text for line in lines)
            found += self._labels[reference.digest]
        return tuple(found)

    def _read_label(
        self, reader: Reader, reference: Reference, read: ReadReference
    ) -> tuple[ReadLine, ...]:
        what = f"reference of {reference.subject}"
        try:
            data = read(reference.source, reference.digest)
            image = decode_image(data, what=what, least_side=SIDES[0]).image
        except NbpError as error:
            # Its lettering then counts as unrequested, which says more than it hides.
            _LOG.warning("%s is not read: %s", what, error)
            return ()
        return reader.read(reduce_to(image.convert("RGB"), SIDES[0]))


def read_at(reader: Reader, picture: Image.Image, side: int) -> Pass:
    """Read an RGB picture at a longer side of so many pixels, and measure its letters' contrast."""
    small = reduce_to(picture, side)
    wide, high = small.size
    lines = []
    for line in reader.read(small):
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


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value


_LIKE: Final = 0.5  # edits a letter up to which a line counts as the copy, misspelt or half read
_DIGITS: Final = 4


def place_words(reading: Reading | None, texts: Mapping[str, str]) -> tuple[WordBox, ...]:
    """Return the boxes of lines that show copy: left, top, right, bottom in shares of the picture.

    Labels and whatever else was read are not among them: they may be cropped like any other thing.

    Args:
        reading: What was read; None where nobody has.
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
