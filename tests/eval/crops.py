"""How much of a figure crops keep, ours and centred ones: `python -m tests.eval.crops`.

Drawn figures stand anywhere on grounds of two kinds: scenery that the simulator paints, and noise
with the spectrum of photographs. Where they stand is known, so what a crop keeps of them is too.
"""

import argparse
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from nbp_dagster.simulator.painting.painter import paint
from nbp_dagster.studio.checks.characters.distractors import draw_distractors
from nbp_dagster.studio.imaging.boxes import Box
from nbp_dagster.studio.imaging.crop import LEAST_KEPT, Subject, choose_crop, choose_figure_crop
from nbp_dagster.studio.imaging.resize import build_pyramid

# Ratios of the model's, as the pixels of a small picture.
SOURCES = ((960, 540), (540, 960), (720, 720), (800, 600), (600, 800), (840, 560), (560, 840))
CROPS = ((1080, 1350), (1080, 1080), (1200, 628), (300, 250), (1080, 1920), (1000, 1500))
# Parts of banners that show a figure beside the copy: of 728x90, of 970x250 and of 160x600.
BANNERS = ((162, 90), (320, 250), (160, 270))
_PLACES = (
    "a park with trees in the morning",
    "a harbour street at noon",
    "a kitchen with a window",
    "a shop with shelves in the evening",
    "a hill above the sea",
)


@dataclass(frozen=True)
class RenderContext:
    """A picture and the box of its figure, in pixels."""

    image: Image.Image
    figure: Box


def place_on_background(number: int) -> RenderContext:
    """Return one of the scenes; equal numbers give equal scenes."""
    dice = random.Random(number)
    wide, high = SOURCES[number % len(SOURCES)]
    if number % 2:
        palette = ", ".join(f"#{dice.randrange(1 << 24):06X}" for _ in range(3))
        text = f"Palette: {palette}. The scene: {dice.choice(_PLACES)}."
        ground = paint(text, [], width=wide, height=high, variant=dice.randint(1, 4))
    else:
        ground = _draw_ground(number, wide, high)
    figures = draw_distractors()
    figure = figures[number % len(figures)]
    tall = round(min(wide, high) * dice.uniform(0.35, 0.75))
    across = max(1, round(figure.image.width * tall / figure.image.height))
    left, top = dice.randint(0, max(0, wide - across)), dice.randint(0, high - tall)
    mask = Image.fromarray(figure.mask).convert("L").resize((across, tall))
    ground.paste(figure.image.resize((across, tall)), (left, top), mask)
    return RenderContext(ground, (left, top, left + across, top + tall))


def _draw_ground(number: int, wide: int, high: int) -> Image.Image:
    dice = np.random.default_rng(number)
    down, across = np.fft.fftfreq(high)[:, None], np.fft.rfftfreq(wide)[None, :]
    frequency = np.hypot(down, across)
    frequency[0, 0] = 1
    planes = []
    for _ in range(3):
        noise = np.fft.rfft2(dice.normal(size=(high, wide))) / frequency**1.4
        plane = np.fft.irfft2(noise, s=(high, wide))
        planes.append(plane / plane.std() * 40 + dice.uniform(70, 180))
    pixels = np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(2))


def keep_share(figure: Box, box: Box) -> float:
    """Return the share of a figure's box that a crop shows, of what a crop of its size could."""
    across = min(figure[2], box[2]) - max(figure[0], box[0])
    down = min(figure[3], box[3]) - max(figure[1], box[1])
    if across <= 0 or down <= 0:
        return 0.0
    most = min(figure[2] - figure[0], box[2] - box[0]) * min(figure[3] - figure[1], box[3] - box[1])
    return across * down / most


def centre(source: tuple[int, int], frame: tuple[int, int]) -> Box:
    wide = min(source[0], source[1] * frame[0] / frame[1])
    high = min(source[1], source[0] * frame[1] / frame[0])
    left, top = (source[0] - wide) / 2, (source[1] - high) / 2
    return (left, top, left + wide, top + high)


def judge(scenes: Sequence[RenderContext]) -> dict[str, list[float]]:
    """Return the shares kept, by way of cropping."""
    rows: dict[str, list[float]] = {}
    for scene in scenes:
        pyramid = build_pyramid(scene.image)
        subject = Subject(pyramid.saliency)
        size = scene.image.size
        for frame in CROPS:
            near = size[0] / size[1] / (frame[0] / frame[1])
            if not LEAST_KEPT <= min(near, 1 / near) < 0.97:
                continue
            ours = choose_crop(size, width=frame[0], height=frame[1], subject=subject)
            rows.setdefault("crop, centred", []).append(
                keep_share(scene.figure, centre(size, frame))
            )
            rows.setdefault("crop, ours", []).append(keep_share(scene.figure, ours.box))
            if ours.method == "cover":
                rows.setdefault("crop, ours, not padded", []).append(
                    keep_share(scene.figure, ours.box)
                )
        for frame in BANNERS:
            ours = choose_figure_crop(size, (0, 0, *frame), subject)
            rows.setdefault("banner, centred", []).append(
                keep_share(scene.figure, centre(size, frame))
            )
            rows.setdefault("banner, ours", []).append(keep_share(scene.figure, ours.box))
            rows.setdefault("banner area", []).append(ours.kept)
    return rows


def main() -> None:
    """Print the table of docs/checks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=60)
    given = parser.parse_args()
    scenes = [place_on_background(number) for number in range(given.scenes)]
    for name, shares in judge(scenes).items():
        whole = sum(share > 0.95 for share in shares) / len(shares)
        print(f"{name}: {len(shares)} crops, {np.mean(shares):.2f} kept, {whole:.0%} over .95")
    start = time.process_time()
    for scene in scenes:
        build_pyramid(scene.image.resize((96, 96))).saliency  # noqa: B018
    print(f"saliency: {(time.process_time() - start) / len(scenes) * 1000:.1f} ms each")


if __name__ == "__main__":
    main()
