"""What a run waits for, in a log: told as it begins, not all the while it lasts."""

from collections.abc import Callable

import pytest

from nbp_dagster.studio.runs.wait_lines import WaitLines

AWAY = "waiting for the service: connection refused for {} s, gives up in {} min"
BUSY = "the service has answered 429 (too many requests) for {} s"
OVER = "the wait is over"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def wait(told: list[str]) -> Callable[[float, str], None]:
    """Says at a time, in seconds, what is waited for."""
    now = [0.0]
    lines = WaitLines(told.append, monotonic=lambda: now[0])

    def wait_at(seconds: float, why: str) -> None:
        now[0] = seconds
        lines.wait(why)

    return wait_at


def test_a_wait_is_told_as_it_begins_and_then_once_a_minute(
    told: list[str], wait: Callable[[float, str], None]
) -> None:
    for second in range(10, 150):
        wait(second, AWAY.format(second, 9 - second // 60))

    assert told == [AWAY.format(10, 9), AWAY.format(70, 8), AWAY.format(130, 7)]


def test_another_reason_is_told_at_once(
    told: list[str], wait: Callable[[float, str], None]
) -> None:
    wait(0, AWAY.format(1, 9))
    wait(1, BUSY.format(10))
    wait(2, AWAY.format(3, 9))
    wait(3, BUSY.format(12))

    assert told == [AWAY.format(1, 9), BUSY.format(10)]


def test_the_end_of_a_wait_that_was_told_is_told(
    told: list[str], wait: Callable[[float, str], None]
) -> None:
    wait(0, "")
    wait(1, BUSY.format(10))
    wait(2, "")
    wait(3, "")

    assert told == [BUSY.format(10), OVER]


def test_a_wait_that_comes_and_goes_is_told_once_a_minute(
    told: list[str], wait: Callable[[float, str], None]
) -> None:
    for second in range(0, 120, 2):
        wait(second, BUSY.format(second))
        wait(second + 1, "")

    assert told == [BUSY.format(0), OVER, BUSY.format(60), OVER]
