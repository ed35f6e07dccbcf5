"""Copies are found, others are not."""

from functools import cache

import pytest
from PIL import Image

from nbp_dagster.studio.provenance.descriptors import (
    MIN_SIMILARITY,
    PictureDescriptors,
    describe_picture,
    find_similar,
)
from tests.rigs.copies import JOURNEYS, draw_any, send


@cache
def pictures() -> list[Image.Image]:
    """Forty-two pictures, drawn when a test asks: every worker imports this file, one runs it."""
    return [draw_any(number) for number in range(42)]


def descriptors_of(pictures: list[Image.Image]) -> PictureDescriptors:
    return PictureDescriptors.of(
        [(describe_picture(item), item.width / item.height) for item in pictures]
    )


@cache
def descriptors() -> PictureDescriptors:
    return descriptors_of(pictures())


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
def test_every_copy_finds_its_picture_first(journey: object) -> None:
    for number, picture in enumerate(pictures()):
        found = find_similar(send(picture, journey, seed=number), descriptors())  # type: ignore[arg-type]
        assert found, number
        assert found[0].index == number
        assert found[0].score > 0.93


def test_other_pictures_have_no_match() -> None:
    for number in range(1000, 1042):
        assert find_similar(draw_any(number), descriptors()) == ()


def test_a_picture_is_like_itself() -> None:
    [first, *others] = find_similar(pictures()[3], descriptors())
    assert first.index == 3
    assert first.score > 0.97
    assert all(other.score >= MIN_SIMILARITY for other in others)


@pytest.mark.parametrize("colour", ["white", "#804020"])
def test_a_picture_of_one_colour_is_like_none_and_none_is_like_it(colour: str) -> None:
    blank = Image.new("RGB", (540, 540), colour)
    assert find_similar(blank, descriptors_of([blank, *pictures()])) == ()
    assert [
        hit.index for hit in find_similar(pictures()[0], descriptors_of([blank, pictures()[0]]))
    ] == [1]


def test_pictures_that_fit_as_well_stay_in_their_order() -> None:
    for number in range(6):
        twice = [pictures()[number], *pictures()[6:9], pictures()[number], pictures()[number]]
        found = find_similar(pictures()[number], descriptors_of(twice * 2))
        assert [hit.index for hit in found[:6]] == [0, 4, 5, 6, 10, 11]


def test_nothing_is_found_among_nothing() -> None:
    assert find_similar(pictures()[0], PictureDescriptors.of([])) == ()


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (40, 30)])
def test_a_picture_of_any_size_has_a_descriptor(size: tuple[int, int]) -> None:
    assert len(describe_picture(Image.new("RGB", size))) == 1152
    find_similar(Image.effect_noise(size, 60).convert("RGB"), descriptors())
