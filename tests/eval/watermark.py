"""What an invisible watermark (RivaGAN) outlives, how often it is seen by mistake, what it costs.

`python -m tests.eval.watermark FOLDER` reads the pictures of a folder and the two networks of the
package `invisible-watermark`, whose files alone are needed: `pip install --no-deps
invisible-watermark`. Each picture is cut to the sizes of renditions, marked with 32 bits, changed,
and read again. The networks work on a square copy, and what they add is scaled to the picture: at
the full size of a story they take 4 GB of memory and a minute.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from math import comb
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from rich.console import Console
from rich.table import Table

from nbp_dagster.studio.vision.network import open_session
from tests.rigs.copies import Journey, send

Pixels = npt.NDArray[np.uint8]
Change = Callable[[Image.Image], Image.Image]

SIZES: Final = (
    (1080, 1080),
    (1080, 1350),
    (1080, 1920),
    (1200, 627),
    (1920, 1080),
    (300, 250),
    (728, 90),
    (160, 600),
)
_BITS: Final = 32
_LIMIT: Final = 0.52  # the package's own, from which a bit is 1
_KNOWN: Final = 27  # bits of a known mark that are enough; by chance 6 in 100,000 have them
_SIDE: Final = 256  # pixels of the copy that is marked and read


def _sent(journey: Journey) -> Change:
    return lambda image: send(image, journey)


def _sent_and_back(journey: Journey) -> Change:
    return lambda image: send(image, journey).resize(image.size, Image.Resampling.BICUBIC)


CHANGES: Final[dict[str, Change]] = {
    "none": lambda image: image,
    "JPEG q90, as renditions are written": _sent(Journey(quality=90)),
    "JPEG q60": _sent(Journey(quality=60)),
    "half size": _sent(Journey(halved=True)),
    "half size, and back": _sent_and_back(Journey(halved=True)),
    "5 % cut off each edge": _sent(Journey(cut=0.05)),
    "5 % cut off, scaled back": _sent_and_back(Journey(cut=0.05)),
}


class Marker:
    """The two networks: one writes 32 bits into a picture, one reads them."""

    def __init__(self, folder: Path) -> None:
        self._writer = open_session((folder / "rivagan_encoder.onnx").read_bytes(), "encoder")
        self._reader = open_session((folder / "rivagan_decoder.onnx").read_bytes(), "decoder")

    def write(self, image: Image.Image, bits: Pixels) -> Image.Image:
        small = _square(image)
        feed = {"frame": _frame(small), "data": bits[None].astype(np.float32)}
        drawn = np.clip(self._writer.run(None, feed)[0][0, :, 0], -1, 1)
        drawn = (drawn.transpose(1, 2, 0)[..., ::-1] + 1) * 127.5
        added = drawn - np.asarray(small, np.float32)
        bands = [
            np.asarray(Image.fromarray(band).resize(image.size, Image.Resampling.BICUBIC))
            for band in np.ascontiguousarray(added.transpose(2, 0, 1), np.float32)
        ]
        marked = np.asarray(image, np.float32) + np.stack(bands, axis=-1)
        return Image.fromarray(np.clip(np.rint(marked), 0, 255).astype(np.uint8))

    def read(self, image: Image.Image) -> Pixels:
        found = self._reader.run(None, {"frame": _frame(_square(image))})[0][0]
        return np.asarray(found > _LIMIT, np.uint8)


def _square(image: Image.Image) -> Image.Image:
    return image.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)


def _frame(image: Image.Image) -> npt.NDArray[np.float32]:
    """Blue, green, red from -1 to 1, as a film of one picture."""
    pixels = np.asarray(image, np.float32)[..., ::-1] / 127.5 - 1
    return pixels.transpose(2, 0, 1)[None, :, None].astype(np.float32)


def _psnr(one: Image.Image, other: Image.Image) -> float:
    error = np.square(np.asarray(one, np.float64) - np.asarray(other, np.float64)).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def _ssim(one: Image.Image, other: Image.Image) -> float:
    """Mean structural similarity of luminance over windows of 8 x 8 (Wang et al., 2004)."""
    first, second = (_windows(image) for image in (one, other))
    means = first.mean(-1), second.mean(-1)
    spread = first.var(-1), second.var(-1)
    both = ((first - means[0][..., None]) * (second - means[1][..., None])).mean(-1)
    light, contrast = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    upper = (2 * means[0] * means[1] + light) * (2 * both + contrast)
    lower = (means[0] ** 2 + means[1] ** 2 + light) * (spread[0] + spread[1] + contrast)
    return float((upper / lower).mean())


def _windows(image: Image.Image) -> npt.NDArray[np.float64]:
    grey = np.asarray(image.convert("L"), np.float64)
    rows, columns = grey.shape[0] // 8, grey.shape[1] // 8
    cells = grey[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8)
    return cells.transpose(0, 2, 1, 3).reshape(rows, columns, 64)


def _pictures(folder: Path) -> Iterator[Image.Image]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}:
            with Image.open(path) as opened:
                yield opened.convert("RGB")


def measure(folder: Path, marker: Marker) -> Iterator[tuple[str, ...]]:
    """Yield a row for each size: what is seen of the mark, and the shares that outlive changes."""
    random = np.random.default_rng(7)
    pictures = list(_pictures(folder))
    for size in SIZES:
        seen: list[tuple[float, float]] = []
        whole = dict.fromkeys(CHANGES, 0)
        known = dict.fromkeys(CHANGES, 0)
        chance = 0
        for picture in pictures:
            image = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
            bits = random.integers(0, 2, _BITS, dtype=np.uint8)
            marked = marker.write(image, bits)
            seen.append((_psnr(image, marked), _ssim(image, marked)))
            chance += int((marker.read(image) == bits).sum() >= _KNOWN)
            for name, change in CHANGES.items():
                same = int((marker.read(change(marked)) == bits).sum())
                whole[name] += same == _BITS
                known[name] += same >= _KNOWN
        count = len(pictures)
        shares = [f"{known[name] / count:.0%} ({whole[name] / count:.0%})" for name in CHANGES]
        psnr, ssim = np.mean(seen, axis=0)
        yield (f"{size[0]}x{size[1]}", f"{psnr:.1f}", f"{ssim:.3f}", f"{chance}/{count}", *shares)


def main(words: list[str]) -> int:
    package: Any = importlib.util.find_spec("imwatermark")
    if len(words) != 1 or package is None:
        print(
            "usage: python -m tests.eval.watermark FOLDER, with the files of `pip install --no-deps"
            " invisible-watermark`",
            file=sys.stderr,
        )
        return 2
    marker = Marker(Path(package.submodule_search_locations[0]))
    by_chance = sum(comb(_BITS, count) for count in range(_KNOWN, _BITS + 1)) / 2**_BITS
    table = Table(
        *("size", "PSNR dB", "SSIM", "false", *CHANGES),
        title=f"{_KNOWN} of {_BITS} bits right (all {_BITS}); by chance {by_chance:.1e}",
    )
    for row in measure(Path(words[0]), marker):
        table.add_row(*row)
    Console(width=200).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
