"""How well edits are told that changed more than they should, and words that an edit left.

`python -m tests.eval.edits [FOLDER]`, or `NBP_REAL_PICTURES`: FOLDER holds pictures of the real
model. What a model does by the way (another compression, size, light, sharpness, a small shift) is
done to each and must count for nothing; parts of 2 to 10 % are changed and must be found. Then the
simulator's set of four shots in five languages is drawn, with its faults, where `--drawn` says so
(extra `ocr`). Prints the tables that docs/checks.md carries.
"""

import io
import os
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from nbp_dagster.studio.checks.edits.edit_checks import MOST_CHANGED
from nbp_dagster.studio.checks.edits.picture_difference import measure_difference
from nbp_dagster.studio.imaging.decode import decode_image
from tests.rigs.localized import LocalizedSet

SIDE: Final = 1024
SHARES: Final = (0.02, 0.05, 0.1)
VISIBLE: Final = 12.0
"""Levels by which a part must differ in the mean to count as changed: elsewhere nobody sees it."""

Way = Callable[[Image.Image], Image.Image]


def as_jpeg(quality: int) -> Way:
    def write(picture: Image.Image) -> Image.Image:
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=quality)
        return Image.open(io.BytesIO(stream.getvalue())).convert("RGB")

    return write


def resized(factor: float) -> Way:
    return lambda picture: picture.resize(
        (round(picture.width * factor), round(picture.height * factor)), Image.Resampling.BICUBIC
    )


def placed(factor: float = 1.0, x: float = 0.0, y: float = 0.0) -> Way:
    """Zoomed about the middle and moved by pixels; what comes in is mirrored."""

    def place(picture: Image.Image) -> Image.Image:
        pad, (wide, high) = 60, picture.size
        cells = np.pad(np.asarray(picture), ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
        gap = (wide * (1 - 1 / factor) / 2, high * (1 - 1 / factor) / 2)
        where = (1 / factor, 0.0, gap[0] - x + pad, 0.0, 1 / factor, gap[1] - y + pad)
        return Image.fromarray(cells).transform(
            picture.size, Image.Transform.AFFINE, where, Image.Resampling.BICUBIC
        )

    return place


def relit(gain: float, offset: float, colour: float, warmth: float) -> Way:
    def light(picture: Image.Image) -> Image.Image:
        cells = np.asarray(picture, np.float32) * gain + offset
        cells = np.clip(cells * (1 + warmth, 1, 1 - warmth), 0, 255)
        return ImageEnhance.Color(Image.fromarray(cells.astype(np.uint8))).enhance(colour)

    return light


def sharpened(percent: int) -> Way:
    return lambda picture: picture.filter(ImageFilter.UnsharpMask(2, percent, 0))


def chained(*ways: Way) -> Way:
    def run(picture: Image.Image) -> Image.Image:
        for way in ways:
            picture = way(picture)
        return picture

    return run


BY_THE_WAY: Final[Mapping[str, Way]] = {
    "JPEG of quality 95": as_jpeg(95),
    "JPEG of quality 75": as_jpeg(75),
    "JPEG of quality 60": as_jpeg(60),
    "3 % smaller": resized(0.97),
    "3 % larger": resized(1.03),
    "zoomed in by 1 %": placed(1.01),
    "zoomed in by 3 %": placed(1.03),
    "zoomed out by 2 %": placed(0.98),
    "moved by 9 and 7 pixels": placed(1.0, 9, -7),
    "a little lighter and warmer": relit(1.04, 4, 1.05, 0.02),
    "a little darker and colder": relit(0.95, -4, 0.95, -0.02),
    "sharpened": sharpened(120),
    "several at once": chained(
        placed(1.01, 4, -3), relit(1.03, 3, 1.04, 0.015), sharpened(80), as_jpeg(80)
    ),
}


def recolour(part: Image.Image, _: Image.Image) -> Image.Image:
    hue, strength, light = part.convert("HSV").split()
    turned = hue.point([(value + 110) % 256 for value in range(256)])
    stronger = strength.point([min(255, value + 70) for value in range(256)])
    return Image.merge("HSV", (turned, stronger, light)).convert("RGB")


CHANGES: Final[Mapping[str, Callable[[Image.Image, Image.Image], Image.Image]]] = {
    "another picture's part": lambda part, other: other.resize(part.size),
    "recoloured": recolour,
    "mirrored": lambda part, _: part.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "out of focus": lambda part, _: part.filter(ImageFilter.GaussianBlur(30)),
}


def change_part(
    picture: Image.Image, other: Image.Image, share: float, dice: random.Random, change: str
) -> tuple[Image.Image, bool]:
    """Change an ellipse in a box of a share of the picture; tells whether that can be seen."""
    side = share**0.5
    wide, high = round(picture.width * side), round(picture.height * side)
    left = dice.randrange(picture.width - wide)
    top = dice.randrange(picture.height - high)
    box = (left, top, left + wide, top + high)
    part = picture.crop(box)
    changed = CHANGES[change](part, other)
    mask = Image.new("L", part.size, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, *part.size), fill=255)
    inside = np.asarray(mask) > 0
    apart = np.abs(np.asarray(part, np.int16) - np.asarray(changed, np.int16)).max(-1)[inside]
    edited = picture.copy()
    edited.paste(changed, box[:2], mask)
    return edited, float(apart.mean()) >= VISIBLE


def read_pictures(folder: Path) -> list[Image.Image]:
    """Every picture of a folder, reduced as an original is for its check."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"):
            image = decode_image(path.read_bytes(), what=path.name).image.convert("RGB")
            image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            found.append(image)
    return found


def print_by_the_way(pictures: Sequence[Image.Image]) -> None:
    """Print what counts as changed where nothing was to count."""
    print(f"\n| on {len(pictures)} real pictures | called changed | most of the picture |")
    print("|---|---|---|")
    wrong = 0
    for name, way in BY_THE_WAY.items():
        found = [measure_difference(each, way(each), apart_from=()).changed for each in pictures]
        red = sum(share > MOST_CHANGED for share in found)
        wrong += red
        print(f"| {name} | {red} of {len(found)} | {max(found):.2%} |", flush=True)
    print(f"\n{wrong} of {len(BY_THE_WAY) * len(pictures)} at {MOST_CHANGED:.1%}")


def print_changes(pictures: Sequence[Image.Image]) -> None:
    """Print how many changed parts are found, of those that can be seen."""
    print(f"\n| part | {' | '.join(f'{share:.0%} of the picture' for share in SHARES)} |")
    print(f"|---|{'---|' * len(SHARES)}")
    for change in CHANGES:
        cells = []
        for share in SHARES:
            dice, found = random.Random(f"{change}/{share}"), []
            for place, picture in enumerate(pictures):
                other = pictures[(place + 7) % len(pictures)]
                edited, is_visible = change_part(picture, other, share, dice, change)
                if is_visible:
                    sent = as_jpeg(85)(edited)
                    found.append(measure_difference(picture, sent, apart_from=()).changed)
            red = sum(each > MOST_CHANGED for each in found)
            cells.append(f"{red} of {len(found)} (median {median(found):.1%})")
        print(f"| {change} | {' | '.join(cells)} |", flush=True)


def print_drawn(folder: Path) -> None:
    """Print what the checks say of the simulator's set, without a fault and with each."""
    localized = LocalizedSet.open(folder)
    checker = localized.checker()
    print("\n| the simulator's 16 edits | edit_contained red | old_words_gone red |")
    print("|---|---|---|")
    for fault in ("", "edit-changes-picture", "edit-keeps-old-words"):
        red: dict[str, list[bool]] = defaultdict(list)
        for prompt, base in localized.edits:
            picture = localized.draw_edit(prompt, base, fault)
            for name, each in localized.check(prompt, base, picture, checker).items():
                if each.verdict != "skipped":
                    red[name].append(each.verdict == "failed")
        cells = [f"{sum(red[n])} of {len(red[n])}" for n in ("edit_contained", "old_words_gone")]
        print(f"| {fault or 'no fault'} | {' | '.join(cells)} |", flush=True)


def main(arguments: Sequence[str]) -> None:
    """Print every table."""
    named = next((each for each in arguments if not each.startswith("--")), None)
    folder = named or os.environ.get("NBP_REAL_PICTURES")
    if folder:
        pictures = read_pictures(Path(folder))
        print_by_the_way(pictures)
        print_changes(pictures)
    else:
        print("no folder of real pictures was named: name one, or set NBP_REAL_PICTURES")
    if "--drawn" in arguments:
        with tempfile.TemporaryDirectory() as place:
            print_drawn(Path(place))


if __name__ == "__main__":
    main(sys.argv[1:])
