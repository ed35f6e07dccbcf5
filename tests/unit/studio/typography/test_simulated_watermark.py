"""The SIMULATED mark on lettered pictures."""

import pytest
from PIL import Image, ImageChops

from nbp_dagster.studio.typography.simulated_watermark import draw_watermark


def stamped_box(picture: Image.Image, boxes: dict[str, tuple[int, int, int, int]]) -> list[int]:
    marked = draw_watermark(picture, boxes)
    assert marked.size == picture.size
    found = ImageChops.difference(marked, picture).getbbox()
    assert found is not None
    return list(found)


@pytest.mark.parametrize("size", [(1080, 1350), (300, 250), (728, 90), (160, 600)])
def test_the_mark_is_large_enough_to_read_and_within_the_picture(size: tuple[int, int]) -> None:
    left, top, right, bottom = stamped_box(Image.new("RGB", size, "white"), {})

    assert right <= size[0]
    assert bottom <= size[1]
    assert bottom - top >= 10
    assert right - left >= 50


def test_the_mark_keeps_clear_of_copy() -> None:
    picture = Image.new("RGB", (1000, 1000), "white")

    _, top, _, _ = stamped_box(picture, {"headline": (0, 0, 1000, 200)})
    left, _, _, _ = stamped_box(picture, {"headline": (0, 0, 500, 200)})

    assert top > 200
    assert left > 500


def test_a_picture_full_of_copy_is_marked_all_the_same() -> None:
    picture = Image.new("RGB", (600, 600), "white")

    _, top, _, _ = stamped_box(picture, {"headline": (0, 0, 600, 600)})

    assert top > 300


def test_where_no_corner_is_free_the_mark_covers_the_least() -> None:
    picture = Image.new("RGB", (1000, 1000), "white")
    corners = {
        "head 1": (0, 0, 1000, 480),
        "headline": (0, 700, 1000, 1000),
        "sub": (940, 480, 1000, 700),
    }
    left, top, _, _ = stamped_box(picture, {**corners, "head 2": (0, 480, 60, 1000)})
    assert top > 480
    assert left > 500
