"""How well drawn copy is read: word accuracy and edit distance by kind of line, on known pictures.

`python -m tests.eval.ocr [FOLDER]`: FOLDER holds scikit-image's sample pictures; those of the
installed package when none is named. Prints the tables that docs/checks.md carries.
"""

import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Final

from PIL import Image

from nbp_dagster.studio.checks.ocr.compare_text import Match
from nbp_dagster.studio.checks.ocr.expected_text import ExpectedText
from nbp_dagster.studio.checks.ocr.ocr_checks import OcrInput
from nbp_dagster.studio.checks.ocr.ocr_engine import OcrEngine, load_engine
from nbp_dagster.studio.checks.ocr.proofread import SIDES, read_at
from nbp_dagster.studio.manifest.value_types import Pass
from tests.eval.ocr_set import (
    SIZES,
    Specimen,
    draw_lettered,
    draw_misspelt,
    draw_wordless,
    find_samples,
)

WORDLESS: Final = 50


@dataclass
class Clock:
    """Seconds spent reading, by longer side."""

    seconds: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    def read(self, engine: OcrEngine, picture: Image.Image, side: int) -> Pass:
        start = time.perf_counter()
        found = read_at(engine, picture, side)
        self.seconds[side].append(time.perf_counter() - start)
        return found


def proofread(specimen: Specimen, engine: OcrEngine, clock: Clock) -> tuple[OcrInput, ...]:
    """Read as the checks do; gives what they see after each reading."""
    expected = ExpectedText(specimen.asked, ("SIMULATED",), {})
    passes: list[Pass] = []
    seen: list[OcrInput] = []
    for side in SIDES:
        passes.append(clock.read(engine, specimen.picture, side))
        seen.append(
            OcrInput(specimen.name, expected, passes=tuple(passes), alphabet=engine.alphabet)
        )
        if seen[-1].is_complete:
            break
    return tuple(seen)


def main(folder: Path | None) -> None:
    """Print every table."""
    samples, engine, clock = find_samples(folder), load_engine(), Clock()
    print(f"{engine.name}; {os.cpu_count()} cores, {platform.machine()}; 4K originals")
    judge_lettered(draw_lettered(samples), engine, clock)
    judge_misspelt(draw_misspelt(samples), engine, clock)
    judge_wordless(draw_wordless(samples, WORDLESS), engine, clock)
    for side, seconds in sorted(clock.seconds.items()):
        print(f"{side} px: {mean(seconds):.2f} s a reading, {len(seconds)} readings")


def judge_lettered(specimens: Iterable[Specimen], engine: OcrEngine, clock: Clock) -> None:
    """Print how exactly each kind of line was read, at the first size and in the end."""
    first: dict[str, list[Match]] = defaultdict(list)
    second: dict[str, list[Match]] = defaultdict(list)
    last: dict[str, list[Match]] = defaultdict(list)
    faint: dict[str, list[bool]] = defaultdict(list)
    strays = count = 0
    for specimen in specimens:
        seen = proofread(specimen, engine, clock)
        count += 1
        for part in specimen.asked:
            first[part].append(seen[0].best[part])
            second[part].append(seen[:2][-1].best[part])
            match = seen[-1].best[part]
            last[part].append(match)
            if not match.is_exact:
                print(f"  {specimen.name}: {part} {match.required!r} read {match.read!r}")
        faint[specimen.name.split()[-1]] += [
            ratio < least for ratio, least in seen[-1].faint.values()
        ]
        strays += bool(seen[-1].unrequested)
        if seen[-1].unrequested:
            print(f"  {specimen.name}: stray {seen[-1].unrequested}")
    print(f"\n{count} lettered pictures, {strays} with text wrongly called unrequested")
    for ground, found in faint.items():
        print(f"white letters on a {ground}: {sum(found)} of {len(found)} lines too faint")
    print()
    print(
        f"| line | letters, share of the width | exact at {SIDES[0]} | or at {SIDES[1]} "
        f"| or at {SIDES[2]} | word accuracy | edit distance |"
    )
    print("|---|---|---|---|---|---|---|")
    for part, share in SIZES.items():
        exact = [sum(match.is_exact for match in found[part]) for found in (first, second, last)]
        print(
            f"| {part} | {share:.2%} | {' | '.join(f'{each} of {count}' for each in exact)} "
            f"| {mean(match.word_accuracy for match in last[part]):.1%} "
            f"| {mean(match.normalised_distance for match in last[part]):.4f} |"
        )


def judge_misspelt(specimens: Iterable[Specimen], engine: OcrEngine, clock: Clock) -> None:
    """Print how many misspelt headlines were caught."""
    caught = count = 0
    for specimen in specimens:
        match = proofread(specimen, engine, clock)[-1].best["headline"]
        count += 1
        caught += not match.is_exact and bool(match.read)
        if match.is_exact or not match.read:
            print(f"  {specimen.name}: not caught, read {match.read!r}")
    print(f"\nmisspellings caught: {caught} of {count}")


def judge_wordless(specimens: Iterable[Specimen], engine: OcrEngine, clock: Clock) -> None:
    """Print on how many pictures without text some was found."""
    alarms = count = 0
    for specimen in specimens:
        found = proofread(specimen, engine, clock)[-1].unrequested
        count += 1
        alarms += bool(found)
        if found:
            print(f"  {specimen.name}: {found}")
    print(f"false alarms: {alarms} of {count} pictures without text\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
