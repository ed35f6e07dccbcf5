"""Ctrl-C and SIGTERM of a command, noted for every thread, whatever handles them.

Dagster holds them back while it writes, threads never get them, and a wait must end at both.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})
# Seconds after which an interrupt that Python dropped is raised again.
_AGAIN_SECONDS = 0.1


class _Notes:
    """A pipe that the interpreter writes the number of each signal into, at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first: float | None = None
        self._reader, self.writer = os.pipe()
        for end in (self._reader, self.writer):
            os.set_blocking(end, False)

    def first(self) -> float | None:
        """Return when the first one was read; None without any."""
        with self._lock:
            if self._first is None and self.writer >= 0:
                with suppress(BlockingIOError):
                    if not _SIGNALS.isdisjoint(os.read(self._reader, 1024)):
                        self._first = time.monotonic()
            return self._first

    def close(self) -> None:
        with self._lock:
            os.close(self._reader)
            os.close(self.writer)
            self.writer = -1


_noting: list[_Notes] = []


@contextmanager
def noted_interrupts() -> Iterator[None]:
    """Note the interrupts of this process; a thread that is not its main one changes nothing.

    One that Python drops, since it was raised within a destructor or the callback of a weak
    reference, is raised again in place of being printed.
    """
    if _noting or threading.current_thread() is not threading.main_thread():
        yield
        return
    notes = _Notes()
    before = signal.set_wakeup_fd(notes.writer, warn_on_full_buffer=False)
    _noting.append(notes)
    hook = sys.unraisablehook

    def raise_again(dropped: Any) -> None:
        if issubclass(dropped.exc_type, Exception) or seconds_since_interrupt() is None:
            hook(dropped)
            return
        # Later, from another thread: what is raised in here would be dropped too.
        main = threading.main_thread().ident
        timer = threading.Timer(_AGAIN_SECONDS, signal.pthread_kill, (main, signal.SIGINT))
        timer.daemon = True
        timer.start()

    sys.unraisablehook = raise_again
    try:
        yield
    finally:
        sys.unraisablehook = hook
        _noting.remove(notes)
        signal.set_wakeup_fd(before)
        notes.close()


def seconds_since_interrupt() -> float | None:
    """Return how long ago the command was interrupted; None where it was not, or none is noted."""
    # A slice: the command may end in between.
    first = next((notes.first() for notes in _noting[:1]), None)
    return None if first is None else time.monotonic() - first
