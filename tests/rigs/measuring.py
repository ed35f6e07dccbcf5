"""Where a figure is measured: briefs, a simulator in another process, commands with their cost."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rigs.briefs import BRAND, campaign, shot, write_briefs
from tests.rigs.processes import ROOT, Shell
from tests.rigs.service import ServiceProbe

# Seconds after which a command counts as stuck.
_PATIENCE = 3600.0
_VARIANTS = 4
CAMPAIGN = "winter"
# The colours of the plain picture: one that fails no check, as most that are made do not.
_PALETTE = {"primary": "#A6C6AC", "accent": "#F6CBBF", "neutral": "#F9DBD3"}
# A channel so small that drawing it costs next to nothing.
_SMALL = """\
bench_small:
  name: Benchmark
  width: 200
  height: 200
  ratio: "1:1"
  safe_area: {top: 0, right: 0, bottom: 0, left: 0}
  file_type: jpeg
  max_bytes: 1000000
  source: Ours.
"""


class CommandFailed(Exception):
    """A measured command did not end well."""


@dataclass(frozen=True)
class Spent:
    """What a process has cost.

    Attributes:
        seconds: By the clock on the wall, from its start to its end.
        cpu_seconds: Of the process and the children it has waited for, user and system.
        peak_bytes: Most memory it held at once.
        output: What it said on standard output.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str

    @property
    def answer(self) -> Any:
        """The JSON in its last line."""
        return json.loads(self.output.splitlines()[-1])


class Rig:
    """A folder of briefs and state, and the commands over it.

    Args:
        folder: Holds briefs, state and logs.

    Attributes:
        keys: Of the prompts written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys: list[str] = []
        # The package of this checkout, wherever the environment's own copy lies.
        self.shell = Shell(folder, PYTHONPATH=str(ROOT))

    def write(self, prompts: int, *, resolution: str = "1K", small: bool = False) -> None:
        """Write one campaign of so many prompts: one channel, no characters, money enough.

        Args:
            prompts: How many; with four variants a shot where that comes out even.
            resolution: Of the originals.
            small: Whether the channel is 200 x 200 pixels and not 1080 x 1080.
        """
        variants = _VARIANTS if prompts % _VARIANTS == 0 else 1
        shots = [shot(f"s{number}", characters=[]) for number in range(prompts // variants)]
        changes = {
            "variants": variants,
            "budget_usd": max(1, prompts),
            "resolution": resolution,
            "channels": ["bench_small" if small else "instagram_square"],
        }
        brand = {**BRAND, "palette": _PALETTE}
        write_briefs(self.shell.briefs, campaign(*shots, id=CAMPAIGN, **changes), brand=brand)
        (self.shell.briefs / "channels.yaml").write_text(_SMALL, encoding="utf-8")
        self.keys = [
            f"{CAMPAIGN}/{item['id']}/all/1x1/v{variant}"
            for item in shots
            for variant in range(1, variants + 1)
        ]

    @contextmanager
    def service(
        self, *, latency: float, slots: int, **options: object
    ) -> Iterator["tuple[ServiceProbe, dict[str, str]]"]:
        """Run a simulator with plain pictures; gives it, and the settings that lead to it."""
        words = ["--painter", "plain", "--latency", str(latency), "--slots", str(slots)]
        for name, value in options.items():
            words += [f"--{name.replace('_', '-')}", str(value)]
        with self.shell.simulator(*words) as probe:
            settings = {
                "NBP_MODE": "live",
                # Where the extra is installed; what reading costs stands in docs/checks.md.
                "NBP_OCR": "off",
                # The same of the extra `character`; one figure of the speed table is with it.
                "NBP_PLACES": "off",
                "OXEN_API_KEY": "bench",
                "OXEN_BASE_URL": probe.url,
                "NBP_HOME": str(self.shell.home),
                "NBP_CONFIG": str(self.shell.briefs),
            }
            yield probe, settings

    def nbp(self, *words: str, settings: Mapping[str, str]) -> Spent:
        """Run `nbp` to its end."""
        return self._measure(["-m", "nbp_dagster", *words], settings)

    def work(self, *words: str, settings: Mapping[str, str] | None = None) -> Spent:
        """Run one of the tasks of `tests.bench.tasks` in a process of its own."""
        return self._measure(["-m", "tests.bench.tasks", *words], settings or {})

    def _measure(self, words: Sequence[str], settings: Mapping[str, str]) -> Spent:
        return measure(
            [sys.executable, *words],
            cwd=self.folder,
            environment={**self.shell.environment, **settings},
        )


def measure(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> Spent:
    """Run a command to its end and return what it cost.

    Raises:
        CommandFailed: Its status is not 0, or it had to be killed.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.monotonic()
        process = subprocess.Popen(
            list(command),
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        watchdog = threading.Timer(_PATIENCE, _kill, [process.pid])
        watchdog.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _kill(process.pid)
            raise
        finally:
            watchdog.cancel()
        seconds = time.monotonic() - began
        # Told, so that the destructor does not look for a child that is gone.
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        said = output.read().decode(errors="replace")
        if process.returncode != 0:
            complaint = errors.read().decode(errors="replace")
            raise CommandFailed(f"{' '.join(command)}: {process.returncode}\n{said}\n{complaint}")
    return Spent(
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * 1024,
        output=said,
    )


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
