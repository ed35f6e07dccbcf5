"""The OCR checks of the words on an original, in one table; run once for all its renditions.

`proofread` does the reading; here are only the verdicts. Must not know Dagster.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from nbp_dagster.studio.checks.check_table import Check, Finding, verdict_of
from nbp_dagster.studio.checks.ocr.compare_text import (
    Match,
    find_leftovers,
    find_unreadable,
    match_texts,
    normalise,
    to_key,
)
from nbp_dagster.studio.checks.ocr.expected_text import ExpectedText, find_prohibited
from nbp_dagster.studio.checks.ocr.look_alikes import list_readings
from nbp_dagster.studio.manifest.value_types import Pass, ReadLine
from nbp_dagster.studio.typography.legibility import LARGE_TEXT_RATIO, SMALL_TEXT_RATIO

LEAST_SCORE: Final = 0.8
"""Confidence below which a line counts for nothing but copy: text-free photographs gave hits of
one letter with .53 to .71."""

LEAST_LETTERS: Final = 3
"""Letters below which a line counts for nothing but copy, for the same reason."""

# A line that lies within a required text this far is a piece of it, read at the other size.
_WITHIN: Final = 0.5


@dataclass(frozen=True)
class OcrInput:
    """One original as the checks of its words see it.

    Attributes:
        prompt_key: Partition key.
        expected: The words it must, may and must not show.
        passes: As it was read; empty where it was not.
        unread: Why it was not read; empty where it was.
        missing_extra: The extra that would have to be installed to read it; empty where none.
        alphabet: Every character the OCR engine knows.
        labels: Lines read on the request's references: a label may show them.
    """

    prompt_key: str
    expected: ExpectedText
    passes: tuple[Pass, ...] = ()
    unread: str = ""
    missing_extra: str = ""
    alphabet: frozenset[str] = frozenset()
    labels: tuple[str, ...] = ()

    @cached_property
    def unreadable(self) -> Mapping[str, tuple[str, ...]]:
        """Fields of copy with letters the OCR engine does not know, and those letters."""
        found = {
            name: find_unreadable(text, self.alphabet)
            for name, text in self.expected.required.items()
        }
        return {name: letters for name, letters in found.items() if letters}

    @cached_property
    def matches(self) -> tuple[Mapping[str, Match], ...]:
        """For each reading, what comes closest to each field of copy that can be read."""
        fields = [name for name in self.expected.required if name not in self.unreadable]
        texts = [self.expected.required[name] for name in fields]
        return tuple(
            dict(zip(fields, match_texts(texts, each.lines), strict=True)) for each in self.passes
        )

    @cached_property
    def best(self) -> Mapping[str, Match]:
        """The better reading of each field."""
        if not self.matches:
            return {}
        return {
            name: min((found[name] for found in self.matches), key=lambda match: match.distance)
            for name in self.matches[0]
        }

    @cached_property
    def places(self) -> Mapping[str, tuple[ReadLine, ...]]:
        """The lines that the better reading of each field was found on; only fields found."""
        found = {
            name: tuple(
                each.lines[place]
                for each, matches in zip(self.passes, self.matches, strict=True)
                if matches[name] is best
                for place in best.lines
            )
            for name, best in self.best.items()
        }
        return {name: lines for name, lines in found.items() if lines}

    @cached_property
    def faint(self) -> Mapping[str, tuple[float, float]]:
        """The least contrast of each field that was read, and what WCAG asks of it there."""
        found: dict[str, tuple[float, float]] = {}
        for name, lines in self.places.items():
            ratios = [
                (line.contrast, LARGE_TEXT_RATIO if line.is_large else SMALL_TEXT_RATIO)
                for line in lines
                if line.contrast is not None
            ]
            if ratios:
                found[name] = min(ratios, key=lambda ratio: ratio[0] / ratio[1])
        return found

    @cached_property
    def right(self) -> Mapping[str, frozenset[int]]:
        """Places of each field's words that some reading has in their place, letter by letter.

        A word that the reader has right at one size is drawn right, whatever it makes of it at
        another.
        """
        return {
            name: frozenset().union(*(found[name].places_right for found in self.matches))
            for name in self.best
        }

    @cached_property
    def inexact(self) -> Mapping[str, Match]:
        """The better reading of each field with a word that no reading has letter by letter."""
        return {
            name: match
            for name, match in self.best.items()
            if not match.is_exact and len(self.right[name]) < match.words
        }

    @cached_property
    def illegible(self) -> frozenset[str]:
        """Those inexact fields of which nothing certain was read: a stroke, an effect, no letters.

        Nothing like it was found, the reader doubts a line of it, or makes something else of it at
        every size. What it reads alike at two sizes, and without doubt, is what stands there.
        """
        found = set()
        for name, match in self.inexact.items():
            readings = [each[name].read for each in self.matches if each[name].read]
            is_doubtful = any(line.score < LEAST_SCORE for line in self.places.get(name, ()))
            differ = len(readings) > 1 and len({to_key(text) for text in readings}) == len(readings)
            if not match.read or is_doubtful or differ:
                found.add(name)
        return frozenset(found)

    @property
    def is_complete(self) -> bool:
        """Whether every readable field was found exactly, so that no further size is needed."""
        return bool(self.matches) and not self.inexact

    @cached_property
    def unrequested(self) -> tuple[str, ...]:
        """Words that were not requested, as read at the largest size."""
        if not self.passes:
            return ()
        largest = max(range(len(self.passes)), key=lambda index: self.passes[index].side)
        lines = self.passes[largest].lines
        left = find_leftovers(tuple(self.matches[largest].values()), lines)
        copy = [
            self.passes[index].lines[place]
            for index, found in enumerate(self.matches)
            for match in found.values()
            for place in match.lines
        ]
        known = _Known((*self.expected.required.values(), *self.expected.allowed, *self.labels))
        return tuple(
            words
            for words, line in zip(left, lines, strict=True)
            if line.score >= LEAST_SCORE
            and len(normalise(words)) >= LEAST_LETTERS
            and not known.covers(words)
            and not (words == line.text and _lies_within(line, copy))
        )


@dataclass(frozen=True)
class _Known:
    """Texts that may be there, as a whole, in part, or word by word."""

    texts: Sequence[str]

    @cached_property
    def _plain(self) -> tuple[str, ...]:
        return tuple(map(to_key, self.texts))

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(to_key(word) for text in self.texts for word in text.split())

    def covers(self, words: str) -> bool:
        """Whether nothing in these words is new; the OCR engine may have lost their spaces."""
        plain = to_key(words)
        if any(plain in text for text in self._plain):
            return True
        return all(to_key(word) in self._words for word in words.split())


def _lies_within(line: ReadLine, others: Iterable[ReadLine]) -> bool:
    """Whether most of a line's box lies within the box of another one."""
    area = max(1e-9, (line.right - line.left) * (line.bottom - line.top))
    for other in others:
        wide = min(line.right, other.right) - max(line.left, other.left)
        high = min(line.bottom, other.bottom) - max(line.top, other.top)
        if wide > 0 and high > 0 and wide * high >= _WITHIN * area:
            return True
    return False


def _skip(picture: OcrInput, threshold: str) -> Finding:
    return Finding(
        "skipped",
        threshold=threshold,
        sentence=picture.unread,
        missing_extra=picture.missing_extra,
    )


def _check_copy(picture: OcrInput) -> Finding:
    threshold = "every line of drawn copy, letter by letter"
    if not picture.expected.required:
        return Finding("skipped", threshold=threshold, sentence="the model was to draw no copy")
    if picture.unread:
        return _skip(picture, threshold)
    figures: dict[str, str | int | float] = {}
    for name, match in picture.best.items():
        is_right = name not in picture.inexact
        figures[f"word_accuracy_{name}"] = 1.0 if is_right else round(match.word_accuracy, 3)
        figures[f"edit_distance_{name}"] = 0.0 if is_right else round(match.normalised_distance, 3)
    figures["readings"] = len(picture.passes)
    if picture.inexact:
        figures["could_not_read"] = len(picture.illegible)
        figures["misspelt"] = len(picture.inexact) - len(picture.illegible)
        return Finding(
            "failed",
            threshold=threshold,
            sentence="; ".join(
                _describe(name, match, legible=name not in picture.illegible)
                for name, match in picture.inexact.items()
            ),
            figures=figures,
            subjects=tuple(picture.inexact),
            # Nothing wrong was read, so that another picture may be no better.
            is_unsure=len(picture.illegible) == len(picture.inexact),
        )
    if picture.unreadable:
        letters = "; ".join(
            f"{name} has {' '.join(found[:12])}" for name, found in picture.unreadable.items()
        )
        sentence = f"not checkable, the reader does not know these letters: {letters}"
        return Finding("skipped", threshold=threshold, sentence=sentence, figures=figures)
    sentence = f"{len(picture.best)} of {len(picture.best)} lines are as asked"
    return Finding("passed", threshold=threshold, sentence=sentence, figures=figures)


def _describe(name: str, match: Match, *, legible: bool) -> str:
    if not match.read:
        return f"{name} is not there or could not be read: {match.required!r}"
    if not legible:
        return (
            f"{name} could not be read for certain (struck through, an effect?): "
            f"{match.read!r}, asked for {match.required!r}"
        )
    return f"{name} reads {match.read!r}, asked for {match.required!r}"


def _check_contrast(picture: OcrInput) -> Finding:
    threshold = f"{SMALL_TEXT_RATIO}:1, {LARGE_TEXT_RATIO:g}:1 for large letters (WCAG 2.2, 1.4.3)"
    if not picture.expected.required:
        return Finding("skipped", threshold=threshold, sentence="the model was to draw no copy")
    if picture.unread:
        return _skip(picture, threshold)
    if not picture.faint:
        sentence = "no line of copy was found whose contrast could be measured"
        return Finding("skipped", threshold=threshold, sentence=sentence)
    faint = {
        name: f"{name} has {ratio:.1f}:1 of {least:g}:1"
        for name, (ratio, least) in picture.faint.items()
        if ratio < least
    }
    return Finding(
        verdict_of(not faint),
        threshold=threshold,
        sentence="; ".join(faint.values()) or "every line that was found stands out",
        figures={f"contrast_{name}": ratio for name, (ratio, _) in picture.faint.items()},
        subjects=tuple(faint),
    )


def _check_unrequested(picture: OcrInput) -> Finding:
    threshold = (
        f"no line of {LEAST_LETTERS} letters or more, read with a score of {LEAST_SCORE} or more, "
        "that is neither copy nor a name or label of the brand's"
    )
    if picture.unread:
        return _skip(picture, threshold)
    if picture.unreadable:
        sentence = (
            "not checkable: copy in letters the reader does not know can't be told from other "
            f"lettering ({', '.join(picture.unreadable)})"
        )
        return Finding("skipped", threshold=threshold, sentence=sentence)
    found = picture.unrequested
    shown = ", ".join(repr(text) for text in found[:5]) + (", ..." if len(found) > 5 else "")
    return Finding(
        verdict_of(not found),
        threshold=threshold,
        sentence=f"not requested: {shown}" if found else "nothing but what may be there",
        figures={
            "lines": max(len(each.lines) for each in picture.passes),
            "unrequested": len(found),
        },
    )


def _check_terms(picture: OcrInput) -> Finding:
    threshold = "none of the brand's prohibited terms"
    if picture.unread:
        return _skip(picture, threshold)
    lines = [line.text for each in picture.passes for line in each.lines]
    # A term may run over the end of a line, and an I of it be read as l.
    texts = [*lines, *(" ".join(line.text for line in each.lines) for each in picture.passes)]
    texts = [reading for text in texts for reading in list_readings(text)]
    found = dict.fromkeys(
        term for text in texts for term in find_prohibited(text, picture.expected)
    )
    return Finding(
        verdict_of(not found),
        threshold=threshold,
        sentence=f"prohibited, and there: {', '.join(found)}" if found else "none is there",
        figures={"terms": sum(map(len, picture.expected.prohibited.values()))},
    )


OCR_CHECKS: Final[tuple[Check[OcrInput], ...]] = (
    Check(
        "copy_legible",
        "Copy the model drew can be read, and every letter is as asked.",
        "warn",
        _check_copy,
    ),
    Check(
        "copy_contrast",
        "Copy the model drew stands out from what is behind it.",
        "warn",
        _check_contrast,
    ),
    Check(
        "unrequested_text",
        "The picture has no lettering that was not requested.",
        "warn",
        _check_unrequested,
    ),
    Check(
        "prohibited_text",
        "None of the brand's prohibited terms is on the picture.",
        "warn",
        _check_terms,
    ),
)
