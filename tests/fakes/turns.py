"""Threads that take turns in simulated time: minutes pass in a moment, the same way each time."""

import heapq
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count

from nbp_dagster.oxen.transport import HttpRequest, HttpStream, Transport


class Over(Exception):
    """The simulated time is up; ends a task."""


class TurnClock:
    """Runs one thread at a time: the one that is first to wake goes on, the others sleep."""

    def __init__(self) -> None:
        self._now = 0.0
        self._until = 0.0
        self._numbers = count()
        self._sleepers: list[tuple[float, int, threading.Semaphore]] = []

    def now(self) -> float:
        return 1_800_000_000.0 + self._now

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        own = threading.Semaphore(0)
        self._enter(seconds, own)
        self._pass_on()
        own.acquire()
        if self._now >= self._until:
            raise Over

    def run(self, *tasks: Callable[[], object], seconds: float) -> None:
        """Run tasks side by side until the time is up or all have ended."""
        self._until = self._now + seconds
        with ThreadPoolExecutor(len(tasks)) as threads:
            ends = []
            for task in tasks:
                own = threading.Semaphore(0)
                self._enter(0.0, own)
                ends.append(threads.submit(self._perform, task, own))
            self._pass_on()
            for end in ends:
                end.result()

    def _perform(self, task: Callable[[], object], own: threading.Semaphore) -> None:
        own.acquire()
        try:
            with suppress(Over):
                task()
        finally:
            self._pass_on()

    def _enter(self, seconds: float, own: threading.Semaphore) -> None:
        moment = self._now + max(0.0, seconds)
        heapq.heappush(self._sleepers, (moment, next(self._numbers), own))

    def _pass_on(self) -> None:
        if self._sleepers:
            self._now, _, own = heapq.heappop(self._sleepers)
            own.release()


class LimitedService(Transport):
    """Answers 429 as its limiter says, and notes the moment and status of every request.

    Args:
        clock: Its time.
        take: Lets a request in and returns None, or returns the seconds until there is room.
        seconds: How long an answer takes.
        headers: Of a 429.
    """

    def __init__(
        self,
        clock: TurnClock,
        take: Callable[[], float | None],
        *,
        seconds: float = 0.1,
        headers: Mapping[str, str],
    ) -> None:
        self.take = take
        self.log: list[tuple[float, int]] = []
        self._clock = clock
        self._seconds = seconds
        self._headers = headers

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        self._clock.sleep(self._seconds / 2)
        status = 200 if self.take() is None else 429
        self.log.append((self._clock.monotonic(), status))
        self._clock.sleep(self._seconds / 2)
        yield HttpStream(status, self._headers if status == 429 else {}, chunks=())

    def count(self, status: int, since: float = 0.0) -> int:
        """How many requests were answered so."""
        return sum(1 for at, found in self.log if found == status and at >= since)
