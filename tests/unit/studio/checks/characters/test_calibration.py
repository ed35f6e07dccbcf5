"""Thresholds part a brand's own from others, are kept, and are refused on too little."""

import random
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from nbp_dagster.studio.checks.characters.calibration import (
    Calibrations,
    TooFewViews,
    calibrate,
    measure_errors,
    place_on_background,
)
from nbp_dagster.studio.checks.characters.distractors import draw_distractors
from nbp_dagster.studio.checks.characters.face_path import SAME, FacePath
from nbp_dagster.studio.checks.characters.figures import Figure
from nbp_dagster.studio.checks.characters.scorer import ColourScorer
from nbp_dagster.studio.storage.documents import DocumentFolder
from tests.rigs.drawn_faces import draw_face

FIGURES = draw_distractors()
PALETTE = ["#0B3D2E", "#F2B705"]


def views_of(number: int, count: int = 3) -> tuple[Figure, ...]:
    """A figure and slightly cut copies of it."""
    figure = FIGURES[number]
    height = figure.image.height
    return tuple(
        Figure(figure.image.crop((0, 0, figure.image.width, height - 4 * step)),
               figure.mask[: height - 4 * step], is_cut=True)
        for step in range(count)
    )  # fmt: skip


def test_two_lots_are_parted_where_the_errors_are_equal() -> None:
    """One of four wrong on either side: a quarter, between the two that overlap."""
    errors = measure_errors([1.0, 3.0, 4.0, 5.0], [0.0, 0.5, 0.7, 2.0])
    assert errors.rate == 0.25
    assert 1.0 < errors.threshold < 3.0
    clean = measure_errors([3.0, 4.0], [1.0, 2.0])
    assert (clean.rate, clean.area, clean.threshold) == (0.0, 1.0, 2.5)


def test_scenes_are_the_same_every_time() -> None:
    """So equal sheets give equal thresholds."""
    one, other = (place_on_background(FIGURES[1], random.Random("ada/0/1")) for _ in range(2))
    assert one.tobytes() == other.tobytes()


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="the extra is not installed")
def test_faces_that_look_alike_make_a_calibration_stricter(tmp_path: Path) -> None:
    """Its file has the limit and the number of faces, and nothing of the faces."""
    alike = {"ada": [(draw_face(600), 1)], "bo": [(draw_face(600, eyes=0.17), 1)]}
    cast = {"ada": views_of(3), "bo": views_of(9, 1)}
    faces = FacePath(alike)
    found = calibrate("winter", ColourScorer(), cast, sheets="abc", palette=PALETTE, faces=faces)
    assert (found.face_same, dict(found.faces)) == (0.4, {"ada": 1, "bo": 1})
    folder = Calibrations(DocumentFolder(tmp_path))
    kept = folder.write(found).read_text(encoding="utf-8")
    assert folder.read("winter", ColourScorer(), "abc") == found
    assert len(kept) < 1000
    alone = calibrate("winter", ColourScorer(), cast, sheets="abc", palette=PALETTE)
    assert (alone.face_same, dict(alone.faces)) == (SAME, {})


def test_a_cast_with_views_is_calibrated(tmp_path: Path) -> None:
    """With counts, and read back only for the same scorer and sheets."""
    cast = {"ada": views_of(3), "bo": views_of(9, 1)}
    found = calibrate("winter", ColourScorer(), cast, sheets="abc", palette=PALETTE)
    assert (found.genuine, dict(found.views)) == (24, {"ada": 3, "bo": 1})
    assert found.impostor > 24
    assert found.equal_error_rate < 0.2
    folder = Calibrations(DocumentFolder(tmp_path))
    folder.write(found)
    assert folder.read("winter", ColourScorer(), "abc") == found
    assert folder.read("winter", ColourScorer(), "other sheets") is None
    folder.write(replace(found, scorer_version="0"))
    assert folder.read("winter", ColourScorer(), "abc") is None


@pytest.mark.parametrize("cast", [{}, {"ada": views_of(3, 2)}])
def test_too_few_views_are_refused_with_what_is_needed(cast: dict[str, tuple[Figure, ...]]) -> None:
    """How many there are, and how many it takes."""
    with pytest.raises(TooFewViews, match="needs 3 views") as refused:
        calibrate("winter", ColourScorer(), cast, sheets="abc", palette=PALETTE)
    assert "add references" in str(refused.value)
