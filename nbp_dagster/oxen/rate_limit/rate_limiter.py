"""The pace at which a service is asked, kept by all who use one key on one machine.

Must not know: HTTP, jobs, or what is asked for.
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

logger = logging.getLogger(__name__)

T = TypeVar("T")
Update = Callable[[RateState | None], tuple[RateState, T]]

_TEMPO = TypeAdapter(RateState)

_EARLY = 0.001
"""Seconds before its slot that a request may go: a shorter sleep costs more than it holds back."""
_KEPT = 1.0
"""Seconds for which a slot taken in advance is good."""
_ROOM_KEPT = 0.1
"""Seconds for which an answer about room is good, if nothing of ours has changed."""
_PAGE_BYTES = 16 * 1024
"""Room for some two hundred runs at a time."""
_LOCK_TRIES, _LOCK_NAP = 2000, 0.0005
"""A second in all: the lock is held for less than a millisecond, unless its holder was stopped."""


class RateStore(ABC):
    """Keeps a tempo, and changes it for one caller at a time."""

    @abstractmethod
    def peek(self) -> RateState | None:
        """Return the tempo, if it is known without waiting for anybody; None else."""

    @abstractmethod
    def change(self, update: Update[T]) -> T:
        """Replace the tempo by what `update` makes of it; return its other result.

        Args:
            update: Is given None when nothing is known. It may be called twice.
        """


class MemoryRateStore(RateStore):
    """Keeps it for the threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tempo: RateState | None = None

    def peek(self) -> RateState | None:
        return self._tempo

    def change(self, update: Update[T]) -> T:
        with self._lock:
            self._tempo, result = update(self._tempo)
        return result


class FileRateStore(RateStore):
    """Keeps it in a locked file for the processes of this machine.

    What is unreadable counts as nothing known. When the file can't be used, it is kept in memory
    from then on, with one warning: a run need not fail over its pace.

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
        # What was written last: as long as the file holds it, it need not be read again.
        self._written: tuple[bytes, RateState | None] = (b"", None)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._give_up(error)

    def peek(self) -> RateState | None:
        if not self._is_usable:
            return self._memory.peek()
        page, (text, tempo) = self._page, self._written
        if page is None or self._pid != os.getpid():
            return None
        try:
            # One who writes at this moment makes a difference too, be it half of what it will be.
            return tempo if page.read() == text else None
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
            tempo, result = update(known if text == written else _read(text))
            if tempo is not known or text != written:
                self._written = page.write(_TEMPO.dump_json(tempo)), tempo
            return result
        finally:
            page.unlock()

    def _locked(self) -> "_Page":
        """Return the file, locked: as it was opened last, while that is good."""
        if self._page is not None and self._pid == os.getpid():
            self._page.lock()
            if self._page.is_there:
                return self._page
        # The first time, or the file was removed, or a fork left us our parent's descriptor: a
        # lock on that would not keep the two apart.
        if self._page is not None:
            self._page.close()
        self._page, self._pid = _Page(self._path), os.getpid()
        return self._page

    def _give_up(self, error: OSError) -> None:
        if self._is_usable:
            self._is_usable = False
            logger.warning(
                "the pace can't be kept in %s (%s): runs at the same time do not know of each "
                "other and may meet more 429s; make the folder writable",
                self._path,
                error.strerror,
            )


class _Page:
    """The beginning of a file in memory, shared with all who have it open; opened locked.

    A call of the system lets Python's other threads in, and each of those costs more than the call.
    So it is read and written without any; only the lock takes some.

    Raises:
        OSError: The file can't be used.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._close = finalize(self, os.close, self._descriptor)
        self.lock()
        missing = _PAGE_BYTES - os.fstat(self._descriptor).st_size
        if missing > 0:
            # Written, and not left out, lest a full disk be noticed when the memory is written to.
            os.pwrite(self._descriptor, b" " * missing, _PAGE_BYTES - missing)
        self._memory = mmap.mmap(self._descriptor, _PAGE_BYTES)

    @property
    def is_there(self) -> bool:
        """Whether the file was not removed."""
        return os.fstat(self._descriptor).st_nlink > 0

    def read(self) -> bytes:
        """Return what it holds, blanks included."""
        return self._memory[:]

    def write(self, text: bytes) -> bytes:
        """Replace what it holds, and return what `read` will.

        Raises:
            OSError: It is too long.
        """
        if len(text) > _PAGE_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        padded = text.ljust(_PAGE_BYTES)
        self._memory[:] = padded
        return padded

    def lock(self) -> None:
        """Keep other processes out.

        Raises:
            BlockingIOError: Another process has held it for far too long.
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
        """Let other processes in."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the descriptor back, which a parent may still have a copy of."""
        self._memory.close()
        self._close()


class RateLimiter:
    """When a request may be sent and how many jobs may be at the service; safe between threads.

    Args:
        clock: Where the waiting happens; what its `sleep` raises ends the wait.
        keeper: Keeps the state; in memory when None.

    Example:
        >>> slot = pace.wait()
        >>> status = send()
        >>> if status == 429:
        ...     pace.slow_down(1.0, slot, is_post=False)
        ... else:
        ...     pace.keep_up(slot, is_post=False)
    """

    def __init__(self, clock: Clock, keeper: RateStore | None = None) -> None:
        self._clock = clock
        self._keeper = keeper or MemoryRateStore()
        self._name = uuid4().hex[:12]
        self._kept = threading.local()
        # What `room` last answered, to what, and until when that holds.
        self._room = 0
        self._room_asked: tuple[int, int, float] | None = None
        self._room_until = 0.0
        self._window = 0.0
        # Answers that are counted with the next change.
        self._kept_up: deque[tuple[Slot, bool]] = deque()

    def wait(self) -> Slot:
        """Return when a request may be sent: with the slot `line_up` kept, or after a wait."""
        kept: Slot | None = getattr(self._kept, "slot", None)
        self._kept.slot = None
        if kept is not None and self._clock.monotonic() - kept.at <= _KEPT and self._holds(kept):
            return kept
        return self._take()

    def line_up(self) -> None:
        """Wait for a slot and keep it for this thread's next request, if that comes at once.

        For those who must do something between the wait and the request.
        """
        self._kept.slot = self._take()

    def keep_up(self, slot: Slot, *, is_post: bool) -> None:
        """Tell that the service took a request, whatever it made of it."""
        self._kept_up.append((slot, is_post))
        if is_post:
            # There may be room for another job from now on.
            self._change(lambda tempo, _: (tempo, None))

    def slow_down(self, retry_after: float | None, slot: Slot, *, is_post: bool) -> None:
        """Tell of a 429: everybody is held, and goes on more slowly.

        Args:
            retry_after: Seconds the service asks for; None when it does not say.
            slot: What the request was sent with.
            is_post: Whether it would have made a job.
        """

        def cut(tempo: RateState, now: float) -> tuple[RateState, RateState]:
            slower = tempo.slow_down(slot, now, retry_after=retry_after, is_post=is_post)
            return slower, slower

        slower = self._change(cut)
        logger.info(
            "429: nothing is sent for %.1f s, then %.1f requests/s and %d jobs in flight",
            slower.held_until - slower.stamp,
            slower.rate,
            slower.window,
        )

    def room(self, flying: int, limit: int, wanted: int = 0) -> int:
        """Return how many more jobs may be given to the service now.

        Args:
            flying: Jobs of ours that are there, or on their way.
            limit: Most that may be there in any case.
            wanted: How many are given at once where there is room: others count them from now on.
        """
        asked = (flying, limit, self._window)
        if asked == self._room_asked and self._clock.monotonic() < self._room_until:
            return self._room

        def share(tempo: RateState, now: float) -> tuple[RateState, int]:
            return tempo.share(self._name, flying, limit=limit, now=now, wanted=wanted)

        room = self._change(share)
        given = min(room, wanted)
        # What is left once they are given: known without asking again.
        self._room = room - given
        self._room_asked = (flying + given, limit, self._window)
        self._room_until = self._clock.monotonic() + _ROOM_KEPT
        return room

    def leave(self) -> None:
        """Give our part of the window back: nothing of ours is at the service any more.

        Who ends without a word keeps it for `tempo.MEMBER_SECONDS`.
        """
        self._room_asked = None
        self._change(lambda tempo, now: (tempo.leave(self._name, now), None))

    def _take(self) -> Slot:
        while True:
            slot = self._change(lambda tempo, now: tempo.book(now))
            if not isinstance(slot, Slot):
                self._clock.sleep(slot)
                continue
            left = slot.at - self._clock.monotonic()
            if left <= _EARLY:
                return slot
            self._clock.sleep(left)
            if self._holds(slot):
                return slot

    def _holds(self, slot: Slot) -> bool:
        known = self._keeper.peek()
        if known is not None and known.is_current(self._clock.monotonic()):
            return known.honours(slot)
        return self._change(lambda tempo, _: (tempo, tempo.honours(slot)))

    def _change(self, update: Callable[[RateState, float], tuple[RateState, T]]) -> T:
        kept_up = self._take_kept_up()

        def change(tempo: RateState | None) -> tuple[RateState, T]:
            # Asked for under the lock, lest another's stamp seem to lie in the future.
            now = self._clock.monotonic()
            known = tempo if tempo is not None and tempo.is_current(now) else RateState.at(now)
            counted = known.touch(self._name, now)
            for slot, is_post in kept_up:
                counted = counted.keep_up(slot, now, is_post=is_post)
            changed, result = update(counted, now)
            self._window = changed.window
            return changed, result

        return self._keeper.change(change)

    def _take_kept_up(self) -> list[tuple[Slot, bool]]:
        taken = []
        with suppress(IndexError):
            while True:
                taken.append(self._kept_up.popleft())
        return taken


def rate_file(folder: Path, *, base_url: str, api_key: str) -> Path:
    """Return the file that all who ask a service with a key share; the key can't be read off it."""
    digest = sha256(f"{base_url.strip().rstrip('/')}\n{api_key.strip()}".encode()).hexdigest()
    return folder / f"{digest[:32]}.json"


def _read(text: bytes) -> RateState | None:
    try:
        return _TEMPO.validate_json(text) if text.strip() else None
    except ValidationError:
        return None
