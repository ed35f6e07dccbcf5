"""Embeddings of one face lie near each other, turned or scaled; those of two faces lie apart."""

import importlib.util

import pytest
from PIL import Image

from nbp_dagster.studio.vision.embedding import Embedding, embed_face, measure_distance
from nbp_dagster.studio.vision.faces import find_faces
from tests.rigs.drawn_faces import draw_face

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None, reason="the extra character is not installed"
)


def embed(picture: Image.Image) -> Embedding:
    return embed_face(picture, find_faces(picture)[0])


def test_one_face_is_itself_turned_mirrored_scaled_and_elsewhere() -> None:
    """The alignment takes all of it away."""
    first = embed(draw_face(300))
    plain = Image.new("RGB", (900, 600), "#88A0C8")
    plain.paste(draw_face(400), (420, 150))
    tilted = draw_face(600).rotate(14, Image.Resampling.BICUBIC, fillcolor="#88A0C8")
    mirrored = draw_face(300).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for other in (plain, tilted, mirrored):
        assert measure_distance(first, embed(other)) < 0.3


def test_another_face_lies_further_away_than_the_same_one_elsewhere() -> None:
    other = draw_face(300, skin="#7C4A2D", hair="#111111", jaw=0.85, nose=0.26)
    apart = measure_distance(embed(draw_face(300)), embed(other))
    again = measure_distance(embed(draw_face(300)), embed(draw_face(420)))
    assert apart > 2 * again


def test_a_face_at_the_rim_is_embedded_too() -> None:
    """What lies outside of the picture is black, as dlib pads it."""
    cut = draw_face(300).crop((40, 0, 300, 250))
    assert embed(cut).shape == (128,)
