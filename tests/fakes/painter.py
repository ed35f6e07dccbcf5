"""A painter that costs next to nothing: a panel on a plain ground, both decided by the prompt."""

import hashlib
from collections.abc import Sequence

from PIL import Image

# The first colour of the brand of `tests.rigs.briefs`, so that its palette is there.
GROUND = "#114477"


def paint_plainly(
    prompt: str, references: Sequence[bytes], *, width: int, height: int
) -> Image.Image:
    """Return a picture whose panel tells prompt and references apart, by its place and colour."""
    content = prompt.encode() + b"".join(hashlib.sha256(item).digest() for item in references)
    red, green, blue, across, down = hashlib.sha256(content).digest()[:5]
    image = Image.new("RGB", (width, height), GROUND)
    left, top = width * across // 400, height * down // 600
    panel = (left, top, left + width * 3 // 10, top + height // 2)
    image.paste((128 + red // 2, green, blue // 2), panel)
    return image
