"""Finds words of an earlier wording among the lines read; must not read pictures."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from nbp_dagster.studio.checks.ocr.compare_text import count_edits, normalise, to_key
from nbp_dagster.studio.checks.ocr.ocr_checks import LEAST_LETTERS
from nbp_dagster.studio.manifest.value_types import ReadLine

# Chinese and Japanese put no space between words: runs of so many characters stand for words.
_RUN: Final = 3
# Words of so many letters count with one letter misread.
_LONG: Final = 7
# Words that languages share but for a letter (Kaffee, Koffie): too like one another to tell.
_NEAR: Final = 1

_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")


def list_old_words(
    old: Mapping[str, str], new: Mapping[str, str], allowed: Iterable[str]
) -> Mapping[str, tuple[str, ...]]:
    """Return the words of each field that the new wording has nowhere, as they are spelt.

    Args:
        old: The earlier wording by field.
        new: The wording that the picture is to have.
        allowed: Names and other texts that may stand in the picture in any language.
    """
    known = _Vocabulary((*new.values(), *allowed))
    words = {
        name: tuple(word for word in dict.fromkeys(_split(text)) if not known.has(word))
        for name, text in old.items()
    }
    return {name: found for name, found in words.items() if found}


def find_old_words(words: Collection[str], lines: Sequence[ReadLine]) -> Mapping[str, float]:
    """Return which of some words are there, each with the best score of a line that shows it."""
    found: dict[str, float] = {}
    for line in lines:
        seen = [normalise(piece) for piece in line.text.split()]
        whole = normalise(line.text)
        for word in words:
            if _is_in(normalise(word), seen, whole):
                found[word] = max(found.get(word, 0.0), line.score)
    return found


class _Vocabulary:
    """Words that may be there."""

    def __init__(self, texts: Iterable[str]) -> None:
        texts = tuple(texts)
        self._words = {to_key(word) for text in texts for word in _split(text)}
        self._texts = [to_key(text) for text in texts]

    def has(self, word: str) -> bool:
        """Whether a word, or one that can't be told from it, is among them."""
        key = to_key(word)
        if _UNSPACED.search(word):
            return any(key in text for text in self._texts)
        near = _NEAR if len(key) >= LEAST_LETTERS + _NEAR else 0
        return any(count_edits(key, other) <= near for other in self._words)


def _split(text: str) -> list[str]:
    """Return the words of a text that are long enough to be found for certain."""
    found: list[str] = []
    for piece in text.split():
        if not _UNSPACED.search(piece):
            found += [piece] if len(normalise(piece)) >= LEAST_LETTERS else []
            continue
        plain = normalise(piece)
        found += [plain[at : at + _RUN] for at in range(max(1, len(plain) - _RUN + 1))]
    # Numbers are written in other ways elsewhere, and stay.
    return [word for word in found if any(char.isalpha() for char in word)]


def _is_in(word: str, pieces: Sequence[str], whole: str) -> bool:
    if _UNSPACED.search(word):
        return word in whole
    most = 1 if len(word) >= _LONG else 0
    # The reader may have lost the spaces of a line.
    joined = len(pieces) == 1 and len(word) > LEAST_LETTERS + 1 and word in whole
    return joined or any(count_edits(piece, word) <= most for piece in pieces)
