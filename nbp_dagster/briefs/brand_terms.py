"""Finds the terms a brand prohibits in a text; must not know where the text comes from.

The same search serves copy before a picture is bought and words that OCR reads on a picture.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from nbp_dagster.briefs.languages import UNSPACED_LANGUAGES, language_of
from nbp_dagster.briefs.locales.spelling import (
    ACCENTS,
    JOINS,
    MARK,
    SOFT,
    STOP,
    fold,
    fold_printed,
)

LEAST_STEM = 3  # letters beside a wildcard; a shorter stem would prohibit half a language

# What an accent is written as where it can't be typed.
_SPELT_OUT = {"a\u0308": "ae", "o\u0308": "oe", "u\u0308": "ue", "o\u0338": "oe", "a\u030a": "aa"}
_UMLAUT_LANGUAGES = frozenset({"de", "lb"})
# A term's words may stand apart, or be joined by hyphens or dashes: risk free, risk-free.
_BETWEEN_WORDS = rf"[{JOINS}]+"
_WORD_PART = rf"[^{JOINS}]*"
# What refers to a footnote or says whose a name is, behind a word: FDA® approved.
_NOTES = rf"(?:{MARK}[^{MARK}]*{MARK}|[*†‡®©])*"
# Before a number's last digits, of which a term is no number of its own: 4.5, 1,100%.
_OF_NUMBER = re.compile("[0-9][.,\u066b\u066c]")
_SENTENCE_SIGNS = frozenset("*.,;:!?")  # a space behind one parts two sentences
_SPACED_SIGNS = frozenset(";:!?")  # before one French puts a space
# Behind the dot of an abbreviation or an ordinal number a space may be left out: z.B., Vol.1.
_LOOSE = "\ue003"
_SHORT = re.compile(r"(?<![^\W_])[^\W\d_]\.(?=[^\W_])|[^\W\d_]\.(?=\d)|(?<=\d)\.(?=[^\W\d_])")
# Han and kana: a space or the end of a line may stand between any two of them, and beside the
# letters and digits of others, as typesetters put a narrow one there.
_CJK = re.compile("[\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def find_term(text: str, terms: Iterable[str], locale: str) -> str | None:
    """Return the first of the terms that occurs in a text, as whole words and in any case.

    A `*` at the beginning or end of a term's word stands for any letters: `heil*` finds Heilungen.
    An accent of the term may be missing in the text, but not the other way round: `guérison` finds
    GUERISON, `cure` does not find curé. In German `Kräuter` and `Kraeuter` find each other. The
    mark of a footnote or a trade mark ends a word, also within a term, but a decimal point ends no
    number; a space beside a sign such as %, beside Han and kana, or within an abbreviation such as
    No. 1, counts for nothing; a soft hyphen counts as a hyphen and as nothing. In a language that
    does not space its words a term is found anywhere in the text.
    """
    plain = fold_printed(text, locale)
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


@lru_cache(maxsize=4096)
def _compile(term: str, locale: str) -> re.Pattern[str] | None:
    words = [word for word in re.split(_BETWEEN_WORDS, fold(term, locale)) if word]
    if not any(word.strip("*" + MARK + SOFT) for word in words):
        return None
    umlauts = language_of(locale) in _UMLAUT_LANGUAGES
    pattern = _word_pattern(words[0], umlauts)
    for before, word in pairwise(words):
        may_touch = _is_dotted(before, word) or _may_touch(before[-1], word[0])
        pattern += f"{_NOTES}{STOP}?[{SOFT}{JOINS}]{'*' if may_touch else '+'}"
        pattern += _word_pattern(word, umlauts)
    return re.compile(pattern)


def _word_pattern(word: str, umlauts: bool) -> str:
    stem = _SHORT.sub(rf"\g<0>{_LOOSE}", word.strip("*"))
    spelt = rf"[aou]e(?![{ACCENTS}])|" if umlauts else ""
    letters = re.findall(rf"{spelt}[^{ACCENTS}][{ACCENTS}]*|[{ACCENTS}]+", stem)
    pattern = "".join(map(_letter_pattern, letters[:1]))
    for before, letter in pairwise(letters):
        apart = r"\s*" if _may_touch(before[-1], letter[0]) else ""
        pattern += f"{SOFT}*{apart}" + _letter_pattern(letter)
    before = _WORD_PART if word.startswith("*") else ""
    return before + pattern + (_WORD_PART if word.endswith("*") else "")


def _letter_pattern(letter: str) -> str:
    base, accents = letter[0], letter[1:]
    if base == _LOOSE:
        return ""
    if base == SOFT:
        return f"[{SOFT}{JOINS}]*"
    if base == MARK:
        return f"{MARK}?"
    if base.isdecimal():
        return f"{MARK}?{base}{MARK}?"
    if accents == "e":  # of a term that spells its umlaut out
        return f"(?:{letter}|{base}\u0308)(?![{ACCENTS}])"
    either = re.escape(base) + (f"(?:{accents})?" if accents else "")
    if letter in _SPELT_OUT:
        either = f"(?:{either}|{_SPELT_OUT[letter]})"
    return f"{either}(?![{ACCENTS}])"


def _may_touch(before: str, after: str) -> bool:
    """Whether two characters are one with and without a space: 100 %, « cure », 治 癒, 第 1."""
    if MARK in (before, after):
        return False
    if _CJK.match(before) or _CJK.match(after):
        return True
    if after in _SPACED_SIGNS and before not in _SENTENCE_SIGNS:
        return True
    return not _SENTENCE_SIGNS & {before, after} and _is_of_word(before) != _is_of_word(after)


def _is_dotted(before: str, word: str) -> bool:
    """Whether the dot between two words says that they may touch: No. 1, z. B., but not 1. 5."""
    return before[-1] == "." and not (before[-2:-1].isdecimal() and word[0].isdecimal())


def _stands_alone(text: str, match: re.Match[str]) -> bool:
    """Whether no letter, digit or sign that belongs to a letter touches a match.

    A term that itself begins or ends with another sign, such as 100%, ends there.
    """
    head = text[: match.start()].rstrip(SOFT)
    if match[0][:1].isdecimal() and _OF_NUMBER.fullmatch(head[-2:]):
        return False
    before = head[-1:] or " "
    after = text[match.end() :].lstrip(SOFT)[:1] or " "
    return not _is_of_word(before) and not _is_of_word(after)


def _is_of_word(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LNM"
