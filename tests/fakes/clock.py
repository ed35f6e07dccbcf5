"""A clock whose time passes only when somebody sleeps on it or moves it."""

import threading


class FakeClock:
    """Starts at a fixed moment; records every sleep; never waits."""

    def __init__(self, *, start: float = 1_800_000_000.0) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleeps: list[float] = []
        self._lock = threading.Lock()

    @property
    def sleeps(self) -> tuple[float, ...]:
        """Every duration slept so far, in seconds."""
        return tuple(self._sleeps)

    def now(self) -> float:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._sleeps.append(seconds)
            self._elapsed += max(0.0, seconds)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._elapsed += seconds
