"""Starts workers by forking from a process that has imported them; knows nothing of what they do.

A worker that has to import everything spends three quarters of its time on it. Forked, it is a
process of its own all the same: it has its own files, limits and user, and SIGKILL ends it alone.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from tests.crash import worker

ROOT = Path(__file__).parents[2]


@dataclass
class Child:
    """A worker, with what it reads and writes."""

    pid: int
    stdin: IO[str]
    stdout: IO[str]
    stderr: IO[str]
    _line: socket.socket
    _has_ended: bool = False

    def kill(self) -> None:
        """End it with SIGKILL, if it has not ended."""
        # Once it is waited for, its number may be another's.
        if not self._has_ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def wait(self, seconds: float) -> int:
        """Return its status once it has ended; minus the signal's number if one ended it.

        Raises:
            TimeoutError: It has not within so many seconds.
        """
        self._line.settimeout(seconds)
        status = int(self._line.recv(16))
        self._has_ended = True
        return status

    def close(self) -> None:
        """Let go of its files."""
        self._line.close()
        for file in (self.stdin, self.stdout, self.stderr):
            with contextlib.suppress(BrokenPipeError):
                file.close()


def start_worker(options: Sequence[str]) -> Child:
    """Start a worker."""
    line = socket.socket(socket.AF_UNIX)
    line.connect(_address())
    pipes = [os.pipe() for _ in range(3)]
    (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr) = pipes
    # The nursery was started by whoever came first, perhaps before a test set its variables.
    message = json.dumps({"options": list(options), "environment": dict(os.environ)})
    socket.send_fds(line, [message.encode()], [stdin, stdout, stderr])
    for handed_over in (stdin, stdout, stderr):
        os.close(handed_over)
    pid = int(line.recv(16))
    return Child(
        pid, os.fdopen(to_stdin, "w"), os.fdopen(from_stdout), os.fdopen(from_stderr), line
    )


@cache
def _address() -> str:
    """Start the nursery of this process, and return where it listens; it ends with this process."""
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.nursery"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert nursery.stdout is not None
    _KEPT.append(nursery)
    return "\0" + nursery.stdout.readline().strip()


# Without a reference its pipes would be closed, and it would end.
_KEPT: list["subprocess.Popen[str]"] = []


def _serve() -> None:
    """Fork for each connection, until whoever started this has gone."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0nbp-nursery-{os.getpid()}")
        listener.listen()
        if os.fork() == 0:
            sys.stdin.read()
            os.kill(os.getppid(), signal.SIGKILL)
            return
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        sys.stdout.write(f"nbp-nursery-{os.getpid()}\n")
        sys.stdout.flush()
        while True:
            line, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _watch(line)
                return
            line.close()


def _watch(line: socket.socket) -> None:
    """Fork a worker and tell its number, then how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    words, files, _, _ = socket.recv_fds(line, 64 * 1024, 3)
    pid = os.fork()
    if pid == 0:
        line.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        message = json.loads(words)
        os.environ.clear()
        os.environ.update(message["environment"])
        sys.exit(worker.main(message["options"]))
    for file in files:  # held open here, they would never end for those who read them
        os.close(file)
    line.send(str(pid).encode())
    _, status = os.waitpid(pid, 0)
    line.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


if __name__ == "__main__":
    _serve()
