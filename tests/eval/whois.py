"""How surely `nbp whois` finds copies, and how fast: `make eval-whois`.

A third of the pictures is painted by the simulator, a third has the spectrum of photographs, and a
third mixes both; every one is copied in every way. As many others of the same kinds must have no
match.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from nbp_dagster.simulator.painting.painter import paint
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.provenance.descriptors import (
    DESCRIPTOR_BYTES,
    MIN_SIMILARITY,
    PictureDescriptors,
    describe_picture,
    find_similar,
)
from nbp_dagster.studio.provenance.identify import identify
from nbp_dagster.studio.provenance.picture_index import KnownPicture, PictureIndex
from nbp_dagster.studio.provenance.pixel_diff import MAX_DIFFERENCE, pixel_diff
from tests.rigs.copies import JOURNEYS, SIZES, Journey, draw_any, send
from tests.rigs.pictures import encode

_SCENES = (
    "Mira pours the first cup at a sunlit kitchen counter",
    "a fox reads in the forest",
    "a bicycle leans on a wall at night",
    "the family eats breakfast",
    "a red kite over a hill",
    "a harbour in the fog",
    "two friends laugh on a park bench",
)
_WORDS = (
    *("slow", "mornings", "win", "tea", "for", "two", "fresh", "roast", "every", "day", "the"),
    *("taste", "of", "spring", "home", "again", "quiet", "hours", "bright", "cups", "friends"),
    *("share", "winter", "blend", "hilltop", "garden", "small", "joys", "start", "here"),
)
_HARDER = {"half size, JPEG q30, cropped 8 %": Journey(halved=True, quality=30, cut=0.08)}


@dataclass(frozen=True)
class Finding:
    """What became of all copies that made one journey.

    Attributes:
        found: How many found a picture at all.
        right: How many found theirs first.
        least: The smallest similarity of the descriptors of a copy and its picture.
        apart: The greatest difference of the pixels of a copy and its picture.
    """

    found: int
    right: int
    least: float
    apart: float


def draw_picture(number: int) -> Image.Image:
    """Return one of the evaluation's pictures; equal numbers give equal pictures."""
    if number % 3:
        return draw_any(number)
    dice = random.Random(number)
    wide, high = SIZES[number // 3 % len(SIZES)]
    colours = ", ".join(f"#{dice.randrange(1 << 24):06X}" for _ in range(3))
    headline = " ".join(dice.sample(_WORDS, dice.randint(2, 4))).capitalize()
    text = f'Palette: {colours}. {dice.choice(_SCENES)}. Headline: "{headline}".'
    return paint(text, [], width=wide, height=high, variant=dice.randint(1, 4))


def describe_all(pictures: Sequence[Image.Image]) -> PictureDescriptors:
    return PictureDescriptors.of(
        [(describe_picture(item), item.width / item.height) for item in pictures]
    )


def judge(
    pictures: Sequence[Image.Image], descriptors: PictureDescriptors, journey: Journey
) -> Finding:
    """Send every picture on a journey and look for it, as `nbp whois` does."""
    found = right = 0
    least, apart = 1.0, 0.0
    for number, picture in enumerate(pictures):
        copy = send(picture, journey, seed=number)
        hits = {hit.index: hit.score for hit in find_similar(copy, descriptors)}
        differences = {index: pixel_diff(copy, pictures[index]) for index in hits}
        copies = {index: each for index, each in differences.items() if each.is_copy}
        found += bool(copies)
        right += bool(copies) and min(copies, key=lambda each: copies[each].greatest) == number
        least = min(least, hits.get(number, 0.0))
        apart = max(apart, differences[number].usual if number in differences else 255.0)
    return Finding(found, right, least, apart)


def judge_others(
    count: int, pictures: Sequence[Image.Image], descriptors: PictureDescriptors
) -> tuple[int, list[float]]:
    """Look for so many other pictures.

    Returns:
        How many the descriptors take for a copy, and how far the pixels of each of these differ.
    """
    nearest = []
    for number in range(count):
        other = draw_picture(1_000_000 + number)
        if hits := find_similar(other, descriptors):
            nearest.append(min(pixel_diff(other, pictures[hit.index]).usual for hit in hits))
    return len(nearest), nearest


def time_queries(rows: int) -> Iterator[tuple[str, float]]:
    """Yield what a query costs over so many pictures in SQLite, in seconds."""
    dice = np.random.default_rng(1)
    target = draw_any(1)
    with tempfile.TemporaryDirectory() as folder:
        engine = open_ledger(Path(folder) / "ledger.sqlite")
        registry = PictureIndex(engine)
        batch = [
            _row(number, dice.integers(0, 256, DESCRIPTOR_BYTES, np.uint8).tobytes())
            for number in range(rows)
        ]
        for start in range(0, rows, 500):
            registry.add(batch[start : start + 500])
        registry.add([_row(rows, describe_picture(target), size=target.size)])
        for name, size in (("of one shape", target.size), ("of another shape", (900, 300))):
            query = encode(target.resize(size))
            start_time = time.perf_counter()
            identify(query, registry, name=name)
            yield name, time.perf_counter() - start_time
        engine.dispose()


def _row(number: int, sketch: bytes, *, size: tuple[int, int] | None = None) -> KnownPicture:
    wide, high = size or SIZES[1]
    return KnownPicture(
        sha256=f"{number:064x}",
        prompt_key=f"eval/{number}",
        brand="eval",
        campaign="eval",
        channel="square",
        locale="en",
        width=wide,
        height=high,
        model="a model",
        provider="oxen",
        fingerprint=f"{number:064x}",
        generation_id=f"gen_{number}",
        made_at=None,
        sketch=sketch,
    )


def main() -> None:
    """Print the figures of docs/marking.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=100_000)
    given = parser.parse_args()
    pictures = [draw_picture(number) for number in range(given.pictures)]
    descriptors = describe_all(pictures)
    print(f"{given.pictures} pictures; threshold {MIN_SIMILARITY}")
    for name, journey in {**JOURNEYS, **_HARDER}.items():
        begun = time.perf_counter()
        seen = judge(pictures, descriptors, journey)
        cost = (time.perf_counter() - begun) / given.pictures * 1000
        print(
            f"{name}: found {seen.found}, theirs first {seen.right}, least likeness "
            f"{seen.least:.3f}, greatest difference {seen.apart:.1f}, {cost:.0f} ms each"
        )
    likely, differences = judge_others(given.pictures, pictures, descriptors)
    wrong = sum(each <= MAX_DIFFERENCE for each in differences)
    print(
        f"{given.pictures} others: {likely} are like one of ours by their descriptors, {wrong} by "
        f"their pixels, which differ by {min(differences, default=255.0):.1f} at least "
        f"(a copy by {MAX_DIFFERENCE} at most)"
    )
    for name, seconds in time_queries(given.rows):
        print(f"a query over {given.rows:,} pictures, {name}: {seconds:.2f} s")


if __name__ == "__main__":
    main()
