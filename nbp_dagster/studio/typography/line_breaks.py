"""Where a line of copy may end: spaces, soft hyphens, divided words, between Chinese characters.

Knows the writing systems' rules, not the width of anything.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import pyphen

from nbp_dagster.briefs.languages import language_of

# How a piece follows the one before it on the same line: after a space, or directly; "-" means
# directly, but with a hyphen where the line ends between the two.
Joint = Literal[" ", "", "-"]

SOFT_HYPHEN: Final = "\u00ad"
ZERO_WIDTH_SPACE: Final = "\u200b"

# French sets these apart from their word by a space that must not end up at a line's start.
_SPACED_MARKS: Final = frozenset("!?:;»%€")
# Kinsoku: what may not begin a line (closing marks, small kana, sound marks), or end one.
_NOT_FIRST: Final = frozenset(
    "、。，．・：；？！゛゜ヽヾゝゞ々ー～’”）〕］｝〉》」』】〙〗｠»°′″℃％‰…‥—―"
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ,.!?:;)]}%"
)
_NOT_LAST: Final = frozenset("‘“（〔［｛〈《「『【〘〖｟«([{￥＄£¥$#＃")
_PHRASE_ENDS: Final = frozenset("、。，：；？！」』）")
_WIDE: Final = re.compile(
    "[\u2e80-\u303f\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    "\uff00-\uff65\U00020000-\U0003ffff]"
)  # Han, kana and their marks
LEAST_WORD: Final = 10  # letters of a word that may be divided
_LEAST_PART: Final = 4  # letters before and after a division


@dataclass(frozen=True)
class Piece:
    """A part of a text within which no line may end.

    Attributes:
        text: Its letters.
        joint: How it follows the piece before it.
    """

    text: str
    joint: Joint


def has_free_breaks(text: str) -> bool:
    """Return whether lines may end between the characters themselves: Chinese and Japanese."""
    return ZERO_WIDTH_SPACE not in text and bool(_WIDE.search(text))


def split_text(text: str, *, by_phrase: bool = False) -> tuple[Piece, ...]:
    """Split a text at every place where a line may end.

    Lines end at spaces, but not at no-break spaces nor before a mark that French sets apart; at
    soft hyphens; at zero-width spaces. Chinese and Japanese may end anywhere that kinsoku allows,
    unless the text has zero-width spaces: then its writer has said where.

    Args:
        text: One line of copy.
        by_phrase: Part Chinese and Japanese only after their commas and full stops.
    """
    free = has_free_breaks(text)
    pieces: list[Piece] = []
    for word in _split_words(text):
        joint: Joint = " "
        for run in word.split(ZERO_WIDTH_SPACE):
            for part in _split_run(run, free=free, by_phrase=by_phrase):
                pieces.append(Piece(part.text, joint if part.joint == " " else part.joint))
            joint = ""
    return tuple(piece for piece in pieces if piece.text)


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


def _split_run(run: str, *, free: bool, by_phrase: bool) -> list[Piece]:
    """Split a word; its first piece has the joint " ", which stands for the word's own."""
    if free and _WIDE.search(run):
        return [
            Piece(part, "" if n else " ")
            for n, part in enumerate(_split_wide(run, by_phrase=by_phrase))
        ]
    return [Piece(part, "-" if n else " ") for n, part in enumerate(run.split(SOFT_HYPHEN))]


def _split_words(text: str) -> list[str]:
    words: list[str] = []
    for word in text.split(" "):
        if words and word and (set(word) <= _SPACED_MARKS or words[-1] == "«"):
            words[-1] = f"{words[-1]} {word}"
        elif word:
            words.append(word)
    return words


def _split_wide(run: str, *, by_phrase: bool) -> list[str]:
    """Split between characters, keeping together what kinsoku or a Latin word keeps together."""
    parts: list[str] = []
    for character in run:
        if parts and not _may_part(parts[-1][-1], character, by_phrase=by_phrase):
            parts[-1] += character
        else:
            parts.append(character)
    return parts


def _may_part(before: str, after: str, *, by_phrase: bool) -> bool:
    if after in _NOT_FIRST or before in _NOT_LAST or unicodedata.combining(after):
        return False
    if by_phrase:
        return before in _PHRASE_ENDS
    return bool(_WIDE.match(before) or _WIDE.match(after))


@lru_cache(maxsize=32)
def _patterns(language: str) -> pyphen.Pyphen | None:
    """Return a language's patterns, read once (up to 0.7 s); None where there are none."""
    name = pyphen.language_fallback(language) or pyphen.language_fallback(language_of(language))
    return pyphen.Pyphen(lang=name) if name else None
