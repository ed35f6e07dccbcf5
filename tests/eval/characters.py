"""How well colours and bodies tell characters apart, on sprites that nobody here drew.

`python -m tests.eval.characters [FOLDER]`: FOLDER holds SuperTux's images (Debian's
`supertux-data`); nothing of them is kept. Prints the table that docs/characters.md carries.
"""

import random
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbp_dagster.studio.checks.characters.calibration import measure_errors, place_on_background
from nbp_dagster.studio.checks.characters.distractors import draw_distractors
from nbp_dagster.studio.checks.characters.figures import Figure, cut_figures
from nbp_dagster.studio.checks.characters.lineup import compute_standing
from nbp_dagster.studio.checks.characters.patch_scorer import PatchScorer
from nbp_dagster.studio.checks.characters.scorer import CharacterScorer, ColourScorer, ScorerMissing

Cast = Mapping[str, Sequence[Figure]]
RenderContext = tuple[str, int, Image.Image]
Scores = NDArray[Any]

COHORTS: Final = {
    "cast": "above 25 others of the cast",
    "drawn": "above 24 drawn figures",
    "both": "above both",
}
DEFAULT: Final = Path("/usr/share/games/supertux2/images")
POSES: Final = 5
LEAST_POSES: Final = 4  # three references beside the target

# Frames that show the character as itself: not on fire, frozen, melting or in another costume.
FRAMES: Final = {
    "bag": "bag-(bounce|land)",
    "bouncing_snowball": "bs-",
    "bsod": r"bsod-\d|bsod-left",
    "crystallo": "crystallo-(left|jump|fall)",
    "fatbat": "fly",
    "fish": r"f\d",
    "flying_snowball": "(fs|left)",
    "ghoul": "g",
    "gold_bomb": "gb",
    "haywire": r"hw-?\d",
    "igel": "walk",
    "kirby": "walk",
    "laptop": "laptop",
    "livefire": "f",
    "mole": r"m[-\d]",
    "mr_bomb": "bomb",
    "mr_candle": r"c[-\d]",
    "mr_cherry": r"cherrybomb[-\d]",
    "mr_iceblock": "(iceblock|waking)",
    "mr_tree": "walk-left",
    "nolok": "(walk|jump|throw)",
    "owl": "left",
    "plant": "(left|waking)",
    "short_fuse": "sf",
    "skullyhop": "s-(idle|jump|land)",
    "snail": "snowsnail-",
    "snowball": "snowball-",
    "snowjumpy": "(down|up)",
    "snowman": "smwalk",
    "spidermite": r"spidermite-\d",
    "spiky": "spikywalk",
    "tumbleweed": "tumbleweed",
    "tux": "walk|run|jump|kick|skid",
    "walkingleaf": "left",
    "yeti": "y-",
    "zeekling": "left",
}
_OTHER: Final = re.compile(
    "burn|frozen|ice[d-]|freeze|melt|squish|small|glow|editor|fire|earth|air"
)


def read_cast(folder: Path) -> dict[str, list[Image.Image]]:
    """Return some most different poses (RGBA) of each character that has enough of them."""
    cast = {}
    for name, pattern in FRAMES.items():
        frames = [frame for path in _paths(folder / "creatures" / name, pattern)
                  if (frame := _read(path)) is not None]  # fmt: skip
        poses = _choose_poses(frames)
        if len(poses) >= LEAST_POSES:
            cast[name] = poses
    return cast


def _paths(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.rglob("*.png"))
    return [path for path in found if re.match(pattern, path.name)
            and not _OTHER.search(str(path.relative_to(folder)))]  # fmt: skip


def _read(path: Path) -> Image.Image | None:
    image = Image.open(path).convert("RGBA")
    box = image.getchannel("A").point([0] * 101 + [255] * 155).getbbox()
    if box is None or min(box[2] - box[0], box[3] - box[1]) < 24:
        return None
    return image.crop(box)


def _choose_poses(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """Greedily the frame that differs most from those chosen already."""
    if not frames:
        return []
    small = [
        np.asarray(frame.resize((24, 24), Image.Resampling.BOX), float) / 255 for frame in frames
    ]
    chosen = [0]
    while len(chosen) < min(POSES, len(frames)):
        apart = [min(float(np.abs(each - small[one]).mean()) for one in chosen) for each in small]
        furthest = int(np.argmax(apart))
        if apart[furthest] < 0.02:
            break
        chosen.append(furthest)
    return [frames[place] for place in chosen]


def read_grounds(folder: Path) -> list[Image.Image]:
    """Return painted landscapes of at least 300 pixels."""
    found = sorted((folder / "background").rglob("*"))
    paths = [path for path in found if path.suffix in (".jpg", ".png")]
    pictures = (Image.open(path).convert("RGB") for path in paths)
    return [picture for picture in pictures if min(picture.size) >= 300]


def set_scenes(cast: Cast, grounds: Sequence[Image.Image]) -> list[RenderContext]:
    """Return each pose in a scene: half on gradients, half on landscapes."""
    dice = random.Random(7)
    scenes = []
    for name, poses in cast.items():
        for number, pose in enumerate(poses):
            ground = None
            if grounds and dice.random() < 0.5:
                whole = dice.choice(grounds)
                side = min(whole.size)
                left = dice.randint(0, whole.width - side)
                top = dice.randint(0, whole.height - side)
                ground = whole.crop((left, top, left + side, top + side))
            scenes.append((name, number, place_on_background(pose, dice, ground)))
    return scenes


class Table:
    """Scores of every scene against every character, the scene's own pose left out."""

    def __init__(
        self, scorer: CharacterScorer, cast: Cast, scenes: Sequence[RenderContext]
    ) -> None:
        self._names = list(cast)
        self.owners = np.array([self._names.index(name) for name, _, _ in scenes])
        references = {name: list(map(scorer.describe, poses)) for name, poses in cast.items()}
        drawn = [scorer.describe(figure) for figure in draw_distractors()]
        best, first, strange = [], [], []
        for owner, number, scene in scenes:
            seen = scorer.look_at(scene)
            scores = {
                name: [scorer.compare(each, seen) for place, each in enumerate(views)
                       if (name, place) != (owner, number)][:4]
                for name, views in references.items()
            }  # fmt: skip
            best.append([max(scores[name]) for name in self._names])
            first.append([scores[name][0] for name in self._names])
            strange.append([scorer.compare(each, seen) for each in drawn])
        self.best, self.first, self._drawn = np.array(best), np.array(first), np.array(strange)

    def standings(self, cohort: str) -> Scores:
        """Return how far each score stands above its cohort, the scene's own character left out.

        Args:
            cohort: "cast", "drawn" or "both".
        """
        out = np.zeros_like(self.best)
        for row, owner in enumerate(self.owners):
            for column in range(len(self._names)):
                kept = [n for n in range(len(self._names)) if n not in (column, owner)]
                others = [] if cohort == "drawn" else list(self.best[row, kept])
                others += [] if cohort == "cast" else list(self._drawn[row])
                out[row, column] = compute_standing(self.best[row, column], others)
        return out


def describe(label: str, scores: Scores, owners: Scores) -> str:
    """Return a row: area, equal error rate, its point, and how often the right one comes first."""
    own = np.zeros(scores.shape, bool)
    own[np.arange(len(owners)), owners] = True
    errors = measure_errors(scores[own].tolist(), scores[~own].tolist())
    first = float((scores.argmax(axis=1) == owners).mean())
    cells = (f"{errors.area:.3f}", f"{errors.rate:.3f}", f"{errors.threshold:.2f}", f"{first:.0%}")
    return f"| {label} | {' | '.join(cells)} |"


def main(folder: Path) -> None:
    """Print the table."""
    warnings.simplefilter("ignore")  # Pillow's on palettes: these sprites are old
    poses = read_cast(folder)
    if not poses:
        raise SystemExit(f"{folder} holds no creatures; install supertux-data, or name its images")
    cast = {name: [_figure(pose) for pose in chosen] for name, chosen in poses.items()}
    scenes = set_scenes(cast, read_grounds(folder))
    print(f"{len(cast)} characters, {len(scenes)} poses\n")
    print("| scorer | area under curve | equal error rate | its threshold | right one first |")
    print("|---|---|---|---|---|")
    makes: dict[str, Callable[[], CharacterScorer]] = {
        "colour": ColourScorer,
        "body": lambda: PatchScorer(name="body"),
    }
    for name, make in makes.items():
        try:
            scorer = make()
        except ScorerMissing as error:
            print(f"\n{name} skipped: {error}")
            continue
        table = Table(scorer, cast, scenes)
        print(describe(f"{scorer.name}, one reference", table.first, table.owners))
        print(describe(f"{scorer.name}, 3 or 4 references", table.best, table.owners))
        for cohort, words in COHORTS.items():
            print(describe(f"{scorer.name}, {words}", table.standings(cohort), table.owners))


def _figure(pose: Image.Image) -> Figure:
    clear = Image.new("RGBA", (pose.width + 8, pose.height + 8))
    clear.paste(pose, (4, 4))
    scale = max(1.0, 224 / max(clear.size))
    size = (round(clear.width * scale), round(clear.height * scale))
    return cut_figures(clear.resize(size, Image.Resampling.BICUBIC))[0]


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT)
