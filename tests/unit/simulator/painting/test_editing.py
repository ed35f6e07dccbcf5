"""A picture is edited in place: other words, or what an instruction changes, and nothing else."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.prompts.aspect_ratio import Margins
from nbp_dagster.prompts.reference_selection import Reference
from nbp_dagster.prompts.templates import render_instruction_edit, render_words_edit
from nbp_dagster.simulator.painting.edit_prompt import read_edit
from nbp_dagster.simulator.painting.lettering.record import INFO, LetteringRecord, read_record
from nbp_dagster.simulator.painting.paint_worker import (
    Brush,
    PaintOrder,
    StoredPicture,
    paint_order,
)
from nbp_dagster.simulator.painting.painter import encode_jpeg, encode_png, paint
from nbp_dagster.simulator.painting.picture_folder import PictureFolder

CONFIG = Path(__file__).resolve().parents[4] / "assets_config"

SIZE = (464, 576)
POSTER = (
    "Create a poster in #14707A, #FFC53D, #EE7B30, #FFF1DD and #4A2A22.\n\n"
    "The scene: a courier with red hair, a city street.\n\n"
    'The headline reads "Rain or shine, we ride" and is the largest lettering. '
    'The call to action reads "Book a courier" and is set like a button.'
)
WORDS = (
    "Edit Image 1, a finished picture of Pennyway: its lettering alone changes.\n\n"
    "Image 1: picture to edit. It decides the people.\n\n"
    'The headline reads "Bei jedem Wetter" and is the largest lettering. '
    'The call to action reads "Kurier buchen" and is set like a button.'
)
SNOW = (
    "Edit Image 1, a finished picture of Pennyway: it is winter, with snow.\n\n"
    "Image 1: picture to edit. It decides the people.\n\n{where}"
    'The headline reads "Rain or shine, we ride" and is the largest lettering. '
    'The call to action reads "Book a courier" and is set like a button.'
)
CORNER = (
    "Only one area changes: from 50 % to 100 % of the width, counted from the left, and from 60 % "
    "to 100 % of the height, counted from the top, as framed in Image 2.\n\n"
)


def draw(prompt: str, original: bytes = b"", fault: str = "", variant: int = 1) -> Image.Image:
    references = [original] if original else []
    faults = frozenset([fault] if fault else [])
    width, height = SIZE
    return paint(prompt, references, width=width, height=height, variant=variant, faults=faults)


@pytest.fixture(scope="module")
def poster() -> Image.Image:
    return draw(POSTER)


def changed(first: Image.Image, second: Image.Image, least: int = 20) -> Any:
    """Which pixels differ by so many levels; with JPEG, 80 is no noise any more."""
    apart = np.abs(np.asarray(first, np.int16) - np.asarray(second, np.int16)).max(axis=-1)
    return apart > least


def column_of(picture: Image.Image) -> tuple[slice, slice]:
    """Where a picture has its words, with what letters and buttons reach beyond."""
    record: LetteringRecord = picture.info[INFO]
    left, top = record.corner
    right, bottom = left + record.ground.width, top + record.ground.height
    return slice(top, bottom), slice(left, right)


@pytest.mark.parametrize("encode", [encode_png, encode_jpeg])
def test_other_words_leave_everything_else_as_it_is(
    poster: Image.Image, encode: Callable[[Image.Image], bytes]
) -> None:
    edited = draw(WORDS, encode(poster))

    differs = changed(poster, edited, 80)
    place = column_of(poster)
    assert differs[place].any()
    differs[place] = False
    assert not differs.any()


def test_none_of_the_earlier_words_stays(poster: Image.Image) -> None:
    """What is edited and what was drawn with the new words at once have the same lettering."""
    edited = draw(WORDS, encode_png(poster))
    blank: LetteringRecord = poster.info[INFO]
    expected = poster.copy()
    blank.erase(expected)
    blank.draw(expected, edited.info[INFO].copy)

    assert expected.tobytes() == edited.tobytes()


def test_the_words_stay_in_their_place_even_where_they_are_longer(poster: Image.Image) -> None:
    longer = WORDS.replace("Bei jedem Wetter", "Bei Regen und bei Sonnenschein sind wir unterwegs")
    differs = changed(poster, draw(longer, encode_png(poster)))
    differs[column_of(poster)] = False
    assert not differs.any()


def test_a_picture_is_edited_at_the_size_that_is_asked_for(poster: Image.Image) -> None:
    twice = paint(WORDS, [encode_png(poster)], width=SIZE[0] * 2, height=SIZE[1] * 2)
    assert twice.size == (SIZE[0] * 2, SIZE[1] * 2)
    same = draw(WORDS, encode_png(poster))
    assert changed(twice.reduce(2), same).mean() < 0.02


def test_words_stand_on_a_plate_where_the_lettering_is_not_known(poster: Image.Image) -> None:
    bare = Image.frombytes("RGB", poster.size, poster.tobytes())
    edited = draw(WORDS, encode_png(bare))

    differs = changed(poster, edited)
    assert differs[round(0.72 * SIZE[1]) :].mean() > 0.5
    # The mark that says SIMULATED is set once more, for this could be any picture.
    assert differs[: round(0.68 * SIZE[1])].mean() < 0.03


def test_any_bytes_can_be_edited() -> None:
    assert draw(WORDS, b"no picture").size == SIZE


def test_an_instruction_changes_the_picture_and_keeps_its_words(poster: Image.Image) -> None:
    edited = draw(SNOW.format(where=""), encode_png(poster))
    assert changed(poster, edited).mean() > 0.2


def test_an_instruction_with_a_region_changes_nothing_outside_it(poster: Image.Image) -> None:
    edited = draw(SNOW.format(where=CORNER), encode_png(poster))

    differs = changed(poster, edited)
    inside = differs[round(0.6 * SIZE[1]) :, round(0.5 * SIZE[0]) :].copy()
    differs[round(0.6 * SIZE[1]) :, round(0.5 * SIZE[0]) :] = False
    # The mark is set again over it, so a few of its pixels differ.
    assert inside.mean() > 0.2
    assert differs.mean() < 0.01


def test_an_edit_that_names_nothing_known_changes_something_all_the_same(
    poster: Image.Image,
) -> None:
    other = SNOW.format(where="").replace("it is winter, with snow", "a teapot on the left")
    first, again = draw(other, encode_png(poster)), draw(other, encode_png(poster))
    assert changed(poster, first).mean() > 0.01
    assert first.tobytes() == again.tobytes()


def test_a_picture_without_words_is_edited_without_any() -> None:
    bare = draw("Create a poster. The scene: a city street, without any lettering.")
    snow = "Edit Image 1, a finished picture of X: snow.\n\nIt works entirely without lettering."
    edited = draw(snow, encode_png(bare))
    again = draw(snow.replace("snow", "rain"), encode_png(edited))
    assert changed(bare, edited).any()
    assert changed(edited, again).any()


def test_a_fault_changes_the_picture_beside_its_words(poster: Image.Image) -> None:
    edited = draw(WORDS, encode_png(poster), "edit-changes-picture")

    differs = changed(poster, edited)
    differs[column_of(poster)] = False
    assert 0.02 < differs.mean() < 0.2


def test_a_fault_leaves_the_earlier_words_above_the_new_ones(poster: Image.Image) -> None:
    kept = draw(WORDS, encode_png(poster), "edit-keeps-old-words")
    differs = changed(draw(WORDS, encode_png(poster)), kept)
    assert differs.any()
    differs[column_of(poster)] = False
    assert not differs.any()


@pytest.mark.parametrize("file_type", ["png", "jpeg"])
def test_another_process_edits_what_an_earlier_one_painted(tmp_path: Path, file_type: Any) -> None:
    """Nothing but the file goes from one to the other."""
    brush = Brush(file_type=file_type)
    first = paint_order(order(POSTER), brush)
    path = tmp_path / "original"
    path.write_bytes(first)
    edited = paint_order(order(WORDS, StoredPicture(path)), brush)

    with Image.open(io.BytesIO(first)) as picture, Image.open(io.BytesIO(edited)) as other:
        picture.load()
        record = read_record(picture)
        assert record is not None
        differs = changed(picture.convert("RGB"), other.convert("RGB"), 80)
    top, left = record.corner[1], record.corner[0]
    differs[top : top + record.ground.height, left : left + record.ground.width] = False
    assert not differs.any()


def test_a_picture_of_a_folder_is_edited_not_exchanged_for_another(tmp_path: Path) -> None:
    real = Image.effect_mandelbrot((928, 1152), (-2, -1.5, 1, 1.5), 60).convert("RGB")
    real.save(tmp_path / "one.png")
    Image.new("RGB", (928, 1152), "red").save(tmp_path / "two.png")
    brush = Brush(pictures=PictureFolder.open(tmp_path))
    edited = paint_order(order(WORDS, StoredPicture(tmp_path / "one.png")), brush)

    with Image.open(io.BytesIO(edited)) as picture:
        upper = (0, 200, 928, 700)
        assert not changed(real.crop(upper), picture.convert("RGB").crop(upper)).any()


def order(prompt: str, *references: StoredPicture) -> PaintOrder:
    return PaintOrder(prompt=prompt, references=references, ratio="4:5", resolution="1K", variant=0)


def test_a_record_that_is_damaged_counts_as_none(poster: Image.Image) -> None:
    data = poster.info[INFO].to_bytes("PNG")
    for broken in (b"", data[:50], data[:-400], b"x" * 100):
        with pytest.raises(ValueError, match="not a record of lettering"):
            LetteringRecord.from_bytes(broken)


@pytest.mark.parametrize("wild", [float("nan"), float("inf"), -500.0, 1e9])
def test_a_record_that_points_outside_its_picture_counts_as_none(
    poster: Image.Image, wild: float
) -> None:
    record: LetteringRecord = poster.info[INFO]
    for broken in (
        replace(record, column=replace(record.column, right=wild)),
        replace(record, headline_size=wild),
        replace(record, mark=(wild, 0.0)),
    ):
        with pytest.raises(ValueError, match="not a record of lettering"):
            LetteringRecord.from_bytes(broken.to_bytes("PNG"))


def test_the_prompts_that_the_package_writes_are_read_as_edits() -> None:
    briefs = load_briefs(CONFIG)
    campaign = next(iter(briefs.campaigns.values()))
    brand, shot = briefs.brands[campaign.brand], campaign.shots[0]
    original = (Reference("original", shot.id, "original:x", "0" * 64),)
    words = render_words_edit(brand, shot, locale=campaign.locales[0], references=original)
    marked = (*original, Reference("region", shot.id, "region:x", "1" * 64))
    instruction = render_instruction_edit(
        brand,
        shot,
        instruction="make it winter",
        locale=campaign.locales[0],
        ratio="4:5",
        margins=Margins(0, 0, 0, 0),
        references=marked,
        region=(0.1, 0.2, 0.5, 0.75),
    )

    first, second = read_edit(words), read_edit(instruction)
    assert first is not None
    assert first.kind == "words"
    assert second is not None
    assert second.kind == "instruction"
    assert second.region == (0.1, 0.2, 0.5, 0.75)
    assert second.choose_change(0) == "snow"
    assert read_edit(f"{POSTER} {words}") is None
