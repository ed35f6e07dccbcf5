"""Letters that look alike on a picture, and how two of them compare; reads no picture.

Source of every pair: `confusables.txt` of Unicode Technical Standard 39, "Unicode Security
Mechanisms", of which this is the part that a reader of pictures mixes up. Of its pairs of kana and
Chinese characters all are here; Chinese characters that it finds like one another are not, since
each of them spells another word (土 and 士).
"""

from typing import Final

# Where type has no serifs, capital I, small l and the bar are one stroke, and so is 1 in many a
# typeface. What a letter may be read as; i and l are not: no typeface draws them alike.
_STROKES: Final = {
    "I": "Iil1|",
    "i": "iI",
    "L": "Ll",
    "l": "lLI1|",
    "1": "1Il|",
    "|": "|Il1",
    "O": "Oo0",
    "o": "oO0",
    "0": "0Oo",
}
_CASED: Final = frozenset("ILO")
_MERGED: Final = str.maketrans({**dict.fromkeys("il|", "1"), "o": "0"})

ONE_SHAPE: Final = str.maketrans(
    {
        "一": "ー",
        "丿": "/",
        "ノ": "/",
        "二": "ニ",
        "亻": "イ",
        "八": "ハ",
        "力": "カ",
        "卜": "ト",
        "口": "ロ",
        "囗": "ロ",
        "夕": "タ",
        "工": "エ",
        # Both kana; with marks too, which the standard sets apart first.
        "へ": "ヘ",
        "べ": "ベ",
        "ぺ": "ペ",
    }
)
"""Japanese and Chinese characters of one shape, each to the one that stands for all."""


def lower(text: str) -> str:
    """Return a text in small letters, except capitals that small letters of others look like."""
    return "".join(char if char in _CASED else char.lower() for char in text)


def is_like(read: str, asked: str) -> bool:
    """Whether a letter may have been read as another, both as `lower` gives them."""
    return asked in _STROKES.get(read, read)


def merge(text: str) -> str:
    """Return a small text with one letter for all that may be read as each other.

    More than `is_like` says: i and l are one here. It serves where a word is looked up.
    """
    return text.translate(_MERGED)


def list_readings(text: str) -> tuple[str, ...]:
    """Return a text, and what it says where every stroke in it is a capital I, or a small l."""
    capital = text.translate(str.maketrans("l|1", "III"))
    small = text.translate(str.maketrans("I|1", "lll"))
    return tuple(dict.fromkeys((text, capital, small)))
