"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable


def wait_until(look: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Look again and again until it holds.

    Raises:
        AssertionError: It does not within so many seconds.
    """
    ends = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < ends, "it did not come to hold in time"
        time.sleep(0.01)
