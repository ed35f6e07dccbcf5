"""The simulator as a process of its own, light to start; its URL is the first line it prints."""

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.painting.paint_worker import Painter
from nbp_dagster.simulator.server import serve
from tests.fakes.painter import paint_plainly


def paint_noise(
    prompt: str, references: Sequence[bytes], *, width: int, height: int
) -> Image.Image:
    """Return a picture that hardly compresses: about 3 bytes a pixel as a file."""
    digest = hashlib.sha256(prompt.encode() + b"".join(references)).digest()
    return Image.frombytes(
        "RGB", (width, height), hashlib.shake_128(digest).digest(_area(width, height))
    )


def _area(width: int, height: int) -> int:
    return 3 * width * height


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--noise", action="store_true", help="paint pictures of megabytes")
    given = parser.parse_args()
    options = SimulatorOptions(latency=given.latency, state_dir=given.state)
    painter: Painter = paint_noise if given.noise else paint_plainly
    serve(options, port=given.port, painter=painter, ready=lambda url: print(url, flush=True))  # noqa: T201


if __name__ == "__main__":
    main()
