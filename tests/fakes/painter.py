"""A painter that costs nothing: one colour, drawn from the prompt."""

import hashlib
from collections.abc import Sequence

from PIL import Image


def paint_plainly(
    prompt: str, references: Sequence[bytes], *, width: int, height: int
) -> Image.Image:
    """Return a plain picture whose colour tells prompt and references apart."""
    content = prompt.encode() + b"".join(hashlib.sha256(item).digest() for item in references)
    red, green, blue = hashlib.sha256(content).digest()[:3]
    return Image.new("RGB", (width, height), (red, green, blue))
