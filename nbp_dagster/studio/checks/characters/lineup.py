"""Scores a character relative to others in the same picture: a lineup of cast and distractors."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from PIL import Image

from nbp_dagster.studio.checks.characters.distractors import draw_distractors
from nbp_dagster.studio.checks.characters.face_path import (
    NO_FACE_FOUND,
    Answer,
    FacePath,
    FaceReading,
    Path,
    PictureFaces,
)
from nbp_dagster.studio.checks.characters.figures import Figure
from nbp_dagster.studio.checks.characters.headcount import Headcount, count_heads
from nbp_dagster.studio.checks.characters.scorer import CharacterScorer, Features

BODY_STEP: Final = 0.08
"""Below a threshold by up to this much a body is unsure: the points of equal errors lie that far
apart, on sprites (0.18) and on pictures of the model (0.27, three painted men)."""


@dataclass(frozen=True)
class Likeness:
    """How like its sheet a character is in one picture.

    Attributes:
        score: The scorer's own figure; not comparable between brands.
        standing: How far above the mean score of figures that are not meant to be in the
            picture; comparable between pictures and, less so, between brands. Where a face decides,
            the threshold and how far the distance lies below the middle of the unsure ones.
        trace: What of the character was found, for `agreement`; nothing of a face.
        answer: Whether the character is there; empty where nobody asked.
        path: What decided it.
        distance: Of the nearest face; None where faces were not compared.
        face: Number of that face in the picture.
        note: Why faces don't decide, in words.
    """

    score: float
    standing: float
    trace: bytes
    answer: Answer
    path: Path = "body"
    distance: float | None = None
    face: int | None = None
    note: str = ""


@dataclass(frozen=True)
class PictureScores:
    """A picture's features and its score for every figure of the lineup."""

    features: Features
    cast: Mapping[str, float]
    distractors: tuple[float, ...]
    faces: PictureFaces | None = field(default=None, repr=False)


class Lineup:
    """A brand's cast beside distractors, figures of no brand, under one scorer.

    Args:
        scorer: The scorer.
        cast: Views of each character, by id.
        faces: The faces of their references; None compares bodies alone.
    """

    def __init__(
        self,
        scorer: CharacterScorer,
        cast: Mapping[str, Sequence[Figure]],
        faces: FacePath | None = None,
    ) -> None:
        self.scorer = scorer
        self.faces = faces
        self._cast = {
            name: tuple(scorer.describe(view) for view in views) for name, views in cast.items()
        }
        self._distractors = tuple(scorer.describe(figure) for figure in draw_distractors())

    def score_picture(self, picture: Image.Image) -> PictureScores:
        """Score a picture once, for any number of calls of `likeness_of`."""
        features = self.scorer.look_at(picture)
        return PictureScores(
            features,
            {name: self.best(views, features) for name, views in self._cast.items()},
            tuple(self.scorer.compare(each, features) for each in self._distractors),
            None if self.faces is None else self.faces.look_at(picture),
        )

    def likeness_of(
        self,
        scores: PictureScores,
        character: str,
        *,
        present: Collection[str],
        threshold: float,
        cast: Collection[str] = (),
    ) -> Likeness:
        """Return a character's likeness in a picture.

        Args:
            scores: The picture's.
            character: Id of one of the cast.
            present: Ids of all who are meant to be in the picture; they are no measure of chance.
            threshold: The standing from which a body counts as the character's.
            cast: Ids of the others of its shot, whose faces are not taken for this one's.
        """
        others = [score for name, score in scores.cast.items() if name not in present]
        score = scores.cast[character]
        body = Likeness(
            score,
            compute_standing(score, [*others, *scores.distractors]),
            self.scorer.trace(self._cast[character], scores.features),
            "other",
        )
        if self.faces is None or scores.faces is None:
            return _answer_by_body(body, threshold)
        reading = self.faces.read(character, scores.faces, cast=cast)
        return _join(body, reading, threshold=threshold, middle=self.faces.middle)

    def count_heads(self, scores: PictureScores, cast: Sequence[str]) -> Headcount | None:
        """Count a picture's faces against a shot's characters; None where faces are left out."""
        if self.faces is None or scores.faces is None:
            return None
        return count_heads(self.faces, scores.faces, cast)

    def best(self, views: Sequence[Features], features: Features) -> float:
        """Return the score of the view that fits best."""
        return max(self.scorer.compare(view, features) for view in views)


def _answer_by_body(body: Likeness, threshold: float) -> Likeness:
    if body.standing >= threshold:
        return replace(body, answer="same")
    return replace(body, answer="unsure" if body.standing >= threshold - BODY_STEP else "other")


def _join(body: Likeness, reading: FaceReading, *, threshold: float, middle: float) -> Likeness:
    """The face decides where both sides have one; a face that is missing costs the body a step."""
    if reading.answer == "no opinion":
        return replace(
            body, answer="no opinion", path="none", distance=reading.distance, note=reading.why
        )
    if reading.answer is None or reading.distance is None:
        if reading.why == NO_FACE_FOUND:
            body = replace(body, standing=round(body.standing - BODY_STEP, 4))
        return replace(_answer_by_body(body, threshold), note=reading.why)
    return replace(
        body,
        standing=round(threshold + middle - reading.distance, 4),
        answer=reading.answer,
        path="face",
        distance=reading.distance,
        face=reading.number,
    )


def compute_standing(score: float, others: Sequence[float]) -> float:
    """Return how far a score lies above the mean of others, in the scorer's own measure.

    Not divided by their spread: in a picture with colours of no character, all others score near
    nothing, and the least likeness would stand many deviations above them (docs/adr).
    """
    return round(score - float(np.mean(others)), 4)
