"""Where on an original the copy was read that the model was to draw; reads nothing itself."""

from collections.abc import Mapping
from typing import Final

from nbp_dagster.studio.checks.ocr.compare_text import match_texts
from nbp_dagster.studio.checks.ocr.proofread import Reading

_LIKE: Final = 0.5  # edits a letter up to which a line counts as the copy, misspelt or half read
_DIGITS: Final = 4

WordBox = tuple[float, float, float, float]


def place_words(reading: Reading | None, texts: Mapping[str, str]) -> tuple[WordBox, ...]:
    """Return the boxes of lines that show copy: left, top, right, bottom in shares of the picture.

    Labels and whatever else was read are not among them: they may be cropped like any other thing.

    Args:
        reading: What was read; None where nobody has.
        texts: The copy, by field.
    """
    if reading is None or not texts:
        return ()
    found: dict[WordBox, None] = {}
    for each in reading.passes:
        for match in match_texts(tuple(texts.values()), each.lines):
            if match.normalised_distance > _LIKE:
                continue
            for place in match.lines:
                line = each.lines[place]
                box = (line.left, line.top, line.right, line.bottom)
                left, top, right, bottom = (round(value, _DIGITS) for value in box)
                found[(left, top, right, bottom)] = None
    return tuple(found)
