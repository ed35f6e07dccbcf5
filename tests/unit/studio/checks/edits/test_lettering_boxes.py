"""What an edit of the words may change: copy and its button, and no label of a thing."""

from nbp_dagster.studio.checks.edits.lettering_boxes import (
    box_of,
    find_changing_boxes,
    find_labels,
)
from nbp_dagster.studio.manifest.value_types import ReadLine, WordBox

HEADLINE: WordBox = (0.2, 0.1, 0.7, 0.16)
LABEL: WordBox = (0.4, 0.7, 0.6, 0.74)
FAR: WordBox = (0.05, 0.4, 0.2, 0.45)


def line(text: str, box: WordBox) -> ReadLine:
    return ReadLine(text=text, score=0.99, left=box[0], top=box[1], right=box[2], bottom=box[3])


OLD = [line("Slow mornings win", HEADLINE), line("HOUSE BLEND", LABEL)]


def covers(boxes: tuple[WordBox, ...], box: WordBox) -> bool:
    return any(
        each[0] <= box[0] and each[1] <= box[1] and each[2] >= box[2] and each[3] >= box[3]
        for each in boxes
    )


def find(
    old: str = "Slow mornings win", new: tuple[ReadLine, ...] = (), seen: tuple[WordBox, ...] = ()
) -> tuple[WordBox, ...]:
    return find_changing_boxes(
        old=[old], old_lines=OLD, old_boxes=(), new_lines=new, new_boxes=seen
    )


def test_copy_may_change_with_a_margin_and_a_label_may_not() -> None:
    found = find()
    assert len(found) == 1
    assert covers(found, HEADLINE)
    left, _, _, bottom = found[0]
    assert left < HEADLINE[0] - 0.03
    assert bottom < 0.25
    assert not covers(find(new=(line("HOUSE BLEND", LABEL),)), LABEL)


def test_new_words_may_stand_beside_the_earlier_ones() -> None:
    wider = (0.1, 0.1, 0.85, 0.16)
    assert covers(find(new=(line("Langsame Morgen gewinnen", wider),)), wider)


def test_lettering_that_was_not_read_counts_only_where_lettering_was() -> None:
    near = (0.15, 0.12, 0.6, 0.2)
    assert covers(find(seen=(near,)), near)
    # A row of windows looks like lettering to the detector.
    assert not covers(find(seen=(FAR,)), FAR)


def test_all_lettering_may_change_where_not_all_copy_was_found() -> None:
    found = find(old="Something that was not read at all")
    assert covers(found, HEADLINE)
    assert covers(found, LABEL)


def test_a_margin_never_grows_beyond_a_line_of_usual_height() -> None:
    tall: WordBox = (0.3, 0.2, 0.7, 0.6)
    found = find_changing_boxes(
        old=["Slow"], old_lines=[line("Slow", tall)], old_boxes=(), new_lines=(), new_boxes=()
    )
    assert found == ((0.22, 0.16, 0.78, 0.64),)


def test_what_else_was_read_are_labels_unless_copy_is_missing() -> None:
    assert find_labels(["Slow mornings win"], OLD) == ("HOUSE BLEND",)
    assert find_labels(["Something that was not read at all"], OLD) == ()
    assert box_of(OLD[1]) == LABEL
