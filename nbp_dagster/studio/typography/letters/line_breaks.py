"""Finds where a line of copy may break: UAX #14, and what this package rules otherwise.

Must not know the width of anything. The algorithm is uniseg's; these rules come on top. Korean
words stay whole, and so do Chinese and Japanese ones, which BudouX's models find. Both languages
with zero-width spaces break only there and at spaces. The
space that French sets before a mark or unit holds. A word as written (T-shirt, 36.86/kg) keeps one
letter, and a unit of price, on the line of the rest.
"""

import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Final, Literal, cast

import pyphen

from nbp_dagster.briefs.languages import language_of, script_of

# Raised when equal copy would break otherwise: renditions with copy that we set are made again.
LINE_BREAKS_VERSION: Final = "3"

# How a piece follows the one before it on the same line: after a space, or directly; "-" means
# directly, but with a hyphen where the line breaks between the two.
Joint = Literal[" ", "", "-"]

By = Literal["character", "word", "phrase"]
"""Between which parts of Chinese and Japanese lines break."""

SOFT_HYPHEN: Final = "\u00ad"
ZERO_WIDTH_SPACE: Final = "\u200b"
_BLANKS: Final = f" {ZERO_WIDTH_SPACE}"

# French sets these apart from their word by a space that must not end up at a line's start. UAX #14
# holds most of them already, but neither the units nor a guillemet next to a word.
_SPACED_MARKS: Final = frozenset("!?:;»%€")
_PHRASE_ENDS: Final = frozenset("、。，：；？！」』）")
_WIDE: Final = re.compile(
    "[\u2e80-\u303f\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    "\uff00-\uff65\U00020000-\U0003ffff]"
)  # Han, kana and their marks
_HANGUL: Final = ("H2", "H3", "JL", "JV", "JT")  # line-break classes of syllables and jamo
_TRADITIONAL: Final = frozenset({"TW", "HK", "MO"})
LEAST_WORD: Final = 10  # letters of a word that may be divided
_LEAST_PART: Final = 4  # letters before and after a division
_LEAST_BESIDE_HYPHEN: Final = 2  # letters before and after a break inside a word as written


@dataclass(frozen=True)
class Piece:
    """A part of a text within which no line may break.

    Attributes:
        text: Its letters.
        joint: How it follows the piece before it.
    """

    text: str
    joint: Joint


def has_free_breaks(text: str) -> bool:
    """Return whether lines may break between the characters themselves: Chinese and Japanese."""
    return ZERO_WIDTH_SPACE not in text and bool(_WIDE.search(text))


@lru_cache(maxsize=1024)
def split_text(text: str, *, by: By = "character", language: str = "") -> tuple[Piece, ...]:
    """Split a text at every place where a line may break.

    Chinese and Japanese may break anywhere that UAX #14 allows, unless the text has zero-width
    spaces: then its writer chose the places.

    Args:
        text: One line of copy.
        by: Where of those Chinese and Japanese break: anywhere, between words, or only after
            their commas and full stops.
        language: Locale of the copy, such as `ja` or `zh_TW`; its model finds the words.
    """
    pieces: list[Piece] = []
    joint: Joint = " "
    line = re.sub(" +", " ", text.strip(" "))
    words = _find_words(line, language) if by == "word" and has_free_breaks(line) else None
    for part in _split_units(line, by=by, words=words):
        text_and_hyphen = part.strip(_BLANKS)
        if text_and_hyphen.strip(SOFT_HYPHEN):
            pieces.append(Piece(text_and_hyphen.removesuffix(SOFT_HYPHEN), joint))
        if " " in part[len(part.rstrip(_BLANKS)) :]:
            joint = " "
        else:
            joint = "-" if text_and_hyphen.endswith(SOFT_HYPHEN) else ""
    return tuple(pieces)


def divide_piece(piece: Piece, language: str) -> tuple[Piece, ...]:
    """Divide a long word where its language's patterns allow it, with room on both sides.

    Args:
        piece: One word.
        language: Locale of the copy, such as `de` or `de_AT`.
    """
    word = piece.text
    patterns = _patterns(language)
    if patterns is None or sum(map(str.isalpha, word)) < LEAST_WORD:
        return (piece,)
    parts, start = [], 0
    for place in patterns.positions(word):
        if min(place - start, len(word) - place) >= _LEAST_PART:
            parts.append(word[start:place])
            start = place
    parts.append(word[start:])
    return tuple(Piece(part, "-" if n else piece.joint) for n, part in enumerate(parts))


def _split_units(text: str, *, by: By, words: Set[int] | None) -> list[str]:
    """Split at the breaks that hold, each part with the space or soft hyphen at its end.

    `words` has where words of Chinese and Japanese begin; None where any character does for that.
    """
    free = has_free_breaks(text)
    parts, start = [], 0
    for place, following in pairwise(_find_boundaries(text)):
        head, tail = text[start:place], text[place:following]
        is_word = by != "phrase" and (words is None or place in words)
        if _may_break(head, tail, free=free, is_word=is_word):
            parts.append(head)
            start = place
    return [*parts, text[start:]]


def _find_words(text: str, language: str) -> Set[int] | None:
    """Return where words begin; None where there is no model of the language."""
    parse = _parser(language)
    return None if parse is None else set(accumulate(map(len, parse(text))))


@lru_cache(maxsize=8)
def _parser(language: str) -> Callable[[str], Sequence[str]] | None:
    """Return what splits a language's text into words, read once (some 5 ms)."""
    # Imported here, as uniseg is.
    import budoux

    name = language_of(language)
    if name == "ja":
        return cast(Callable[[str], Sequence[str]], budoux.load_default_japanese_parser().parse)
    if name not in ("zh", "yue"):
        return None
    script = script_of(language)
    is_traditional = script == "Hant" or (
        script is None and (name == "yue" or not _TRADITIONAL.isdisjoint(language.split("_")))
    )
    model = (
        budoux.load_default_traditional_chinese_parser()
        if is_traditional
        else budoux.load_default_simplified_chinese_parser()
    )
    return cast(Callable[[str], Sequence[str]], model.parse)


def _find_boundaries(text: str) -> Iterator[int]:
    """Yield where UAX #14 allows a break; Hangul counts as letters, so Korean words stay whole."""
    # Imported here: its tables take 0.1 s, which a command that sets no type need not spend.
    from uniseg.linebreak import LineBreak, line_break, line_break_boundaries

    def class_of(character: str) -> LineBreak:
        found = line_break(character)
        return LineBreak.AL if found.name in _HANGUL else found

    return iter(line_break_boundaries(text, property=class_of))


def _may_break(head: str, tail: str, *, free: bool, is_word: bool) -> bool:
    """Return whether a break that UAX #14 allows between two parts of a text holds here."""
    last = head[-1]
    if last == " ":
        marks = tail.strip(" ")
        return not set(marks) <= _SPACED_MARKS and head.split(" ")[-2] != "«"
    if last in (ZERO_WIDTH_SPACE, SOFT_HYPHEN):
        return True
    if _WIDE.match(last) or _WIDE.match(tail):
        return free and (last in _PHRASE_ENDS or is_word)
    word = head.rpartition(" ")[2]
    if last == "/" and not word[-2:-1].isalpha():
        return False
    return min(_count_letters(word), _count_letters(tail)) >= _LEAST_BESIDE_HYPHEN


def _count_letters(text: str) -> int:
    return sum(map(str.isalnum, text))


@lru_cache(maxsize=32)
def _patterns(language: str) -> pyphen.Pyphen | None:
    """Return a language's patterns, read once (up to 0.7 s); None where there are none."""
    name = pyphen.language_fallback(language) or pyphen.language_fallback(language_of(language))
    return pyphen.Pyphen(lang=name) if name else None
