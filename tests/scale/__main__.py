"""`make scale`: what grows with prompts, campaigns and pictures; see docs/scaling.md.

Ends with status 1 only when something was paid twice.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.report import Report, Scale
from tests.rigs.measuring import CommandFailed
from tests.scale.loading import measure_campaigns, measure_loading
from tests.scale.storage import measure_storage
from tests.scale.store import measure_store
from tests.scale.volume import measure_volume

Measure = Callable[[Report, tuple[int, ...]], None]

GROUPS: dict[str, tuple[Measure, tuple[int, ...], tuple[int, ...]]] = {
    # What measures, the sizes, and the sizes of --quick.
    "loading": (measure_loading, (1000, 10_000, 50_000, 100_000), (100, 200)),
    "campaigns": (measure_campaigns, (1, 10, 100), (1, 2)),
    "storage": (measure_storage, (1000,), (40,)),
    "store": (measure_store, (10, 100, 1000), (5,)),
    "volume": (measure_volume, (1000, 10_000), (40,)),
}


def main() -> int:
    """Measure what is asked for and print each table as it comes."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("--only", choices=GROUPS, action="append", help="a table; several times")
    parser.add_argument("--sizes", type=_read_sizes, metavar="N,N", help="in place of its own")
    parser.add_argument("--quick", action="store_true", help="small numbers: does it still work?")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="nbp-scale-", ignore_cleanup_errors=True) as folder:
        report = Report(Scale(), Path(folder))
        report.show_machine()
        for name in given.only or GROUPS:
            measure, sizes, small = GROUPS[name]
            began = time.monotonic()
            try:
                measure(report, given.sizes or (small if given.quick else sizes))
            except CommandFailed as error:
                # The figures of the others are worth having.
                report.say(f"{name} could not be measured: {error}")
            report.say(f"{name}: {time.monotonic() - began:.0f} s\n")
        for line in report.overpaid:
            report.say(f"PAID TWICE: {line}")
    return 1 if report.overpaid else 0


def _read_sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
