"""Measures likeness and copy-paste rate of an original against its sheets; runs character checks.

A scorer is loaded once a process, when first needed.
"""

import base64
import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from PIL import Image

from nbp_dagster.briefs.models import Brand
from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.request import Sheet
from nbp_dagster.studio.checks.character_checks import (
    CHARACTER_CHECKS,
    DEFAULT_STANDINGS,
    CharacterInput,
)
from nbp_dagster.studio.checks.characters.calibration import (
    Calibration,
    Calibrations,
    calibrate,
)
from nbp_dagster.studio.checks.characters.copying import (
    Grey,
    copied_share,
    prepare_picture,
    prepare_reference,
)
from nbp_dagster.studio.checks.characters.face_path import SAME, FacePath
from nbp_dagster.studio.checks.characters.figures import Figure, cut_figures
from nbp_dagster.studio.checks.characters.headcount import Headcount
from nbp_dagster.studio.checks.characters.lineup import Likeness, Lineup, PictureScores
from nbp_dagster.studio.checks.characters.patch_scorer import PatchScorer
from nbp_dagster.studio.checks.characters.scorer import CharacterScorer, ColourScorer, ScorerMissing
from nbp_dagster.studio.checks.check_table import CheckResult, run_table
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.manifest.likeness_facts import LikenessFacts
from nbp_dagster.studio.manifest.manifest import CheckFacts
from nbp_dagster.studio.options import ScorerName
from nbp_dagster.studio.references.reference_files import ReadReference
from nbp_dagster.studio.vision.faces import LONGEST
from nbp_dagster.studio.vision.network import NetworkMissing

_LOG = logging.getLogger(__name__)

# Raised when equal pictures, sheets and thresholds would be measured otherwise.
MEASURE_VERSION: Final = "3"

_SUBJECT_SIDE: Final = 768  # pixels that a subject is cut out of


@dataclass(frozen=True)
class Measuring:
    """How originals are measured.

    Attributes:
        scorer: "colour", "dino" (faces and bodies), "body" (the same without faces) or "off".
        model: An ONNX file of one's own for "dino" and "body"; None for the weights of the extra.
    """

    scorer: ScorerName = "colour"
    model: Path | None = None


@dataclass(frozen=True)
class Measured:
    """What was found on one original; attributes as in `PromptRecord`."""

    checks: tuple[CheckFacts, ...]
    likenesses: tuple[LikenessFacts, ...]


@dataclass(frozen=True)
class _Cast:
    """A brand's characters with sheets, prepared for measuring."""

    digest: str
    views: Mapping[str, tuple[Figure, ...]]
    images: Mapping[str, tuple[tuple[Image.Image, tuple[Figure, ...]], ...]]
    lineup: Lineup | None
    calibration: Calibration | None
    unmeasured: str
    # Ways each character's references would fill a picture, by ratio; added as ratios come.
    ways: dict[tuple[str, float], tuple[Grey, ...]] = field(default_factory=dict)


class Measurer:
    """Measures originals for one run; safe to use from several threads.

    Args:
        measuring: Which scorer.
        calibrations: Where thresholds lie.
        read: Reads references.
    """

    def __init__(
        self, measuring: Measuring, *, calibrations: Calibrations, read: ReadReference
    ) -> None:
        self._measuring = measuring
        self._calibrations = calibrations
        self._read = read
        self._casts: dict[tuple[str, str], _Cast] = {}
        self._lock = threading.Lock()

    @property
    def is_on(self) -> bool:
        """Whether anything is measured."""
        return self._measuring.scorer != "off"

    @property
    def longest(self) -> int:
        """Pixels of the longer side a picture is wanted with, 0 for any.

        Small faces need many; a subject that is cut out needs some.
        """
        return {"dino": LONGEST, "body": _SUBJECT_SIDE}.get(self._measuring.scorer, 0)

    def stamp(self, brand: Brand, sheets: Mapping[str, Sheet], cast: Sequence[str]) -> str:
        """Return the hash of everything a measurement depends on besides the original.

        Empty where nothing is measured.
        """
        if not self.is_on:
            return ""
        made = self._cast(brand, sheets)
        facts = {
            "version": MEASURE_VERSION,
            "scorer": _identity(made, self._measuring),
            "sheets": made.digest,
            "calibration": None if made.calibration is None else _facts_of(made.calibration),
            "cast": list(cast),
            "blocking": sorted(brand.blocking_checks),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=dict).encode()).hexdigest()

    def measure(
        self,
        brand: Brand,
        sheets: Mapping[str, Sheet],
        *,
        prompt_key: str,
        cast: Sequence[str],
        picture: Image.Image,
    ) -> Measured:
        """Measure one original and run its character checks.

        Args:
            brand: Whose characters and colours.
            sheets: Those there are of the brand, by `brand/character`.
            prompt_key: The prompt.
            cast: Ids of the characters of its shot.
            picture: The original or a reduced copy, RGB; some 160 pixels of the shorter side do
                for "colour", 224 for "body"; see `longest`.
        """
        made = self._cast(brand, sheets)
        wanted = tuple(name for name in cast if name in made.views)
        likenesses: dict[str, Likeness] = {}
        heads: Headcount | None = None
        if made.lineup is not None and made.views:
            scores = made.lineup.score_picture(picture)
            likenesses = _compare(made.lineup, scores, made, tuple(made.views), cast)
            heads = made.lineup.count_heads(scores, cast)
        calibration = made.calibration
        grey, ratio = prepare_picture(picture), round(picture.width / picture.height, 2)
        subject = CharacterInput(
            prompt_key=prompt_key,
            cast=tuple(cast),
            likenesses=likenesses,
            threshold=_threshold(made),
            calibrated=calibration is not None,
            decided=calibration is not None and bool(calibration.decisions),
            unmeasured=made.unmeasured or _name_absent(cast, made),
            heads=heads,
            copied={name: copied_share(grey, self._ways(made, name, ratio)) for name in wanted},
        )
        results = run_table(CHARACTER_CHECKS, subject, blocking=brand.blocking_checks)
        return Measured(
            checks=tuple(map(facts_of, results)),
            likenesses=_rows(subject, made),
        )

    def compare(
        self,
        brand: Brand,
        sheets: Mapping[str, Sheet],
        *,
        cast: Sequence[str],
        picture: Image.Image,
    ) -> Mapping[str, Likeness]:
        """Return how like its sheet each character of a shot is; those without one are left out.

        Args:
            brand, sheets, cast: As in `measure`.
            picture: The original, RGB.
        """
        made = self._cast(brand, sheets)
        wanted = tuple(name for name in cast if made.views.get(name))
        if made.lineup is None or not wanted:
            return {}
        return _compare(made.lineup, made.lineup.score_picture(picture), made, wanted, cast)

    def calibrate(
        self,
        brand: Brand,
        sheets: Mapping[str, Sheet],
        *,
        refine: Callable[[Calibration], Calibration] = lambda found: found,
    ) -> tuple[Calibration, Path]:
        """Find a brand's thresholds and keep them; see `calibration.calibrate`.

        Args:
            brand: The brand.
            sheets: Those there are of it, by `brand/character`.
            refine: Returns what is kept, by what the sheets give.

        Raises:
            ScorerMissing: The configured scorer can't work here, or none is set.
            TooFewViews: The sheets show too little.
        """
        made = self._cast(brand, sheets)
        if made.lineup is None:
            raise ScorerMissing(f"nothing to calibrate: {made.unmeasured}")
        found = calibrate(
            brand.id,
            made.lineup.scorer,
            made.views,
            sheets=made.digest,
            palette=tuple(brand.palette.values()),
            faces=made.lineup.faces,
        )
        found = refine(found)
        path = self._calibrations.write(found)
        self._casts.clear()
        return found, path

    def _cast(self, brand: Brand, sheets: Mapping[str, Sheet]) -> _Cast:
        """The brand's cast, prepared once for each state of its sheets."""
        own = {
            name: sheets[f"{brand.id}/{name}"]
            for name in brand.characters
            if f"{brand.id}/{name}" in sheets
        }
        rows = [f"{name} {' '.join(sheet.digests)}" for name, sheet in own.items()]
        digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        with self._lock:
            if (brand.id, digest) not in self._casts:
                self._casts[brand.id, digest] = self._prepare(brand.id, own, digest)
            return self._casts[brand.id, digest]

    def _prepare(self, brand_id: str, own: Mapping[str, Sheet], digest: str) -> _Cast:
        images = {name: tuple(self._images(sheet)) for name, sheet in own.items()}
        images = {name: found for name, found in images.items() if found}
        views: Mapping[str, tuple[Figure, ...]] = dict.fromkeys(images, ())
        lineup, calibration, unmeasured = None, None, ""
        try:
            scorer = load_scorer(self._measuring)
            views = {
                name: tuple(view for image, _ in found for view in scorer.cut(image))
                for name, found in images.items()
            }
            calibration = self._calibrations.read(brand_id, scorer, digest)
            lineup = Lineup(scorer, views, self._faces(images, calibration))
        except (ScorerMissing, NetworkMissing) as error:
            unmeasured = str(error)
        return _Cast(digest, views, images, lineup, calibration, unmeasured)

    def _faces(
        self,
        images: Mapping[str, Sequence[tuple[Image.Image, Sequence[Figure]]]],
        calibration: Calibration | None,
    ) -> FacePath | None:
        if self._measuring.scorer != "dino":
            return None
        shown = {
            name: tuple((image, len(figures)) for image, figures in found)
            for name, found in images.items()
        }
        return FacePath(shown, same=SAME if calibration is None else calibration.face_same)

    def _images(self, sheet: Sheet) -> Iterable[tuple[Image.Image, tuple[Figure, ...]]]:
        for source, digest in zip(sheet.sources, sheet.digests, strict=True):
            try:
                data = self._read(source, digest)
                image = decode_image(data, what=f"sheet of {sheet.key}", least_side=512).image
            except NbpError as error:
                # A picture is worth keeping where it can't be measured, too.
                _LOG.warning("sheet of %s is not measured against: %s", sheet.key, error)
                continue
            yield image, cut_figures(image)

    def _ways(self, made: _Cast, name: str, ratio: float) -> tuple[Grey, ...]:
        with self._lock:
            if (name, ratio) not in made.ways:
                made.ways[name, ratio] = tuple(
                    way
                    for image, figures in made.images[name]
                    for way in prepare_reference(image, figures, ratio)
                )
            return made.ways[name, ratio]


def facts_of(result: CheckResult) -> CheckFacts:
    """Return a check's result as records and manifests have it."""
    return CheckFacts(
        name=result.name,
        verdict=result.verdict,
        sentence=result.sentence,
        severity=result.severity,
        threshold=result.threshold,
        figures=dict(result.figures),
        missing_extra=result.missing_extra,
        subjects=result.subjects,
        is_unsure=result.is_unsure,
    )


@cache
def load_scorer(measuring: Measuring) -> CharacterScorer:
    """Return the configured scorer, loaded once a process.

    Raises:
        ScorerMissing: It can't work here; the message names what to install.
    """
    if measuring.scorer == "colour":
        return ColourScorer()
    if measuring.scorer in ("dino", "body"):
        return PatchScorer(measuring.model, name=measuring.scorer)
    raise ScorerMissing("NBP_CHARACTER_SCORER is off; set it to colour, dino or body")


def _identity(made: _Cast, measuring: Measuring) -> str:
    if made.lineup is None:
        return f"{measuring.scorer}: {made.unmeasured}"
    faces = "" if made.lineup.faces is None else f" faces {made.lineup.faces.version}"
    return f"{made.lineup.scorer.name} {made.lineup.scorer.version}{faces}"


def _threshold(made: _Cast) -> float:
    if made.calibration is not None:
        return made.calibration.cross
    return DEFAULT_STANDINGS["colour" if made.lineup is None else made.lineup.scorer.name]


def _facts_of(calibration: Calibration) -> dict[str, object]:
    """Return what a measurement depends on; files of before decisions counted have none."""
    facts = vars(calibration) | {}
    return facts if calibration.decisions else {k: facts[k] for k in facts if k != "decisions"}


def _compare(
    lineup: Lineup,
    scores: PictureScores,
    made: _Cast,
    names: Iterable[str],
    cast: Sequence[str],
) -> dict[str, Likeness]:
    """Return the likeness of some characters, those of the shot and others, in one picture."""
    return {
        name: lineup.likeness_of(
            scores,
            name,
            present={name, *cast},
            threshold=_threshold(made),
            cast=cast if name in cast else (),
        )
        for name in names
    }


def _name_absent(cast: Sequence[str], made: _Cast) -> str:
    absent = [name for name in cast if name not in made.views]
    return f"there is no sheet of {', '.join(absent)}" if absent else ""


def _rows(subject: CharacterInput, made: _Cast) -> tuple[LikenessFacts, ...]:
    if made.lineup is None:
        return ()
    scorer = made.lineup.scorer
    return tuple(
        LikenessFacts(
            prompt_key=subject.prompt_key,
            character=name,
            scorer=scorer.name,
            scorer_version=scorer.version,
            score=round(subject.likenesses[name].score, 4),
            standing=subject.likenesses[name].standing,
            threshold=subject.threshold,
            calibrated=subject.calibrated,
            path=subject.likenesses[name].path,
            answer=subject.likenesses[name].answer,
            distance=subject.likenesses[name].distance,
            trace=base64.b64encode(subject.likenesses[name].trace).decode("ascii"),
        )
        for name in subject.cast
        if name in subject.likenesses
    )
