"""The servers that the hosts share, each of which can fail and come back."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.rigs.postgres import PostgresServer, serve_postgres
from tests.rigs.processes import Shell
from tests.rigs.service import ServiceProbe

_SECONDS = 60


class Service:
    """A simulator that remembers its jobs and bills when it is started again.

    Attributes:
        port: Where it listens, again and again.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._shell = Shell(folder)
        self._options = (*options, "--state", str(folder / "state"))
        self._running = ExitStack()
        self.port = int(urlsplit(self._start().url).port or 0)

    @property
    def probe(self) -> ServiceProbe:
        """Its own routes."""
        return ServiceProbe(f"http://127.0.0.1:{self.port}")

    def bills(self) -> dict[str, bool]:
        """Every generation ever sold, and whether its charge stands."""
        answer = requests.get(f"{self.probe.url}/_simulator/bills", timeout=_SECONDS)
        answer.raise_for_status()
        return {item["generation_id"]: item["billed"] for item in answer.json()["generations"]}

    def restart(self, *, away: float) -> None:
        """Kill it, and start it after so many seconds."""
        self._running.close()
        time.sleep(away)
        self._start("--port", str(self.port))

    def stop(self) -> None:
        """Kill it."""
        self._running.close()

    def _start(self, *options: str) -> ServiceProbe:
        return self._running.enter_context(self._shell.simulator(*self._options, *options))


@dataclass(frozen=True)
class Servers:
    """What all hosts reach over the network.

    Attributes:
        service: Makes the pictures.
        postgres: Keeps the ledger and Dagster's storage.
        database: Name of the database in it.
    """

    service: Service
    postgres: PostgresServer
    database: str


@contextmanager
def serving(folder: Path) -> Iterator[Servers]:
    """Start the servers; they end with the context."""
    with serve_postgres() as postgres:
        postgres.execute("CREATE DATABASE soak TEMPLATE template0")
        service = Service(
            folder / "service",
            *("--latency", "1.5", "--slots", "8", "--rate-limit", "40", "--painter", "plain"),
        )
        try:
            yield Servers(service, postgres, "soak")
        finally:
            service.stop()


def faults(dice: random.Random) -> list[dict[str, Any]]:
    """What may go wrong at the service for a while."""
    api, queue = "/api/", "/api/ai/queue"
    seed = dice.randrange(1000)
    every: list[dict[str, Any]] = [
        {"kind": "status", "status": 429, "path": api, "probability": 0.2, "seed": seed},
        {"kind": "status", "status": 502, "path": api, "probability": 0.2, "seed": seed},
        {"kind": "reset", "path": api, "probability": 0.1, "seed": seed},
        {
            **{"kind": "reset_after", "method": "POST", "path": queue},
            **{"probability": 0.2, "seed": seed},
        },
        {
            **{"kind": "status_after", "method": "POST", "path": queue, "status": 502},
            **{"probability": 0.2, "seed": seed},
        },
        {"kind": "drop_stream", "seconds": 0.5},
        {"kind": "truncate", "probability": 0.2, "seed": seed},
        {"kind": "expire", "probability": 0.3, "seed": seed},
    ]
    return dice.sample(every, 3)
