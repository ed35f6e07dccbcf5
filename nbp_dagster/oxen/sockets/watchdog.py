"""Cuts requests whose time is over, or that nobody waits for, while a thread is blocked in them.

Must not know: URLs, answers, or errors of ours.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nbp_dagster.clock import Clock

GRACE_SECONDS = 5.0
"""How long a request goes on once nobody waits: a POST's answer holds the id that was paid."""

_LOOK_SECONDS = 0.25
"""Between two looks at the requests under way."""
_IDLE_LOOKS = 20
"""Looks without a request after which the thread that looks ends."""


@dataclass(eq=False)
class UnderWay:
    """A request whose answer is waited for or read.

    Attributes:
        clock: Tells the time.
        seconds: How long its answer may take, from when it is sent; None for no limit.
        send_seconds: How long sending it may take, from when it is connected; None for no limit.
        deadline: When the one that counts is over; None where there is no limit.
        sock: Its connection, once there is one.
        is_sent: Whether the request is sent and its answer waited for.
        is_cut: Whether the connection was shut from outside.
        is_abandoned: Whether because nobody waits for it.
    """

    clock: Clock
    seconds: float | None
    send_seconds: float | None = None
    deadline: float | None = None
    sock: socket.socket | None = None
    is_sent: bool = False
    is_cut: bool = False
    is_abandoned: bool = False

    def connected(self, sock: socket.socket | None) -> None:
        """Count the time of sending from now."""
        self.sock, self.is_sent = sock, False
        self._count(self.send_seconds)

    def sent(self, sock: socket.socket | None) -> None:
        """Count the answer's time from now, however long sending took."""
        if self.is_cut:
            # urllib3 reads an answer even where sending has broken off: a server may have refused.
            return
        self.sock, self.is_sent = sock, True
        self._count(self.seconds)

    def _count(self, seconds: float | None) -> None:
        self.deadline = None if seconds is None else self.clock.monotonic() + seconds

    @property
    def is_late(self) -> bool:
        """Whether its time is over."""
        return self.deadline is not None and self.clock.monotonic() > self.deadline

    def cut(self, *, is_abandoned: bool) -> None:
        """Wake whoever reads or sends; until it is connected the connection's own timeout holds."""
        if self.sock is None or self.is_cut:
            return
        self.is_cut, self.is_abandoned = True, is_abandoned
        with contextlib.suppress(OSError, TypeError):
            # Not the method of a TLS socket: that one forgets its TLS under the reader's hands.
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


current = threading.local()
"""The request that this thread sends, for the connection that it goes through."""


class Watchdog:
    """Cuts requests that are out of time or abandoned; `requests` only limits silence.

    Args:
        clock: Tells the time.
        is_abandoned: Whether nobody waits for answers any more.

    Example:
        >>> with watchdog.watch(60.0) as under_way:
        ...     body = session.get(url).content
        >>> if under_way.is_cut:
        ...     raise TimeoutError
    """

    def __init__(self, clock: Clock, is_abandoned: Callable[[], bool]) -> None:
        self._clock = clock
        self._is_abandoned = is_abandoned
        self._lock = threading.Lock()
        self._under_way: set[UnderWay] = set()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watch(
        self, seconds: float | None, *, send_seconds: float | None = None
    ) -> Iterator[UnderWay]:
        """Watch the request that this thread sends next.

        Args:
            seconds: How long its answer may take, from when it is sent; None for no limit.
            send_seconds: How long sending it may take, from when it is connected; None for no
                limit.
        """
        under_way = UnderWay(self._clock, seconds, send_seconds)
        with self._lock:
            self._under_way.add(under_way)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._look, name="nbp-watch", daemon=True)
                self._thread.start()
        before = getattr(current, "under_way", None)
        current.under_way = under_way
        try:
            yield under_way
        finally:
            current.under_way = before
            with self._lock:
                self._under_way.discard(under_way)

    def _look(self) -> None:
        pause, idle, abandoned_at = threading.Event(), 0, None
        while True:
            pause.wait(_LOOK_SECONDS)
            now = self._clock.monotonic()
            if not self._is_abandoned():
                abandoned_at = None
            elif abandoned_at is None:
                abandoned_at = now
            is_over = abandoned_at is not None and now - abandoned_at >= GRACE_SECONDS
            # Under the lock: one that is over by now may have left its connection to the next.
            with self._lock:
                for item in self._under_way:
                    if is_over or item.is_late:
                        item.cut(is_abandoned=is_over)
                idle = 0 if self._under_way else idle + 1
                if idle > _IDLE_LOOKS:
                    self._thread = None
                    return


def note_socket(sock: socket.socket | None, *, is_sent: bool) -> None:
    """Tell the request that this thread sends of its socket: connected, or sent."""
    under_way: UnderWay | None = getattr(current, "under_way", None)
    if under_way is None:
        return
    if is_sent:
        under_way.sent(sock)
    else:
        under_way.connected(sock)
