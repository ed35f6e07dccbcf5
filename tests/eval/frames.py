"""Heads cut by frames and under type, with places and without: `python -m tests.eval.frames`.

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
from nbp_dagster.studio.imaging.boxes import share_of
from nbp_dagster.studio.imaging.places import Places, find_places
from nbp_dagster.studio.imaging.resize import Pyramid, Rendition, build_pyramid, render_channel
from nbp_dagster.studio.renditions.disclosure_layer import LabelledSetter
from nbp_dagster.studio.typography.contrast import choose_scheme
from nbp_dagster.studio.typography.copy_fit import LocaleCopy
from nbp_dagster.studio.typography.copy_layer import CopySetter

PLAIN = ("instagram_story", "instagram_feed", "instagram_square", "linkedin_post")
BANNERS = ("display_728x90", "display_970x250", "display_160x600")
COPY = {
    "headline": "Slow mornings win",
    "sub": "Fresh spring roast, every week.",
    "call_to_action": "Shop the roast",
}
LEAST_SHOWN = 0.9  # of a head: below it, it is cut
MOST_COVERED = 0.02  # of a head, by type
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


def read_cases(folder: Path, outlines: Mapping[str, Sequence[Box]] | None) -> list[Case]:
    """Read a folder's pictures."""
    cases = []
    for path in sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES):
        with Image.open(path) as opened:
            pyramid = build_pyramid(opened.convert("RGB"))
        small = pyramid.reduced(longer=448)
        places = find_places(pyramid.levels[0], small, original=path.name)
        heads = places.heads if outlines is None else outlines.get(path.name, ())
        cases.append(Case(path.name, pyramid, places, heads))
    return cases


def render(
    case: Case, context: RenderContext, channel: Channel, texts: Mapping[str, str], *, known: bool
) -> tuple[Rendition, CopySetter]:
    """Render a picture for a channel, its places known or not."""
    places = case.places if known else None
    setter = CopySetter(context, channel, LocaleCopy("en", texts), False)
    layer = LabelledSetter(setter, None, case.pyramid.size, places)
    rendition = render_channel(
        case.pyramid,
        channel,
        typeset=layer.typeset if setter.is_needed else None,
        beside=layer.compose,
        compose=layer.compose if setter.is_banner else None,
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
    parser.add_argument("--only", default="", help="pictures whose name has it")
    given = parser.parse_args()
    if not given.folder:
        sys.exit("no folder of pictures: give one, or set NBP_REAL_PICTURES")
    outlines = None if given.outlines is None else json.loads(given.outlines.read_text("utf-8"))
    started = time.process_time()
    cases = [case for case in read_cases(Path(given.folder), outlines) if given.only in case.name]
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
            for case in cases:
                for known in (False, True):
                    rendition, setter = render(case, context, channels[name], texts, known=known)
                    found = judge(case, rendition, setter)
                    counts[known] += found[0]
                    counts[2 + known] += found[1]
                    if given.save:
                        kind = "copy" if texts else "plain"
                        state = "after" if known else "before"
                        target = given.save / f"{name}-{kind}-{state}-{case.name}.png"
                        rendition.image.save(target)
            totals = [a + b for a, b in zip(totals, counts, strict=True)]
            kind = "with copy" if texts else "without"
            print(f"{name} {kind}: {counts[0]} -> {counts[1]}, {counts[2]} -> {counts[3]}")
    print(f"sum: {totals[0]} -> {totals[1]}, {totals[2]} -> {totals[3]}")


if __name__ == "__main__":
    main()
