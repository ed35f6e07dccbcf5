"""How well the scorers tell characters apart on a folder of labelled pictures of the real model.

`python -m tests.eval.real [FOLDER]`, or `NBP_REAL_PICTURES`: FOLDER holds pictures and an
`index.jsonl` with one object a picture, whose `file` is its name and whose `character` says who is
the subject, null for nobody who recurs. `is_reference` marks the pictures that others are set
beside; a character without any is tried with each of its pictures in turn. Nothing is kept.
"""

import json
import os
import random
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image

from nbp_dagster.studio.checks.character_checks import DEFAULT_STANDINGS
from nbp_dagster.studio.checks.characters.calibration import measure_errors
from nbp_dagster.studio.checks.characters.face_path import FacePath
from nbp_dagster.studio.checks.characters.lineup import Likeness, Lineup
from nbp_dagster.studio.checks.characters.scorer import ScorerMissing
from nbp_dagster.studio.checks.measure_characters import LONGEST, Measuring, load_scorer
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.thumbnails import scale_to
from nbp_dagster.studio.options import ScorerName
from nbp_dagster.studio.vision.network import NetworkMissing

DRAWS: Final = 600
SCORERS: Final[tuple[ScorerName, ...]] = ("colour", "body", "dino")
HEADER: Final = (
    "| scorer | decided by | genuine | impostors | area under curve | equal error rate "
    "| genuine rejected, unsure, no opinion | impostors accepted, unsure, no opinion |"
)


@dataclass(frozen=True)
class Labelled:
    """One picture: its file, who is its subject, whether others are set beside it."""

    file: str
    character: str | None
    is_reference: bool
    image: Image.Image


@dataclass(frozen=True)
class Pair:
    """A reference of a character beside a picture, and whether that is the character's."""

    reference: str
    picture: str
    is_genuine: bool
    is_of_somebody: bool
    likeness: Likeness


def read_pictures(folder: Path) -> list[Labelled]:
    """Return the labelled pictures of a folder, reduced to the size that the product looks at."""
    try:
        lines = (folder / "index.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SystemExit(f"{folder}/index.jsonl can't be read: {error.strerror}") from error
    found = []
    for row in map(json.loads, filter(None, lines)):
        image = decode_image((folder / row["file"]).read_bytes(), what=row["file"]).image
        image = image.convert("RGB")
        if max(image.size) > LONGEST:
            image = image.resize(scale_to(image.size, LONGEST), Image.Resampling.BOX)
        found.append(
            Labelled(row["file"], row.get("character"), bool(row.get("is_reference")), image)
        )
    return found


def choose_references(pictures: Sequence[Labelled]) -> list[Labelled]:
    """Return the pictures that others are set beside, of characters with two pictures or more."""
    lots: Mapping[str, list[Labelled]] = defaultdict(list)
    for each in pictures:
        if each.character:
            lots[each.character].append(each)
    return [
        each
        for lot in lots.values()
        if len(lot) > 1
        for each in [each for each in lot if each.is_reference] or lot
    ]


def compare(name: ScorerName, pictures: Sequence[Labelled]) -> list[Pair]:
    """Set every picture beside every reference but itself, above the drawn figures.

    Raises:
        NbpError: The extra is not installed.
    """
    references = {each.file: each for each in choose_references(pictures)}
    scorer = load_scorer(Measuring(name))
    views = {file: scorer.cut(each.image) for file, each in references.items()}
    faces = None
    if name == "dino":
        shown = {file: [(each.image, len(views[file]))] for file, each in references.items()}
        faces = FacePath(shown)
    lineup = Lineup(scorer, views, faces)
    pairs = []
    for picture in pictures:
        scores = lineup.score_picture(picture.image)
        for file, reference in references.items():
            if file == picture.file:
                continue
            likeness = lineup.likeness_of(
                scores, file, present=references, threshold=DEFAULT_STANDINGS[name]
            )
            is_same = picture.character == reference.character
            of_somebody = picture.character is not None
            pairs.append(Pair(file, picture.file, is_same, of_somebody, likeness))
    return pairs


def describe(label: str, path: str, pairs: Sequence[Pair]) -> str:
    """Return a row of the table; intervals hold 95 % of draws of as many pairs, with repeats."""
    own = [pair.likeness for pair in pairs if pair.is_genuine]
    other = [pair.likeness for pair in pairs if not pair.is_genuine]
    cells = [label, path, str(len(own)), str(len(other)), *_errors(own, other)]
    cells.append(f"{_count(own, 'other')}, {_count(own, 'unsure')}, {_count(own, 'no opinion')}")
    cells.append(f"{_count(other, 'same')}, {_count(other, 'unsure')}, "
                 f"{_count(other, 'no opinion')}")  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _count(likenesses: Sequence[Likeness], answer: str) -> int:
    return sum(each.answer == answer for each in likenesses)


def _errors(own: Sequence[Likeness], other: Sequence[Likeness]) -> tuple[str, str]:
    if not own or not other:
        return "-", "-"
    genuine, impostor = [each.standing for each in own], [each.standing for each in other]
    dice = random.Random(7)
    drawn = [
        measure_errors(
            dice.choices(genuine, k=len(genuine)), dice.choices(impostor, k=len(impostor))
        )
        for _ in range(DRAWS)
    ]
    found = measure_errors(genuine, impostor)
    return (
        f"{found.area:.3f} {_interval([each.area for each in drawn])}",
        f"{found.rate:.3f} {_interval([each.rate for each in drawn])}",
    )


def _interval(values: Sequence[float]) -> str:
    ordered = sorted(values)
    return f"[{ordered[int(0.025 * DRAWS)]:.2f}, {ordered[int(0.975 * DRAWS)]:.2f}]"


def name_worst(pairs: Sequence[Pair]) -> list[str]:
    """Return the pairs that are judged wrongly, for a look at them."""
    wrong = [pair for pair in pairs
             if pair.likeness.answer == ("other" if pair.is_genuine else "same")]  # fmt: skip
    return [
        f"{'rejected' if pair.is_genuine else 'accepted'} by {pair.likeness.path}: "
        f"{pair.picture} as {pair.reference}, standing {pair.likeness.standing:.2f}"
        + ("" if pair.likeness.distance is None else f", distance {pair.likeness.distance:.2f}")
        for pair in wrong
    ]


def main(arguments: Sequence[str]) -> None:
    """Print the table, and below it what is judged wrongly where faces are compared."""
    named = arguments[0] if arguments else os.environ.get("NBP_REAL_PICTURES")
    if not named:
        raise SystemExit("name a folder of labelled pictures, or set NBP_REAL_PICTURES")
    pictures = read_pictures(Path(named))
    references = choose_references(pictures)
    print(f"{len(pictures)} pictures, {len(references)} references of "
          f"{len({each.character for each in references})} characters\n")  # fmt: skip
    print(HEADER)
    print("|---" * (HEADER.count("|") - 1) + "|")
    worst: list[str] = []
    for name in SCORERS:
        try:
            pairs = compare(name, pictures)
        except (ScorerMissing, NetworkMissing) as error:
            print(f"\n{name} skipped: {error}")
            continue
        print(describe(name, "all", pairs))
        known = [pair for pair in pairs if pair.is_genuine or pair.is_of_somebody]
        print(describe(name, "all, pictures of characters only", known))
        paths: Any = ("face", "body", "none") if name == "dino" else ()
        for path in paths:
            print(describe(name, path, [each for each in pairs if each.likeness.path == path]))
        worst = name_worst(pairs) if name == "dino" else worst
    print("\n" + "\n".join(worst))


if __name__ == "__main__":
    main(sys.argv[1:])
