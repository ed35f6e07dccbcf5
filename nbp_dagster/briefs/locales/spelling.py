"""Folds the spellings of one text into one; must not know what is searched for in it.

What a text is printed as counts, not how it was typed: of two spellings that a reader takes for one
only one is left, in letters whose accents stand apart behind them.
"""

import re
import unicodedata

from nbp_dagster.briefs.languages import is_right_to_left, language_of

ACCENTS = "\u0300-\u036f"
"""Accents, as a part of a regular expression's set."""

JOINS = r"\s\u05be\u2010-\u2015\u2043\u2212\u30a0-"
"""What joins words or stands between them: blanks, hyphens, dashes; the end of a set."""

MARK = "\ue000"
"""Stands around a footnote's number and a trade mark's sign: a word ends there."""

SOFT = "\ue001"
"""May print as a break within a word or as nothing: a soft hyphen, and in letters that run from
right to left a zero-width non-joiner."""

STOP = "\ue002"
"""Stands behind `no.` where a sentence ends with it."""

# Invisible: zero-width spaces and joiners, direction marks, variation selectors, fillers, tags, and
# the rings that are drawn around a letter.
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
    | {"\u2044": "/", "\u2215": "/", "\u066a": "%", "\u02da": "\u00b0"}
)
# One letter typed on keyboards of several languages, ligatures, and letters with a stroke, which is
# an accent here although Unicode takes none off. Romanian's comma below is often a cedilla.
_LETTERS = str.maketrans(
    {"\u06cc": "\u064a", "\u06a9": "\u0643", "\u06c1": "\u0647", "\u06d5": "\u0647"}
    | {"\u0671": "\u0627"}
    | {"œ": "oe", "æ": "ae", "ø": "o\u0338", "ł": "l\u0335", "đ": "d\u0335", "\u0327": "\u0326"}
    | {"ħ": "h\u0335", "ŧ": "t\u0335"}
)
_MARKS = re.compile("([\u00b9\u00b2\u00b3\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2473™℠])")
_DOTTED_I = str.maketrans({"İ": "i", "I": "ı"})  # in Turkish and Azeri these are two letters
_DOTTED_I_LANGUAGES = frozenset({"tr", "az"})
_YO = "е\u0308"  # Russian prints it without its dots as well
# The tone of a Vietnamese syllable's end stands on either vowel: hòa, hoà.
_TONE = re.compile(
    rf"(?:(o)([\u0300\u0301\u0303\u0309\u0323])([ae])|(u)([\u0300\u0301\u0303\u0309\u0323])(y))"
    rf"(?![a-z{ACCENTS}])"
)
_KATAKANA_DOT = re.compile("(?<=[\u3099\u309a\u30a1-\u30ff])\u30fb(?=[\u30a1-\u30ff])")
_FRACTION = re.compile("(?<=\\d)(?=[\u00bc-\u00be\u2150-\u215e\u2189])")
_ORDINAL_DOT = re.compile(r"(?<=\d)\.(?=[ºª°])")
_APART = rf"(?<![a-z0-9{ACCENTS}])"
_ORDINAL = re.compile(rf"{_APART}(\d+)o(?![\w{ACCENTS}])")  # normalizing makes 1º this
# How "number" is shortened before digits: No. 1, No 1, Nº 1, N.º 1, N° 1, N. 1, №1; Nr. 1, Nr 1.
_NUMBER = re.compile(rf"{_APART}(?:([nν])(?:\.?[°oο]\.?|\.)|nr\.?)(?:([{JOINS}])[{JOINS}]*)?(?=\d)")
# In small letters alone: "No. 1 in 3 countries" is what a brand says of itself.
_NO_SENTENCE = re.compile(r"(?<![A-Za-z0-9])no\.(?=\s+\d+\s+(?:in|of|out of|en|su|de cada)\s+\d)")


def fold(text: str, locale: str) -> str:
    """Return a text without what is not seen: case, width, joiners, points; accents apart."""
    language = language_of(locale)
    if is_right_to_left(locale):
        text = text.replace("\u200c", SOFT)
    if language in _DOTTED_I_LANGUAGES:
        text = text.translate(_DOTTED_I)
    text = _FRACTION.sub(" ", _ORDINAL_DOT.sub("", text.translate(_SIGNS)))
    seen = _MARKS.sub(rf"{MARK}\1{MARK}", _UNSEEN.sub("", text))
    # Signs once more: normalizing makes some of what is half or full in width.
    plain = unicodedata.normalize("NFKC", seen).translate(_SIGNS).casefold()
    parted = unicodedata.normalize("NFD", plain).translate(_LETTERS)
    if language == "ru":
        parted = parted.replace(_YO, "е")
    if language == "vi":
        parted = _TONE.sub(r"\1\4\3\6\2\5", parted)
    parted = _KATAKANA_DOT.sub("", _POINTS.sub("", parted))
    parted = _NUMBER.sub(_spell_number, _ORDINAL.sub("\\1\u00b0", parted))
    return "".join(map(_read_digit, parted))


def fold_printed(text: str, locale: str) -> str:
    """Return a text as `fold` does, but with what a term must know of how it may print.

    A soft hyphen is `SOFT`, and `STOP` stands behind a sentence such as "Say no. 1 in 3 does."
    """
    return fold(_NO_SENTENCE.sub(rf"\g<0>{STOP}", text.replace("\u00ad", SOFT)), locale)


def _spell_number(found: re.Match[str]) -> str:
    short = "no." if found[1] else "nr."
    return f"{short} " if found[2] else short


def _read_digit(character: str) -> str:
    """Return a decimal digit of any script as the one on every keyboard."""
    digit = unicodedata.decimal(character, None) if character > "\x7f" else None
    return character if digit is None else str(digit)
