"""What is printed, and the arithmetic behind it; measures nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of a table.

    Attributes:
        name: What was measured.
        value: The figure with its unit.
        goal: What it should be; empty where there is no goal.
        is_reached: Whether it is; None where there is no goal.
    """

    name: str
    value: str
    goal: str = ""
    is_reached: bool | None = None


def at_most(name: str, value: float, limit: float, *, form: str = "{:.2f}") -> Figure:
    """A figure with an upper limit; `form` shows both."""
    return Figure(name, form.format(value), f"<= {form.format(limit)}", value <= limit)


def at_least(name: str, value: float, limit: float, *, form: str = "{:.2f}") -> Figure:
    """A figure with a lower limit; `form` shows both."""
    return Figure(name, form.format(value), f">= {form.format(limit)}", value >= limit)


def floor_seconds(prompts: int, *, slots: int, latency: float) -> float:
    """Return the seconds below which no client can get: the service alone needs them.

    Args:
        prompts: Pictures wanted.
        slots: Jobs the service works on at once.
        latency: Seconds of one job.
    """
    return math.ceil(prompts / slots) * latency


def extrapolate(seconds: float, *, sample: int, total: int) -> float:
    """Return the seconds of `total` prompts, one after the other, from those of a sample."""
    return seconds / sample * total


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share (0 to 1) of the values do not exceed."""
    if not values:
        raise ValueError("no values, so no percentile of them")
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


@dataclass(frozen=True)
class Sample:
    """The counters of a simulator at one moment.

    Attributes:
        moment: Seconds of a clock that never runs backwards.
        answered: Requests answered with anything but 429, since the start.
        refused: Requests answered with 429, since the start.
        succeeded: Jobs done, since the start.
    """

    moment: float
    answered: int
    refused: int
    succeeded: int


def goodput(samples: Sequence[Sample], *, prompts: int, burst: int) -> float:
    """Return the requests answered per second, 429 apart, while there was demand.

    It counts from the moment the burst is spent that a service allows at first, until nine in ten
    jobs are done: after that there may be too little left to ask for.

    Args:
        samples: In the order they were taken.
        prompts: Jobs wanted in all.
        burst: Requests answered at first, however fast they come.
    """
    busy = [item for item in samples if item.answered >= burst and item.succeeded < 0.9 * prompts]
    if len(busy) < 2:
        raise ValueError(f"{len(busy)} samples while there was demand; at least 2 are needed")
    return (busy[-1].answered - busy[0].answered) / (busy[-1].moment - busy[0].moment)
