"""Shares of this machine's cores: what a process would have on a machine of its own."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.rigs.processes import wait_for

_ROOT = Path("/sys/fs/cgroup")
# In which a share is a share, microseconds.
_PERIOD = 100_000
_NUMBERS = itertools.count(1)


@contextmanager
def share_of_cores(cores: float) -> Iterator[tuple[str, ...]]:
    """Yield the words before a command that then has so many cores, with all that it starts.

    Args:
        cores: Such as 0.5.

    Raises:
        OSError: This process may not make control groups.
    """
    controller = _ROOT / "cpu"
    group = (controller if controller.is_dir() else _ROOT) / f"nbp-{os.getpid()}-{next(_NUMBERS)}"
    quota = int(cores * _PERIOD)
    group.mkdir()
    try:
        if controller.is_dir():
            (group / "cpu.cfs_period_us").write_text(str(_PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {_PERIOD}")
        join = f'echo $$ > {group}/cgroup.procs && exec "$@"'
        yield ("sh", "-c", join, "sh")
    finally:
        wait_for(lambda: _is_gone(group), what="end of all that had the share")


def _is_gone(group: Path) -> bool:
    with suppress(OSError):
        group.rmdir()
    return not group.exists()
