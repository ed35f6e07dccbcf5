"""Work on one picture that is done by several threads; knows nothing of the work."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nbp_dagster.studio.imaging.decode_limiter import count_places

Job = TypeVar("Job")
Done = TypeVar("Done")


def do_all(work: Callable[[Job], Done], jobs: Sequence[Job]) -> list[Done]:
    """Do some jobs at once, as many as there are cores, and return what they came to, in order.

    Resizing and encoding give the interpreter away, so a picture with many channels is ready
    sooner; a batch keeps all cores busy anyhow.

    Raises:
        Exception: What the first of the jobs that failed raised, once those under way have ended.
    """
    threads = min(len(jobs), count_places())
    if threads < 2:
        return [work(job) for job in jobs]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, jobs))
