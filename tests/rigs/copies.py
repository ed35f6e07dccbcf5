"""What happens to a picture out there, and pictures that are none of ours."""

import io
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tests.rigs.pictures import draw_scene, encode

SIZES = ((540, 540), (540, 675), (360, 640), (600, 314), (300, 250), (728, 90), (160, 600))


@dataclass(frozen=True)
class Journey:
    """One way in which a picture comes back.

    Attributes:
        halved: To half its width and height.
        quality: Of the JPEG it was saved as; None for no loss.
        cut: Share cut off each edge.
        uneven: Each edge loses a share of its own, at most `cut`.
    """

    halved: bool = False
    quality: int | None = None
    cut: float = 0.0
    uneven: bool = False


JOURNEYS = {
    "half size": Journey(halved=True),
    "JPEG q60": Journey(quality=60),
    "cropped 5 %": Journey(cut=0.05),
    "all three": Journey(halved=True, quality=60, cut=0.05),
    "all three, each edge by 0 to 5 %": Journey(halved=True, quality=60, cut=0.05, uneven=True),
}


def send(image: Image.Image, journey: Journey, *, seed: int = 1) -> Image.Image:
    """Return the picture as it comes back: without any metadata, RGB."""
    dice = random.Random(seed)
    cuts = [journey.cut * (dice.random() if journey.uneven else 1) for _ in range(4)]
    wide, high = image.size
    left, top = round(cuts[0] * wide), round(cuts[1] * high)
    copy = image.crop((left, top, wide - round(cuts[2] * wide), high - round(cuts[3] * high)))
    if journey.halved:
        half = (max(1, copy.width // 2), max(1, copy.height // 2))
        copy = copy.resize(half, Image.Resampling.BICUBIC)
    if journey.quality is not None:
        data = encode(copy, "JPEG", quality=journey.quality)
        copy = Image.open(io.BytesIO(data)).convert("RGB")
    return copy


def draw_cloud(number: int, width: int, height: int) -> Image.Image:
    """Return a picture with the spectrum of a photograph, another for each number; RGB."""
    dice = np.random.default_rng(number)
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    frequency = np.hypot(down, across)
    frequency[0, 0] = 1
    light = dice.normal(size=(height, width))
    planes = []
    for _ in range(3):
        noise = np.fft.rfft2(light + 0.4 * dice.normal(size=(height, width)))
        plane = np.fft.irfft2(noise / frequency ** dice.uniform(1.1, 1.6), s=(height, width))
        planes.append(plane / plane.std() * 45 + dice.uniform(70, 180))
    return Image.fromarray(np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8))


def draw_any(number: int) -> Image.Image:
    """Return one of many pictures, of several shapes and kinds; equal numbers, equal pictures."""
    wide, high = SIZES[number % len(SIZES)]
    if number // len(SIZES) % 2:
        return draw_cloud(number, wide, high)
    # A scene and a cloud in one: hills that are common to many, and light of its own.
    head = (0.2 + 0.6 * (number * 37 % 101) / 101, 0.2 + 0.3 * (number * 53 % 97) / 97)
    scene = draw_scene(wide, high, night=number % 3 == 0, head_at=head)
    return Image.blend(scene, draw_cloud(number, wide, high), 0.5)
