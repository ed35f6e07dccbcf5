"""The face decides where both sides have one, says when it can't, and leaves no trace of itself."""

import importlib.util
from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image

from nbp_dagster.studio.checks.characters.distractors import draw_distractors
from nbp_dagster.studio.checks.characters.face_path import (
    OTHER,
    SAME,
    FacePath,
    PictureFaces,
    SeenFace,
)
from nbp_dagster.studio.checks.characters.lineup import BODY_STEP, Likeness, Lineup
from nbp_dagster.studio.checks.characters.scorer import ColourScorer
from tests.rigs.drawn_faces import ADA, BO, draw_face

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None, reason="the extra character is not installed"
)


@pytest.fixture(scope="module")
def path() -> FacePath:
    """Ada has a face, and a figure of no face is called Cy."""
    return FacePath({"ada": [(ADA, 1)], "cy": [(draw_distractors()[3].image, 1)]})


def at(path: FacePath, *distances: float, turned: bool = False, small: int = 0) -> PictureFaces:
    """Faces at given distances from Ada's."""
    own = path.look_at(ADA).large[0].embedding
    step = np.zeros_like(own)
    step[0] = 1
    large = tuple(
        SeenFace(own + distance * step, side=200, score=0.8, is_hidden=turned)
        for distance in distances
    )
    return PictureFaces(large, small)


def test_the_same_face_elsewhere_is_the_same(path: FacePath) -> None:
    scene = Image.new("RGB", (1200, 800), "#DDE5D0")
    scene.paste(draw_face(420, ground="#DDE5D0"), (600, 200))
    reading = path.read("ada", path.look_at(scene))
    assert (reading.answer, reading.number) == ("same", 0)
    assert reading.distance is not None
    assert reading.distance < 0.4


@pytest.mark.parametrize(
    ("distance", "answer"),
    [
        (0.0, "same"),
        (SAME - 0.01, "same"),
        (SAME + 0.01, "unsure"),
        (OTHER - 0.01, "unsure"),
        (OTHER + 0.01, "other"),
        (1.4, "other"),
    ],
)
def test_there_are_three_answers(path: FacePath, distance: float, answer: str) -> None:
    assert path.read("ada", at(path, distance)).answer == answer


def test_the_nearest_of_several_faces_counts(path: FacePath) -> None:
    reading = path.read("ada", at(path, 0.9, 0.3, 0.7))
    assert (reading.answer, reading.number) == ("same", 1)


def test_a_small_or_hidden_face_is_no_stranger(path: FacePath) -> None:
    """Nothing is said of whose it is; one that is near counts all the same."""
    assert path.read("ada", at(path, small=2)).answer == "no opinion"
    assert path.read("ada", at(path, 0.8, small=1)).answer == "no opinion"
    hidden = path.read("ada", at(path, 0.8, turned=True))
    assert (hidden.answer, hidden.why) == ("no opinion", "its face is half hidden")
    assert path.read("ada", at(path, 0.3, turned=True, small=1)).answer == "same"


def test_a_small_drawn_face_gives_no_opinion(path: FacePath) -> None:
    """Found on a tile, with less than 40 pixels."""
    scene = Image.new("RGB", (700, 500), "#88A0C8")
    scene.paste(draw_face(60), (300, 200))
    assert path.read("ada", path.look_at(scene)).answer == "no opinion"


def test_faces_do_not_decide_where_one_side_has_none(path: FacePath) -> None:
    assert path.read("ada", at(path)).answer is None
    assert path.read("cy", at(path, 0.1)).answer is None
    assert path.read("nobody", at(path, 0.1)).answer is None


def test_several_references_count_by_the_mean() -> None:
    """Not by the best one."""
    both = FacePath({"ada": [(ADA, 1), (BO, 1)]})
    one, other = FacePath({"ada": [(ADA, 1)]}), FacePath({"ada": [(BO, 1)]})
    faces = both.look_at(ADA)
    apart = [path.read("ada", faces).distance for path in (one, other)]
    assert both.read("ada", faces).distance == pytest.approx(np.mean(apart), abs=1e-3)  # type: ignore[arg-type]


def test_a_face_of_another_of_the_shot_is_not_taken_for_this_one() -> None:
    """Who turned away is judged by the body, not called a stranger for the other's face."""
    both = FacePath({"ada": [(ADA, 1)], "bo": [(BO, 1)]}, same=0.4)
    faces = both.look_at(ADA)
    assert both.read("bo", faces).number == 0
    reading = both.read("bo", faces, cast=["ada", "bo"])
    assert (reading.answer, reading.why) == (None, "no face found")
    assert both.read("ada", faces, cast=["ada", "bo"]).answer == "same"


def test_a_cast_of_two_alike_is_parted_more_strictly() -> None:
    """Never more loosely, and never so that a character is not itself."""
    cast = {"ada": [(ADA, 1)], "eve": [(draw_face(600, eyes=0.17), 1)]}
    limit = FacePath(cast).find_limit()
    assert 0.4 <= limit < SAME
    assert FacePath({"ada": [(ADA, 1)]}).find_limit() == SAME
    strict = FacePath(cast, same=limit)
    assert strict.read("ada", at(strict, limit + 0.03)).answer == "unsure"
    # What is other stays: a stricter cast has more doubts, not more pictures that are bought again.
    assert strict.read("ada", at(strict, OTHER - 0.02)).answer == "unsure"


def likeness(path: FacePath, picture: Image.Image, name: str, threshold: float) -> Likeness:
    figures = {"ada": [draw_distractors()[1]], "cy": [draw_distractors()[3]]}
    lineup = Lineup(ColourScorer(), figures, path)
    scores = lineup.score_picture(picture)
    return lineup.likeness_of(scores, name, present={name}, threshold=threshold)


def test_the_lineup_says_which_path_decided(path: FacePath) -> None:
    """By its face Ada stands above the threshold, whatever the body's colours say."""
    found = likeness(path, ADA, "ada", 5.0)
    assert (found.path, found.answer) == ("face", "same")
    assert found.distance is not None
    assert found.standing == pytest.approx(5.0 + path.middle - found.distance)
    assert likeness(path, ADA, "cy", -9.0).path == "body"


def test_a_face_that_is_missing_costs_the_body_a_step(path: FacePath) -> None:
    """And the words say why; a character without a face loses nothing."""
    plain = Image.new("RGB", (400, 400), "#88A0C8")
    bare = likeness(FacePath({}), plain, "ada", 0.0)
    missing = likeness(path, plain, "ada", 0.0)
    assert missing.standing == pytest.approx(bare.standing - BODY_STEP)
    assert missing.note == "no face found"
    assert (
        likeness(path, plain, "cy", 0.0).standing
        == likeness(FacePath({}), plain, "cy", 0.0).standing
    )


def test_what_is_shown_of_faces_holds_no_embedding(path: FacePath) -> None:
    """Neither their text, as a log would have it, nor the likeness that records are made of."""
    faces = path.look_at(ADA)
    assert "array" not in repr(faces)
    found = likeness(path, ADA, "ada", 0.5)
    kept = asdict(replace(found, trace=b""))
    assert all(
        value is None or isinstance(value, str | int | float | bytes) for value in kept.values()
    )
    assert found.trace == likeness(FacePath({}), ADA, "ada", 0.5).trace
