"""Each check against a good and a bad rendition, and the table itself."""

from pathlib import Path

import pytest
from PIL import Image, ImageColor
from PIL.PngImagePlugin import PngInfo

from nbp_dagster.briefs.channels import Channel
from nbp_dagster.studio.checks.check_table import Check, CheckResult, Finding
from nbp_dagster.studio.checks.rendition_checks import (
    RENDITION_CHECKS,
    RenditionInput,
    run_rendition_checks,
)
from nbp_dagster.studio.imaging.c2pa import Credentials
from nbp_dagster.studio.imaging.xmp import Marks, build_xmp
from nbp_dagster.studio.typography.contrast import measure_contrast, parse_colour
from nbp_dagster.studio.typography.legibility import TextBox, measure_text_contrast
from nbp_dagster.studio.typography.letters.typeface import Typeface
from tests.rigs.certificates import issue_papers
from tests.rigs.pictures import broken_pictures, draw_scene, encode

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
MARKS = Marks(
    simulated=False,
    model="google-nano-banana-pro",
    generation_id="gen_1",
    brand="hilltop",
    campaign="spring",
    prompt_key="spring/kitchen/en/1x1/v1",
    fingerprint="ab" * 32,
)
XMP = build_xmp(MARKS)
GOOD = encode(draw_scene(120, 120), "JPEG", xmp=XMP)


def judge(data: bytes, *, is_signed: bool = False) -> dict[str, str]:
    rendition = RenditionInput(
        channel=CHANNEL,
        data=data,
        prompt_key=MARKS.prompt_key,
        marks=MARKS,
        is_signed=is_signed,
    )
    return {result.name: result.verdict for result in run_rendition_checks(rendition)}


# Of a rendition whose original nobody looked at.
OF_ORIGINAL = {"subject_whole", "subject_clear"}


def test_a_good_rendition_passes_every_check() -> None:
    verdicts = judge(GOOD)
    assert {verdicts.pop(name) for name in OF_ORIGINAL} == {"skipped"}
    assert set(verdicts.values()) == {"passed"}


def with_xmp() -> PngInfo:
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return info


@pytest.mark.parametrize(
    ("data", "failed"),
    [
        (encode(draw_scene(120, 119), "JPEG", xmp=XMP), {"exact_pixels"}),
        (encode(draw_scene(120, 120), "PNG", pnginfo=with_xmp()), {"file_type_and_weight"}),
        (encode(draw_scene(120, 120), "JPEG"), {"marking"}),
        (encode(draw_scene(120, 120), "JPEG", xmp=XMP.replace(b"gen_1", b"gen_2")), {"marking"}),
        (GOOD + bytes(20_000), {"file_type_and_weight"}),
        (GOOD[:-200], {"exact_pixels", "single_decodable_frame"}),
    ],
    ids=["one pixel short", "other type", "unmarked", "other marks", "too heavy", "truncated"],
)
def test_each_fault_fails_the_checks_that_are_about_it(data: bytes, failed: set[str]) -> None:
    assert {name for name, verdict in judge(data).items() if verdict == "failed"} == failed


def test_missing_credentials_fail_only_where_there_must_be_some() -> None:
    pytest.importorskip("c2pa", reason="the extra c2pa is not installed")
    assert judge(GOOD)["marking"] == "passed"
    assert judge(GOOD, is_signed=True)["marking"] == "failed"


@pytest.mark.parametrize(("is_light", "parents"), [(False, "kept"), (True, "dropped")])
def test_the_parent_s_credentials_are_named_when_they_were_dropped(
    is_light: bool, parents: str
) -> None:
    pytest.importorskip("c2pa", reason="the extra c2pa is not installed")
    papers = issue_papers()
    credentials = Credentials.load(key=papers.key, certificate=papers.chain)
    assert credentials is not None
    parent = credentials.prepare_parent(encode(draw_scene(90, 90)), MARKS)
    signed = credentials.sign(GOOD, MARKS, parent, is_light=is_light)
    rendition = RenditionInput(
        channel=CHANNEL, data=signed, prompt_key="k", marks=MARKS, is_signed=True
    )
    [found] = [each for each in run_rendition_checks(rendition) if each.name == "marking"]
    assert found.verdict == "passed"
    assert found.figures["parent_credentials"] == parents
    assert ("credentials were dropped" in found.sentence) is is_light


def test_marks_nobody_knows_are_not_passed() -> None:
    rendition = RenditionInput(channel=CHANNEL, data=GOOD, prompt_key="k")
    assert {item.name: item.verdict for item in run_rendition_checks(rendition)}[
        "marking"
    ] == "skipped"


@pytest.mark.parametrize("kind", broken_pictures())
def test_no_broken_picture_passes_as_decodable(kind: str) -> None:
    verdicts = judge(broken_pictures()[kind]())
    assert verdicts["single_decodable_frame"] == "failed"
    assert verdicts["exact_pixels"] == "failed"


def test_a_failure_says_what_was_seen_and_what_is_accepted() -> None:
    rendition = RenditionInput(channel=CHANNEL, data=encode(draw_scene(90, 60)), prompt_key="k")
    pixels, _, weight, *_ = run_rendition_checks(rendition)
    assert (pixels.sentence, pixels.threshold) == ("it has 90x60 pixels", "120x120 pixels")
    assert pixels.figures == {"width_px": 90, "height_px": 60}
    assert weight.sentence.startswith("it is png of ")
    assert weight.threshold == "jpeg of at most 20,000 bytes"


def test_copy_that_found_no_room_is_named() -> None:
    rendition = RenditionInput(channel=CHANNEL, data=GOOD, prompt_key="k", left_out=("sub",))
    [copy] = [
        result for result in run_rendition_checks(rendition) if result.name == "copy_complete"
    ]
    assert (copy.name, copy.verdict, copy.severity) == ("copy_complete", "failed", "warn")
    assert copy.sentence == "left out for want of room: sub"


def judge_words(ink: str, *, size: int, field: str = "sub") -> dict[str, CheckResult]:
    """Return the results of a picture with one word in grey on white, saved as JPEG."""
    picture = Image.new("RGB", (120, 120), "white")
    font = Typeface("en").font(size, 450)
    left, top, right, bottom = font.find_ink("Hello")
    font.draw(picture, (10 - left, 20 - top), "Hello", ImageColor.getrgb(ink)[:3])
    box = (10, 20, 10 + round(right - left), 20 + round(bottom - top))
    rendition = RenditionInput(
        channel=CHANNEL,
        data=encode(picture, "JPEG", quality=95),
        prompt_key="k",
        text_boxes=(TextBox(field, box, size),),
    )
    return {result.name: result for result in run_rendition_checks(rendition)}


def failed_of(results: dict[str, CheckResult]) -> set[str]:
    return {name for name, result in results.items() if result.verdict == "failed"}


@pytest.mark.parametrize(
    ("ink", "size", "failed"),
    [
        ("#6A6A6A", 20, set()),
        ("#868686", 20, {"text_contrast"}),
        ("#868686", 30, set()),
        ("#A8A8A8", 30, {"text_contrast"}),
        ("#000000", 10, set()),
        ("#000000", 9, {"smallest_letter"}),
    ],
    ids=["dark", "faint", "faint but large", "faint though large", "10 px", "9 px"],
)
def test_faint_or_tiny_words_fail_for_their_own_reason_only(
    ink: str, size: int, failed: set[str]
) -> None:
    assert failed_of(judge_words(ink, size=size)) == failed


def test_words_that_fail_are_told_with_what_was_measured() -> None:
    faint = judge_words("#A8A8A8", size=20)["text_contrast"]
    assert faint.severity == "warn"
    assert faint.figures["sub_ratio"] == pytest.approx(2.37, abs=0.1)
    assert faint.sentence == f"sub has {faint.figures['sub_ratio']:.2f}:1 at 20 px"
    tiny = judge_words("#000000", size=9)["smallest_letter"]
    assert (tiny.sentence, tiny.figures) == ("sub is set in 9 px", {"sub_px": 9})


def test_words_the_model_drew_are_skipped_until_somebody_has_read_where_they_are() -> None:
    rendition = RenditionInput(channel=CHANNEL, data=GOOD, prompt_key="k", has_drawn_text=True)
    skipped = {
        result.name for result in run_rendition_checks(rendition) if result.verdict == "skipped"
    }
    assert skipped - {"marking", *OF_ORIGINAL} == {"text_contrast", "smallest_letter"}


def test_copy_we_set_on_a_banner_is_judged_though_the_model_drew_words_as_well() -> None:
    small = TextBox("disclaimer", (10, 10, 90, 20), 9)
    rendition = RenditionInput(
        channel=CHANNEL, data=GOOD, prompt_key="k", has_drawn_text=True, text_boxes=(small,)
    )
    results = {result.name: result for result in run_rendition_checks(rendition)}
    assert results["smallest_letter"].verdict == "failed"


@pytest.mark.parametrize(
    ("size", "headline", "disclaimer", "seen"),
    [
        ((1080, 1920), 63, 18, ""),
        ((1080, 1920), 63, 16, "disclaimer is set in 16 px"),
        ((1080, 1920), 45, 18, "headline is set in 45 px, as it has no room at 56 px"),
        ((160, 600), 14, 10, ""),
        ((160, 600), 12, 10, "headline is set in 12 px, as it has no room at 14 px"),
    ],
)
def test_the_least_letters_are_those_that_the_setter_keeps_to(
    size: tuple[int, int], headline: int, disclaimer: int, seen: str
) -> None:
    rendition = RenditionInput(
        channel=CHANNEL.model_copy(update={"width": size[0], "height": size[1]}),
        data=GOOD,
        prompt_key="k",
        text_boxes=(
            TextBox("headline", (10, 10, 90, 20), headline),
            TextBox("disclaimer", (10, 30, 90, 40), disclaimer),
        ),
    )
    results = {result.name: result for result in run_rendition_checks(rendition)}
    found = results["smallest_letter"]
    assert found.verdict == ("failed" if seen else "passed")
    assert seen in found.sentence


@pytest.mark.parametrize(
    ("background", "ink"),
    [
        ("#FFFFFF", "#000000"),
        ("#0B3D2E", "#F7F3EA"),
        ("#777777", "#FFFFFF"),
        ("#101010", "#303030"),
    ],
)
def test_contrast_of_flat_colours_is_measured_exactly(background: str, ink: str) -> None:
    picture = Image.new("RGB", (60, 20), background)
    picture.paste(ink, (10, 5, 30, 9))
    wanted = measure_contrast(parse_colour(background), parse_colour(ink))
    assert measure_text_contrast(picture, (0, 0, 60, 20)) == pytest.approx(wanted, abs=0.01)


def test_an_even_box_has_no_contrast() -> None:
    assert measure_text_contrast(Image.new("RGB", (9, 9), "navy"), (0, 0, 9, 9)) == 1.0


def test_a_check_that_crashes_has_failed_and_the_others_still_run() -> None:
    def crash(rendition: RenditionInput) -> Finding:
        raise ZeroDivisionError("no figures")

    table = (Check("crashing", "Crashes.", "warn", crash), *RENDITION_CHECKS)
    rendition = RenditionInput(channel=CHANNEL, data=GOOD, prompt_key="k", marks=MARKS)
    crashed, *others = run_rendition_checks(rendition, table)
    assert (crashed.verdict, crashed.severity) == ("failed", "warn")
    assert crashed.sentence == "the check itself crashed: ZeroDivisionError: no figures"
    assert len(others) == len(RENDITION_CHECKS)
    assert {item.verdict for item in others if item.name not in OF_ORIGINAL} == {"passed"}


def test_names_are_unique_and_documented() -> None:
    names = [check.name for check in RENDITION_CHECKS]
    page = (Path(__file__).parents[4] / "docs" / "checks.md").read_text("utf-8")
    assert len(set(names)) == len(names)
    assert [name for name in names if f"`{name}`" not in page] == []
