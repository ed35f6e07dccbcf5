"""The picture with a part of it marked, as the model is shown what may change."""

import io

import pytest
from PIL import Image

from nbp_dagster.prompts.edits import Region
from nbp_dagster.prompts.reference_selection import mark_region, read_region
from nbp_dagster.studio.references.marked_region import draw_marked_region
from tests.rigs.pictures import encode

KEY = "winter/kitchen/all/1x1/v1"


def marked(region: Region) -> Image.Image:
    picture = encode(Image.new("RGB", (400, 300), (10, 120, 60)))
    return Image.open(io.BytesIO(draw_marked_region(picture, region)))


def is_magenta(colour: tuple[int, int, int]) -> bool:
    red, green, blue = colour
    return red > 180 and green < 90 and blue > 180


def test_a_frame_stands_around_the_area_and_leaves_it_as_it_is() -> None:
    image = marked((0.25, 0.2, 0.75, 0.8))

    assert (image.mode, image.size) == ("RGB", (400, 300))
    for x, y in ((98, 150), (301, 150), (200, 58), (200, 241)):
        assert is_magenta(image.getpixel((x, y))), (x, y)  # type: ignore[arg-type]
    for x, y in ((110, 150), (200, 150), (20, 20), (390, 290)):
        assert not is_magenta(image.getpixel((x, y))), (x, y)  # type: ignore[arg-type]


def test_an_area_at_the_edge_has_its_frame_inside_the_picture() -> None:
    image = marked((0.0, 0.0, 1.0, 1.0))

    for place in ((1, 1), (398, 1), (1, 298), (398, 298)):
        assert is_magenta(image.getpixel(place)), place  # type: ignore[arg-type]


@pytest.mark.parametrize("region", [(0.0, 0.0, 1.0, 1.0), (0.1, 0.205, 0.55, 0.9999)])
def test_its_source_says_which_picture_and_which_part(region: Region) -> None:
    reference = mark_region(KEY, base="a" * 64, region=region)

    assert reference.role == "region"
    assert read_region(reference.source) == (KEY, "a" * 64, region)
    assert reference.digest != mark_region(KEY, base="b" * 64, region=region).digest
