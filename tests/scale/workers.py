"""`make scale-workers`: how much sooner several workers make a campaign than one; figures, no test.

Pixels and readings are on. All workers and servers share this machine's cores; with `--cores` a
worker has no more of them than that, as if it were on a machine of its own.
"""

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.rigs.farm import Site, Work, open_site
from tests.rigs.postgres import serve_postgres

_SECONDS = 6 * 3600.0


def main() -> int:
    """Measure each number of workers, and print a table."""
    given = _read_arguments()
    work = Work(
        prompts=given.prompts,
        per_run=given.per_run,
        latency=given.latency,
        settings=(("NBP_OCR", "on"), ("NBP_PLACES", "off"), ("OMP_NUM_THREADS", "1")),
        lettered=True,
        cores=given.cores,
    )
    a_worker = "" if work.cores is None else f", {work.cores:g} of them a worker"
    print(f"{work.prompts} prompts in runs of {work.per_run}, {os.cpu_count()} cores{a_worker}")
    print("| workers | makespan | of one worker |")
    print("|---|---|---|")
    first = 0.0
    for workers in given.workers:
        with (
            serve_postgres() as postgres,
            TemporaryDirectory(dir="/tmp") as folder,
            open_site(Path(folder), postgres, work) as site,
        ):
            seconds = _measure(site, workers)
        first = first or seconds
        print(f"| {workers} | {seconds:.0f} s | {seconds / first:.2f} |", flush=True)
    return 0


def _measure(site: Site, workers: int) -> float:
    """Return the seconds from the first run's start to the last one's end."""
    with ExitStack() as stack:
        head = stack.enter_context(site.farm.dagster())
        for number in range(workers):
            stack.enter_context(site.farm.worker(f"worker{number}"))
        site.wait(head, site.ask(head), seconds=_SECONDS)
        site.require_all_made_once(head)
        records = head.instance.get_run_records()
        begins = [each.start_time for each in records if each.start_time]
        return max(each.end_time or 0.0 for each in records) - min(begins)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.scale.workers", description=__doc__)
    parser.add_argument("--prompts", type=int, default=60)
    parser.add_argument("--per-run", type=int, default=10)
    parser.add_argument("--latency", type=float, default=3.0, help="seconds a job takes")
    parser.add_argument("--cores", type=float, help="of this machine's, that a worker has")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 3])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
