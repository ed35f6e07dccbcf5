"""The subject of a picture is cut out by where it draws the eye, and nothing where none is."""

import numpy as np
import pytest
from PIL import Image

from nbp_dagster.studio.checks.characters.subject import cut_subject, pad_to_square


def scene(width: int = 600, height: int = 400) -> Image.Image:
    """A red block on green ground."""
    image = Image.new("RGB", (width, height), "#2E7D32")
    image.paste("#C62828", (200, 100, 320, 300))
    return image


def importance(*blocks: tuple[float, float, float, float, float]) -> np.ndarray:
    """A map of 96 x 96 with blocks: left, top, right, bottom in shares, and how much."""
    found = np.zeros((96, 96), np.float32)
    for left, top, right, bottom, level in blocks:
        found[int(top * 96) : int(bottom * 96), int(left * 96) : int(right * 96)] = level
    return found


# The block of the scene within its square of 600 x 600, whose picture begins 100 pixels down.
BLOCK = (200 / 600, 200 / 600, 320 / 600, 400 / 600, 0.8)


def test_the_square_holds_the_picture_in_its_middle() -> None:
    square = pad_to_square(scene())
    assert square.size == (600, 600)
    assert square.getpixel((10, 10)) == (255, 255, 255)
    assert square.getpixel((250, 300)) == (198, 40, 40)


def test_the_subject_stands_on_white() -> None:
    figure = cut_subject(scene(), importance(BLOCK))
    assert figure is not None
    assert figure.is_cut
    pixels = np.asarray(figure.image)
    red = (pixels == (198, 40, 40)).all(axis=2)
    assert red[figure.mask].mean() > 0.9
    assert (pixels[~figure.mask] == 255).all()
    assert figure.image.width < figure.image.height


def test_a_faint_and_a_small_island_are_ground() -> None:
    """Half as much as the most, and a quarter of the heaviest one's weight, are asked for."""
    lone = cut_subject(scene(), importance(BLOCK))
    faint = cut_subject(scene(), importance(BLOCK, (0.7, 0.4, 0.95, 0.7, 0.3)))
    small = cut_subject(scene(), importance(BLOCK, (0.7, 0.4, 0.76, 0.46, 0.8)))
    two = cut_subject(scene(), importance(BLOCK, (0.7, 0.4, 0.9, 0.6, 0.8)))
    assert lone is not None
    assert two is not None
    for each in (faint, small):
        assert each is not None
        assert each.image.size == lone.image.size
    assert two.image.width > two.image.height


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(importance(), id="nothing draws the eye"),
        pytest.param(importance((0.0, 0.0, 1.0, 1.0, 0.5)), id="all of it does"),
        pytest.param(importance((0.5, 0.5, 0.55, 0.55, 0.9)), id="a speck does"),
    ],
)
def test_a_picture_without_a_subject_has_none(found: np.ndarray) -> None:
    assert cut_subject(scene(), found) is None
