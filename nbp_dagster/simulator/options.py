"""The settings of a simulator; knows nothing of their effect."""

import math
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from nbp_dagster.simulator.catalogue import SchemaName
from nbp_dagster.simulator.faults import Fault

PainterName = Literal["full", "plain"]
FileTypeName = Literal["png", "jpeg"]


@dataclass(frozen=True, kw_only=True)
class Barrier:
    """Requests that wait for each other.

    The first `parties` requests of `method` whose path contains `path` are held until all of them
    have arrived, then go on together; later ones pass freely. If they do not all arrive within
    `seconds`, those waiting go on and the barrier counts as broken.
    """

    parties: int
    method: str = "POST"
    path: str = "/api/ai/"
    seconds: float = 10.0


@dataclass(frozen=True, kw_only=True)
class SimulatorOptions:
    """Settings of one simulator.

    Attributes:
        latency: Seconds a job is processed; also the time a sync call takes.
        slots: Jobs processed at the same time; further jobs wait, first come first served.
        schema: `page` offers the parameters of the model's page, `live` those seen later.
        result_ttl: Seconds a result link stays valid.
        keep_alive: Seconds of silence on the event stream before a comment line is sent.
        event_padding: Bytes of comment sent after each event. The awk of Debian and Ubuntu reads a
            pipe in blocks of 4096 bytes and would otherwise sit on the event; 0 sends none.
        drop_stream_every: Seconds after which every event stream is cut; None never cuts.
        rate_limit: Requests per second above which 429 is answered; None for no limit.
        max_in_flight: Requests at the same time above which 429 is answered; None for no limit.
        credit_usd: Credit to spend, in USD; None for endless credit.
        echo_inline: Whether a job shows `data:` references in full, as the service is assumed to
            do; otherwise a short digest takes their place.
        state_dir: Folder in which jobs, bills and repositories survive a restart; None keeps
            them in a temporary folder.
        faults: Faults in force from the start.
        barrier: Requests to hold until enough have come.
        paint_threads: Threads that paint pictures.
        painter: `full` draws what the prompt says; `plain` draws one picture a size and sends it
            again with another note each time, so that a benchmark does not measure the painter.
        file_type: What painted pictures are sent as. The model itself sends JPEG.
        pictures: Folder of pictures that are sent in place of painted ones; None paints.
        fonts: Folder of fonts, at any depth, that letters which Inter lacks are drawn in; None
            leaves the machine's own and those of installed wheels.
    """

    latency: float = 2.0
    slots: int = 16
    schema: SchemaName = "page"
    result_ttl: float = 3600.0
    keep_alive: float = 15.0
    event_padding: int = 4096
    drop_stream_every: float | None = None
    rate_limit: float | None = None
    max_in_flight: int | None = None
    credit_usd: Decimal | None = None
    echo_inline: bool = True
    state_dir: Path | None = None
    faults: tuple[Fault, ...] = ()
    barrier: Barrier | None = None
    paint_threads: int = 2
    painter: PainterName = "full"
    file_type: FileTypeName = "png"
    pictures: Path | None = None
    fonts: Path | None = None

    def __post_init__(self) -> None:
        self._require_at_least("latency", self.latency, 0)
        self._require_at_least("slots", self.slots, 1)
        self._require_at_least("paint_threads", self.paint_threads, 1)
        if self.rate_limit is not None and not 0 < self.rate_limit < math.inf:
            raise ValueError(f"rate_limit must be above 0, not {self.rate_limit}")
        if self.max_in_flight is not None:
            self._require_at_least("max_in_flight", self.max_in_flight, 1)

    def _require_at_least(self, name: str, value: float, floor: float) -> None:
        # Not a number compares as false with everything.
        if not floor <= value < math.inf:
            raise ValueError(f"{name} must be at least {floor}, not {value}")
