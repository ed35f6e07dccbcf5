"""Heads are found around faces; what has no face is found by what the picture is about."""

import pytest
from PIL import Image, ImageDraw

from nbp_dagster.studio.imaging.boxes import share_of
from nbp_dagster.studio.imaging.places import can_find_places, find_places
from nbp_dagster.studio.imaging.resize import build_pyramid

pytestmark = pytest.mark.skipif(not can_find_places(), reason="the extra `character` is missing")


def test_a_thing_on_a_plain_ground_is_the_subject() -> None:
    picture = Image.new("RGB", (900, 600), (225, 230, 235))
    ImageDraw.Draw(picture).ellipse((600, 200, 760, 360), fill=(200, 30, 40))
    found = find_places(picture, build_pyramid(picture).reduced(longer=224), original="a")
    assert found.original == "a"
    assert found.subject is not None
    assert share_of((0.69, 0.36, 0.82, 0.57), found.subject) > 0.9


@pytest.mark.parametrize(
    ("part", "share"),
    [((0, 0, 10, 10), 1.0), ((0, 0, 5, 10), 0.5), ((5, 5, 20, 20), 0.25), ((11, 0, 20, 9), 0.0)],
)
def test_the_share_of_a_box(part: tuple[float, float, float, float], share: float) -> None:
    assert share_of((0, 0, 10, 10), part) == share
