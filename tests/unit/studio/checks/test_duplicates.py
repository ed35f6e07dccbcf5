"""Originals that are the same picture twice, and those that only may be alike."""

import base64
from dataclasses import replace
from functools import cache

from PIL import Image, ImageDraw, ImageEnhance

from nbp_dagster.studio.checks.duplicates import find_duplicates
from nbp_dagster.studio.checks.set_checks import run_set_checks
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.manifest.value_types import DuplicateFacts
from nbp_dagster.studio.provenance.descriptors import describe_picture
from tests.rigs.pictures import draw_scene
from tests.rigs.sets import build_set


@cache
def pictures() -> tuple[Image.Image, Image.Image]:
    """Two pictures that have nothing in common."""
    other = Image.new("RGB", (320, 320), "#3355AA")
    ImageDraw.Draw(other).ellipse((60, 30, 150, 260), fill="#FFCC00")
    return draw_scene(320, 320), other


def record(
    shot: str,
    picture: Image.Image,
    *,
    locale: str = "all",
    ratio: str = "1:1",
    variant: int = 1,
    sha256: str = "",
    fingerprint: str = "",
) -> PromptRecord:
    """What a prompt's record says of its original."""
    key = f"winter/{shot}/{locale}/{ratio.replace(':', 'x')}/v{variant}"
    row = replace(
        build_set(scale=0.02).manifest.pictures[0],
        shot=shot,
        locale=locale,
        ratio=ratio,
        variant=variant,
        prompt_key=key,
        original_sha256=sha256 or key,
    )
    return PromptRecord(
        prompt_key=key,
        fingerprint=fingerprint or key,
        recipe="r",
        pictures=(row,),
        preview="",
        sketch=base64.b64encode(describe_picture(picture)).decode(),
    )


def pairs(*records: PromptRecord) -> set[tuple[str, str, bool]]:
    return {
        (twin.prompt_key.split("/", 1)[1], twin.twin_of.split("/", 1)[1], twin.same_file)
        for twin in find_duplicates(records)
    }


def test_pictures_of_their_own_are_no_twins() -> None:
    one, other = pictures()
    assert pairs(record("a", one), record("b", other)) == set()


def test_another_shot_or_variant_that_looks_the_same_is_named_with_the_first_of_its_kind() -> None:
    one, other = pictures()
    again = ImageEnhance.Brightness(one.resize((200, 200))).enhance(0.95)
    records = [
        record("a", one),
        record("b", again),
        record("c", other),
        record("a", one, variant=2),
    ]
    assert pairs(*records) == {
        ("b/all/1x1/v1", "a/all/1x1/v1", False),
        ("a/all/1x1/v2", "a/all/1x1/v1", False),
    }


def test_two_dark_pictures_with_one_candle_are_two() -> None:
    one, other = (Image.new("RGB", (640, 360), "#050505") for _ in range(2))
    for picture in (one, other):
        draw = ImageDraw.Draw(picture)
        draw.ellipse((280, 120, 340, 240), fill="#FFE9A0")
    for left in (60, 160, 420, 520):
        ImageDraw.Draw(other).ellipse((left, 170, left + 60, 210), fill="#3A4A20")
    dimmed = ImageEnhance.Brightness(one.resize((480, 270))).enhance(0.9)
    assert pairs(record("a", one), record("b", other)) == set()
    assert pairs(record("a", one), record("b", dimmed)) == {("b/all/1x1/v1", "a/all/1x1/v1", False)}


def test_one_moment_in_another_ratio_or_language_may_look_the_same() -> None:
    one, _ = pictures()
    records = [
        record("a", one, locale="en"),
        record("a", one, locale="de"),
        record("a", one, locale="en", ratio="4:5"),
    ]
    assert pairs(*records) == set()


def test_the_same_file_is_told_whatever_it_was_made_for() -> None:
    one, _ = pictures()
    records = [
        record("a", one, locale="en", sha256="same"),
        record("a", one, locale="de", sha256="same"),
        record("a", one, locale="en", ratio="4:5", sha256="same"),
    ]
    assert pairs(*records) == {
        ("a/de/1x1/v1", "a/en/1x1/v1", True),
        ("a/en/4x5/v1", "a/en/1x1/v1", True),
    }


def test_one_purchase_for_two_languages_of_the_same_words_is_no_twin() -> None:
    one, _ = pictures()
    shared = [
        record("a", one, locale="en", sha256="same", fingerprint="f"),
        record("a", one, locale="de", sha256="same", fingerprint="f"),
    ]
    assert pairs(*shared) == set()
    # Two shots in the same words were not meant to be one picture.
    other = record("b", one, locale="en", sha256="same", fingerprint="f")
    assert pairs(*shared, other) == {("b/en/1x1/v1", "a/en/1x1/v1", True)}


def test_pictures_without_detail_or_sketch_are_like_none() -> None:
    plain = Image.new("RGB", (320, 320), "#777777")
    assert pairs(record("a", plain), record("b", plain)) == set()
    one, _ = pictures()
    assert pairs(record("a", one), replace(record("b", one), sketch="")) == set()


def test_twins_fail_their_check_of_the_set_alone_which_may_block() -> None:
    manifest = build_set(scale=0.02).manifest
    assert {result.verdict for result in run_set_checks(manifest)} <= {"passed", "skipped"}
    first, second, *_ = dict.fromkeys(picture.prompt_key for picture in manifest.pictures)
    twins = (DuplicateFacts(second, first, 0.97, same_file=False),)
    results = run_set_checks(replace(manifest, twins=twins), ("distinct_originals",))
    [red] = [result for result in results if result.verdict == "failed"]
    assert (red.name, red.severity) == ("distinct_originals", "error")
    assert red.sentence == f"the same picture twice: {second} is {first} (likeness 0.97)"


def test_an_edit_may_look_like_what_it_starts_from_but_not_have_its_bytes() -> None:
    one, _ = pictures()
    park, snow, rain = record("park", one), record("snow", one), record("rain", one)
    starts = {each.prompt_key: park.prompt_key for each in (snow, rain)}

    assert find_duplicates([park, snow, rain], starts) == ()
    assert len(find_duplicates([park, snow, rain])) == 2
    unchanged = record("snow", one, sha256=park.prompt_key)
    assert [each.same_file for each in find_duplicates([park, unchanged], starts)] == [True]
