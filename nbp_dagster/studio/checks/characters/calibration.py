"""Calibrates a brand's character thresholds on its own sheets, and stores them."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from PIL import Image, ImageColor
from pydantic import ConfigDict, TypeAdapter, ValidationError

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.checks.characters.distractors import draw_distractors
from nbp_dagster.studio.checks.characters.face_path import SAME, FacePath
from nbp_dagster.studio.checks.characters.figures import Figure
from nbp_dagster.studio.checks.characters.lineup import compute_standing
from nbp_dagster.studio.checks.characters.scorer import CharacterScorer, Features
from nbp_dagster.studio.storage.documents import Documents
from nbp_dagster.studio.storage.files import StoreError

LEAST_VIEWS: Final = 3
"""Views of a character that a calibration needs: each is tried against the others."""

_SCENES: Final = 8  # of each view
_LIKE_SLIMMEST: Final = 1.6  # times as wide for its height; a wider view is a close-up
_SIDE: Final = 448  # pixels of a scene
_VERSION: Final = "1"


class TooFewViews(NbpError):
    """No character of a brand has enough views to calibrate with."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Thresholds of one brand under one scorer.

    Attributes:
        brand: Its id.
        scorer: The scorer's name.
        scorer_version: Other versions score otherwise.
        sheets: Digest of the sheets it was made of; other sheets need another calibration.
        cross: The standing from which a character counts as itself.
        genuine: Trials with the character itself.
        impostor: Trials with another figure, which the cohort does not have.
        equal_error_rate: Of these trials: as many are wrongly refused as wrongly accepted.
        area: Under the curve of the two errors: 1 for never wrong.
        views: How many views each character had.
        face_same: The largest distance at which two faces are one character's: less than usual
            where two of this cast look alike.
        faces: How many faces of each character are known.
        decisions: How many characters people approved and rejected, by the threshold that these
            decisions set; empty where the sheets alone set both.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    brand: str
    scorer: str
    scorer_version: str
    sheets: str
    cross: float
    genuine: int
    impostor: int
    equal_error_rate: float
    area: float
    views: Mapping[str, int]
    face_same: float = SAME
    faces: Mapping[str, int] = field(default_factory=dict)
    decisions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def fits(self, *, scorer: CharacterScorer, sheets: str) -> bool:
        """Whether it was made with this scorer and these sheets."""
        made = (self.scorer, self.scorer_version, self.sheets)
        return made == (scorer.name, scorer.version, sheets)


_ADAPTER = TypeAdapter(Calibration)


class Calibrations:
    """Calibrations as documents `<brand>-<scorer>`; derived, so they may be thrown away."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def read(self, brand: str, scorer: CharacterScorer, sheets: str) -> Calibration | None:
        """Return a brand's calibration; None where there is none for this scorer and sheets."""
        try:
            found = _ADAPTER.validate_json(self._documents.read(f"{brand}-{scorer.name}") or b"")
        except (StoreError, ValidationError):
            return None
        return found if found.fits(scorer=scorer, sheets=sheets) else None

    def write(self, calibration: Calibration) -> Path:
        """Store a calibration and return the path of its file on this machine.

        Raises:
            StoreError: The folder can't be written.
            LedgerDatabaseError: The database that machines share can't be written.
        """
        name = f"{calibration.brand}-{calibration.scorer}"
        self._documents.write(name, _ADAPTER.dump_json(calibration, indent=1) + b"\n")
        return self._documents.path(name)


@dataclass(frozen=True)
class ErrorRates:
    """How well a threshold separates two lots of scores: area under the curve, equal error rate."""

    area: float
    rate: float
    threshold: float


def measure_errors(genuine: Sequence[float], impostor: Sequence[float]) -> ErrorRates:
    """Return the equal error rate of two lots, its threshold between the nearest scores."""
    own, other = np.sort(genuine), np.sort(impostor)
    below = np.searchsorted(other, own, "left") + np.searchsorted(other, own, "right")
    area = float(below.sum()) / (2 * len(own) * len(other))
    points = np.unique(np.concatenate([own, other]))
    cuts = np.concatenate([points[:1] - 0.01, (points[1:] + points[:-1]) / 2, points[-1:] + 0.01])
    refused = np.searchsorted(own, cuts, "left") / len(own)
    accepted = 1 - np.searchsorted(other, cuts, "left") / len(other)
    gap = np.abs(refused - accepted)
    best = np.flatnonzero(gap == gap.min())
    middle = best[len(best) // 2]
    rate = float(refused[middle] + accepted[middle]) / 2
    return ErrorRates(round(area, 4), round(rate, 4), round(float(cuts[best].mean()), 3))


def calibrate(
    brand: str,
    scorer: CharacterScorer,
    cast: Mapping[str, Sequence[Figure]],
    *,
    sheets: str,
    palette: Sequence[str],
    faces: FacePath | None = None,
) -> Calibration:
    """Find a brand's thresholds from its sheets alone.

    Every view of a whole figure, turned and set on backgrounds, is tried against the character's
    other views (a close-up has other shares of colour, and is only a reference); the rest of the
    cast and the distractors are tried as impostors. So the targets are the sheets themselves: a
    real model drifts more, and the rates are those of an easier task.

    Args:
        brand: Its id.
        scorer: The scorer.
        cast: Views of each character, by id.
        sheets: Digest of the sheets the views were cut from.
        palette: The brand's colours, "#RRGGBB": half of the backgrounds are made of them, as its
            pictures are, because what shares a character's colours is mistaken for it.
        faces: The faces of the cast's references; None where faces are not compared.

    Raises:
        TooFewViews: No character has `LEAST_VIEWS` views.
    """
    able = [name for name, views in cast.items() if len(views) >= LEAST_VIEWS]
    if not able:
        counts = ", ".join(f"{name} has {len(views)}" for name, views in cast.items())
        raise TooFewViews(
            f"brand {brand}: a calibration needs {LEAST_VIEWS} views of a character, and "
            f"{counts or 'there is no character with a sheet'}; add references, or draw a sheet "
            "with several figures on a plain background"
        )
    trials = _Trials(scorer, cast, palette)
    for name in able:
        trials.run(name)
    cross = measure_errors(trials.genuine, trials.impostor)
    return Calibration(
        brand=brand,
        scorer=scorer.name,
        scorer_version=scorer.version,
        sheets=sheets,
        cross=cross.threshold,
        genuine=len(trials.genuine),
        impostor=len(trials.impostor),
        equal_error_rate=cross.rate,
        area=cross.area,
        views={name: len(views) for name, views in cast.items()},
        face_same=SAME if faces is None else faces.find_limit(),
        faces={} if faces is None else {name: faces.count(name) for name in cast},
    )


def describe_calibration(calibration: Calibration) -> dict[str, object]:
    """Return it as plain data, for `--json` and metadata."""
    return asdict(calibration)


class _Trials:
    """Standings of characters in scenes of themselves and of others."""

    def __init__(
        self,
        scorer: CharacterScorer,
        cast: Mapping[str, Sequence[Figure]],
        palette: Sequence[str],
    ) -> None:
        self._scorer = scorer
        figures = {name: tuple(views) for name, views in cast.items()}
        figures |= {
            f"distractor {number}": (figure,) for number, figure in enumerate(draw_distractors())
        }
        self._whole = {name: find_whole(views) for name, views in figures.items()}
        self._references = {
            name: [scorer.describe(view) for view in views] for name, views in figures.items()
        }
        # Of each view a few scenes; distractors are many, so that two of each will do.
        self._seen = {
            name: [
                [
                    scorer.look_at(_stage(view, f"{name}/{number}/{take}", palette))
                    for take in range(2 if name.startswith("distractor") else _SCENES)
                ]
                for number, view in enumerate(views)
            ]
            for name, views in figures.items()
        }
        self.genuine: list[float] = []
        self.impostor: list[float] = []

    def run(self, name: str) -> None:
        """Try one character: itself, each view against the others, and every other figure."""
        views = self._references[name]
        for number, scenes in enumerate(self._seen[name]):
            if number not in self._whole[name]:
                continue
            others = [view for place, view in enumerate(views) if place != number]
            self.genuine += [self._stand(others, scene, {name}) for scene in scenes]
        for impostor, lots in self._seen.items():
            if impostor != name:
                scenes = [scene for lot in lots for scene in lot]
                self.impostor += [self._stand(views, each, {name, impostor}) for each in scenes]

    def _stand(self, views: Sequence[Features], scene: Features, out: set[str]) -> float:
        cohort = [
            max(self._scorer.compare(view, scene) for view in others)
            for name, others in self._references.items()
            if name not in out
        ]
        return compute_standing(max(self._scorer.compare(view, scene) for view in views), cohort)


def find_whole(views: Sequence[Figure]) -> frozenset[int]:
    """Return the places of the views that show a whole figure: the slim ones."""
    wide = [view.image.width / view.image.height for view in views]
    return frozenset(n for n, each in enumerate(wide) if each <= _LIKE_SLIMMEST * min(wide))


def _stage(view: Figure, seed: str, palette: Sequence[str]) -> Image.Image:
    """A scene on a gradient of random colours or, every other time, of two of the palette."""
    rng = random.Random(seed)
    if seed.endswith(("1", "3", "5", "7")):
        return place_on_background(view, rng)
    colours = [ImageColor.getrgb(rng.choice(palette))[:3] for _ in range(2)]
    return place_on_background(view, rng, _gradient(colours[0], colours[1]))


def place_on_background(
    figure: Figure, rng: random.Random, background: Image.Image | None = None
) -> Image.Image:
    """Return a figure somewhere on a background: turned by 12 degrees at most, mirrored or not.

    Args:
        figure: The figure.
        rng: Chooses place, size (45 to 75 % of the side), turn and the colours of the background.
        background: A square picture to stand on; a gradient of two colours when None.
    """
    if background is None:
        ends = [tuple(rng.randrange(256) for _ in range(3)) for _ in range(2)]
        background = _gradient(ends[0], ends[1])
    scene = background.resize((_SIDE, _SIDE))
    cut = figure.image.convert("RGBA")
    cut.putalpha(Image.fromarray(figure.mask.astype(np.uint8) * 255))
    if rng.random() < 0.5:
        cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    scale = rng.uniform(0.45, 0.75) * _SIDE / max(cut.size)
    size = (max(1, round(cut.width * scale)), max(1, round(cut.height * scale)))
    cut = cut.resize(size, Image.Resampling.BICUBIC)
    cut = cut.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC, expand=True)
    place = (
        rng.randint(0, max(0, _SIDE - cut.width)),
        rng.randint(0, max(0, _SIDE - cut.height)),
    )
    scene.paste(cut.convert("RGB"), place, cut.getchannel("A"))
    return scene


def _gradient(top: tuple[int, ...], bottom: tuple[int, ...]) -> Image.Image:
    size = (_SIDE, _SIDE)
    ramp = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)
