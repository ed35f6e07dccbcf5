"""Faces are found where they are, whole and on tiles, and nothing is found where there is none."""

import importlib.util

import pytest
from PIL import Image

from nbp_dagster.studio.vision.faces import find_faces
from tests.rigs.drawn_faces import draw_face

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None, reason="the extra character is not installed"
)


def put(size: tuple[int, int], *places: tuple[int, int, int]) -> Image.Image:
    """A plain picture with a drawn face at each place: left, top, side."""
    picture = Image.new("RGB", size, "#88A0C8")
    for left, top, side in places:
        picture.paste(draw_face(side), (left, top))
    return picture


def test_a_face_is_found_where_it_is() -> None:
    """Eyes, nose and mouth lie inside the box, in the order of the docstring."""
    (face,) = find_faces(put((600, 500), (200, 100, 300)))
    left, top, right, bottom = face.box
    assert 240 < left < 290
    assert 410 < right < 460
    assert 150 < top < 250 < 330 < bottom < 390
    (right_eye, left_eye, nose, mouth) = face.points[:4]
    assert left < right_eye[0] < nose[0] < left_eye[0] < right
    assert right_eye[1] < nose[1] < mouth[1]
    assert not face.is_turned


@pytest.mark.parametrize("size", [(1376, 768), (768, 1376), (1584, 672), (3000, 3000)])
def test_a_small_face_is_found_on_a_tile_and_only_once(size: tuple[int, int]) -> None:
    """A twelfth of the longer side, where the whole picture alone shows it too small."""
    side = max(size) // 6
    left, top = size[0] // 5, size[1] // 3
    found = find_faces(put(size, (left, top, side)))
    assert len(found) == 1
    middle = ((found[0].box[0] + found[0].box[2]) / 2, (found[0].box[1] + found[0].box[3]) / 2)
    assert middle == pytest.approx((left + side / 2, top + side * 0.53), abs=side / 10)


def test_two_faces_are_two() -> None:
    found = find_faces(put((900, 500), (50, 100, 300), (550, 100, 300)))
    assert sorted(round(face.box[0], -2) for face in found) == [100, 600]


@pytest.mark.parametrize("size", [(640, 480), (1, 1), (2000, 3)])
def test_a_plain_picture_has_none(size: tuple[int, int]) -> None:
    assert find_faces(Image.new("RGB", size, "#88A0C8")) == []


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_any_mode_is_looked_at(mode: str) -> None:
    assert len(find_faces(draw_face(300).convert(mode))) == 1
