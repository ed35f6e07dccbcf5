"""Faces are counted against the shot: one too many, one twice, one missing, or nothing to tell."""

import importlib.util

import numpy as np
import pytest
from PIL import Image

from nbp_dagster.studio.checks.characters.face_path import FacePath, PictureFaces, SeenFace
from nbp_dagster.studio.checks.characters.headcount import Headcount, count_heads
from tests.rigs.drawn_faces import ADA, BO

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None, reason="the extra character is not installed"
)


@pytest.fixture(scope="module")
def path() -> FacePath:
    """Ada and Bo have a face, 0.45 apart; Cy's sheet shows none."""
    plain = Image.new("RGB", (300, 300), "white")
    return FacePath({"ada": [(ADA, 1)], "bo": [(BO, 1)], "cy": [(plain, 1)]}, same=0.3)


def seen(path: FacePath, image: Image.Image, side: float = 200, score: float = 0.8) -> SeenFace:
    return SeenFace(path.look_at(image).large[0].embedding, side, score)


def stranger(
    path: FacePath, side: float = 200, score: float = 0.8, hidden: bool = False
) -> SeenFace:
    own = path.look_at(ADA).large[0].embedding
    away = np.zeros_like(own)
    away[0] = 2
    return SeenFace(own + away, side, score, hidden)


def count(path: FacePath, cast: str, *large: SeenFace, small: int = 0) -> Headcount:
    return count_heads(path, PictureFaces(large, small), cast.split())


def test_a_face_for_each_character_is_right(path: FacePath) -> None:
    found = count(path, "ada bo", seen(path, ADA), seen(path, BO))
    assert found == Headcount(2)


def test_a_second_person_is_one_too_many(path: FacePath) -> None:
    assert count(path, "ada", seen(path, ADA), stranger(path)).strangers == 1
    assert count(path, "ada", seen(path, ADA), stranger(path), stranger(path)).strangers == 2


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"side": 90}, id="a passer-by"),
        pytest.param({"score": 0.55}, id="perhaps no face"),
        pytest.param({"hidden": True}, id="half hidden"),
    ],
)
def test_what_may_be_nobody_is_not_counted(path: FacePath, other: dict[str, float]) -> None:
    assert count(path, "ada", seen(path, ADA), stranger(path, **other)).strangers == 0  # type: ignore[arg-type]


def test_a_character_without_a_face_on_the_sheet_takes_one(path: FacePath) -> None:
    assert count(path, "ada cy", seen(path, ADA), stranger(path)) == Headcount(2)
    assert count(path, "cy", stranger(path)) == Headcount(1)
    assert count(path, "cy", stranger(path), stranger(path)).strangers == 1


def test_a_character_can_be_there_twice(path: FacePath) -> None:
    assert count(path, "ada", seen(path, ADA), seen(path, ADA)).twice == ("ada",)
    assert count(path, "ada bo", seen(path, ADA), seen(path, BO)).twice == ()


def test_one_of_two_can_be_missing(path: FacePath) -> None:
    """Where there are fewer faces than characters; else somebody is unlike, which is told apart."""
    apart = count_heads(
        FacePath({"ada": [(ADA, 1)], "bo": [(BO, 1)]}),
        PictureFaces((stranger(path),), 0),
        ["ada", "bo"],
    )
    assert apart.missing == ("ada", "bo")
    assert count(path, "ada bo", stranger(path), stranger(path)).missing == ()
    assert count(path, "ada bo", stranger(path), small=1).missing == ()


def test_it_says_where_faces_cannot_tell(path: FacePath) -> None:
    assert count(path, "ada").why_not == "no face found"
    assert count(path, "ada", small=3).why_not == "the faces are too small"
    assert count(path, "", stranger(path)).why_not == "the shot has no character"
