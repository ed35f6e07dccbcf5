"""Named failpoints of the money protocol, at which the crash tests kill the process."""

from collections.abc import Callable
from typing import Literal, get_args

FailpointName = Literal[
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
FAILPOINTS: tuple[FailpointName, ...] = get_args(FailpointName)
Failpoint = Callable[[FailpointName], None]


def no_failpoint(_: FailpointName) -> None:
    """Do nothing at a failpoint; the crash tests kill the process instead."""
