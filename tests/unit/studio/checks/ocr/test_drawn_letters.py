"""How large words that the model drew come out in a rendition, and the verdict on it."""

from nbp_dagster.studio.checks.ocr.drawn_letters import measure_drawn_letters
from nbp_dagster.studio.checks.rendition_checks import check_drawn_letters
from nbp_dagster.studio.imaging.crop import CropFacts
from nbp_dagster.studio.manifest.value_types import ReadLine

SIZE = (2000, 1000)


def line(top: float, *, high: float = 0.052, left: float = 0.4) -> ReadLine:
    """A line on an original of 2000 x 1000; 52 pixels high unless told, an em of 40."""
    return ReadLine(
        text="words", score=1.0, left=left, top=top, right=left + 0.2, bottom=top + high
    )


def shown(box: tuple[int, int, int, int], scale: float) -> CropFacts:
    return CropFacts(method="cover", box=box, place=(0, 0, 100, 100), scale=scale)


def test_letters_shrink_with_the_rendition_and_the_smallest_line_of_a_field_counts() -> None:
    crop = shown((500, 0, 1500, 1000), 0.5)
    places = {"headline": (line(0.1, high=0.13), line(0.3)), "sub": (line(0.6, high=0.026),)}
    found = {box.field: box for box in measure_drawn_letters(places, SIZE, crop)}
    assert {name: box.size for name, box in found.items()} == {"headline": 20, "sub": 10}
    assert found["headline"].box == (150, 150, 350, 176)


def test_words_that_a_crop_leaves_out_are_not_judged() -> None:
    crop = shown((0, 0, 700, 1000), 0.1)
    assert measure_drawn_letters({"headline": (line(0.1, left=0.5),)}, SIZE, crop) == ()


def test_below_ten_pixels_it_fails_and_a_brand_may_have_that_block() -> None:
    whole = shown((0, 0, 2000, 1000), 0.2)
    boxes = measure_drawn_letters({"headline": (line(0.1),)}, SIZE, whole)
    result = check_drawn_letters(boxes, "", blocking=("smallest_letter",))
    assert (result.name, result.verdict, result.severity) == ("smallest_letter", "failed", "error")
    assert result.sentence == "headline is set in 8 px"
    larger = measure_drawn_letters({"headline": (line(0.1, high=0.1),)}, SIZE, whole)
    assert check_drawn_letters(larger, "", blocking=()).verdict == "passed"


def test_words_that_nobody_has_read_are_skipped_with_the_reason() -> None:
    result = check_drawn_letters((), "nobody has read them", blocking=())
    assert (result.verdict, result.sentence) == ("skipped", "nobody has read them")
