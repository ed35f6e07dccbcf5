"""Bounds concurrent decodes: weighted FIFO semaphore, ordered thread-pool map, malloc settings.

Memory stays flat however many jobs finish together. Must not know what is done with a picture.
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

# Weight of the last picture in the moving average of seconds a picture.
_WEIGHT: Final = 0.2

Job = TypeVar("Job")
Done = TypeVar("Done")
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
def count_decodes() -> int:
    """Return how many pictures may be decoded at one time on this machine."""
    return min(MOST_PICTURES, os.cpu_count() or 1)


@dataclass
class _Waiter:
    """A queued caller: its pixels, and a lock that is released when it is admitted."""

    pixels: int
    turn: threading.Lock = field(default_factory=threading.Lock)


class DecodeLimiter:
    """Weighted FIFO semaphore that bounds decoded pixels; one picture alone may have any size.

    Callers are admitted in the order they came, so small pictures do not starve a large one.

    Args:
        pictures: Most pictures at a time.
        pixels: Most pixels of all of them together.
        monotonic: Measures how long a picture holds its slot.

    Example:
        >>> with decode_limiter.acquire(4096 * 4096):
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
        self._queue: deque[_Waiter] = deque()

    @property
    def waiting(self) -> int:
        """How many callers are queued now."""
        return len(self._queue)

    def seconds_apart(self, guess: float) -> float:
        """Return the mean seconds between two slots becoming free, when all are taken.

        Args:
            guess: Seconds that a picture holds its slot, until one was measured.
        """
        seconds = guess if self._seconds is None else self._seconds
        return seconds / self._most_pictures

    @property
    def has_room(self) -> bool:
        """Whether another picture could be decoded now."""
        return not self._queue and self._pictures < self._most_pictures

    @contextmanager
    def acquire(self, pixels: int) -> Iterator[None]:
        """Hold a slot and so many pixels, waiting until both are free.

        Args:
            pixels: Width times height of the picture.
        """
        waiter = _Waiter(pixels)
        waiter.turn.acquire()
        with self._lock:
            self._queue.append(waiter)
            self._admit()
        # Blocks until `_admit` releases it: only the admitted thread wakes.
        with waiter.turn:
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
        """Admit callers from the head of the queue while the limits allow it."""
        while self._queue and self._has_room(self._queue[0].pixels):
            first = self._queue.popleft()
            self._pictures += 1
            self._pixels += first.pixels
            first.turn.release()

    def _has_room(self, pixels: int) -> bool:
        if self._pictures == 0:
            return True
        fits = self._pixels + pixels <= self._most_pixels
        return fits and self._pictures < self._most_pictures


def run_parallel(work: Callable[[Job], Done], jobs: Sequence[Job]) -> list[Done]:
    """Map a function over jobs in a thread pool of as many threads as cores; results in order.

    Resizing and encoding release the GIL, so a picture with many channels is ready sooner; a batch
    keeps all cores busy anyhow.

    Raises:
        Exception: That of the first job that failed, once the jobs under way have ended.
    """
    threads = min(len(jobs), count_decodes())
    if threads < 2:
        return [work(job) for job in jobs]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, jobs))


@cache
def settle_allocator() -> bool:
    """Set malloc to keep the memory of small pictures and to return that of large ones.

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
