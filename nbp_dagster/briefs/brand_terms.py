"""Finds the terms a brand prohibits in a text; must not know where the text comes from.

The same search serves copy before a picture is bought and words that OCR reads on a picture.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from nbp_dagster.briefs.languages import UNSPACED_LANGUAGES, language_of

LEAST_STEM = 3  # letters beside a wildcard; a shorter stem would prohibit half a language

_ACCENTS = "\u0300-\u036f"
# Invisible: soft hyphens, zero-width spaces and joiners, direction marks, variation selectors,
# fillers, tags, and the rings that are drawn around a letter.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u20dd-\u20e4\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]"
)
# Vowel signs, hamzas and stretching that Arabic and Hebrew write or leave out at will.
_POINTS = re.compile("[\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]")
# Typed straight, set curly or in corners: all are written in briefs and drawn on pictures.
_SINGLE_QUOTES = (
    "\u2018\u2019\u201a\u201b\u2039\u203a\u02bb\u02bc\u02b9\u2032\u2035\u0060\u00b4"
    "\u055a\u05f3\ua78c"
)
_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\u05f4\u300c\u300d\u300e\u300f"
_SIGNS = str.maketrans(
    dict.fromkeys(_SINGLE_QUOTES, "'")
    | dict.fromkeys(_DOUBLE_QUOTES, '"')
    | {"\u2044": "/", "\u2215": "/", "\u066a": "%"}
)
# One letter typed on keyboards of several languages, ligatures, and letters with a stroke, which is
# an accent here although Unicode takes none off.
_LETTERS = str.maketrans(
    {"\u06cc": "\u064a", "\u06a9": "\u0643", "œ": "oe", "æ": "ae"}
    | {"ø": "o\u0338", "ł": "l\u0335", "đ": "d\u0335"}
)
# Stands around a footnote's number and a trade mark's sign: a word ends there.
_MARK = "\ue000"
_MARKS = re.compile("([\u00b9\u00b2\u00b3\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2473™℠])")
# What an accent is written as where it can't be typed.
_SPELT_OUT = {"a\u0308": "ae", "o\u0308": "oe", "u\u0308": "ue", "o\u0338": "oe", "a\u030a": "aa"}
_UMLAUT_LANGUAGES = frozenset({"de", "lb"})
# A term's words may stand apart, or be joined by hyphens or dashes: risk free, risk-free.
_JOINS = r"\s\u05be\u2010-\u2015\u2043\u2212\u30a0-"
_BETWEEN_WORDS = rf"[{_JOINS}]+"
_WORD_PART = rf"[^{_JOINS}]*"
_SENTENCE_SIGNS = frozenset("*.,;:!?")  # a space behind one parts two sentences
# Han and kana: a space or the end of a line may stand between any two of them.
_CJK = re.compile("[\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_DOTTED_I = str.maketrans({"İ": "i", "I": "ı"})  # in Turkish and Azeri these are two letters
_DOTTED_I_LANGUAGES = frozenset({"tr", "az"})


def find_term(text: str, terms: Iterable[str], locale: str) -> str | None:
    """Return the first of the terms that occurs in a text, as whole words and in any case.

    A `*` at the beginning or end of a term's word stands for any letters: `heil*` finds Heilungen.
    An accent of the term may be missing in the text, but not the other way round: `guérison` finds
    GUERISON, `cure` does not find curé. In German `Kräuter` and `Kraeuter` find each other. The
    mark of a footnote or a trade mark ends a word, and a space beside a sign such as % counts for
    nothing. In a language that does not space its words a term is found anywhere in the text.
    """
    plain = _fold(text, locale)
    for term in terms:
        pattern = _compile(term, locale)
        if pattern is not None and any(
            language_of(locale) in UNSPACED_LANGUAGES or _stands_alone(plain, match)
            for match in pattern.finditer(plain)
        ):
            return term
    return None


def find_wildcard_fault(term: str) -> str | None:
    """Return why a term's wildcards may not be used, or None."""
    for word in term.split():
        stem = word.strip("*")
        if "*" in stem or (stem != word and len(stem) < LEAST_STEM):
            return (
                "accepted: a * at the beginning or end of a word, "
                f"beside at least {LEAST_STEM} letters"
            )
    return None


def _fold(text: str, locale: str) -> str:
    """Return a text without what is not seen: case, width, joiners, points; accents apart."""
    if language_of(locale) in _DOTTED_I_LANGUAGES:
        text = text.translate(_DOTTED_I)
    seen = _MARKS.sub(rf"{_MARK}\1{_MARK}", _UNSEEN.sub("", text.translate(_SIGNS)))
    # Signs once more: normalizing makes some of what is half or full in width.
    plain = unicodedata.normalize("NFKC", seen).translate(_SIGNS).casefold()
    parted = unicodedata.normalize("NFD", plain).translate(_LETTERS)
    return "".join(map(_read_digit, _POINTS.sub("", parted)))


def _read_digit(character: str) -> str:
    """Return a decimal digit of any script as the one on every keyboard."""
    digit = unicodedata.decimal(character, None) if character > "\x7f" else None
    return character if digit is None else str(digit)


@lru_cache(maxsize=4096)
def _compile(term: str, locale: str) -> re.Pattern[str] | None:
    words = [word for word in re.split(_BETWEEN_WORDS, _fold(term, locale)) if word]
    if not any(word.strip("*" + _MARK) for word in words):
        return None
    umlauts = language_of(locale) in _UMLAUT_LANGUAGES
    pattern = _word_pattern(words[0], umlauts)
    for before, word in pairwise(words):
        apart = "*" if _may_touch(before[-1], word[0]) else "+"
        pattern += f"[{_JOINS}]{apart}" + _word_pattern(word, umlauts)
    return re.compile(pattern)


def _word_pattern(word: str, umlauts: bool) -> str:
    stem = word.strip("*")
    spelt = rf"[aou]e(?![{_ACCENTS}])|" if umlauts else ""
    letters = re.findall(rf"{spelt}[^{_ACCENTS}][{_ACCENTS}]*|[{_ACCENTS}]+", stem)
    pattern = "".join(map(_letter_pattern, letters[:1]))
    for before, letter in pairwise(letters):
        apart = r"\s*" if _may_touch(before[-1], letter[0]) else ""
        pattern += apart + _letter_pattern(letter)
    before = _WORD_PART if word.startswith("*") else ""
    return before + pattern + (_WORD_PART if word.endswith("*") else "")


def _letter_pattern(letter: str) -> str:
    base, accents = letter[0], letter[1:]
    if base == _MARK:
        return f"{_MARK}?"
    if base.isdecimal():
        return f"{_MARK}?{base}{_MARK}?"
    if accents == "e":  # of a term that spells its umlaut out
        return f"(?:{letter}|{base}\u0308)(?![{_ACCENTS}])"
    either = re.escape(base) + (f"(?:{accents})?" if accents else "")
    if letter in _SPELT_OUT:
        either = f"(?:{either}|{_SPELT_OUT[letter]})"
    return f"{either}(?![{_ACCENTS}])"


def _may_touch(before: str, after: str) -> bool:
    """Whether two characters are the same with and without a space: 100 %, « cure », 治 癒."""
    if _MARK in (before, after):
        return False
    if _CJK.match(before) and _CJK.match(after):
        return True
    return not _SENTENCE_SIGNS & {before, after} and _is_of_word(before) != _is_of_word(after)


def _stands_alone(text: str, match: re.Match[str]) -> bool:
    """Whether no letter, digit or sign that belongs to a letter touches a match.

    A term that itself begins or ends with another sign, such as 100%, ends there.
    """
    start, end = match.span()
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    return not _is_of_word(before) and not _is_of_word(after)


def _is_of_word(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LNM"
