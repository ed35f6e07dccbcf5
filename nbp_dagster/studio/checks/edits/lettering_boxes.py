"""Tells which boxes of lettering an edit of the words may change: copy, and no label of a thing."""

from collections.abc import Iterable, Sequence
from typing import Final

from nbp_dagster.studio.checks.ocr.compare_text import match_texts
from nbp_dagster.studio.manifest.value_types import ReadLine, WordBox

_LIKE: Final = 0.5  # edits a letter up to which a line counts as copy
_SAME_BOX: Final = 0.5  # overlap by union from which two boxes are one
# How far the setting of a line reaches beyond its letters, in heights of the line: a button has
# about one at each end.
_BESIDE: Final = 1.3
_ABOVE: Final = 0.7
# Shares of the picture that a margin has at least and at most.
_LEAST: Final = 0.01
_MOST_BESIDE: Final = 0.08
_MOST_ABOVE: Final = 0.04


def find_changing_boxes(
    *,
    old: Sequence[str],
    old_lines: Sequence[ReadLine],
    old_boxes: Iterable[WordBox],
    new_lines: Sequence[ReadLine],
    new_boxes: Iterable[WordBox],
) -> tuple[WordBox, ...]:
    """Return the parts of a picture that an edit of its words may change, with a margin.

    Args:
        old: The wording of the picture that was edited.
        old_lines: The lines read on it.
        old_boxes: All its lettering, read or not.
        new_lines: The lines read on the edit.
        new_boxes: All lettering of the edit, read or not; things that look like lettering, too.
    """
    old_boxes = (*old_boxes, *map(box_of, old_lines))
    copy = _find_copy(old, old_lines)
    # Lettering of things stands in both, at the same place; where not every line of copy was read,
    # nothing tells copy from other lettering.
    labels = [] if copy is None else [each for each in old_boxes if not _meets(each, copy)]
    changing = [_widen(each) for each in old_boxes if each not in labels]
    read = [box_of(line) for line in new_lines if not _meets(box_of(line), labels)]
    # What was not read is lettering for certain only where lettering was.
    near = [each for each in new_boxes if any(_overlap(each, place) > 0 for place in changing)]
    changing += [_widen(each) for each in (*read, *near) if not _meets(each, labels)]
    return tuple(dict.fromkeys(changing))


def find_labels(old: Sequence[str], old_lines: Sequence[ReadLine]) -> tuple[str, ...]:
    """Return what was read on the picture that was edited besides its copy; none if unsure."""
    copy = _find_copy(old, old_lines)
    if copy is None:
        return ()
    return tuple(line.text for line in old_lines if not _meets(box_of(line), copy))


def box_of(line: ReadLine) -> WordBox:
    """Return where a line stands."""
    return line.left, line.top, line.right, line.bottom


def _find_copy(texts: Sequence[str], lines: Sequence[ReadLine]) -> list[WordBox] | None:
    """Return the boxes of the lines that show copy; None where some of it was not found."""
    found: list[WordBox] = []
    for match in match_texts(texts, lines):
        if match.normalised_distance > _LIKE:
            return None
        found += [box_of(lines[place]) for place in match.lines]
    return found


def _meets(box: WordBox, others: Iterable[WordBox]) -> bool:
    return any(_overlap(box, other) >= _SAME_BOX for other in others)


def _overlap(one: WordBox, other: WordBox) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = [(each[2] - each[0]) * (each[3] - each[1]) for each in (one, other)]
    return wide * high / max(sum(areas) - wide * high, 1e-9)


def _widen(box: WordBox) -> WordBox:
    left, top, right, bottom = box
    high = bottom - top
    beside = min(_MOST_BESIDE, max(_LEAST, _BESIDE * high))
    above = min(_MOST_ABOVE, max(_LEAST, _ABOVE * high))
    return (
        round(max(0.0, left - beside), 4),
        round(max(0.0, top - above), 4),
        round(min(1.0, right + beside), 4),
        round(min(1.0, bottom + above), 4),
    )
