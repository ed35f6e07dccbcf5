"""Cancellation of a run (Ctrl-C): the token that stops it, and the clock whose sleeps it ends.

What a batch does then (drop downloads, keep or cancel its jobs) is in `batch`, its `finally`.
"""

import threading

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError


class Cancelled(NbpError):
    """The run was cancelled while it waited."""


class CancellationToken:
    """Cancels a run in three degrees, each of which includes those before it.

    `stop_buying` forbids further purchases, `stop_waiting` also ends every sleep, and `cancel`
    also drops downloads that are under way. Safe to use from several threads.

    Example:
        >>> token = CancellationToken()
        >>> clock = CancellableClock(SystemClock(), token)
        >>> token.cancel()
        >>> clock.sleep(3600)  # raises Cancelled at once
    """

    def __init__(self) -> None:
        self._no_buying = threading.Event()
        self._no_waiting = threading.Event()
        self._cancelled = threading.Event()
        self._why = self._given_up = ""

    @property
    def may_buy(self) -> bool:
        """Whether a further purchase may begin."""
        return not (self._given_up or self._no_buying.is_set() or self._no_waiting.is_set())

    @property
    def why(self) -> str:
        """Why no purchase may begin."""
        return self._given_up or self._why or "the run was stopped"

    def stop_buying(self, why: str = "") -> None:
        """Begin no further purchase; waiting for paid jobs continues.

        Args:
            why: What other orders are told, which may hear of it before the batch does; the first
                reason stays.
        """
        self._why = self._why or why
        self._no_buying.set()

    def give_up(self, why: str) -> None:
        """Begin no further purchase ever: another run may have taken the place of this one."""
        self._given_up = why

    def stop_waiting(self) -> None:
        """End every sleep, and begin neither a sleep nor a purchase from now on."""
        self._no_waiting.set()

    def cancel(self) -> None:
        """Stop waiting, and drop downloads under way: the next run repeats them, free."""
        self._cancelled.set()
        self._no_waiting.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody waits for what is under way."""
        return self._cancelled.is_set()

    def raise_if_cancelled(self) -> None:
        """Return, unless what is under way is to be dropped.

        Raises:
            Cancelled: `cancel` was called.
        """
        if self._cancelled.is_set():
            raise Cancelled("the run was cancelled")

    def reset(self) -> None:
        """Undo an earlier stop, for the next run; one that was given up stays so."""
        self._cancelled.clear()
        self._no_waiting.clear()
        self._no_buying.clear()
        self._why = ""

    def wait(self, seconds: float) -> None:
        """Wait; zero or a negative duration only looks at the token.

        Raises:
            Cancelled: Waiting was stopped, before or meanwhile.
        """
        if self._no_waiting.wait(max(0.0, seconds)):
            raise Cancelled("the run was stopped")


class CancellableClock:
    """A clock whose `sleep` ends with `Cancelled` once its token stops the waiting.

    Everything that waits in a run waits on it: retries, pauses after a 429, looks into the queue.

    Args:
        clock: Gives the time.
        token: Ends the sleeps.
    """

    def __init__(self, clock: Clock, token: CancellationToken) -> None:
        self._clock = clock
        self.token = token

    def now(self) -> float:
        """Return seconds since the epoch (UTC)."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            Cancelled: The token stopped the waiting, before or meanwhile.
        """
        self.token.wait(seconds)
