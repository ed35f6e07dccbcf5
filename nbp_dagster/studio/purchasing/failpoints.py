"""The named points of the money protocol, between any two of which a process may die."""

from collections.abc import Callable
from typing import Literal, get_args

Step = Literal[
    "claiming",
    "claimed",
    "posted",
    "enqueued",
    "taken_over",
    "collecting",
    "downloaded",
    "kept",
    "settled",
]
FAILPOINTS: tuple[Step, ...] = get_args(Step)
Failpoint = Callable[[Step], None]


def no_failpoint(_: Step) -> None:
    """Do nothing at a step; the crash tests kill the process instead."""
