"""The progress bar of `nbp run` on the error stream, and the outcomes it has counted."""

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from nbp_dagster.studio.ledger.orders import Failed, Outcome, OutcomeCounts, Refused


class _SecondsLeft(TimeRemainingColumn):
    """The time that is left; nothing while the batch waits for a service that is away."""

    def render(self, task: Task) -> Text:
        return Text() if task.fields.get("waits") else super().render(task)


class RunReport:
    """Receives a run's outcomes; draws a bar on the error stream, so that output stays clean.

    Example:
        >>> with RunReport(Console(stderr=True)) as report:
        ...     launch(report)
        >>> report.tally.generated
    """

    def __init__(self, console: Console) -> None:
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"),
            _SecondsLeft(compact=True, elapsed_when_finished=True),
            console=console,
            transient=False,
        )
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

    def begin(self, total: int) -> None:
        """A batch of `total` orders starts."""
        self._batch = OutcomeCounts()
        if total:
            self._task = self._bar.add_task(self._title, total=total, counts="")

    def advance(self, outcome: Outcome) -> None:
        """One order came to its outcome."""
        self._batch = self._batch.add(outcome)
        self._tally = self._tally.add(outcome)
        self._outcomes[outcome.key] = outcome
        self._bar.update(self._task, advance=1, counts=self._batch.in_words())

    def wait(self, why: str) -> None:
        """The batch waits; nothing is said of the time left then."""
        counts = f"{self._batch.in_words()}, {escape(why)}" if why else self._batch.in_words()
        self._bar.update(self._task, counts=counts, waits=bool(why))
