"""The adaptive (AIMD) rate limiter, its state shared by all processes with one key and one store.

The arithmetic of the back-off is in `rate_state`. Must not know: HTTP, or what a request is for.
"""

import errno
import fcntl
import logging
import mmap
import os
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeVar
from uuid import uuid4
from weakref import finalize

from pydantic import TypeAdapter, ValidationError

from nbp_dagster.clock import Clock
from nbp_dagster.oxen.rate_limit.rate_state import RateState, Slot
from nbp_dagster.oxen.rate_limit.shared_time import SharedTime

logger = logging.getLogger(__name__)

T = TypeVar("T")
Update = Callable[[RateState | None], tuple[RateState, T]]

_RATE_STATE = TypeAdapter(RateState)

_EARLY = 0.001
"""Seconds before its slot that a request may be sent: a shorter sleep costs more than it limits."""
_RESERVED_SECONDS = 1.0
"""Seconds for which a reserved slot is valid."""
_ROOM_SECONDS = 0.1
"""Seconds for which an answer of `room` is valid, if no job of this run began or ended."""
_PAGE_BYTES = 16 * 1024
"""Enough for about two hundred concurrent runs."""
_LOCK_TRIES, _LOCK_NAP = 2000, 0.0005
"""One second in total: a lock is held for under a millisecond, unless its process was stopped."""


class RateStore(ABC):
    """Stores a `RateState`; one caller at a time changes it."""

    @abstractmethod
    def peek(self) -> RateState | None:
        """Return the state where that needs no lock; None otherwise."""

    @abstractmethod
    def change(self, update: Update[T]) -> T:
        """Replace the state by the first result of `update`; return the second.

        Args:
            update: Takes None when no state is stored. It may be called several times.
        """

    def close(self) -> None:  # noqa: B027  # most hold nothing
        """Give back what the store holds; a later change takes it again."""


class MemoryRateStore(RateStore):
    """Stores the state for the threads of this process."""

    def __init__(self, state: RateState | None = None) -> None:
        self._lock = threading.Lock()
        self._rate_state = state

    def peek(self) -> RateState | None:
        return self._rate_state

    def change(self, update: Update[T]) -> T:
        with self._lock:
            self._rate_state, result = update(self._rate_state)
        return result


class FileRateStore(RateStore):
    """Stores the state in a locked file for the processes of this machine.

    Unreadable content counts as no state. When the file can't be used, the state stays in memory
    from then on, with one warning: a run does not fail over its rate limit.

    Args:
        path: The file; its folder is made when missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._memory = MemoryRateStore()
        self._is_usable = True
        self._page: _Page | None = None
        self._pid = 0
        # The last write: while the file holds these bytes, they need not be parsed again.
        self._written: tuple[bytes, RateState | None] = (b"", None)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._give_up(error)

    def peek(self) -> RateState | None:
        if not self._is_usable:
            return self._memory.peek()
        page, (text, state) = self._page, self._written
        if page is None or self._pid != os.getpid():
            return None
        try:
            # A write in progress makes a difference too, even half of one.
            return state if page.read() == text else None
        except ValueError:
            # Closed just now, because the file was removed.
            return None

    def change(self, update: Update[T]) -> T:
        if self._is_usable:
            try:
                with self._lock:
                    return self._change_file(update)
            except OSError as error:
                self._give_up(error)
        return self._memory.change(update)

    def _change_file(self, update: Update[T]) -> T:
        page = self._locked()
        try:
            text, (written, known) = page.read(), self._written
            state, result = update(known if text == written else parse_state(text))
            if state is not known or text != written:
                self._written = page.write(dump_state(state)), state
            return result
        finally:
            page.unlock()

    def _locked(self) -> "_Page":
        """Return the file, locked; it is opened again only where the open one no longer serves."""
        if self._page is not None and self._pid == os.getpid():
            self._page.lock()
            if self._page.is_there:
                return self._page
        # The first time, or the file was removed, or this is a fork with its parent's descriptor: a
        # lock on that would not exclude the parent.
        if self._page is not None:
            self._page.close()
        self._page, self._pid = _Page(self._path), os.getpid()
        return self._page

    def _give_up(self, error: OSError) -> None:
        if self._is_usable:
            self._is_usable = False
            logger.warning(
                "the rate limit can't be stored in %s (%s): concurrent runs do not share it "
                "and may meet more 429s; make the folder writable",
                self._path,
                error.strerror,
            )


class _Page:
    """The beginning of a file mapped into memory and shared by processes; opened locked.

    Reads and writes need no system call: each of those would yield the GIL to another thread, which
    costs more than the call. Only the lock takes some. The lock is `flock` on the mapped
    descriptor, not `filelock`, which opens and closes its file for every lock.

    Raises:
        OSError: The file can't be used.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._close = finalize(self, os.close, self._descriptor)
        self.lock()
        missing = _PAGE_BYTES - os.fstat(self._descriptor).st_size
        if missing > 0:
            # Written, not left sparse: a full disk would show only as a fault in mapped memory.
            os.pwrite(self._descriptor, b" " * missing, _PAGE_BYTES - missing)
        self._memory = mmap.mmap(self._descriptor, _PAGE_BYTES)

    @property
    def is_there(self) -> bool:
        """Whether the file still exists."""
        return os.fstat(self._descriptor).st_nlink > 0

    def read(self) -> bytes:
        """Return the content, padding included."""
        return self._memory[:]

    def write(self, text: bytes) -> bytes:
        """Replace the content; return what `read` will return.

        Raises:
            OSError: The text is too long.
        """
        if len(text) > _PAGE_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        padded = text.ljust(_PAGE_BYTES)
        self._memory[:] = padded
        return padded

    def lock(self) -> None:
        """Lock the file against other processes.

        Raises:
            BlockingIOError: Another process has held the lock for a second.
        """
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOCK_NAP)
            else:
                return
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def unlock(self) -> None:
        """Release the lock."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the descriptor; a parent process may still have a copy."""
        self._memory.close()
        self._close()


class RateLimiter:
    """Decides when a request may be sent and how many jobs may be in flight; thread-safe.

    After a 429 the rate is cut by a factor, and grows again with the requests that succeed: AIMD,
    as `RateState` describes it.

    Args:
        clock: Its `sleep` does the waiting; an exception of it ends the wait.
        store: Holds the state; in memory when None.

    Example:
        >>> slot = rate_limiter.acquire()
        >>> status = send()
        >>> if status == 429:
        ...     rate_limiter.record_throttle(1.0, slot, is_post=False)
        ... else:
        ...     rate_limiter.record_success(slot, is_post=False)
    """

    def __init__(self, clock: Clock, store: RateStore | None = None) -> None:
        self._clock = clock
        self._time = SharedTime(clock)
        self._store = store or MemoryRateStore()
        self._name = uuid4().hex[:12]
        self._reserved = threading.local()
        # The last answer of `room`, its arguments, and until when it is valid.
        self._room = 0
        self._room_asked: tuple[int, int, float] | None = None
        self._room_until = 0.0
        self._window = 0.0
        # Successes that the next change will count.
        self._successes: deque[tuple[Slot, bool]] = deque()
        # When the first of the 429s came that no POST of ours has got past since.
        self._throttled_since: float | None = None

    @property
    def throttled_seconds(self) -> float:
        """For how long every POST of this process has been answered with 429; 0 where none is."""
        since = self._throttled_since
        return 0.0 if since is None else self._clock.monotonic() - since

    @property
    def window(self) -> float:
        """Jobs that the key may have in flight, over all runs, as of the last change."""
        return self._window

    def acquire(self) -> Slot:
        """Return once a request may be sent: at once with a reserved slot, else after a wait."""
        reserved: Slot | None = getattr(self._reserved, "slot", None)
        self._reserved.slot = None
        if reserved is not None and self._is_fresh(reserved) and self._is_valid(reserved):
            return reserved
        return self._next_slot()

    def reserve(self) -> None:
        """Wait for a slot and reserve it for this thread's next request, if that follows at once.

        For a caller that writes something between the wait and the request.
        """
        self._reserved.slot = self._next_slot()

    def record_success(self, slot: Slot, *, is_post: bool) -> None:
        """Report that the service accepted a request, whatever its answer was."""
        self._successes.append((slot, is_post))
        if is_post:
            self._throttled_since = None
            # The window may have grown by a job.
            self._change(lambda state, _: (state, None))

    def record_throttle(self, retry_after: float | None, slot: Slot, *, is_post: bool) -> None:
        """Report a 429: no run sends until the hold ends, and then at a lower rate.

        Args:
            retry_after: Seconds of the `Retry-After` header; None without one.
            slot: The request's slot.
            is_post: Whether the request would have made a job.
        """

        def decrease(state: RateState, now: float) -> tuple[RateState, RateState]:
            cut = state.record_throttle(slot, now, retry_after=retry_after, is_post=is_post)
            return cut, cut

        cut = self._change(decrease)
        if is_post and self._throttled_since is None:
            self._throttled_since = self._clock.monotonic()
        logger.info(
            "429: nothing is sent for %.1f s, then %.1f requests/s and %d jobs in flight",
            cut.held_until - cut.stamp,
            cut.rate,
            cut.window,
        )

    def room(self, flying: int, limit: int, wanted: int = 0) -> int:
        """Return how many more jobs this run may enqueue now.

        Args:
            flying: This run's jobs in flight.
            limit: Most that may be in flight in any case.
            wanted: How many the caller enqueues at once where there is room; other runs count them
                from now on.
        """
        asked = (flying, limit, self._window)
        if asked == self._room_asked and self._clock.monotonic() < self._room_until:
            return self._room

        def share(state: RateState, now: float) -> tuple[RateState, int]:
            return state.share(self._name, flying, limit=limit, now=now, wanted=wanted)

        room = self._change(share)
        given = min(room, wanted)
        # What is left after them: known without another look at the store.
        self._room = room - given
        self._room_asked = (flying + given, limit, self._window)
        self._room_until = self._clock.monotonic() + _ROOM_SECONDS
        return room

    def leave(self) -> None:
        """Return this run's share of the window: it has no more jobs in flight.

        A run that ends without this call holds its share for `rate_state.MEMBER_SECONDS`.
        """
        self._room_asked = None
        self._change(lambda state, now: (state.leave(self._name, now), None))

    def close(self) -> None:
        """Give back what the store holds, such as a connection."""
        self._store.close()

    def _next_slot(self) -> Slot:
        while True:
            slot = self._change(lambda state, now: state.reserve(now))
            if not isinstance(slot, Slot):
                self._clock.sleep(slot)
                continue
            left = slot.at - self._time.now()
            if left <= _EARLY:
                return slot
            self._clock.sleep(left)
            if self._is_valid(slot):
                return slot

    def _is_fresh(self, slot: Slot) -> bool:
        return self._time.now() - slot.at <= _RESERVED_SECONDS

    def _is_valid(self, slot: Slot) -> bool:
        known = self._store.peek()
        if known is not None and known.is_current(self._time.now()):
            return known.is_valid(slot)
        return self._change(lambda state, _: (state, state.is_valid(slot)))

    def _change(self, update: Callable[[RateState, float], tuple[RateState, T]]) -> T:
        successes = self._drain_successes()

        def change(state: RateState | None) -> tuple[RateState, T]:
            # Read under the lock: an earlier moment could lie before another process's stamp.
            now = self._time.now() if state is None else self._time.follow(state.stamp)
            known = state if state is not None and state.is_current(now) else RateState.at(now)
            counted = known.touch(self._name, now)
            for slot, is_post in successes:
                counted = counted.record_success(slot, now, is_post=is_post)
            changed, result = update(counted, now)
            self._window = changed.window
            return changed, result

        return self._store.change(change)

    def _drain_successes(self) -> list[tuple[Slot, bool]]:
        taken = []
        with suppress(IndexError):
            while True:
                taken.append(self._successes.popleft())
        return taken


def rate_file(folder: Path, *, base_url: str, api_key: str) -> Path:
    """Return the file shared by all runs with this service and key; its name hides the key."""
    digest = sha256(f"{base_url.strip().rstrip('/')}\n{api_key.strip()}".encode()).hexdigest()
    return folder / f"{digest[:32]}.json"


def parse_state(text: bytes) -> RateState | None:
    """Return a stored state; None for what is none."""
    try:
        return _RATE_STATE.validate_json(text) if text.strip() else None
    except ValidationError:
        return None


def dump_state(state: RateState) -> bytes:
    """Return a state as it is stored."""
    return _RATE_STATE.dump_json(state)
