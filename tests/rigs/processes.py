"""Processes under test: `nbp`, its simulator and `dagster dev`; knows nothing of what they make."""

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import requests

from tests.rigs.service import ServiceProbe

ROOT = Path(__file__).parents[2]

T = TypeVar("T")

# Seconds after which a process that has not started, or finished, is not well. Nothing that comes
# takes so long, but on a machine with ten times the work of its cores everything takes minutes.
PATIENCE = 300.0


def wait_for(
    look: Callable[[], T | None], *, what: str, seconds: float = PATIENCE, every: float = 0.02
) -> T:
    """Look every so many seconds until there is something (not None, not false).

    Fails after `seconds`, naming `what` did not come.
    """
    give_up = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < give_up, f"no {what} within {seconds:g} seconds"
        time.sleep(every)
    return found


class Process:
    """A process with a session of its own, whose output goes to a file."""

    def __init__(
        self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], log: Path
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has said so far, errors included."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def is_running(self) -> bool:
        return self._popen.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        self._popen.send_signal(number)

    def send_to_all(self, number: signal.Signals) -> None:
        """Send a signal to the process and all its descendants."""
        os.killpg(self._popen.pid, number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for its end and return its status; minus the signal's number if one ended it."""
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still runs after {seconds:g} s:\n{self.output}") from None

    def destroy(self) -> None:
        """Kill it with all its descendants: `dagster dev` outlives a polite signal by seconds."""
        with suppress(ProcessLookupError):  # all of it has ended by itself
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()


@dataclass(frozen=True)
class Answered:
    """A command that ran on a terminal: its status, and all that stood there."""

    status: int
    screen: str


def _read_terminal(descriptor: int) -> str:
    """Return everything written to a terminal, until nobody has it open any more."""
    read = bytearray()
    # Linux answers the reader of a terminal that nobody writes to any more with an error.
    with suppress(OSError):
        while block := os.read(descriptor, 65536):
            read += block
    return read.decode("utf-8", "replace")


class Shell:
    """Runs commands over small briefs, with an environment of its own.

    Attributes:
        folder: Where commands run; holds the briefs, the state and the logs.
        briefs: The folder of briefs.
        home: The folder of state.
        environment: All that a command sees, but for the settings given with it.
        said: What the commands run to their end have said, errors included.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.briefs = folder / "assets_config"
        self.home = folder / ".nbp"
        self.said: list[str] = []
        self._logs = folder / "logs"
        temporary = folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        # The path of modules too: a worktree's tests run the worktree's code.
        names = ("PATH", "HOME", "PYTHONPATH")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        self.environment = {
            **kept,
            # A killed process leaves its temporary files behind: here, they go with the test's.
            "TMPDIR": str(temporary),
            "NBP_SIMULATOR_LATENCY": "0.05",
            # Else a live run reads every picture and looks for heads, for over a second of the
            # processor each.
            "NBP_OCR": "off",
            "NBP_PLACES": "off",
            # A job that is not listed is absent: a killed run's orders would wait two minutes.
            "NBP_ABSENCE_SECONDS": "0",
            "COLUMNS": "200",
            **settings,
        }

    def nbp(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run `nbp` to its end."""
        return self._run([*_NBP, *words], cwd=self.folder, settings=settings)

    def nbp_at_terminal(self, *words: str, answer: str, **settings: str) -> Answered:
        """Run `nbp` to its end on a terminal where somebody types a line."""
        return self.at_terminal(*_NBP, *words, answer=answer, **settings)

    def at_terminal(self, *command: str, answer: str, **settings: str) -> Answered:
        """Run a command to its end on a terminal where somebody types a line, or several."""
        ours, its = pty.openpty()
        with os.fdopen(ours, "wb", buffering=0) as typed:
            process = subprocess.Popen(
                list(command),
                cwd=self.folder,
                env={**self.environment, **settings},
                stdin=its,
                stdout=its,
                stderr=its,
                start_new_session=True,
            )
            os.close(its)
            # The terminal keeps it until the question is asked.
            typed.write(f"{answer}\n".encode())
            said = _read_terminal(ours)
            return Answered(process.wait(PATIENCE), said)

    def dagster(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run `dagster` to its end, in the repository, on the briefs and the state of `nbp`."""
        return self._run([*_DAGSTER, *words], cwd=ROOT, settings={**self._places(), **settings})

    @contextmanager
    def started(self, *words: str, **settings: str) -> Iterator[Process]:
        """Run `nbp` in the background; it is killed at the end if it still runs."""
        with self._started([*_NBP, *words], cwd=self.folder, settings=settings) as process:
            yield process

    @contextmanager
    def in_repository(self, *command: str, **settings: str) -> Iterator[Process]:
        """Run a command in the repository, in the background, on the state of `nbp`."""
        places = {**self._places(), **settings}
        with self._started(command, cwd=ROOT, settings=places) as process:
            yield process

    @contextmanager
    def simulator(self, *options: str) -> Iterator[ServiceProbe]:
        """Run `nbp simulator` for as long as the context lasts."""
        with self.started("simulator", *options) as process:

            def first_line() -> str:
                assert process.is_running, process.output
                text = process.output
                return text.splitlines()[0] if "\n" in text else ""

            yield ServiceProbe(wait_for(first_line, what="URL of the simulator"))

    @contextmanager
    def dagster_dev(self) -> Iterator["DagsterDev"]:
        """Run `dagster dev` on the state of `nbp` until the end of the context."""
        port = find_free_port()
        command = [*_DAGSTER, "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
        with self._started(command, cwd=ROOT, settings=self._places()) as process:
            dev = DagsterDev(f"http://127.0.0.1:{port}")

            def answers() -> bool:
                assert process.is_running, process.output
                return dev.is_up

            wait_for(answers, what="answer of dagster dev", every=0.2)
            yield dev

    def _places(self) -> dict[str, str]:
        return {
            "NBP_CONFIG": str(self.briefs),
            "NBP_HOME": str(self.home),
            "DAGSTER_HOME": str(self.home / "dagster"),
        }

    def _run(
        self, command: Sequence[str], *, cwd: Path, settings: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**self.environment, **settings},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.said += [done.stdout, done.stderr]
        return done

    @contextmanager
    def _started(
        self, command: Sequence[str], *, cwd: Path, settings: Mapping[str, str]
    ) -> Iterator[Process]:
        process = Process(
            command,
            cwd=cwd,
            environment={**self.environment, **settings},
            log=self._logs / f"{time.monotonic_ns()}.log",
        )
        try:
            yield process
        finally:
            process.destroy()


class DagsterDev:
    """A running Dagster: its pages, and its GraphQL."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def is_up(self) -> bool:
        """Whether the webserver answers."""
        try:
            return requests.get(f"{self.url}/server_info", timeout=5).ok
        except requests.RequestException:
            return False

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        """Ask by GraphQL and return the data; an error of the query fails the test."""
        answer = requests.post(
            f"{self.url}/graphql", json={"query": text, "variables": variables}, timeout=PATIENCE
        ).json()
        assert not answer.get("errors"), answer["errors"]
        return dict(answer["data"])


_NBP = (sys.executable, "-m", "nbp_dagster")
_DAGSTER = (sys.executable, "-m", "dagster")


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
