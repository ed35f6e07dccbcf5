"""Copy that was read is found again by its words; labels are none of it."""

from nbp_dagster.studio.checks.ocr.proofread import place_words
from nbp_dagster.studio.manifest.value_types import Pass, Reading, ReadLine


def line(text: str, top: float) -> ReadLine:
    return ReadLine(text=text, score=0.95, left=0.1, top=top, right=0.60004, bottom=top + 0.1)


def test_only_lines_that_show_copy_are_placed() -> None:
    lines = (line("SLOW MORNIMGS", 0.1), line("win", 0.2), line("SOLSTICE HOUSE BLEND", 0.7))
    reading = Reading(original="a" * 64, reader="x", passes=(Pass(side=800, lines=lines),))
    found = place_words(reading, {"headline": "Slow mornings win"})
    assert found == ((0.1, 0.1, 0.6, 0.2), (0.1, 0.2, 0.6, 0.3))
    assert place_words(reading, {"headline": "Something else entirely"}) == ()
    assert place_words(reading, {}) == place_words(None, {"headline": "Slow"}) == ()
