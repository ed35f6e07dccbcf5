"""The checks of an edit, in one table: the rest is as it was, and the old words are gone.

`edit_checker` gathers what they look at; here are only the verdicts. Must not know Dagster.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from nbp_dagster.prompts.edits import EditKind, Region
from nbp_dagster.studio.checks.check_table import Check, Finding
from nbp_dagster.studio.checks.edits.old_words import find_old_words, list_old_words
from nbp_dagster.studio.checks.edits.picture_difference import PictureDifference
from nbp_dagster.studio.checks.ocr.compare_text import find_unreadable
from nbp_dagster.studio.checks.ocr.ocr_checks import LEAST_SCORE
from nbp_dagster.studio.manifest.value_types import ReadLine

MOST_CHANGED: Final = 0.005
"""Share of what was to stay that may differ; measured in docs/checks.md."""

LEAST_COMPARED: Final = 0.2
"""Share of the picture below which too little is left beside its lettering to compare."""


@dataclass(frozen=True)
class OldWords:
    """What the words of an edit are compared with.

    Attributes:
        old: The wording of the picture that was edited, by field.
        new: The wording asked for.
        allowed: Names, and what was read on things in the picture.
        lines: What was read on the edit.
        alphabet: Every character the reader knows.
    """

    old: Mapping[str, str]
    new: Mapping[str, str]
    allowed: tuple[str, ...]
    lines: tuple[ReadLine, ...]
    alphabet: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class EditInput:
    """One edit as these checks see it.

    Attributes:
        prompt_key: Partition key.
        kind: What was edited.
        region: The part that alone was to change; None for all.
        no_opinion: Why the picture that was edited can't be looked at; empty where it can.
        unread: Why the words of either picture were not read; empty where they were.
        missing_extra: The extra that would have to be installed to read them; empty where none.
        compare: Compares both pictures where they are to be alike.
        words: The words of both; None where they were not read.
    """

    prompt_key: str
    kind: EditKind
    region: Region | None = None
    no_opinion: str = ""
    unread: str = ""
    missing_extra: str = ""
    compare: Callable[[], PictureDifference] | None = None
    words: OldWords | None = field(default=None)

    @cached_property
    def difference(self) -> PictureDifference | None:
        """How far both pictures differ."""
        return None if self.compare is None else self.compare()


def _skip(threshold: str, sentence: str, missing_extra: str = "") -> Finding:
    return Finding("skipped", threshold=threshold, sentence=sentence, missing_extra=missing_extra)


def _check_contained(edit: EditInput) -> Finding:
    what = "the lettering" if edit.kind == "words" else "the marked area"
    threshold = f"at most {MOST_CHANGED:.1%} of what is outside {what} differs"
    if edit.kind == "instruction" and edit.region is None:
        return _skip(threshold, "the instruction may change the whole picture")
    if edit.no_opinion:
        return _skip(threshold, edit.no_opinion)
    if edit.kind == "words" and edit.unread:
        return _skip(threshold, edit.unread, edit.missing_extra)
    found = edit.difference
    if found is None or found.compared < LEAST_COMPARED:
        return _skip(threshold, f"too little of the picture is outside {what}")
    figures = {
        "changed_share": found.changed,
        "compared_share": found.compared,
        "structure": found.structure,
    }
    if found.changed <= MOST_CHANGED:
        sentence = f"outside {what} it is the picture it was made from"
        return Finding("passed", threshold=threshold, sentence=sentence, figures=figures)
    left, top, right, bottom = found.place or (0.0, 0.0, 1.0, 1.0)
    return Finding(
        "failed",
        threshold=threshold,
        sentence=(
            f"{found.changed:.1%} of what is outside {what} differs, between {left:.0%} and "
            f"{right:.0%} of the width and {top:.0%} and {bottom:.0%} of the height"
        ),
        figures=figures,
        # Letters that the reader does not know may stand where it saw none.
        is_unsure=edit.words is not None and bool(_list_unknown(edit.words, edit.words.new)),
    )


def _check_old_words(edit: EditInput) -> Finding:
    threshold = "no word of the earlier wording, but those that both have"
    if edit.kind != "words":
        return _skip(threshold, "its words were not to change")
    if edit.unread or edit.words is None:
        return _skip(threshold, edit.unread or "its words were not read", edit.missing_extra)
    words = edit.words
    unknown = _list_unknown(words, words.old)
    readable = {name: text for name, text in words.old.items() if name not in unknown}
    wanted = list_old_words(readable, words.new, words.allowed)
    if not wanted:
        return _skip(threshold, _say_why_nothing(unknown))
    found = {name: find_old_words(each, words.lines) for name, each in wanted.items()}
    there = {name: each for name, each in found.items() if each}
    figures = {
        "old_words": sum(map(len, wanted.values())),
        "old_words_found": sum(map(len, there.values())),
    }
    if not there:
        sentence = "none of the earlier words was read"
        if unknown:
            sentence += f"; {', '.join(unknown)} can't be looked for, its letters are not known"
        return Finding("passed", threshold=threshold, sentence=sentence, figures=figures)
    best = max(score for each in there.values() for score in each.values())
    named = "; ".join(
        f"{name}: {', '.join(repr(word) for word in each)}" for name, each in there.items()
    )
    return Finding(
        "failed",
        threshold=threshold,
        sentence=f"still there: {named}",
        figures=figures,
        subjects=tuple(there),
        is_unsure=best < LEAST_SCORE,
    )


def _list_unknown(words: OldWords, texts: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    """Return the fields with letters that the reader does not know, and those letters."""
    found = {name: find_unreadable(text, words.alphabet) for name, text in texts.items()}
    return {name: letters for name, letters in found.items() if letters}


def _say_why_nothing(unknown: Mapping[str, tuple[str, ...]]) -> str:
    if unknown:
        letters = "; ".join(f"{name} has {' '.join(found[:12])}" for name, found in unknown.items())
        return f"not checkable, the reader does not know the earlier letters: {letters}"
    return "the earlier wording has no word of its own that could be told apart"


EDIT_CHECKS: Final[tuple[Check[EditInput], ...]] = (
    Check(
        "edit_contained",
        "An edit changed what it was to change, and the rest of the picture is as it was.",
        "warn",
        _check_contained,
    ),
    Check(
        "old_words_gone",
        "None of the earlier language's words is left where an edit set others.",
        "warn",
        _check_old_words,
    ),
)
