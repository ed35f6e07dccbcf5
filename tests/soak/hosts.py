"""Machines that make pictures: a home each, and a network cable each to what they share."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from nbp_dagster.project import open_instance
from tests.rigs.dagster import PROMPT_ASSETS, Operator
from tests.rigs.postgres import write_dagster_settings
from tests.rigs.processes import DagsterDev, Process, Shell
from tests.rigs.relay import Relay
from tests.soak.servers import Servers

# Commands that one host runs at once.
_COMMANDS = 2
# Of the disk on which a host's home lies, where one can be had.
_DISK_MB = 256
# `nbp`'s own statuses: made, not all made, refused input, ended by a signal of a person.
_ORDERLY = frozenset({0, 1, 2, 130, 143})


@dataclass
class Command:
    """A command in the background.

    Attributes:
        words: What was typed.
        process: Its process.
        killed: Whether it was killed, so that its words are cut off.
    """

    words: str
    process: Process
    killed: bool = False


@dataclass
class Host:
    """A machine.

    Attributes:
        name: Its name.
        shell: Runs its commands.
        cables: To the service and to the database.
        disk: Whether its home is a disk of its own that can be filled.
        commands: Those that have not been looked at since they ended.
        faults: What commands said that nobody should have to read.
    """

    name: str
    shell: Shell
    cables: tuple[Relay, ...]
    disk: bool
    commands: list[Command] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    ended: int = 0

    @property
    def is_busy(self) -> bool:
        """Whether it runs as many commands as it may."""
        return len(self.running) >= _COMMANDS

    @property
    def running(self) -> list[Command]:
        """The commands that run; those that have ended are looked at and forgotten."""
        for command in [item for item in self.commands if not item.process.is_running]:
            self.commands.remove(command)
            self._look_at(command)
        return self.commands

    def start(self, stack: ExitStack, *words: str) -> None:
        """Type a command, whose process ends with the stack at the latest."""
        process = stack.enter_context(self.shell.started(*words))
        self.commands.append(Command(" ".join(words), process))

    def interrupt(self, dice: random.Random) -> bool:
        """Press Ctrl-C on a command; whether there was one."""
        return self._send(dice, signal.SIGINT)

    def kill(self, dice: random.Random) -> bool:
        """Kill a command with all its children; whether there was one."""
        running = self.running
        if not running:
            return False
        command = dice.choice(running)
        command.killed = True
        command.process.destroy()
        return True

    def freeze(self, dice: random.Random, seconds: float) -> bool:
        """Stop a command for a while, as a suspended machine would; whether there was one."""
        running = self.running
        if not running:
            return False
        command = dice.choice(running)
        command.process.send(signal.SIGSTOP)
        time.sleep(seconds)
        command.process.send(signal.SIGCONT)
        return True

    def fill_disk(self, seconds: float) -> bool:
        """Fill the disk of its home for so long; whether it has one."""
        if not self.disk:
            return False
        ballast = self.shell.home / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
        time.sleep(seconds)
        ballast.unlink()
        return True

    def cut(self, seconds: float) -> None:
        """Cut it off from everything for so long."""
        for cable in self.cables:
            cable.cut()
        time.sleep(seconds)
        for cable in self.cables:
            cable.mend()

    def _send(self, dice: random.Random, number: signal.Signals) -> bool:
        running = self.running
        if not running:
            return False
        dice.choice(running).process.send(number)
        return True

    def _look_at(self, command: Command) -> None:
        self.ended += 1
        said, status = command.process.output, command.process.wait()
        if command.killed:
            return
        if "Traceback (most recent call last)" in said:
            self.faults.append(f"{self.name}: nbp {command.words}: a traceback:\n{said}")
        elif status not in _ORDERLY:
            self.faults.append(f"{self.name}: nbp {command.words}: status {status}:\n{said}")


@contextmanager
def attached(name: str, folder: Path, briefs: Path, servers: Servers) -> Iterator[Host]:
    """Set up a host whose state is its own."""
    to_service = Relay(("127.0.0.1", servers.service.port))
    to_database = Relay(servers.postgres.socket)
    database = f"postgresql://nbp@127.0.0.1:{to_database.port}/{servers.database}"
    shell = Shell(
        folder / name,
        NBP_MODE="live",
        OXEN_API_KEY="soak-key-51f0",
        OXEN_BASE_URL=f"http://127.0.0.1:{to_service.port}",
        NBP_LEDGER_URL=database,
        DAGSTER_POSTGRES_URL=database,
        NBP_CONFIG=str(briefs),
        NBP_OUTAGE_MINUTES="1",
    )
    shell.briefs = briefs
    with ExitStack() as stack:
        for cable in (to_service, to_database):
            stack.callback(cable.close)
        disk = stack.enter_context(_mounted(shell.home))
        write_dagster_settings(shell.home / "dagster")
        yield Host(name, shell, (to_service, to_database), disk)


@contextmanager
def _mounted(folder: Path) -> Iterator[bool]:
    """Make a folder a small disk where this machine lets us; yields whether it is one."""
    folder.mkdir(parents=True)
    mount = shutil.which("mount")
    words = ["-t", "tmpfs", "-o", f"size={_DISK_MB}m", "soak", str(folder)]
    is_disk = (
        mount is not None
        and os.geteuid() == 0
        and not subprocess.run([mount, *words], capture_output=True, check=False).returncode
    )
    try:
        yield is_disk
    finally:
        if is_disk:
            subprocess.run(["umount", "-l", str(folder)], check=False)


@dataclass(frozen=True)
class Webserver:
    """A running Dagster of one host, whose memory is watched.

    Attributes:
        dev: Its pages.
        processes: Those that live as long as it does.
    """

    dev: DagsterDev
    processes: tuple[int, ...]

    def back_fill(self, dice: random.Random) -> str:
        """Launch a backfill over some of the prompts it knows; return how it was answered."""
        operator = Operator(self.dev)
        keys = sorted(
            self.dev.query(
                "query ($asset: AssetKeyInput!) {"
                " assetNodeOrError(assetKey: $asset) { ... on AssetNode { partitionKeys } } }",
                asset={"path": [PROMPT_ASSETS[0]]},
            )["assetNodeOrError"]["partitionKeys"]
        )
        return operator.backfill(PROMPT_ASSETS, dice.sample(keys, min(5, len(keys))))

    def memory_bytes(self) -> int:
        """What its processes hold, without what they share."""
        return sum(map(_resident, self.processes))


@contextmanager
def watched_dagster(host: Host, *, environment: dict[str, str]) -> Iterator[Webserver]:
    """Run `dagster dev` on a host."""
    # Makes the tables: the processes of `dagster dev` would do so at once, and break them.
    os.environ.update(environment)
    with open_instance(host.shell.home / "dagster"), host.shell.dagster_dev() as dev:
        yield Webserver(dev, tuple(_long_lived(host.shell.home)))


def _long_lived(home: Path) -> Iterator[int]:
    """The webserver, the daemon and the code server that belong to a home."""
    mark = f"NBP_HOME={home}".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
            if mark in (folder / "environ").read_bytes() and b"dagster" in words:
                yield int(folder.name)


def _resident(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    for line in lines:
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    return 0
