"""Hosts that share a ledger work through edits, kills, cuts and outages; then comes an audit.

The last line is `soak: ...`; the status is 1 when anything was paid twice, lost or left open.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.soak.audit import find_gaps, find_mismatches, find_strays, read_rows
from tests.soak.briefs import ChangingBriefs
from tests.soak.hosts import Host, attached
from tests.soak.servers import Servers, serving
from tests.soak.storm import Storm, wait_for_quiet
from tests.soak.workshop import open_workshop

# Where people type `nbp run`, and what works for the Dagster in their midst.
_HOSTS, _WORKERS = ("north", "south"), ("first", "second")
# Seconds within which everything has ended once nothing fails any more.
_QUIET = 1200.0
# Runs of everything after the storm, within which all has to be made.
_ROUNDS = 4
# Seconds of one of them, with what hours have left open.
_RUN = 1800.0
# Between two looks at the memory, seconds.
_LOOK = 15.0
# The last third of the looks over the second: what grows for ever shows here.
_FLAT = 1.15
# Looks from which on that can be told.
_ENOUGH = 60
_BEGUN = time.monotonic()


def main() -> int:
    """Run the storm and the audit; return the process's status."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=120, help="of the storm (120)")
    parser.add_argument("--seed", type=int, default=1, help="of what happens (1)")
    given = parser.parse_args()
    _say(f"{given.minutes:g} minutes, seed {given.seed}")
    with tempfile.TemporaryDirectory(prefix="nbp-soak-") as name, ExitStack() as stack:
        folder, dice = Path(name), random.Random(given.seed)
        servers = stack.enter_context(serving(folder))
        briefs = ChangingBriefs(folder / "briefs", dice)
        hosts = [
            stack.enter_context(attached(host, folder, briefs.folder, servers)) for host in _HOSTS
        ]
        workshop = stack.enter_context(open_workshop(folder, briefs.folder, servers, _WORKERS))
        storm = Storm(briefs, servers, hosts, workshop, dice, stack, _say)
        workshop.start_schedules(briefs.campaigns)
        memory = _weather(storm, 60 * given.minutes)
        servers.service.probe.heal()
        storm.done["refresh"] = workshop.stop_schedules()
        wait_for_quiet(storm, seconds=_QUIET)
        problems = [*_finish(storm, servers), *_growth(memory)]
    return _report(storm, problems)


def _weather(storm: Storm, seconds: float) -> list[int]:
    """Let the storm blow; return what Dagster's processes held meanwhile, in bytes."""
    looks, looked = [storm.workshop.memory_bytes()], time.monotonic()
    for _ in storm.blow(seconds):
        if time.monotonic() - looked >= _LOOK:
            looks.append(storm.workshop.memory_bytes())
            looked = time.monotonic()
    return looks


def _finish(storm: Storm, servers: Servers) -> list[str]:
    """Make what is left on every host, and return what is wrong then."""
    problems = [fault for host in storm.hosts for fault in host.faults]
    # What is open of a prompt that is no more is closed by the next run that buys of its campaign.
    storm.briefs.edit_each()
    for host in storm.hosts:
        problems += _make_all(host)
    rows = read_rows(servers.database)
    _say(
        f"{len(rows)} rows, {sum(row.billed for row in rows)} paid, {storm.briefs.prompts} prompts "
        f"at the end, {sum(host.ended for host in storm.hosts)} commands"
    )
    return [
        *problems,
        *find_mismatches(servers, rows),
        *find_gaps(storm.hosts, storm.briefs),
        *find_strays(servers, rows),
    ]


def _make_all(host: Host) -> list[str]:
    for number in range(_ROUNDS):
        with host.shell.started("run", "--yes") as process:
            status, said = process.wait(_RUN), process.output
        if status == 0:
            _say(f"{host.name}: all made in {number + 1} runs")
            return []
    return [f"{host.name}: not all made in {_ROUNDS} runs:\n{said}"]


def _growth(memory: list[int]) -> list[str]:
    third = len(memory) // 3
    if third == 0:
        return []
    before = statistics.median(memory[third : 2 * third] or memory)
    after = statistics.median(memory[2 * third :])
    ratio = after / before if before else 0.0
    _say(f"memory of Dagster's processes: {before / 1e6:.0f} MB, then {after / 1e6:.0f} MB")
    if len(memory) >= _ENOUGH and ratio > _FLAT:
        return [f"memory grew to {ratio:.2f} of what it was"]
    return []


def _report(storm: Storm, problems: list[str]) -> int:
    for problem in problems:
        _say(problem)
    done = ", ".join(f"{count} {name}" for name, count in sorted(storm.done.items()))
    verdict = (
        f"{len(problems)} PROBLEMS" if problems else "every fingerprint paid once, nothing open"
    )
    _say(f"soak: {verdict}; {done}")
    return 1 if problems else 0


def _say(text: str) -> None:
    print(f"{time.monotonic() - _BEGUN:7.1f} {text}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
