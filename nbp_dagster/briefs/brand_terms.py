"""Finds the terms a brand prohibits in a text; must not know where the text comes from.

The same search serves copy before a picture is bought and words that OCR reads on a picture.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from nbp_dagster.briefs.languages import UNSPACED_LANGUAGES, language_of

LEAST_STEM = 3  # letters beside a wildcard; a shorter stem would prohibit half a language

_ACCENTS = "\u0300-\u036f"
# Invisible: soft hyphens, zero-width spaces and joiners, direction marks.
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
# Vowel signs and stretching that Arabic and Hebrew write or leave out at will.
_POINTS = re.compile("[\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]")
# Typed straight, set curly: both are written in briefs and drawn on pictures.
_QUOTES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bc\u02b9\u2032\u0060\u00b4", "'"))
_QUOTES |= str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'))
# A term's words may stand apart, or be joined by hyphens: risk free, risk-free.
_BETWEEN_WORDS = r"[\s\u2010\u2011-]+"
_WORD_PART = r"[^\s\u2010\u2011-]*"
_DOTTED_I = str.maketrans({"İ": "i", "I": "ı"})  # in Turkish and Azeri these are two letters
_DOTTED_I_LANGUAGES = frozenset({"tr", "az"})


def find_term(text: str, terms: Iterable[str], locale: str) -> str | None:
    """Return the first of the terms that occurs in a text, as whole words and in any case.

    A `*` at the beginning or end of a term's word stands for any letters: `heil*` finds Heilungen.
    An accent of the term may be missing in the text, but not the other way round: `guérison` finds
    GUERISON, `cure` does not find curé. In a language that does not space its words a term is found
    anywhere in the text.
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
    seen = _POINTS.sub("", _UNSEEN.sub("", text.translate(_QUOTES)))
    return unicodedata.normalize("NFD", unicodedata.normalize("NFKC", seen).casefold())


@lru_cache(maxsize=4096)
def _compile(term: str, locale: str) -> re.Pattern[str] | None:
    words = [word for word in re.split(_BETWEEN_WORDS, _fold(term, locale)) if word]
    if not any(word.strip("*") for word in words):
        return None
    return re.compile(_BETWEEN_WORDS.join(map(_word_pattern, words)))


def _word_pattern(word: str) -> str:
    stem = word.strip("*")
    letters = re.findall(rf"[^{_ACCENTS}][{_ACCENTS}]*|[{_ACCENTS}]+", stem)
    pattern = "".join(map(_letter_pattern, letters))
    before = _WORD_PART if word.startswith("*") else ""
    return before + pattern + (_WORD_PART if word.endswith("*") else "")


def _letter_pattern(letter: str) -> str:
    accents = f"(?:{letter[1:]})?" if len(letter) > 1 else ""
    return f"{re.escape(letter[0])}{accents}(?![{_ACCENTS}])"


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
