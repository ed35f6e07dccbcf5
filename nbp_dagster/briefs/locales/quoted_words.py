"""Finds the words that a text puts between quotes; must not know what they are looked for.

What a scene says is for the model to read, but what it quotes is meant to be seen on the picture.
"""

import re
from collections.abc import Iterator

# Letters and digits of scripts in which a quote opens behind a space or a sign. Elsewhere it may
# stand right behind a letter: 看板に"治癒", و"شفاء".
_WORD = r"0-9A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u058f\u1c80-\u1fff"
_APART, _ENDS = rf"(?<![{_WORD}])", rf"(?![{_WORD}])"
# A straight sign behind a digit is one of inches where the next one can't open a quote.
_INCH = rf'(?<=[0-9])"(?=[^"]*(?<=[{_WORD}])")'
_OPEN, _CLOSE = "'`\u00b4\u2018\u2019\u201a\u201b", "'`\u00b4\u2018\u2019\u201b"
_SHUT = rf"(?<=\S)[{_CLOSE}]{_ENDS}"
# Behind an s it is an apostrophe where the next one can't open a quote: the 'dogs' bowl for two'.
_PLURAL = rf"(?!(?<=s.)[^{_OPEN}]*(?<=[{_WORD}])[{_CLOSE}]{_ENDS})"
# What may be an apostrophe itself: the '90s, 'tis. It opens no quote that a plural would end.
_SHORT = r"['\u2019](?=(?:\d\ds|em|til|tis|twas|cause)\b)"

# One for each kind of quotes, so that a sign of another kind shifts no pair.
_PAIRS = tuple(
    re.compile(pair, re.IGNORECASE)
    for pair in (
        rf'{_APART}"((?:[^"]|{_INCH})*)"',
        rf"(?:[“„‟]|{_APART}”)([^“”„‟]*)[“”‟]",
        "[«»]([^«»]*)[«»]",
        "[‹›]([^‹›]*)[‹›]",
        "「([^」]+)」",
        "『([^』]+)』",
        "[〝〞〟]([^〝〞〟]+)[〞〟]",
        rf"{_APART}(?!{_SHORT})[{_OPEN}](?=\S)(.+?){_SHUT}{_PLURAL}",
        rf"{_APART}{_SHORT}(.+?)(?<!s){_SHUT}",
        # Opened by one kind and closed by another, as some programs set them.
        '[“„]([^“”„"]+)"',
        rf'{_APART}"([^“”„"]+)(?:”|“{_ENDS})',
    )
)
# Full and half width, and set downwards.
_ONE_FORM = str.maketrans("＂＇｀｢｣﹁﹂﹃﹄", "\"'`「」「」『』")
# Hebrew shortens words by a sign before their last letter; it is written as a straight quote.
_GERSHAYIM = re.compile('(?<=[\u05d0-\u05ea])"(?=[\u05d0-\u05ea](?![\u05d0-\u05ea]))')


def find_quoted(text: str) -> Iterator[str]:
    """Yield what a text has between quotes of any kind, straight or curly, single or double.

    An apostrophe is no quote, nor is a sign of feet or inches.
    """
    plain = _GERSHAYIM.sub("\u05f4", text.translate(_ONE_FORM))
    for pair in _PAIRS:
        for found in pair.finditer(plain):
            yield found[1]
