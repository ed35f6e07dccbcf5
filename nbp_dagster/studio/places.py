"""Room for decoded pictures: what keeps memory flat however many jobs finish together."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Each picture is worked on by one core.
MOST_PICTURES: Final = 4
# Two 4K pictures of 17 megapixels: 50 MB each, and as much again for what is made of one.
MOST_PIXELS: Final = 36_000_000


def count_places() -> int:
    """Return how many pictures may be decoded at one time on this machine."""
    return min(MOST_PICTURES, os.cpu_count() or 1)


class Places:
    """So many pictures at a time, of so many pixels together; one alone may have any size.

    Args:
        pictures: Most pictures at a time.
        pixels: Most pixels of all of them together.

    Example:
        >>> with places.take(4096 * 4096):
        ...     decoded = decode_image(data, what="a 4K picture")
    """

    def __init__(self, pictures: int | None = None, *, pixels: int = MOST_PIXELS) -> None:
        self._most_pictures = count_places() if pictures is None else pictures
        self._most_pixels = pixels
        self._pictures = 0
        self._pixels = 0
        self._changed = threading.Condition()

    @contextmanager
    def take(self, pixels: int) -> Iterator[None]:
        """Hold room for a picture, waiting until there is some.

        Args:
            pixels: Width times height of the picture.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(pixels))
            self._pictures += 1
            self._pixels += pixels
        try:
            yield
        finally:
            with self._changed:
                self._pictures -= 1
                self._pixels -= pixels
                self._changed.notify_all()

    def _has_room(self, pixels: int) -> bool:
        if self._pictures == 0:
            return True
        fits = self._pixels + pixels <= self._most_pixels
        return fits and self._pictures < self._most_pictures
