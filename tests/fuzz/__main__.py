"""`make fuzz`: tries thousands of damaged pictures, answers and briefs, and counts what went wrong.

The status is 1 when anything but a picture, a record, files or one clear error came of one, when a
paid job was lost or paid again, and when one hangs: then the place is printed, and nothing further
is tried.
"""

import argparse
import faulthandler
import logging
import sys
from collections.abc import Iterator

from tests.fuzz.answers import try_answers
from tests.fuzz.briefs import try_briefs
from tests.fuzz.pictures import FORMATS, damaged, try_picture
from tests.fuzz.purchases import try_purchases

# Seconds for one: the slowest, a brief whose pictures are rendered, takes some seconds.
HANGS_AFTER = 120.0


def begin() -> None:
    """Begin the next one: the time of the one before is over."""
    faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)


def main() -> int:
    """Try everything; return the process's status."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.fuzz")
    parser.add_argument("--count", type=int, default=10_000, help="of each kind (10,000)")
    parser.add_argument("--purchases", type=int, default=300, help="of purchases (300)")
    parser.add_argument("--seed", type=int, default=1, help="of what is changed (1)")
    given = parser.parse_args()
    # What is logged of damaged answers is no result.
    logging.getLogger().addHandler(logging.NullHandler())
    failures = 0
    for kind in FORMATS:
        failures += _report(kind, given.count, _picture_problems(kind, given.count, given.seed))
    failures += _report(
        "answers", given.count, try_answers(given.count, seed=given.seed, begin=begin)
    )
    failures += _report(
        "briefs", given.count, try_briefs(given.count, seed=given.seed, begin=begin)
    )
    failures += _report(
        "purchases",
        given.purchases,
        try_purchases(given.purchases, seed=given.seed, begin=begin),
        fate="made and paid once, or stopped in one line",
    )
    faulthandler.cancel_dump_traceback_later()
    return 1 if failures else 0


def _picture_problems(kind: str, count: int, seed: int) -> Iterator[str]:
    for number, data in enumerate(damaged(kind, count, seed=seed)):
        begin()
        problem = try_picture(data)
        if problem is not None:
            yield f"{kind} {number}: {problem}"


def _report(
    what: str, count: int, problems: Iterator[str], *, fate: str = "read or refused in one line"
) -> int:
    failures = 0
    for problem in problems:
        failures += 1
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(f"{what}: {count - failures} of {count} {fate}\n")
    sys.stdout.flush()
    return failures


if __name__ == "__main__":
    sys.exit(main())
