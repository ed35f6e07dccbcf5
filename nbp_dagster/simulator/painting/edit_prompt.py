"""Parses a prompt that edits a finished picture: what changes, and where; draws nothing."""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["words", "instruction"]
Shares = tuple[float, float, float, float]
Change = Literal["snow", "rain", "leaves", "dusk", "warmth", "cold", "balloon"]

_EDIT = re.compile(r"\s*Edit Image 1, a finished picture of [^:\n]*:\s*(?P<what>[^\n]*)")
_WORDS_ALONE = re.compile(r"\blettering alone changes\b")
_REGION = re.compile(
    r"from (\d{1,3}) % to (\d{1,3}) % of the width\b[^.]*?"
    r"from (\d{1,3}) % to (\d{1,3}) % of the height\b"
)
_CHANGES: tuple[tuple[Change, str], ...] = (
    ("snow", r"snow\w*|winter\w*|frost\w*|ice|christmas"),
    ("rain", r"rain\w*|wet|storm\w*"),
    ("leaves", r"autumn\w*|fall|leaves|leaf"),
    ("dusk", r"night\w*|evening\w*|dusk|dark\w*|moon\w*"),
    ("warmth", r"summer\w*|sun\w*|warm\w*|golden|spring\w*"),
    ("cold", r"cold\w*|cool\w*|blue\w*|morning\w*"),
)
_ANY: tuple[Change, ...] = ("balloon", "warmth", "cold", "dusk")


@dataclass(frozen=True)
class EditReading:
    """An edit as the painter understands it.

    Attributes:
        kind: "words" where the lettering alone changes.
        what: The instruction.
        region: Left, top, right, bottom of the part that alone changes, in shares; None for all.
    """

    kind: Kind
    what: str
    region: Shares | None = None

    def choose_change(self, number: int) -> Change:
        """What is visibly changed: what the instruction names, else one of a few by a number."""
        for change, words in _CHANGES:
            if re.search(rf"\b(?:{words})\b", self.what, re.IGNORECASE):
                return change
        return _ANY[number % len(_ANY)]


def read_edit(prompt: str) -> EditReading | None:
    """Read a prompt's edit; None for a prompt of a picture that is drawn anew."""
    found = _EDIT.match(prompt)
    if found is None:
        return None
    what = found["what"]
    if _WORDS_ALONE.search(what):
        return EditReading("words", what)
    return EditReading("instruction", what, _find_region(prompt))


def _find_region(prompt: str) -> Shares | None:
    found = _REGION.search(prompt)
    if found is None:
        return None
    left, right, top, bottom = (min(100, int(percent)) / 100 for percent in found.groups())
    return (left, top, right, bottom) if left < right and top < bottom else None
