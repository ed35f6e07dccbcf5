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
# Seconds that a close may take before an interrupt ends it too.
_CLOSING_SECONDS = 10.0


class _Notes:
    """A pipe that the interpreter writes the number of each signal into, at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first: tuple[float, int] | None = None
        self._handlers: dict[int, Any] = {}
        self._reader, self.writer = os.pipe()
        for end in (self._reader, self.writer):
            os.set_blocking(end, False)

    def first(self) -> tuple[float, int] | None:
        """Return when the first one was read, and its number; None without any."""
        with self._lock:
            if self._first is None and self.writer >= 0:
                with suppress(BlockingIOError):
                    read = [each for each in os.read(self._reader, 1024) if each in _SIGNALS]
                    self._first = (time.monotonic(), read[0]) if read else None
            return self._first

    def hold_back(self) -> None:
        """Have no signal raise anything for as long as a close may take."""
        until = time.monotonic() + _CLOSING_SECONDS

        def pass_over(_number: int, _frame: object) -> None:
            if time.monotonic() >= until:
                raise KeyboardInterrupt

        for number in _SIGNALS:
            handler = signal.getsignal(number)
            # One that is ignored, or ends the process, stays so.
            if callable(handler):
                self._handlers.setdefault(number, handler)
                signal.signal(number, pass_over)

    def close(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        with self._lock:
            os.close(self._reader)
            os.close(self.writer)
            self.writer = -1


_noting: list[_Notes] = []


@contextmanager
def noted_interrupts() -> Iterator[None]:
    """Note the interrupts of this process; a thread that is not its main one changes nothing.

    One that Python drops, since it was raised within a destructor or the callback of a weak
    reference, is sent again in place of being printed.
    """
    if _noting or threading.current_thread() is not threading.main_thread():
        yield
        return
    notes = _Notes()
    before = signal.set_wakeup_fd(notes.writer, warn_on_full_buffer=False)
    _noting.append(notes)
    hook = sys.unraisablehook

    def raise_again(dropped: Any) -> None:
        first = notes.first()
        if issubclass(dropped.exc_type, Exception) or first is None:
            hook(dropped)
            return
        # Later, from another thread: what is raised in here would be dropped too. The same signal:
        # a shell has Ctrl-C ignored by what a script starts in the background.
        again = (threading.main_thread().ident, first[1])
        timer = threading.Timer(_AGAIN_SECONDS, signal.pthread_kill, again)
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


@contextmanager
def undisturbed_close() -> Iterator[None]:
    """Have what is around this context close in peace, once it was left by an interrupt.

    Another one, raised within a close, would leave what comes after it open, or be printed as a
    traceback. It ends nothing until `noted_interrupts` does, but a close that takes ten seconds.
    """
    try:
        yield
    except KeyboardInterrupt:
        if threading.current_thread() is threading.main_thread():
            for notes in _noting:
                notes.hold_back()
        raise


def seconds_since_interrupt() -> float | None:
    """Return how long ago the command was interrupted; None where it was not, or none is noted."""
    # A slice: the command may end in between.
    first = next((notes.first() for notes in _noting[:1]), None)
    return None if first is None else time.monotonic() - first[0]
