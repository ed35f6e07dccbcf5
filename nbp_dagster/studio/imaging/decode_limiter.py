"""Bounds what decoded pictures hold: a weighted FIFO semaphore, and malloc settings for pictures.

Memory stays flat however many jobs finish together. `run_parallel` spreads the work on one picture.
"""

import ctypes
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final, TypeVar

# Each picture is worked on by one core.
MOST_PICTURES: Final = 4
# Two 4K pictures of 17 megapixels: 50 MB each, and as much again for what is made of one.
MOST_PIXELS: Final = 36_000_000
# Of what is known about a picture's seconds, the part that the last one tells.
_WEIGHT: Final = 0.2


@cache
def count_decodes() -> int:
    """Return how many pictures may be decoded at one time on this machine."""
    return min(MOST_PICTURES, os.cpu_count() or 1)


@dataclass
class _Waiter:
    """Somebody in line: for how many pixels, and the lock that opens when it is their turn."""

    pixels: int
    turn: threading.Lock = field(default_factory=threading.Lock)


class DecodeLimiter:
    """So many pictures at a time, of so many pixels together; one alone may have any size.

    Whoever came first is first: what finished first is not overtaken by what finished later, and
    a large picture is not kept waiting by small ones.

    Args:
        pictures: Most pictures at a time.
        pixels: Most pixels of all of them together.
        monotonic: Measures how long a picture holds its place.

    Example:
        >>> with places.acquire(4096 * 4096):
        ...     decoded = decode_image(data, what="a 4K picture")
    """

    def __init__(
        self,
        pictures: int | None = None,
        *,
        pixels: int = MOST_PIXELS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_pictures = count_decodes() if pictures is None else pictures
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
    def acquire(self, pixels: int) -> Iterator[None]:
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


Job = TypeVar("Job")
Done = TypeVar("Done")


def run_parallel(work: Callable[[Job], Done], jobs: Sequence[Job]) -> list[Done]:
    """Do some jobs at once, as many as there are cores, and return what they came to, in order.

    Resizing and encoding give the interpreter away, so a picture with many channels is ready
    sooner; a batch keeps all cores busy anyhow.

    Raises:
        Exception: What the first of the jobs that failed raised, once those under way have ended.
    """
    threads = min(len(jobs), count_decodes())
    if threads < 2:
        return [work(job) for job in jobs]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, jobs))


logger = logging.getLogger(__name__)

# From glibc's malloc.h, each with what it is set to, in bytes unless said otherwise.
_KNOBS: Final = {
    # M_MMAP_THRESHOLD. A 1K picture takes 4 MB and stays with the allocator; a 4K one comes in
    # blocks of 16 MB, which go back to the system the moment they are freed. Left alone, glibc
    # raises this with the first such block it sees freed, and then keeps them, a set for each
    # thread: 64 pictures of 4K peaked at 1.3 GB in place of 0.55.
    -3: 8 * 1024 * 1024,
    # M_TRIM_THRESHOLD. What a 1K picture and its renditions take stays, once it is there: setting
    # the other knob leaves this at 128 kB, and the system then maps thousands of pages anew, and
    # clears them, for every picture.
    -1: 32 * 1024 * 1024,
    # M_ARENA_MAX, a number of arenas. Each keeps as much; threads that draw take turns anyway.
    -8: 2,
}


@cache
def settle_allocator() -> bool:
    """Have memory of small pictures kept for the next one, and that of large ones given back.

    Returns:
        Whether the C library knows the knobs; where it does not, nothing is changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
        is_set = all([bool(mallopt(knob, value)) for knob, value in _KNOBS.items()])
    except (OSError, AttributeError, TypeError):
        is_set = False
    if not is_set:
        logger.debug("this C library has no mallopt; memory may peak higher with large pictures")
    return is_set
