"""How like its sheet a character is in one picture, as records and manifests have it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LikenessFacts:
    """How like its sheet a character is in one prompt's picture.

    Attributes:
        prompt_key: The prompt.
        character: Id of the character.
        scorer: Name of the scorer.
        scorer_version: Its version.
        score: Cross similarity as the scorer gives it: picture to sheet.
        standing: How far the score lies above the mean of other figures in the same picture.
        threshold: The standing from which the character counts as itself.
        calibrated: Whether the threshold was found on this brand's sheets.
        self_similarity: Mean agreement with the set's other pictures of the character, 1 for the
            same; None where there are too few.
        path: What decided: "face", "body" or "none"; empty in rows of earlier versions.
        answer: "same", "other", "unsure" or "no opinion"; empty in rows of earlier versions.
        distance: Of the nearest face to the sheet's, 0 for the same; None where none was compared.
        trace: What of the character was found, base64; kept in records, left out of manifests.
    """

    prompt_key: str
    character: str
    scorer: str
    scorer_version: str
    score: float
    standing: float
    threshold: float
    calibrated: bool
    self_similarity: float | None = None
    path: str = ""
    answer: str = ""
    distance: float | None = None
    trace: str = ""

    @property
    def is_like(self) -> bool:
        """Whether the character counts as itself."""
        if self.answer:
            return self.answer in ("same", "no opinion")
        return self.standing >= self.threshold
