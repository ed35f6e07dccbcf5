"""Kills runs at every step and at random moments, prints what became of each, and counts.

The last line is `crash: 100 of 100 ...`; the status is 1 when anything was lost or paid twice.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from nbp_dagster.studio.purchasing.failpoints import FAILPOINTS
from tests.crash.harness import Death, Mismatch, Service
from tests.crash.trials import (
    PAIRS,
    Bench,
    die_alone,
    die_any_time,
    die_beside_another,
    live_together,
    single_deaths,
)

Trial = tuple[str, Callable[[], object]]


def main() -> int:
    """Run all trials; return the process's status."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.crash")
    parser.add_argument("--moments", type=int, default=100, help="random moments (100)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments (1)")
    given = parser.parse_args()
    with Service() as service:
        bench = Bench(service)
        span = bench.measure()
        _say(f"an undisturbed run takes {span:.2f} s; seed {given.seed}")
        _, step_failures = _run_all(step_trials(bench))
        total, failures = _run_all(moment_trials(bench, given.moments, given.seed, span))
    _say(
        f"crash: {total - failures} of {total} random moments and "
        f"{'all' if not step_failures else f'all but {step_failures}'} steps: "
        "every picture made, every fingerprint paid once"
    )
    return 1 if failures or step_failures else 0


def step_trials(bench: Bench) -> Iterator[Trial]:
    """Every step twice alone, once beside a run that lives on; and both runs at chosen steps."""
    for death in single_deaths():
        yield f"alone     {death}", partial(die_alone, bench, death)
    for step in FAILPOINTS:
        yield f"beside    {step}", partial(die_beside_another, bench, Death(step), None)
    yield "none      two runs, slow POSTs", partial(live_together, bench)
    for first, second in PAIRS:
        trial = partial(die_beside_another, bench, Death(first), Death(second))
        yield f"both      {first}, {second}", trial


def moment_trials(bench: Bench, count: int, seed: int, span: float) -> Iterator[Trial]:
    """Random moments, every other one with two runs; each trial has dice of its own."""
    for number in range(count):
        workers = 1 + number % 2
        dice = random.Random(f"{seed}/{number}")
        name = f"moment    {number + 1}, {workers} run{'s' if workers > 1 else ''}"
        yield name, partial(die_any_time, bench, dice, workers=workers, span=span)


def _run_all(trials: Iterator[Trial]) -> tuple[int, int]:
    total = failures = 0
    for name, trial in trials:
        total += 1
        started = time.monotonic()
        verdict = _judge(trial)
        failures += verdict is not None
        _say(f"{name:32} {time.monotonic() - started:6.1f} s  {verdict or 'ok'}")
    return total, failures


def _judge(trial: Callable[[], object]) -> str | None:
    try:
        trial()
    except Mismatch as mismatch:
        return f"MISMATCH {mismatch}"
    return None


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
