"""A real Redis server for one test, that can be stopped and started again with what it has."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

_SECONDS = 60.0


class RedisServer:
    """A server on a port of its own; what it was told is on disk before it answers.

    Attributes:
        url: Its address, without the number of a database.
    """

    def __init__(self, folder: Path, *, host: str = "127.0.0.1") -> None:
        if shutil.which("redis-server") is None:
            words = "no Redis here: run `make redis` as root"
            if os.environ.get("CI") == "true":
                pytest.fail(words)
            pytest.skip(words)
        folder.mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind((host, 0))
            self._port = probe.getsockname()[1]
        self._folder, self._host = folder, host
        self.url = f"redis://{host}:{self._port}"
        self._process = self._start()

    def restart(self) -> None:
        """Stop it as a reboot would, and start it again on the same port."""
        self.stop()
        self._process = self._start()

    def stop(self) -> None:
        """Stop it; clients lose their connections."""
        self._process.terminate()
        self._process.wait(_SECONDS)

    def flush(self, database: int) -> None:
        """Forget all that one database holds."""
        self._say(f"SELECT {database}", "FLUSHDB")

    def _start(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [
                *("redis-server", "--bind", self._host, "--port", str(self._port)),
                *("--dir", str(self._folder), "--appendonly", "yes", "--appendfsync", "always"),
                *("--save", "", "--protected-mode", "no"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            assert process.poll() is None, "redis-server ended"
            with suppress(OSError):
                if "PONG" in self._say("PING"):
                    return process
            time.sleep(0.05)
        raise AssertionError("redis-server does not answer")

    def _say(self, *commands: str) -> str:
        with socket.create_connection((self._host, self._port), timeout=5) as line:
            line.sendall("".join(f"{command}\r\n" for command in commands).encode())
            return line.recv(4096).decode("utf-8", "replace")
