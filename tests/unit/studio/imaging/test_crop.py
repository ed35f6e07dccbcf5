"""Crops keep what stands out and every word; what no crop can keep is shown whole."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nbp_dagster.studio.imaging.boxes import Box
from nbp_dagster.studio.imaging.crop import Crop, Subject, choose_crop, choose_figure_crop
from nbp_dagster.studio.imaging.resize import build_pyramid
from nbp_dagster.studio.imaging.saliency import find_saliency
from tests.rigs.pictures import draw_noise, draw_scene


def saliency_at(x: int, y: int = 5, *, rows: int = 10, columns: int = 10) -> Subject:
    """Something that stands out in one part of a picture, and nothing else."""
    found = np.zeros((rows, columns))
    found[y, x] = 1
    return Subject(found)


def frame(subject: Subject | None, *, size: tuple[int, int] = (1000, 1000)) -> Crop:
    return choose_crop(size, width=700, height=1000, subject=subject)


@pytest.mark.parametrize("place", [0.15, 0.5, 0.85], ids=["left", "middle", "right"])
def test_a_crop_follows_the_figure(place: float) -> None:
    scene = draw_scene(960, 540, head_at=(place, 0.4))
    subject = Subject(build_pyramid(scene).saliency)
    crop = choose_crop(scene.size, width=540, height=540, subject=subject)
    left, _, right, _ = crop.box
    head = place * 960
    assert crop.method == "cover"
    assert left <= head - 60
    assert head + 60 <= right


def test_the_middle_is_left_only_for_something() -> None:
    assert frame(None).box == frame(saliency_at(5)).box
    assert not frame(saliency_at(5)).is_moved
    assert frame(saliency_at(9)).is_moved


@pytest.mark.parametrize(
    ("word", "method"),
    [
        ((0.05, 0.4, 0.6, 0.5), "cover"),
        ((0.4, 0.4, 0.99, 0.5), "cover"),
        ((0.1, 0.4, 0.9, 0.5), "inside"),
    ],
    ids=["at the left", "at the right", "too wide for any crop"],
)
def test_no_word_is_cut(word: Box, method: str) -> None:
    crop = frame(Subject(saliency_at(5).saliency, (word,)))
    assert crop.method == method
    assert crop.box[0] <= word[0] * 1000
    assert crop.box[2] >= word[2] * 1000


def test_words_hold_a_crop_back_that_a_figure_would_move() -> None:
    word = (0.02, 0.4, 0.3, 0.5)
    crop = frame(Subject(saliency_at(6).saliency, (word,)))
    assert crop.method == "cover"
    assert crop.box[0] <= 20


def test_what_no_crop_can_show_is_shown_whole() -> None:
    """Two figures at the two ends of a picture."""
    ends = (saliency_at(0).saliency + saliency_at(9).saliency) / 2
    assert frame(Subject(ends)).method == "inside"


@pytest.mark.parametrize("size", [(728, 90), (970, 90), (320, 50), (970, 250), (160, 600)])
def test_a_banner_without_copy_is_the_slimmest_strip_that_shows_the_head(
    size: tuple[int, int],
) -> None:
    """Never a small picture on a long ground: the body may go on outside the strip."""
    head = (0.3, 0.1, 0.7, 0.5)
    subject = Subject(saliency_at(5, 3).saliency, heads=(head,), figure=(0.1, 0.1, 0.9, 1.0))
    crop = choose_crop((1000, 1000), width=size[0], height=size[1], subject=subject)
    whole = min(size)
    left, top, right, bottom = crop.box
    assert left <= 300 < 700 <= right
    assert top <= 100 < 500 <= bottom
    shown = max(crop.place[2] - crop.place[0], crop.place[3] - crop.place[1])
    assert shown >= 2 * whole


@pytest.mark.parametrize("size", [(728, 90), (160, 600)], ids=["wide", "tall"])
def test_a_banner_without_copy_is_the_whole_picture_where_nothing_is_known_of_it(
    size: tuple[int, int],
) -> None:
    """What stands out need not have the head of whoever is on the picture."""
    crop = choose_crop(
        (1000, 1000), width=size[0], height=size[1], subject=Subject(np.full((8, 8), 1 / 64))
    )
    assert crop.method == "inside"
    assert crop.kept == 1


def test_a_banner_without_copy_is_filled_where_nothing_is_lost() -> None:
    subject = Subject(saliency_at(5, 3).saliency, figure=(0.4, 0.25, 0.6, 0.32))
    crop = choose_crop((1000, 1000), width=900, height=100, subject=subject)
    assert (crop.method, crop.place) == ("cover", (0, 0, 900, 100))
    assert crop.box[1] <= 250
    assert crop.box[3] >= 320


def test_a_figure_is_kept_clear_of_the_copy_that_will_be_set() -> None:
    """The copy of a landscape frame stands at the left."""
    subject = saliency_at(4)
    size = (2000, 1000)
    plain = choose_crop(size, width=1300, height=1000, subject=subject)
    lettered = choose_crop(size, width=1300, height=1000, subject=subject, anchor="end")
    share = {
        name: (0.45 * 2000 - item.box[0]) / 1300
        for name, item in (("plain", plain), ("lettered", lettered))
    }
    assert share["lettered"] > 0.4
    assert share["lettered"] > share["plain"]


def test_the_same_picture_is_framed_alike() -> None:
    scene = draw_scene(600, 400, head_at=(0.8, 0.3))
    one, other = (find_saliency(scene.copy()) for _ in range(2))
    assert (one == other).all()
    assert one.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "image",
    [Image.new("RGB", (1, 1)), Image.new("RGB", (900, 3), "red"), draw_noise(5, 70)],
    ids=["a pixel", "one colour", "a strip of noise"],
)
def test_anything_has_a_salience(image: Image.Image) -> None:
    found = find_saliency(image)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()


def test_what_stands_out_is_found() -> None:
    image = Image.new("RGB", (300, 200), (90, 140, 90))
    ImageDraw.Draw(image).ellipse((220, 60, 260, 120), fill=(220, 60, 40))
    found = find_saliency(image)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert 200 <= (column + 0.5) / found.shape[1] * 300 <= 280
    assert 40 <= (row + 0.5) / found.shape[0] * 200 <= 140


def test_a_figure_part_is_close_and_leaves_words_out() -> None:
    """The words stand out more than the figure, and just below it."""
    saliency = np.zeros((40, 40))
    saliency[16:26, 2:12] = 0.3 / 100
    saliency[27:36, 2:38] = 0.7 / 324
    word = (0.05, 0.66, 0.95, 0.9)
    subject = Subject(saliency, (word,))
    crop = choose_figure_crop((2000, 2000), (0, 0, 200, 120), subject, join=(20, 0, 0, 0))
    left, top, right, bottom = crop.box
    assert crop.method == "beside"
    assert left <= 100
    assert 600 <= right <= 1100
    assert top <= 800
    assert 1290 <= bottom <= 0.66 * 2000
    assert (right - left) / (bottom - top) == pytest.approx(200 / 120)


def test_a_figure_at_the_edge_is_shown_closer_before_words_come_in() -> None:
    """The part that passes into the background can't lie outside the picture: the rest moves."""
    saliency = np.zeros((40, 40))
    saliency[16:24, 0:14] = 1 / 112
    word = (0.4, 0.3, 0.95, 0.7)
    crop = choose_figure_crop(
        (2000, 1000), (0, 0, 200, 120), Subject(saliency, (word,)), join=(40, 0, 0, 0)
    )
    assert crop.box[0] == 0
    assert 500 <= crop.box[2] <= 0.4 * 2000


@pytest.mark.parametrize("size", [(1, 1), (40, 900), (900, 40)])
def test_a_figure_part_of_any_picture_lies_inside_it(size: tuple[int, int]) -> None:
    subject = Subject(find_saliency(draw_noise(*size)))
    left, top, right, bottom = choose_figure_crop(size, (0, 0, 160, 90), subject).box
    assert left >= 0
    assert top >= 0
    assert right <= size[0] + 1e-6
    assert bottom <= size[1] + 1e-6
