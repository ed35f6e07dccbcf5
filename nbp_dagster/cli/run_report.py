"""The progress bar of `nbp run` on the error stream, and the outcomes it has counted."""

import logging
from collections.abc import Iterable
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from nbp_dagster.studio.ledger.orders import Failed, Outcome, OutcomeCounts, Refused
from nbp_dagster.studio.runs.wait_lines import WaitLines

logger = logging.getLogger(__name__)


class _SecondsLeft(TimeRemainingColumn):
    """The time that is left; nothing while the batch waits for a service that is away."""

    def render(self, task: Task) -> Text:
        return Text() if task.fields.get("waits") else super().render(task)


class _WaitingBar(Bar):
    """A bar above what is waited for, which has lines of its own: a column would cut it."""

    waits_for = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        if self.waits_for:
            yield Text(self.waits_for)


class RunReport:
    """Receives a run's outcomes; draws a bar on the error stream, so that output stays clean.

    Where nothing can be drawn, as in a file, it writes what is waited for as warnings.

    Example:
        >>> with RunReport(Console(stderr=True)) as report:
        ...     launch(report)
        >>> report.tally.generated
    """

    def __init__(self, console: Console) -> None:
        self._bar = _WaitingBar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"),
            _SecondsLeft(compact=True, elapsed_when_finished=True),
            console=console,
            transient=False,
        )
        self._is_drawn = console.is_interactive
        self._lines = WaitLines(logger.warning)
        self._title = "images"
        self._task = self._bar.add_task(self._title, total=None, visible=False, counts="")
        self._batch = OutcomeCounts()
        self._tally = OutcomeCounts()
        self._outcomes: dict[str, Outcome] = {}

    def __enter__(self) -> "RunReport":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self._bar.waits_for = ""
        self._bar.stop()

    @property
    def tally(self) -> OutcomeCounts:
        """Counts of all outcomes of the command."""
        return self._tally

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """The latest outcome by key."""
        return self._outcomes

    def reason(self, key: str) -> str | None:
        """Why this run made no image for a key; None where it made one, or did not try."""
        outcome = self._outcomes.get(key)
        return outcome.reason if isinstance(outcome, Refused | Failed) else None

    def title(self, text: str) -> None:
        """Name what comes next."""
        self._title = text
        # Of the batch before: one that gave up still named what it had waited for.
        self.wait("")

    def begin(self, total: int) -> None:
        """A batch of `total` orders starts."""
        self._batch = OutcomeCounts()
        if total:
            self._task = self._bar.add_task(self._title, total=total, counts="nothing yet")

    def advance(self, outcome: Outcome) -> None:
        """One order came to its outcome."""
        self._batch = self._batch.add(outcome)
        self._tally = self._tally.add(outcome)
        self._outcomes[outcome.key] = outcome
        self._bar.update(self._task, advance=1, counts=self._batch.in_words())

    def wait(self, why: str) -> None:
        """The batch waits; nothing is said of the time left then."""
        self._bar.update(self._task, waits=bool(why))
        if self._is_drawn:
            self._bar.waits_for = why
        else:
            self._lines.wait(why)
