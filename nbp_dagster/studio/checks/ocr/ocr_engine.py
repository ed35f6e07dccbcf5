"""The OCR engine: the `OcrEngine` protocol and RapidOCR, which reads a picture's words offline.

Must not know briefs; no verdicts.
"""

import hashlib
import importlib.util
import os
import threading
from collections.abc import Iterable
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from PIL import Image

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.manifest.value_types import ReadLine, WordBox

EXTRA: Final = "ocr"
INSTALL: Final = 'pip install "nbp-dagster[ocr]"'

DETECTOR: Final = "PP-OCRv6_det_small.onnx"
RECOGNISER: Final = "PP-OCRv6_rec_small.onnx"

# Of a side; above it nothing is gained, and large letters fall apart.
_MOST_PIXELS: Final = 2048


# Threads of one reading; more of them made a picture of 800 pixels no quicker.
_THREADS = 2


class OcrEngineMissing(NbpError):
    """No OCR engine is installed; the message names what to install."""


class OcrEngine(Protocol):
    """Reads pictures; safe to use from several threads."""

    @property
    def name(self) -> str:
        """Name and version of the engine: another one may read otherwise."""
        ...

    @property
    def alphabet(self) -> frozenset[str]:
        """Every character it knows; it reads others as something else."""
        ...

    def read(self, picture: Image.Image) -> tuple[ReadLine, ...]:
        """Return the lines of an RGB picture, from top to bottom.

        The size decides what is found: large letters fall apart in a large picture, small ones
        are lost in a small one.
        """
        ...

    def locate(self, picture: Image.Image) -> tuple[WordBox, ...]:
        """Return where an RGB picture has lettering, in whatever script, without reading it."""
        ...


class RapidOcrEngine:
    """PP-OCRv6 (small) by way of RapidOCR and ONNX Runtime, with the models of its wheel.

    Loads in about a second and takes 0.4 to 2 seconds a picture on two cores; one picture at a
    time, because its session already uses the cores there are.

    Raises:
        OcrEngineMissing: The extra `ocr` is not installed, or its models are not in it.
    """

    def __init__(self, *, threads: int | None = None) -> None:
        models = find_models()
        identify_engine()
        try:
            # Seconds to import, and an extra.
            from rapidocr import RapidOCR
        except ImportError as error:
            raise OcrEngineMissing(f"reading needs the extra ocr ({error}): {INSTALL}") from None
        threads = min(threads or _THREADS, os.cpu_count() or 1)
        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "critical",
                # Tells upright from upside down; lettering of an advertisement stands upright.
                "Global.use_cls": False,
                # The size is ours to choose; the detector would enlarge wide pictures.
                "Global.max_side_len": _MOST_PIXELS,
                "Det.limit_type": "max",
                "Det.limit_side_len": _MOST_PIXELS,
                # By path, so that nothing is ever looked for on the network.
                "Det.model_path": str(models[0]),
                "Rec.model_path": str(models[1]),
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        self._lock = threading.Lock()

    @cached_property
    def name(self) -> str:
        """The engine's version and the recogniser's digest."""
        return identify_engine()

    @cached_property
    def alphabet(self) -> frozenset[str]:
        """As the recogniser's file declares it, in its metadata `character`."""
        session = self._engine._load_rec_model().session
        return frozenset("".join(session.get_character_list("character")))

    def read(self, picture: Image.Image) -> tuple[ReadLine, ...]:
        """Return the lines of a picture; see `OcrEngine.read`."""
        # Blue first, as OpenCV has it.
        pixels = np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1])
        with self._lock:
            # The engine remembers what the call before asked for.
            found = self._engine(pixels, use_det=True, use_cls=False, use_rec=True)
        # Where nothing is found, the fields are None.
        if getattr(found, "txts", None) is None or found.boxes is None:
            return ()
        return tuple(
            _line(text, score, corners, picture.size)
            for text, score, corners in zip(found.txts, found.scores, found.boxes, strict=True)
        )

    def locate(self, picture: Image.Image) -> tuple[WordBox, ...]:
        """Return where a picture has lettering; see `OcrEngine.locate`."""
        pixels = np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1])
        with self._lock:
            found = self._engine(pixels, use_det=True, use_cls=False, use_rec=False)
        if getattr(found, "boxes", None) is None:
            return ()
        lines = (_line("", 1.0, corners, picture.size) for corners in found.boxes)
        return tuple((line.left, line.top, line.right, line.bottom) for line in lines)


def find_models() -> tuple[Path, Path]:
    """Return the paths of detector and recogniser; imports nothing.

    Raises:
        OcrEngineMissing: The extra `ocr` is not installed.
    """
    for package in ("rapidocr", "onnxruntime", "cv2"):
        if importlib.util.find_spec(package) is None:
            raise OcrEngineMissing(f"reading needs the extra ocr ({package} is missing): {INSTALL}")
    spec = importlib.util.find_spec("rapidocr")
    places = () if spec is None else spec.submodule_search_locations or ()
    folder = Path(next(iter(places), "")) / "models"
    return folder / DETECTOR, folder / RECOGNISER


@cache
def identify_engine() -> str:
    """Return the name of the engine that would be loaded, without loading it.

    Raises:
        OcrEngineMissing: The extra `ocr` is not installed.
    """
    digests = [_digest(path)[:12] for path in find_models()]
    return f"rapidocr {version('rapidocr')} PP-OCRv6 small {' '.join(digests)}"


@cache
def _load() -> RapidOcrEngine:
    return RapidOcrEngine()


_LOADING = threading.Lock()


def load_engine() -> OcrEngine:
    """Return the engine of this process, loaded at the first call.

    Raises:
        OcrEngineMissing: The extra `ocr` is not installed.
    """
    with _LOADING:
        return _load()


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        raise OcrEngineMissing(
            f"rapidocr is here without its model {path.name}; install the extra again: {INSTALL}"
        ) from None


def _line(
    text: str, score: float, corners: Iterable[Iterable[float]], size: tuple[int, int]
) -> ReadLine:
    points = [(float(x) / size[0], float(y) / size[1]) for x, y in corners]
    across = [min(1.0, max(0.0, x)) for x, _ in points]
    down = [min(1.0, max(0.0, y)) for _, y in points]
    return ReadLine(
        text=str(text),
        score=round(float(score), 4),
        left=round(min(across), 4),
        top=round(min(down), 4),
        right=round(max(across), 4),
        bottom=round(max(down), 4),
    )
