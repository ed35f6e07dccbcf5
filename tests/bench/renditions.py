"""Eight renditions of one original, beside what pyvips needs for the same."""

import io
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from PIL import Image

from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.decode_limiter import run_parallel
from nbp_dagster.studio.imaging.encode import srgb_profile
from nbp_dagster.studio.imaging.resize import build_pyramid, fit_image
from tests.bench.figures import Figure, at_most
from tests.bench.report import Report
from tests.rigs.copies import draw_cloud
from tests.rigs.pictures import encode

SIZES: Final = (
    (1080, 1350),
    (1080, 1920),
    (1080, 1080),
    (1200, 627),
    (300, 250),
    (728, 90),
    (160, 600),
    (1920, 1080),
)
_SIDE: Final = 4096
_QUALITY: Final = 90

Make = Callable[[bytes], int]
"""Makes the renditions and returns their bytes, or only decodes and returns the pixels."""


def measure_renditions(report: Report) -> None:
    """Print CPU and wall seconds of ours and of pyvips, decoded once, from JPEG and from PNG."""
    try:
        rival, decode_there = _open_pyvips()
    except (ImportError, OSError) as error:
        report.say(f"renditions are not measured: pyvips is missing ({error}); run `make bench`")
        return
    ground = draw_cloud(1, _SIDE // 4, _SIDE // 4)
    picture = ground.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    originals = {
        "JPEG": encode(picture, "JPEG", quality=95),
        "PNG": encode(picture, "PNG", compress_level=1),
    }
    figures = []
    for name, data in originals.items():
        ours, theirs = _race((make_ours, rival), data, times=report.scale.renditions)
        here, there = _race((_decode, decode_there), data, times=report.scale.renditions)
        decoding = f"{here[1]:.2f} s, {there[1]:.2f} s"
        figures.append(Figure(f"{name}: decoding alone, CPU: ours, pyvips", decoding))
        for what, place in (("seconds", 0), ("CPU", 1)):
            figures += [
                Figure(f"{name}: ours, {what}", f"{ours[place]:.2f} s"),
                Figure(f"{name}: pyvips, {what}", f"{theirs[place]:.2f} s"),
                at_most(f"{name}: ours / pyvips, {what}", ours[place] / theirs[place], 1.0),
            ]
    report.show(f"eight renditions as JPEG of one {_SIDE}x{_SIDE} original", figures)


def make_ours(data: bytes) -> int:
    """Decode an original once and make the renditions; returns their bytes."""
    pyramid = build_pyramid(decode_image(data, what="an original").image)

    def make_one(size: tuple[int, int]) -> int:
        return len(_write(fit_image(pyramid, width=size[0], height=size[1])))

    return sum(run_parallel(make_one, SIZES))


def _write(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=_QUALITY, icc_profile=srgb_profile())
    return out.getvalue()


def _decode(data: bytes) -> int:
    image = decode_image(data, what="an original").image
    return image.width * image.height


def _open_pyvips() -> tuple[Make, Make]:
    import pyvips

    pyvips.cache_set_max(0)  # it would answer the second time from memory

    def decode(data: bytes) -> int:
        image: Any = pyvips.Image.new_from_buffer(data, "").copy_memory()
        return int(image.width * image.height)

    def make(data: bytes) -> int:
        image: Any = pyvips.Image.new_from_buffer(data, "").copy_memory()
        weight = 0
        for width, height in SIZES:
            fitted = image.thumbnail_image(width, height=height, crop="centre")
            weight += len(fitted.jpegsave_buffer(Q=_QUALITY))
        return weight

    return make, decode


def _race(makers: Sequence[Make], data: bytes, *, times: int) -> list[tuple[float, float]]:
    """Return the median seconds and CPU seconds of each, taking turns."""
    seconds: list[list[tuple[float, float]]] = [[] for _ in makers]
    for _ in range(times):
        for make, taken in zip(makers, seconds, strict=True):
            began, cpu = time.perf_counter(), time.process_time()
            make(data)
            taken.append((time.perf_counter() - began, time.process_time() - cpu))
    return [
        (statistics.median(t for t, _ in taken), statistics.median(c for _, c in taken))
        for taken in seconds
    ]
