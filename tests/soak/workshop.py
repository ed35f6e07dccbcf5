"""Celery workers that make what a Dagster asks for; each can die, be cut off and return."""

import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.rigs.dagster import PROMPT_ASSETS
from tests.rigs.farm import reachable, shared_settings
from tests.rigs.network import can_make_networks, make_network
from tests.rigs.processes import wait_for
from tests.rigs.workers import BACKEND, Farm, Head, Worker
from tests.soak.hosts import SETTINGS
from tests.soak.servers import Servers

_UNDER_WAY = frozenset({"QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"})
# What asking the webserver ends with while its database is away, and once after: it finds out then
# that its connections are gone.
NO_ANSWER = (AssertionError, requests.RequestException, ValueError, KeyError, TypeError)
# Seconds within which it answers again.
_ANSWER = 120.0
# Prompts of one backfill.
_ASKED = 6


@dataclass
class Workshop:
    """A Dagster with its workers.

    Attributes:
        head: The webserver and the daemon.
        processes: Of these, whose memory is watched.
    """

    farm: Farm
    head: Head
    servers: Servers
    processes: Sequence[int]
    _workers: dict[str, tuple[Worker, ExitStack]] = field(default_factory=dict)
    _schedules: list[str] = field(default_factory=list)

    def start_worker(self, name: str) -> None:
        """Start a worker, a second time on the home it had."""
        stack = ExitStack()
        self._workers[name] = (stack.enter_context(self.farm.worker(name)), stack)

    def replace_worker(self, dice: random.Random) -> str:
        """Kill one with the run it works on and start another in its place; return its name."""
        name = dice.choice(sorted(self._workers))
        worker, stack = self._workers.pop(name)
        worker.kill()
        stack.close()
        self.start_worker(name)
        return name

    def cut_off(self, dice: random.Random, seconds: float) -> str:
        """Have one cut off for so long; return its name."""
        name = dice.choice(sorted(self._workers))
        worker, _ = self._workers[name]
        worker.cut_off()
        time.sleep(seconds)
        worker.reconnect()
        return name

    def back_fill(self, dice: random.Random) -> str:
        """Launch a backfill over some of the prompts that Dagster knows; return its id."""
        answer = self.head.dev.query(_PARTITIONS, asset={"path": [PROMPT_ASSETS[0]]})
        keys = sorted(answer["assetNodeOrError"]["partitionKeys"])
        chosen = dice.sample(keys, min(_ASKED, len(keys)))
        return self.head.operator.backfill(PROMPT_ASSETS, chosen)

    def list_under_way(self) -> list[str]:
        """Return the runs of Dagster that have not ended."""
        return [run.id for run in self.head.operator.runs() if run.status in _UNDER_WAY]

    def start_schedules(self, campaigns: Iterable[str]) -> None:
        """Have the daemon look every few minutes for what is due."""
        for name in campaigns:
            self._schedules.append(self.head.operator.start_schedule(f"refresh_{name}"))

    def stop_schedules(self) -> int:
        """Have it end; return how many runs the schedules asked for."""
        asked = wait_for(self._stop_schedules, what="answer of Dagster", seconds=_ANSWER, every=1.0)
        return int(asked)

    def _stop_schedules(self) -> str | None:
        # What is asked first after its database was away has no answer.
        with suppress(*NO_ANSWER):
            while self._schedules:
                self.head.operator.stop_schedule(self._schedules[-1])
                self._schedules.pop()
            runs = self.head.operator.runs()
            return str(sum("dagster/schedule_name" in run.tags for run in runs))
        return None

    def deliver_twice(self, dice: random.Random) -> str | None:
        """Hand a run that is under way to the broker again; return it, if there is one."""
        chosen = self._choose_run(dice)
        if chosen is not None:
            self.farm.deliver_again(self.head.instance, chosen)
        return chosen

    def terminate(self, dice: random.Random) -> str | None:
        """Press *Terminate* on a run that is under way; return it, if there is one."""
        chosen = self._choose_run(dice)
        if chosen is not None:
            self.head.operator.terminate(chosen)
        return chosen

    def _choose_run(self, dice: random.Random) -> str | None:
        runs = [run.id for run in self.head.operator.runs() if run.status == "STARTED"]
        return dice.choice(runs) if runs else None

    def forget_results(self) -> None:
        """Empty the result backend."""
        self.servers.redis.flush(BACKEND)

    def memory_bytes(self) -> int:
        """What webserver and daemon hold, without what they share."""
        return sum(map(_resident, self.processes))

    def close(self) -> None:
        """End the workers."""
        for _, stack in self._workers.values():
            stack.close()


_PARTITIONS = (
    "query ($asset: AssetKeyInput!) {"
    " assetNodeOrError(assetKey: $asset) { ... on AssetNode { partitionKeys } } }"
)


@contextmanager
def open_workshop(
    folder: Path, briefs: Path, servers: Servers, workers: Sequence[str]
) -> Iterator[Workshop]:
    """Run a Dagster and its workers, each with an address of its own where that can be."""
    with ExitStack() as stack:
        network = stack.enter_context(make_network()) if can_make_networks() else None
        urls = servers.urls
        if network is not None:
            urls = stack.enter_context(reachable(network, urls, servers.postgres))
        settings = {**shared_settings(urls), **SETTINGS, "NBP_PROMPTS_PER_RUN": "3"}
        farm = Farm(
            folder,
            lambda own: own.symlink_to(briefs),
            urls["redis"],
            settings,
            slots=len(workers),
            network=network,
        )
        head = stack.enter_context(farm.dagster())
        processes = tuple(_long_lived(head.shell.home))
        workshop = Workshop(farm, head, servers, processes)
        stack.callback(workshop.close)
        for name in workers:
            workshop.start_worker(name)
        yield workshop


def _long_lived(home: Path) -> Iterator[int]:
    """The webserver, the daemon and the code server that belong to a home."""
    mark = f"NBP_HOME={home}".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
            if mark in (folder / "environ").read_bytes() and b"dagster" in words:
                yield int(folder.name)


def _resident(process: int) -> int:
    """What a process alone holds, in bytes; 0 for one that has ended."""
    with suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
        for line in status.splitlines():
            if line.startswith("RssAnon:"):
                return 1024 * int(line.split()[1])
    return 0
