"""`make bench`: figures, not tests; see docs/performance.md.

Ends with status 1 only when something was paid twice.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.growth import measure_growth
from tests.bench.limit import measure_limit
from tests.bench.loading import measure_loading
from tests.bench.memory import measure_memory
from tests.bench.pages import measure_pages
from tests.bench.renditions import measure_renditions
from tests.bench.report import Report, Scale
from tests.bench.reviewing import measure_review
from tests.bench.speed import measure_speed
from tests.bench.texts import measure_texts
from tests.bench.unchanged import measure_unchanged
from tests.rigs.measuring import CommandFailed

GROUPS: dict[str, Callable[[Report], None]] = {
    "speed": measure_speed,
    "limit": measure_limit,
    "memory": measure_memory,
    "unchanged": measure_unchanged,
    "loading": measure_loading,
    "pages": measure_pages,
    "growth": measure_growth,
    "renditions": measure_renditions,
    "texts": measure_texts,
    "review": measure_review,
}

QUICK = Scale(
    prompts=60,
    latency=0.5,
    sample=1,
    unchanged=100,
    limited=60,
    small=(8, 16),
    large=(2, 4),
    loads=(100,),
    growth=(20, 40),
    renditions=1,
    reviewed=500,
)
FULL = Scale(small=(100, 1000), large=(100, 1000), growth=(100, 1000, 10_000))


def main() -> int:
    """Measure what is asked for, print each table as it comes, and say what was paid twice."""
    given = _read_arguments()
    scale = QUICK if given.quick else FULL if given.full else Scale()
    if given.prompts:
        scale = replace(scale, prompts=given.prompts, unchanged=given.prompts)
    with TemporaryDirectory(prefix="nbp-bench-", ignore_cleanup_errors=True) as folder:
        report = Report(scale, Path(folder))
        _measure(report, given.only or list(GROUPS))
    return 1 if report.overpaid else 0


def _measure(report: Report, groups: list[str]) -> None:
    report.show_machine()
    began = time.monotonic()
    for name in groups:
        started = time.monotonic()
        try:
            GROUPS[name](report)
        except CommandFailed as error:
            # The figures of the others are worth having.
            report.say(f"{name} could not be measured: {error}")
        report.say(f"{name}: {time.monotonic() - started:.0f} s\n")
    report.say(f"everything: {time.monotonic() - began:.0f} s")
    for line in report.overpaid:
        report.say(f"PAID TWICE: {line}")


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", type=_read_groups, metavar="A,B", help=", ".join(GROUPS))
    parser.add_argument("--prompts", type=int, help="of `speed` and `unchanged`")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small numbers: does it still work?")
    size.add_argument("--full", action="store_true", help="longer: cost at 10,000, memory at 1,000")
    return parser.parse_args()


def _read_groups(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there are: {', '.join(GROUPS)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
