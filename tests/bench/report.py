"""Prints tables as they come, and keeps count of what was paid."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.figures import Figure
from tests.rigs.measuring import Rig
from tests.rigs.service import ServiceProbe


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        prompts: Of the speed run.
        latency: Seconds of a job in the speed run.
        sample: Prompts a slow rival is measured with; the rest is extrapolated.
        unchanged: Prompts that need nothing.
        limited: Prompts asked of a service with a rate limit.
        small: Two numbers of 1K prompts whose memory is compared.
        large: The same at 4K.
        loads: Numbers of prompts whose definitions are loaded.
        growth: Numbers of prompts whose cost is compared.
        renditions: Times eight renditions are made by each contender.
        reviewed: Pictures of the set that is reviewed.
    """

    prompts: int = 1000
    latency: float = 5.0
    sample: int = 20
    unchanged: int = 10_000
    limited: int = 450
    small: tuple[int, int] = (50, 200)
    large: tuple[int, int] = (32, 64)
    loads: tuple[int, ...] = (100, 10_000)
    growth: tuple[int, ...] = (100, 1000)
    renditions: int = 5
    reviewed: int = 10_000


@dataclass
class Report:
    """Where figures go, and whether anything was paid twice.

    Attributes:
        scale: How much is measured.
        folder: Where the measurements have their files.
        overpaid: What was paid twice, one line each.
    """

    scale: Scale
    folder: Path
    console: Console = field(default_factory=Console)
    overpaid: list[str] = field(default_factory=list)

    def rig(self) -> Rig:
        """Return an empty folder for one measurement.

        It stays until the last one is over: where many files were just removed, ext4 searches up to
        a millisecond for the place of a new one, and the next measurement would count that.
        """
        return Rig(Path(tempfile.mkdtemp(dir=self.folder)))

    def audit(self, what: str, service: ServiceProbe, *, wanted: int) -> None:
        """Note it when a service has billed more pictures than were wanted."""
        bills = service.bills
        if bills > wanted:
            self.overpaid.append(f"{what}: {bills} bills for {wanted} pictures")

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, highlight=False)

    def show(self, title: str, figures: Sequence[Figure]) -> None:
        """Print a table."""
        table = Table("figure", "measured", "goal", "reached", title=title, title_justify="left")
        for figure in figures:
            reached = {None: "", True: "yes", False: "no"}[figure.is_reached]
            table.add_row(figure.name, figure.value, figure.goal, reached)
        self.console.print(table)

    def show_machine(self) -> None:
        """Print what the figures depend on."""
        load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
        self.say(f"{os.cpu_count()} cores, load average {load} (1, 5, 15 minutes); {self.folder}")
