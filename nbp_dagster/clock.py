"""Time as a dependency, so that tests of waiting never wait."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol


class Clock(Protocol):
    """What code that waits or stamps needs from time."""

    def now(self) -> float:
        """Return seconds since the epoch (UTC)."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start that never runs backwards."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for the given number of seconds."""
        ...


def iso_time(seconds: float) -> str:
    """Return seconds since the epoch as ISO 8601, in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def utc_date(seconds: float) -> date:
    """Return the day, in UTC, of some seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).date()


MOST_DAYS_UNCHECKED: Final = 180
"""Days after which packaged figures count as old when nobody compared them with their source:
platforms moved their zones twice in 2026. Our choice."""


def is_unchecked(checked_on: date, today: date) -> bool:
    """Return whether figures were last compared with their source too long ago."""
    return today - checked_on > timedelta(days=MOST_DAYS_UNCHECKED)


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return seconds since the epoch (UTC)."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds of the monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; a zero or negative duration returns at once."""
        if seconds > 0:
            time.sleep(seconds)
