"""Scores a character relative to others in the same picture: a lineup of cast and distractors."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nbp_dagster.studio.checks.characters.distractors import draw_distractors
from nbp_dagster.studio.checks.characters.figures import Figure
from nbp_dagster.studio.checks.characters.scorer import CharacterScorer, Features


@dataclass(frozen=True)
class Likeness:
    """How like its sheet a character is in one picture.

    Attributes:
        score: The scorer's own figure; not comparable between brands.
        standing: How far above the mean score of figures that are not meant to be in the
            picture; comparable between pictures and, less so, between brands.
        trace: What of the character was found, for `agreement`.
    """

    score: float
    standing: float
    trace: bytes


@dataclass(frozen=True)
class PictureScores:
    """A picture's features and its score for every figure of the lineup."""

    features: Features
    cast: Mapping[str, float]
    distractors: tuple[float, ...]


class Lineup:
    """A brand's cast beside distractors, figures of no brand, under one scorer.

    Args:
        scorer: The scorer.
        cast: Views of each character, by id.
    """

    def __init__(self, scorer: CharacterScorer, cast: Mapping[str, Sequence[Figure]]) -> None:
        self.scorer = scorer
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
        )

    def likeness_of(
        self, scores: PictureScores, character: str, *, present: Collection[str]
    ) -> Likeness:
        """Return a character's likeness in a picture.

        Args:
            scores: The picture's.
            character: Id of one of the cast.
            present: Ids of all who are meant to be in the picture; they are no measure of chance.
        """
        others = [score for name, score in scores.cast.items() if name not in present]
        score = scores.cast[character]
        return Likeness(
            score,
            compute_standing(score, [*others, *scores.distractors]),
            self.scorer.trace(self._cast[character], scores.features),
        )

    def best(self, views: Sequence[Features], features: Features) -> float:
        """Return the score of the view that fits best."""
        return max(self.scorer.compare(view, features) for view in views)


def compute_standing(score: float, others: Sequence[float]) -> float:
    """Return how far a score lies above the mean of others, in the scorer's own measure.

    Not divided by their spread: in a picture with colours of no character, all others score near
    nothing, and the least likeness would stand many deviations above them (docs/adr).
    """
    return round(score - float(np.mean(others)), 4)
