"""Room for decoded pictures: what keeps memory flat however many jobs finish together."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final

# Each picture is worked on by one core.
MOST_PICTURES: Final = 4
# Two 4K pictures of 17 megapixels: 50 MB each, and as much again for what is made of one.
MOST_PIXELS: Final = 36_000_000
# Of what is known about a picture's seconds, the part that the last one tells.
_WEIGHT: Final = 0.2


@cache
def count_places() -> int:
    """Return how many pictures may be decoded at one time on this machine."""
    return min(MOST_PICTURES, os.cpu_count() or 1)


@dataclass
class _Waiter:
    """Somebody in line: for how many pixels, and the lock that opens when it is their turn."""

    pixels: int
    turn: threading.Lock = field(default_factory=threading.Lock)


class Places:
    """So many pictures at a time, of so many pixels together; one alone may have any size.

    Whoever came first is first: what finished first is not overtaken by what finished later, and
    a large picture is not kept waiting by small ones.

    Args:
        pictures: Most pictures at a time.
        pixels: Most pixels of all of them together.
        monotonic: Measures how long a picture holds its place.

    Example:
        >>> with places.take(4096 * 4096):
        ...     decoded = decode_image(data, what="a 4K picture")
    """

    def __init__(
        self,
        pictures: int | None = None,
        *,
        pixels: int = MOST_PIXELS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_pictures = count_places() if pictures is None else pictures
        self._most_pixels = pixels
        self._pictures = 0
        self._pixels = 0
        self._monotonic = monotonic
        self._seconds: float | None = None
        self._lock = threading.Lock()
        self._line: deque[_Waiter] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for room now."""
        return len(self._line)

    def seconds_apart(self, guess: float) -> float:
        """Return the seconds after which a place falls free, when all are taken.

        Args:
            guess: Seconds that a picture holds its place, as long as none has told.
        """
        seconds = guess if self._seconds is None else self._seconds
        return seconds / self._most_pictures

    @property
    def has_room(self) -> bool:
        """Whether another picture could be decoded now."""
        return not self._line and self._pictures < self._most_pictures

    @contextmanager
    def take(self, pixels: int) -> Iterator[None]:
        """Hold room for a picture, waiting until there is some.

        Args:
            pixels: Width times height of the picture.
        """
        me = _Waiter(pixels)
        me.turn.acquire()
        with self._lock:
            self._line.append(me)
            self._admit()
        # Only the one whose turn it is wakes up.
        with me.turn:
            pass
        began = self._monotonic()
        try:
            yield
        finally:
            seconds = self._monotonic() - began
            with self._lock:
                known = seconds if self._seconds is None else self._seconds
                self._seconds = known + _WEIGHT * (seconds - known)
                self._pictures -= 1
                self._pixels -= pixels
                self._admit()

    def _admit(self) -> None:
        """Let in those at the head of the line that there is room for."""
        while self._line and self._has_room(self._line[0].pixels):
            first = self._line.popleft()
            self._pictures += 1
            self._pixels += first.pixels
            first.turn.release()

    def _has_room(self, pixels: int) -> bool:
        if self._pictures == 0:
            return True
        fits = self._pixels + pixels <= self._most_pixels
        return fits and self._pictures < self._most_pictures
