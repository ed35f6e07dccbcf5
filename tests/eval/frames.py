"""Heads cut by frames and under type, with places and without: `python -m tests.eval.frames`.

With `--read` also lines of lettering that are shown in part, unread and read.
Reads a folder of pictures, none of which belongs to this repository. Heads are those that are found
in them, or those outlined by hand in a JSON file: boxes in shares of the picture by its file name.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from nbp_dagster.briefs.channels import Channel, load_packaged_channels
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.prompts.expansion import expand
from nbp_dagster.prompts.render_context import RenderContext, render_context_of
from nbp_dagster.studio.checks.ocr.ocr_engine import OcrEngine, load_engine
from nbp_dagster.studio.imaging.boxes import scale_box, share_of
from nbp_dagster.studio.imaging.places import Places, find_places
from nbp_dagster.studio.imaging.resize import Pyramid, Rendition, build_pyramid, render_channel
from nbp_dagster.studio.renditions.disclosure_layer import LabelledSetter
from nbp_dagster.studio.typography.contrast import choose_scheme
from nbp_dagster.studio.typography.copy_fit import LocaleCopy
from nbp_dagster.studio.typography.copy_layer import CopySetter

PLAIN = (
    "instagram_story",
    "instagram_feed",
    "instagram_square",
    "linkedin_post",
    "display_300x250",
    "display_300x600",
)
BANNERS = (
    "display_728x90",
    "display_970x90",
    "display_320x50",
    "display_970x250",
    "display_160x600",
)
COPY = {
    "headline": "Slow mornings win",
    "sub": "Fresh spring roast, every week.",
    "call_to_action": "Shop the roast",
}
LEAST_SHOWN = 0.9  # of a head: below it, it is cut
MOST_COVERED = 0.02  # of a head, by type; and of a line, shown: below it, it is not there
LEAST_SCORE = 0.9  # of a line that is read
CONFIG = Path(__file__).parents[2] / "assets_config"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Case:
    """A picture, what is found on it, and the heads it is judged by."""

    name: str
    pyramid: Pyramid
    places: Places
    heads: Sequence[Box]
    words: tuple[Box, ...] = ()


def read_cases(
    folder: Path, outlines: Mapping[str, Sequence[Box]] | None, *, is_read: bool = False
) -> list[Case]:
    """Read a folder's pictures, and where asked the lettering on them."""
    engine = load_engine() if is_read else None
    cases = []
    for path in sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES):
        with Image.open(path) as opened:
            pyramid = build_pyramid(opened.convert("RGB"))
        small = pyramid.reduced(longer=448)
        places = find_places(pyramid.levels[0], small, original=path.name)
        heads = places.heads if outlines is None else outlines.get(path.name, ())
        words = () if engine is None else find_words(engine, pyramid.levels[0])
        cases.append(Case(path.name, pyramid, places, heads, words))
    return cases


def find_words(engine: OcrEngine, picture: Image.Image) -> tuple[Box, ...]:
    """Return the boxes of lines that are read with certainty, in shares of the picture."""
    lines = (line for line in engine.read(picture) if line.score >= LEAST_SCORE)
    return tuple((line.left, line.top, line.right, line.bottom) for line in lines)


def count_fragments(case: Case, rendition: Rendition) -> int:
    """Return how many lines of lettering a rendition shows in part."""
    shown = (
        share_of(scale_box(word, case.pyramid.size), rendition.crop.box) for word in case.words
    )
    return sum(MOST_COVERED < share < LEAST_SHOWN for share in shown)


def render(
    case: Case, context: RenderContext, channel: Channel, texts: Mapping[str, str], *, known: bool
) -> tuple[Rendition, CopySetter]:
    """Render a picture for a channel, its places known or not."""
    places = case.places if known else None
    words = case.words if known else ()
    setter = CopySetter(context, channel, LocaleCopy("en", texts), False)
    layer = LabelledSetter(setter, None, case.pyramid.size, places, words)
    rendition = render_channel(
        case.pyramid,
        channel,
        typeset=layer.typeset if setter.is_needed else None,
        beside=layer.compose,
        compose=layer.compose if setter.is_banner else None,
        words=words,
        places=places,
        ground=choose_scheme(context.brand.palette).background,
    )
    return rendition, setter


def judge(case: Case, rendition: Rendition, setter: CopySetter) -> tuple[int, int]:
    """Return how many heads a rendition cuts, and how many of those it shows lie under type."""
    cut = covered = 0
    crop, size = rendition.crop, case.pyramid.size
    for head in case.heads:
        spot = (head[0] * size[0], head[1] * size[1], head[2] * size[0], head[3] * size[1])
        cut += share_of(spot, crop.box) < LEAST_SHOWN
        left, top = crop.place[0], crop.place[1]
        placed = (
            left + (spot[0] - crop.box[0]) * crop.scale,
            top + (spot[1] - crop.box[1]) * crop.scale,
            left + (spot[2] - crop.box[0]) * crop.scale,
            top + (spot[3] - crop.box[1]) * crop.scale,
        )
        under = sum(share_of(placed, item.box) for item in setter.text_boxes)
        covered += under > MOST_COVERED
    return cut, covered


def main() -> None:
    """Print the table of docs/checks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.environ.get("NBP_REAL_PICTURES"))
    parser.add_argument("--outlines", type=Path, help="heads outlined by hand, JSON")
    parser.add_argument("--save", type=Path, help="write every rendition into this folder")
    parser.add_argument("--frames", nargs="*", default=[*PLAIN, *BANNERS], help="channels")
    parser.add_argument("--read", action="store_true", help="count lines shown in part (extra ocr)")
    parser.add_argument("--only", default="", help="pictures whose name has it")
    given = parser.parse_args()
    if not given.folder:
        sys.exit("no folder of pictures: give one, or set NBP_REAL_PICTURES")
    outlines = None if given.outlines is None else json.loads(given.outlines.read_text("utf-8"))
    started = time.process_time()
    found = read_cases(Path(given.folder), outlines, is_read=given.read)
    cases = [case for case in found if given.only in case.name]
    each = (time.process_time() - started) / max(1, len(cases))
    print(
        f"{len(cases)} pictures, {sum(len(case.heads) for case in cases)} heads, {each:.2f} s each"
    )
    briefs = load_briefs(CONFIG)
    context = render_context_of(briefs, expand(briefs)[0])
    channels = load_packaged_channels()
    print("frame: heads cut, heads under type; places unknown -> known")
    totals = [0, 0, 0, 0]
    for name in given.frames:
        for texts in ({}, COPY):
            counts = [0, 0, 0, 0]
            fragments = [0, 0]
            for case in cases:
                for known in (False, True):
                    rendition, setter = render(case, context, channels[name], texts, known=known)
                    judged = judge(case, rendition, setter)
                    counts[known] += judged[0]
                    counts[2 + known] += judged[1]
                    fragments[known] += count_fragments(case, rendition)
                    if given.save:
                        kind = "copy" if texts else "plain"
                        state = "after" if known else "before"
                        target = given.save / f"{name}-{kind}-{state}-{case.name}.png"
                        rendition.image.save(target)
            totals = [a + b for a, b in zip(totals, counts, strict=True)]
            kind = "with copy" if texts else "without"
            line = f"{name} {kind}: {counts[0]} -> {counts[1]}, {counts[2]} -> {counts[3]}"
            pieces = f"; lines in part {fragments[0]} -> {fragments[1]}" if given.read else ""
            print(line + pieces, flush=True)
    print(f"sum: {totals[0]} -> {totals[1]}, {totals[2]} -> {totals[3]}")


if __name__ == "__main__":
    main()
