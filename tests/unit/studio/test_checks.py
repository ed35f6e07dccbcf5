"""Each check against a good and a bad rendition, and the table itself."""

from pathlib import Path

import pytest

from nbp_dagster.brand.models import Channel
from nbp_dagster.studio.checks import CHECKS, Check, CheckInput, Finding, run_checks
from tests.fakes.pictures import broken_pictures, draw_scene, encode

pytestmark = pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")

CHANNEL = Channel(
    id="square",
    name="Square",
    width=120,
    height=120,
    ratio="1:1",
    file_type="jpeg",
    max_bytes=20_000,
    source="test",
)
GOOD = encode(draw_scene(120, 120), "JPEG")


def judge(data: bytes) -> dict[str, str]:
    rendition = CheckInput(channel=CHANNEL, data=data, prompt_key="spring/kitchen/en/1x1/v1")
    return {result.name: result.verdict for result in run_checks(rendition)}


def test_a_good_rendition_passes_every_check() -> None:
    assert set(judge(GOOD).values()) == {"passed"}


@pytest.mark.parametrize(
    ("data", "failed"),
    [
        (encode(draw_scene(120, 119), "JPEG"), {"exact_pixels"}),
        (encode(draw_scene(120, 120), "PNG"), {"file_type_and_weight"}),
        (GOOD + bytes(20_000), {"file_type_and_weight"}),
        (GOOD[:-200], {"exact_pixels", "single_decodable_frame"}),
    ],
    ids=["one pixel short", "other type", "too heavy", "truncated"],
)
def test_each_fault_fails_the_checks_that_are_about_it(data: bytes, failed: set[str]) -> None:
    assert {name for name, verdict in judge(data).items() if verdict == "failed"} == failed


@pytest.mark.parametrize("kind", broken_pictures())
def test_no_broken_picture_passes_as_decodable(kind: str) -> None:
    verdicts = judge(broken_pictures()[kind]())
    assert verdicts["single_decodable_frame"] == "failed"
    assert verdicts["exact_pixels"] == "failed"


def test_a_failure_says_what_was_seen_and_what_is_accepted() -> None:
    rendition = CheckInput(channel=CHANNEL, data=encode(draw_scene(90, 60)), prompt_key="k")
    pixels, _, weight, _ = run_checks(rendition)
    assert (pixels.sentence, pixels.threshold) == ("it has 90x60 pixels", "120x120 pixels")
    assert pixels.figures == {"width_px": 90, "height_px": 60}
    assert weight.sentence.startswith("it is png of ")
    assert weight.threshold == "jpeg of at most 20,000 bytes"


def test_copy_that_found_no_room_is_named() -> None:
    rendition = CheckInput(channel=CHANNEL, data=GOOD, prompt_key="k", left_out=("sub",))
    *_, copy = run_checks(rendition)
    assert (copy.name, copy.verdict, copy.severity) == ("copy_complete", "failed", "warn")
    assert copy.sentence == "left out for want of room: sub"


def test_a_check_that_crashes_has_failed_and_the_others_still_run() -> None:
    def crash(rendition: CheckInput) -> Finding:
        raise ZeroDivisionError("no figures")

    table = (Check("crashing", "Crashes.", "warn", crash), *CHECKS)
    rendition = CheckInput(channel=CHANNEL, data=GOOD, prompt_key="k")
    crashed, *others = run_checks(rendition, table)
    assert (crashed.verdict, crashed.severity) == ("failed", "warn")
    assert crashed.sentence == "the check itself crashed: ZeroDivisionError: no figures"
    assert [result.verdict for result in others] == ["passed"] * len(CHECKS)


def test_names_are_unique_and_documented() -> None:
    names = [check.name for check in CHECKS]
    page = (Path(__file__).parents[3] / "docs" / "checks.md").read_text("utf-8")
    assert len(set(names)) == len(names)
    assert [name for name in names if f"`{name}`" not in page] == []
