"""What befalls hosts and servers, one thing after the other, as a seed has it."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from tests.soak.briefs import ChangingBriefs
from tests.soak.hosts import Host
from tests.soak.servers import Servers, faults
from tests.soak.workshop import NO_ANSWER, Workshop

# Seconds between two things.
_PAUSE = (0.2, 2.5)
# Seconds that something is away: less than a run waits, and now and then more.
_AWAY = (1.0, 12.0)
# In which Dagster's daemon begins with a backfill that was asked for, and with a retry.
_QUIET = 40.0
# Runs of Dagster under way with which no further backfill is asked for.
_MOST_RUNS = 8


@dataclass
class Storm:
    """Edits, runs and failures until the time is up.

    Attributes:
        done: How often each thing was done.
    """

    briefs: ChangingBriefs
    servers: Servers
    hosts: Sequence[Host]
    workshop: Workshop
    dice: random.Random
    stack: ExitStack
    say: Callable[[str], None]
    done: Counter[str] = field(default_factory=Counter)

    def blow(self, seconds: float) -> Iterator[None]:
        """Do one thing after the other for so long; yields after each."""
        until = time.monotonic() + seconds
        things, weights = zip(*self._things(), strict=True)
        while time.monotonic() < until:
            [thing] = self.dice.choices(things, weights)
            name = thing.__name__.strip("_")
            if (told := thing()) is not None:
                self.done[name] += 1
                self.say(f"{name} {told}")
            yield
            time.sleep(self.dice.uniform(*_PAUSE))

    def _things(self) -> list[tuple[Callable[[], str | None], int]]:
        return [
            (self._edit, 20),
            (self._run, 30),
            (self._backfill, 8),
            (self._cancel, 6),
            (self._terminate, 3),
            (self._kill, 8),
            (self._freeze, 4),
            (self._cut_network, 4),
            (self._restart_database, 2),
            (self._crash_database, 1),
            (self._take_service_away, 3),
            (self._make_service_fail, 4),
            (self._fill_disk, 3),
            (self._replace_worker, 3),
            (self._cut_worker_off, 3),
            (self._deliver_twice, 3),
            (self._restart_broker, 2),
            (self._forget_results, 1),
        ]

    def _edit(self) -> str:
        return self.briefs.edit()

    def _run(self) -> str | None:
        host = self.dice.choice(self.hosts)
        _ = host.running
        if host.is_busy:
            return None
        campaign = self.dice.choice(self.briefs.campaigns)
        host.start(self.stack, "run", "--yes", campaign)
        return f"{campaign} on {host.name}"

    def _backfill(self) -> str | None:
        with suppress(*NO_ANSWER):
            # Two workers do not get through what would be asked for in two hours.
            if len(self.workshop.list_under_way()) < _MOST_RUNS:
                return self.workshop.back_fill(self.dice)
        return None

    def _cancel(self) -> str | None:
        host = self._working_host()
        return host.name if host.interrupt(self.dice) else None

    def _terminate(self) -> str | None:
        with suppress(*NO_ANSWER):
            return self.workshop.terminate(self.dice)
        return None

    def _kill(self) -> str | None:
        host = self._working_host()
        return host.name if host.kill(self.dice) else None

    def _freeze(self) -> str | None:
        host, seconds = self._working_host(), self.dice.uniform(*_AWAY)
        return f"{host.name} {seconds:.0f} s" if host.freeze(self.dice, seconds) else None

    def _cut_network(self) -> str:
        host, seconds = self.dice.choice(self.hosts), self.dice.uniform(*_AWAY)
        host.cut(seconds)
        return f"of {host.name} {seconds:.0f} s"

    def _working_host(self) -> Host:
        """One that runs a command, if any does."""
        return self.dice.choice([host for host in self.hosts if host.running] or self.hosts)

    def _restart_database(self) -> str:
        self.servers.postgres.stop()
        self.servers.postgres.start()
        return ""

    def _crash_database(self) -> str:
        self.servers.postgres.stop(orderly=False)
        self.servers.postgres.start()
        return ""

    def _take_service_away(self) -> str:
        seconds = self.dice.uniform(*_AWAY)
        self.servers.service.restart(away=seconds)
        return f"{seconds:.0f} s"

    def _make_service_fail(self) -> str:
        chosen, seconds = faults(self.dice), self.dice.uniform(*_AWAY)
        self.servers.service.probe.script(*chosen)
        time.sleep(seconds)
        self.servers.service.probe.heal()
        return f"{'+'.join(str(item['kind']) for item in chosen)} {seconds:.0f} s"

    def _replace_worker(self) -> str:
        return self.workshop.replace_worker(self.dice)

    def _cut_worker_off(self) -> str:
        seconds = self.dice.uniform(*_AWAY)
        return f"{self.workshop.cut_off(self.dice, seconds)} {seconds:.0f} s"

    def _deliver_twice(self) -> str | None:
        with suppress(*NO_ANSWER):
            return self.workshop.deliver_twice(self.dice)
        return None

    def _restart_broker(self) -> str:
        self.servers.redis.restart()
        return ""

    def _forget_results(self) -> str:
        self.workshop.forget_results()
        return ""

    def _fill_disk(self) -> str | None:
        host, seconds = self.dice.choice(self.hosts), self.dice.uniform(*_AWAY)
        return f"of {host.name} {seconds:.0f} s" if host.fill_disk(seconds) else None


def wait_for_quiet(storm: Storm, *, seconds: float) -> None:
    """Wait until every command and every run of Dagster has ended, and none has begun for a while.

    Raises:
        TimeoutError: Something still runs after so many seconds.
    """
    until, quiet_since = time.monotonic() + seconds, time.monotonic()
    while True:
        commands = [item.words for host in storm.hosts for item in host.running]
        runs = ["unknown"]
        with suppress(*NO_ANSWER):
            runs = storm.workshop.list_under_way()
        if commands or runs:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > _QUIET:
            return
        if time.monotonic() > until:
            raise TimeoutError(f"still running: {commands} {runs}")
        time.sleep(1.0)
