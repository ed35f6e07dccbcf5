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
from urllib.parse import urlsplit

from tests.rigs.farm import shared_settings
from tests.rigs.postgres import write_dagster_settings
from tests.rigs.processes import Process, Shell
from tests.rigs.relay import Relay
from tests.soak.servers import Servers

# Commands that one host runs at once.
_COMMANDS = 2
# In which Python itself loads, whose Ctrl-C is a traceback of its own.
_LOADED_SECONDS = 5.0
# Of the disk on which a host's home lies, where one can be had.
_DISK_MB = 256
# Of every machine: an outage that lasts longer is told, and a run that died is so within a minute.
SETTINGS = {"NBP_OUTAGE_MINUTES": "1", "NBP_SILENCE_SECONDS": "20"}
# `nbp`'s own statuses: made, not all made, refused input, ended by a signal of a person.
_ORDERLY = frozenset({0, 1, 2, 130, 143})


@dataclass
class Command:
    """A command in the background.

    Attributes:
        words: What was typed.
        process: Its process.
        killed: Whether it was killed, so that its words are cut off.
        begun_at: When it was typed, by `time.monotonic`.
    """

    words: str
    process: Process
    killed: bool = False
    begun_at: float = field(default_factory=time.monotonic)


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
        until = time.monotonic() - _LOADED_SECONDS
        loaded = [command for command in self.running if command.begun_at < until]
        if not loaded:
            return False
        dice.choice(loaded).process.send(signal.SIGINT)
        return True

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
    service, bucket = (
        Relay(("127.0.0.1", int(urlsplit(servers.urls[name]).port or 0)))
        for name in ("service", "s3")
    )
    database = Relay(servers.postgres.socket)
    path = urlsplit(servers.database).path
    urls = {
        "service": f"http://127.0.0.1:{service.port}",
        "s3": f"http://127.0.0.1:{bucket.port}",
        "database": f"postgresql://nbp@127.0.0.1:{database.port}{path}",
    }
    shell = Shell(folder / name, **shared_settings(urls), **SETTINGS, NBP_CONFIG=str(briefs))
    shell.briefs = briefs
    with ExitStack() as stack:
        for cable in (service, bucket, database):
            stack.callback(cable.close)
        disk = stack.enter_context(_mounted(shell.home))
        write_dagster_settings(shell.home / "dagster")
        yield Host(name, shell, (service, bucket, database), disk)


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
