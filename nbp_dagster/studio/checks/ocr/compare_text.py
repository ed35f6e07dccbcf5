"""Compares required texts with the lines read: matches each and measures how exact it is."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from nbp_dagster.studio.checks.ocr.look_alikes import ONE_SHAPE, is_like, lower, merge
from nbp_dagster.studio.manifest.value_types import ReadLine

# Beyond this share of wrong letters it is another text, not a misspelling of this one.
_SAME_TEXT: Final = 0.5
# Lines on the way to a match that are followed further, and lines that one text is broken into.
_BEAM: Final = 24
_MOST_LINES: Final = 8

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("’‘‛`´ʼ", "'"),
        **dict.fromkeys("“”„‟«»", '"'),
        **dict.fromkeys("–—‐‑−", "-"),
        # The recogniser gives either for the ligature.
        "œ": "oe",
    }
)
# Marks that OCR loses or confuses, wherever they stand.
_MARKS = frozenset("!?¡¿'\"。、「」『』・‹›…")
# Stops and dashes, except within an amount: 1.50, 10:30 and -20 % keep theirs.
_STOPS = re.compile(r"(?<!\d)[.,:;·]|[.,:;·](?!\d)|-(?!\d)")


@dataclass(frozen=True)
class Match:
    """A required text and what of the picture comes closest to it.

    Attributes:
        required: The requested text.
        read: What was read in its place; empty where nothing was like it.
        distance: Edits between the two, after `normalise`.
        length: Letters required, after `normalise`.
        words_right: Required words that are there, letter by letter.
        words: Required words.
        lines: Indices of the lines it was found on.
    """

    required: str
    read: str
    distance: int
    length: int
    words_right: int
    words: int
    lines: tuple[int, ...]

    @property
    def normalised_distance(self) -> float:
        """Edits per letter, 0 for exact, 1 where nothing is right."""
        longest = max(self.length, len(_spell(self.read)), 1)
        return min(1.0, self.distance / longest)

    @property
    def word_accuracy(self) -> float:
        """Share of the words that are there."""
        return self.words_right / self.words if self.words else 1.0

    @property
    def places_right(self) -> frozenset[int]:
        """Places of the words that are as asked, where there are as many words as asked for."""
        read, asked = self.read.split(), self.required.split()
        if len(read) != len(asked):
            return frozenset(range(len(asked)) if self.is_exact else ())
        pairs = enumerate(zip(read, asked, strict=True))
        return frozenset(
            at for at, (word, other) in pairs if count_edits(_spell(word), _spell(other)) == 0
        )

    @property
    def is_exact(self) -> bool:
        """Whether every letter is as asked."""
        return self.distance == 0


def normalise(text: str) -> str:
    """Return a text as it is compared: without what OCR can't tell reliably.

    Compatibility forms become one (NFKC), capitals small, ligatures and typographic marks plain,
    characters of one shape one; spaces and sentence marks go. `lower`, not `casefold`: ß and ss are
    different spellings.
    """
    return _spell(text).lower()


def to_key(text: str) -> str:
    """Return what two texts have in common that can't be told apart on a picture."""
    return merge(normalise(text))


def _spell(text: str) -> str:
    """A text as its letters are compared, one by one, by `is_like`."""
    plain = lower(unicodedata.normalize("NFKC", text).translate(_ALIKE)).translate(_ALIKE)
    plain = "".join(char for char in plain.translate(ONE_SHAPE) if char not in _MARKS)
    return "".join(_STOPS.sub("", plain).split())


def find_unreadable(text: str, alphabet: Collection[str]) -> tuple[str, ...]:
    """Return the letters of a text that an OCR engine does not know, each once, in their order."""
    wanted = dict.fromkeys(normalise(text))
    return tuple(
        char
        for char in wanted
        if char not in alphabet and char.upper() not in alphabet and not _is_mark(char)
    )


def count_edits(first: str, second: str) -> int:
    """Return the Levenshtein distance: insertions, deletions, substitutions by unlike letters."""
    return _extend(range(len(second) + 1), first, second)[-1]


@dataclass(frozen=True)
class _Piece:
    """A run of letters between spaces, and the line it stands on."""

    text: str
    plain: str
    line: int


def match_texts(required: Sequence[str], lines: Sequence[ReadLine]) -> tuple[Match, ...]:
    """Find each required text among the lines, on one of them, on several, or on part of one.

    A letter too many is a letter wrong: what a text is matched with begins and ends with a word.

    Args:
        required: The requested texts; longer ones take their lines first.
        lines: As read.

    Returns:
        One match for each required text, in their order.
    """
    pieces = _split(lines)
    taken: set[int] = set()
    found: dict[int, Match] = {}
    longest_first = sorted(range(len(required)), key=lambda at: -len(normalise(required[at])))
    # What is there letter by letter is not given away to what is only like it.
    for only_exact in (True, False):
        for index in longest_first:
            if index in found:
                continue
            free = frozenset(range(len(pieces))) - taken
            match, used = _best(required[index], pieces, free)
            if match.is_exact or not only_exact:
                taken |= set(used)
                found[index] = match
    return tuple(found[index] for index in range(len(required)))


def find_leftovers(matches: Sequence[Match], lines: Sequence[ReadLine]) -> tuple[str, ...]:
    """Return, for each line, its words that no match accounts for; empty where all are used."""
    left = [list(line.text.split()) for line in lines]
    for match in matches:
        spent = match.read.split()
        for index in match.lines:
            for word in tuple(left[index]):
                if word in spent:
                    spent.remove(word)
                    left[index].remove(word)
    return tuple(" ".join(words) for words in left)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] in "PZC"


def _split(lines: Sequence[ReadLine]) -> list[_Piece]:
    return [
        _Piece(word, _spell(word), index)
        for index, line in enumerate(lines)
        for word in line.text.split()
        if normalise(word)
    ]


@dataclass(frozen=True)
class _Path:
    """Pieces in the order they are read.

    Attributes:
        places: Indices of the pieces.
        letters: How many they have.
        row: Edits between them and each beginning of the wanted text.
    """

    places: tuple[int, ...]
    letters: int
    row: Sequence[int]


def _best(
    required: str, pieces: Sequence[_Piece], free: frozenset[int]
) -> tuple[Match, tuple[int, ...]]:
    """The free pieces that, one after the other, come closest to a text."""
    wanted = _spell(required)
    best = start = _Path((), 0, range(len(wanted) + 1))
    beam = [start]
    while beam:
        grown = [
            _Path(
                places=(*path.places, place),
                letters=path.letters + len(pieces[place].plain),
                row=_extend(path.row, pieces[place].plain, wanted),
            )
            for path in beam
            for place in _next(path.places, pieces, free)
        ]
        # What could still follow counts for nothing yet: the best beginning decides.
        grown = [path for path in grown if min(path.row) <= _SAME_TEXT * len(wanted)]
        best = min((best, *grown), key=lambda path: path.row[-1])
        beam = sorted(grown, key=lambda path: (min(path.row), -path.letters))[:_BEAM]
    if best.row[-1] > _SAME_TEXT * max(len(wanted), best.letters):
        best = start
    read = " ".join(pieces[item].text for item in best.places)
    match = Match(
        required=required,
        read=read,
        distance=best.row[-1],
        length=len(wanted),
        words_right=_count_words(required, read, exact=best.row[-1] == 0),
        words=len(required.split()),
        lines=tuple(dict.fromkeys(pieces[item].line for item in best.places)),
    )
    return match, best.places


def _next(chosen: tuple[int, ...], pieces: Sequence[_Piece], free: frozenset[int]) -> list[int]:
    """Where a path may go on: the next word of its line or, from a line's end, another line."""
    if not chosen:
        return sorted(free)
    following = chosen[-1] + 1
    if following < len(pieces) and pieces[following].line == pieces[chosen[-1]].line:
        return [following] if following in free else []
    used = {pieces[item].line for item in chosen}
    if len(used) >= _MOST_LINES:
        return []
    # Text is read downwards, but lines of one height may come in any order.
    return [
        place
        for place in sorted(free)
        if pieces[place].line not in used
        and (place == 0 or pieces[place - 1].line != pieces[place].line)
    ]


def _extend(row: Sequence[int], text: str, wanted: str) -> Sequence[int]:
    """Levenshtein's rows, one more for each letter of the text."""
    for left in text:
        current = [row[0] + 1]
        for column, right in enumerate(wanted, start=1):
            changed = row[column - 1] + (left != right and not is_like(left, right))
            current.append(min(row[column] + 1, current[-1] + 1, changed))
        row = current
    return row


def _count_words(required: str, read: str, *, exact: bool) -> int:
    """Required words that were read; spaces that OCR lost make no word wrong."""
    words = [_spell(word) for word in required.split()]
    if exact:
        return len(words)
    there = [_spell(word) for word in read.split()]
    right = 0
    for word in words:
        found = next((other for other in there if count_edits(other, word) == 0), None)
        if found is not None:
            there.remove(found)
            right += 1
    return right
