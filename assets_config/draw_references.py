"""Rewrites the sample brands' reference images: `python assets_config/draw_references.py`.

The drawings under `drawing/` need only Pillow and come out the same every time, so a test holds
that the files in the repository are what this script draws. Knows nothing of the package.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from drawing import fox, pennyway, solstice
from PIL import Image

IMAGES = Path(__file__).resolve().parent / "brands" / "images"

DRAWINGS: Mapping[str, Callable[[], Image.Image]] = {
    "solstice_logo.png": solstice.draw_logo,
    "solstice_house_blend.png": solstice.draw_house_blend,
    "pennyway_logo.png": pennyway.draw_logo,
    "pennyway_loop_box.png": pennyway.draw_loop_box,
    "pip_front.png": fox.draw_front,
    "pip_waving.png": fox.draw_waving,
    "pip_face.png": fox.draw_face,
}


def main() -> None:
    """Draw every picture and write it where the brands look for it."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWINGS.items():
        path = IMAGES / name
        draw().save(path, optimize=True)
        sys.stdout.write(f"{path}: {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
